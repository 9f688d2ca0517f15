//! What shards know of their images besides the collection, so that a build goes on from a merge.

use super::super::files::{DataDir, Draft};
use super::super::records::Form;
use super::super::sizes;
use super::super::{JOURNAL, SIZES_JOURNAL};
use super::member::Member;
use anyhow::{Context, anyhow};
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};

/// Writes the journals of all shards as those of one build. Only the next build misses what is not there: it fetches
/// and encodes again.
pub(super) fn merge(dir: &DataDir, first: &Member, members: &[Member]) -> anyhow::Result<()> {
    let form = form_of(first)?;
    let vectors = Draft::write(&dir.path(JOURNAL), |file| {
        file.write_all(&form.whole_header())?;
        for member in members {
            let of_member = form_of(member)?;
            take(member, JOURNAL, &of_member, &form, file)?;
        }
        anyhow::Ok(())
    })?;
    let form = sizes::form(first.identity.requested);
    let sizes = Draft::write(&dir.path(SIZES_JOURNAL), |file| {
        file.write_all(&form.whole_header())?;
        for member in members {
            take(member, SIZES_JOURNAL, &form, &form, file)?;
        }
        anyhow::Ok(())
    })?;
    vectors.publish()?;
    sizes.publish()
}

fn form_of(member: &Member) -> anyhow::Result<Form> {
    let form = member.built.journal.form();
    form.ok_or_else(|| anyhow!(member.damaged(super::super::part::SHARD)))
}

/// Adds the records of the file `name`, which are of the form `from`, as those of the form `to`.
fn take(
    member: &Member,
    name: &str,
    from: &Form,
    to: &Form,
    out: &mut BufWriter<File>,
) -> anyhow::Result<()> {
    let path = member.path.join(name);
    let lost = |why: &str| {
        tracing::warn!(
            "{} {why}; a build that goes on from the merged collection will fetch and encode the images of the shard {} again",
            path.display(),
            member.shard
        );
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            lost("is missing");
            return Ok(());
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    let read = match from.content_bytes == to.content_bytes {
        true => from.read(&file, |content, _| out.write_all(&to.record(content)))?,
        false => None,
    };
    if read.is_none() {
        lost("is not the one that its build left");
    }
    Ok(())
}

//! What shards know of their images besides the collection, so that a build goes on from a merge.

use super::super::files::{self, DataDir, Draft};
use super::super::folder::made;
use super::super::records::Form;
use super::super::{ANSWERS, FILES_JOURNAL, GONE, JOURNAL, SIZES_JOURNAL, answers, gone, sizes};
use super::member::Member;
use crate::data_dir::IDENTITY;
use crate::image_id;
use anyhow::{Context, anyhow};
use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// Writes what all shards know as what one build would. Only the next build misses what is not there: it fetches and
/// encodes again.
pub(super) fn merge(dir: &DataDir, first: &Member, members: &[Member]) -> anyhow::Result<()> {
    let form = form_of(first)?;
    // Files have their vectors by their places in the journal: of a folder these are a matter of memory.
    let has_files = |member: &Member| member.path.join(FILES_JOURNAL).exists();
    let mut places: Vec<HashMap<u64, u64>> = Vec::with_capacity(members.len());
    let vectors = Draft::write(&dir.path(JOURNAL), |file| {
        let header = form.whole_header();
        file.write_all(&header)?;
        let mut end = header.len() as u64;
        for member in members {
            let of_member = form_of(member)?;
            let keeps_places = has_files(member);
            let mut moved = HashMap::new();
            take(member, JOURNAL, &of_member, &form, |content, place| {
                if keeps_places {
                    moved.insert(place, end);
                }
                let record = form.record(content);
                end += record.len() as u64;
                file.write_all(&record)
            })?;
            places.push(moved);
        }
        anyhow::Ok(())
    })?;
    let requested = first.identity.requested;
    let of_sizes = sizes::form(requested);
    let sizes = Draft::write(&dir.path(SIZES_JOURNAL), |file| {
        file.write_all(&of_sizes.whole_header())?;
        for member in members {
            if sizes::is_old(&member.path.join(SIZES_JOURNAL), requested) {
                let old = sizes::old_form(requested);
                take(member, SIZES_JOURNAL, &old, &old, |content, _| {
                    (sizes::renewed_record(content).iter())
                        .try_for_each(|content| file.write_all(&of_sizes.record(content)))
                })?;
                continue;
            }
            take(member, SIZES_JOURNAL, &of_sizes, &of_sizes, |content, _| {
                file.write_all(&of_sizes.record(content))
            })?;
        }
        anyhow::Ok(())
    })?;
    let made_of = match members.iter().any(has_files) {
        true => Some(merge_files(dir, first, members, &places)?),
        false => None,
    };
    let paths = |name: &str| -> Vec<PathBuf> {
        (members.iter())
            .map(|member| member.path.join(name))
            .collect()
    };
    let answers = Draft::write(&dir.path(ANSWERS), |file| {
        answers::merge(&paths(ANSWERS), first.identity.requested, file)
    })?;
    let gone = Draft::write(&dir.path(GONE), |file| gone::merge(&paths(GONE), file))?;
    // What vectors were made of is known when they are there, and never of others.
    files::remove(&dir.path(FILES_JOURNAL))?;
    files::remove(&dir.path(ANSWERS))?;
    vectors.publish()?;
    sizes.publish()?;
    if let Some(made_of) = made_of {
        made_of.publish()?;
    }
    answers.publish()?;
    gone.publish()
}

/// Of which files the vectors were made, which lie at other `places` now.
fn merge_files(
    dir: &DataDir,
    first: &Member,
    members: &[Member],
    places: &[HashMap<u64, u64>],
) -> anyhow::Result<Draft> {
    let model = image_id::from_hex(&first.identity.model.fingerprint);
    let form = made::form(model.with_context(|| first.damaged(IDENTITY))?);
    Draft::write(&dir.path(FILES_JOURNAL), |file| {
        file.write_all(&form.whole_header())?;
        for (member, places) in members.iter().zip(places) {
            take(member, FILES_JOURNAL, &form, &form, |content, _| {
                let moved = made::moved(content, |place| places.get(&place).copied());
                match moved {
                    Some(content) => file.write_all(&form.record(&content)),
                    None => Ok(()),
                }
            })?;
        }
        anyhow::Ok(())
    })
}

fn form_of(member: &Member) -> anyhow::Result<Form> {
    let form = member.built.journal.form();
    form.ok_or_else(|| anyhow!(member.damaged(super::super::part::SHARD)))
}

/// Gives `each` the content of all records of the file `name`, which are of the form `from`, with their places, if
/// they can be records of the form `to`.
fn take(
    member: &Member,
    name: &str,
    from: &Form,
    to: &Form,
    each: impl FnMut(&[u8], u64) -> std::io::Result<()>,
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
        true => from.read(&file, each)?,
        false => None,
    };
    if read.is_none() {
        lost("is not the one that its build left");
    }
    Ok(())
}

//! Where the images of all shards come from, so that `clip-search update` goes on from a merge.

use super::super::files::{self, DataDir};
use super::super::recorded::{Recorded, SOURCE};
use super::super::{BuildSummary, Outcome};
use super::member::Member;

/// Writes `source.json` as one build of all `members` would have. Where a shard has none, no build is known that could
/// be run again.
///
/// # Errors
/// If that of a shard cannot be read, or the new one not be written.
pub(super) fn merge(
    dir: &DataDir,
    members: &[Member],
    is_within_limit: bool,
) -> anyhow::Result<()> {
    let mut all = Vec::with_capacity(members.len());
    for member in members {
        let Some(recorded) = Recorded::read(&member.path)? else {
            tracing::warn!(
                "{} has no {SOURCE}, so that the merged collection has none, which `clip-search update` needs; run `clip-search build` there instead",
                member.path.display()
            );
            return files::remove(&dir.path(SOURCE));
        };
        all.push(recorded);
    }
    let mut all = all.into_iter();
    let Some(mut whole) = all.next() else {
        return Ok(());
    };
    for part in all {
        whole.last_run.ended = whole.last_run.ended.later(part.last_run.ended);
        add(&mut whole.last_run.summary, part.last_run.summary);
    }
    whole.options.shard = None;
    let summary = &mut whole.last_run.summary;
    summary.shard = None;
    summary.outcome = match is_within_limit {
        true => Outcome::Finished,
        false => Outcome::TooManyFailures,
    };
    whole.save(dir.root())
}

/// Adds what another shard came to. All have read the same rows.
fn add(sum: &mut BuildSummary, part: BuildSummary) {
    let BuildSummary {
        outcome: _,
        shard: _,
        rows: _,
        skipped,
        images,
        encoded,
        changed,
        reused,
        removed,
        kept,
        failed,
        passed_over,
    } = part;
    sum.skipped += skipped;
    sum.images += images;
    sum.encoded += encoded;
    sum.changed += changed;
    sum.reused += reused;
    sum.removed += removed;
    sum.kept += kept;
    for (stage, n) in failed {
        *sum.failed.entry(stage).or_default() += n;
    }
    sum.passed_over += passed_over;
}

//! Whether folders are the shards of one build, all of them.

use super::super::shard::Shard;
use super::member::Member;
use anyhow::{Context, bail, ensure};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Shards that are named when many are missing.
const MOST_NAMED: usize = 10;

/// The shards at `paths`, in the order of their numbers.
pub(super) fn open(paths: &[PathBuf]) -> anyhow::Result<Vec<Member>> {
    let mut members = Vec::with_capacity(paths.len());
    for path in paths {
        members.push(Member::open(path)?);
    }
    members.sort_by_key(|member| member.shard);
    let first = members
        .first()
        .context("a merge needs the folders of shards")?;
    for other in &members {
        check_alike(first, other)?;
    }
    for pair in members.windows(2) {
        if let [one, other] = pair {
            ensure!(
                one.shard != other.shard,
                "the shard {} is given twice, in {} and in {}",
                one.shard,
                one.path.display(),
                other.path.display()
            );
        }
    }
    check_complete(first.shard.of(), &members)?;
    if let Some(other) = (members.iter()).find(|other| !first.identity.rounds_as(&other.identity)) {
        tracing::warn!(
            "{} and {} were built on processors that round differently in the last bits: scores are the same to six digits, but bytes are not those of one machine; build all shards on processors of one kind if that matters",
            first.path.display(),
            other.path.display()
        );
    }
    Ok(members)
}

/// Whether `other` can be in one collection with `first`.
fn check_alike(first: &Member, other: &Member) -> anyhow::Result<()> {
    let (one, two) = (first.path.display(), other.path.display());
    ensure!(
        first.shard.of() == other.shard.of(),
        "{one} holds the shard {}, {two} the shard {}: shards of one build have one number after the slash",
        first.shard,
        other.shard
    );
    if let Some(conflict) = first.identity.conflict(&other.identity) {
        bail!(
            "{one} and {two} are of different {} ({} and {}), and one collection has one; build the shards with the same program, model and settings",
            conflict.what,
            conflict.ours,
            conflict.theirs
        );
    }
    ensure!(
        first.precision == other.precision,
        "{one} and {two} are of different precisions ({:?} and {:?}); build all shards with one --precision",
        first.precision,
        other.precision
    );
    ensure!(
        first.built.input == other.built.input,
        "{one} and {two} were built from different inputs, so that their rows cannot be put in one order; give all shards the same list: save what an endpoint or manifests give as one CSV file first (images.csv of a build is one)"
    );
    Ok(())
}

/// Whether all of the `of` shards are there.
fn check_complete(of: u32, members: &[Member]) -> anyhow::Result<()> {
    let of = NonZeroU32::new(of).context("a shard is one of at least one")?;
    let mut found = members.iter().map(|member| member.shard).peekable();
    let missing: Vec<String> = Shard::all(of)
        .filter(|shard| found.next_if_eq(shard).is_none())
        .take(MOST_NAMED + 1)
        .map(|shard| shard.to_string())
        .collect();
    let named = missing.iter().take(MOST_NAMED).cloned();
    let named: Vec<String> = named
        .chain((missing.len() > MOST_NAMED).then(|| "and more".to_owned()))
        .collect();
    match missing.len() {
        0 => Ok(()),
        1 => bail!(
            "the shard {} is missing; build it and name its folder, too",
            named.join(", ")
        ),
        _ => bail!(
            "the shards {} are missing; build them and name their folders, too",
            named.join(", ")
        ),
    }
}

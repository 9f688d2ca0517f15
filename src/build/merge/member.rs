//! One shard among those that are put together: [`Member`].

use super::super::failures::FAILURES;
use super::super::part::{Built, ROWS, SHARD, ShardFile, sum_of};
use super::super::shard::Shard;
use crate::collection::identity::Identity;
use crate::data_dir::{FEATURES, IDENTITY, IMAGE_IDS, IMAGES, SIZES};
use crate::features::npy::{Precision, RawRows};
use crate::features::sum::{Sum, Summing, SummingReader};
use anyhow::{Context, anyhow, bail, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What the system says when a process has too many open files: `EMFILE`.
const TOO_MANY_FILES: i32 = 24;

/// The data directory of a shard that is built.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: PathBuf,
    pub(super) shard: Shard,
    pub(super) built: Built,
    pub(super) identity: Identity,
    pub(super) precision: Precision,
}

/// A file of a shard that is summed while it is read.
pub(super) type Reader = SummingReader<File>;

impl Member {
    /// Opens the data directory `path`.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let found = fs::metadata(path).with_context(|| format!("the shard {shown} is missing"))?;
        ensure!(found.is_dir(), "the shard {shown} is no folder");
        let Some(ShardFile { shard, built, .. }) = ShardFile::read(path)? else {
            bail!(
                "{shown} is no shard: it has no {SHARD}; name the data directories of `clip-search build --shard i/n`"
            );
        };
        let built = built.filter(|_| path.join(IMAGE_IDS).exists());
        let built = built.with_context(|| {
            format!("the shard {shard} in {shown} is not finished; run its build (--shard {shard}) to its end")
        })?;
        let identity = Identity::read(path)?;
        let identity = identity.with_context(|| missing(path, shard, IDENTITY))?;
        let features = RawRows::open(&path.join(FEATURES))?;
        let member = Self {
            path: path.to_owned(),
            shard,
            built,
            precision: features.precision(),
            identity,
        };
        for name in [IMAGES, ROWS, FAILURES, IDENTITY] {
            ensure!(member.has(name), member.damaged(SHARD));
        }
        let found = sum_of(File::open(path.join(IDENTITY))?)?;
        member.check(IDENTITY, &found)?;
        ensure!(
            features.shape() == (member.identity.images, member.identity.width),
            member.damaged(FEATURES)
        );
        Ok(member)
    }

    /// Whether the build of the shard wrote the file `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.sum(name).is_some()
    }

    fn sum(&self, name: &str) -> Option<&Sum> {
        let sums = &self.identity.blake2b_256;
        match name {
            FEATURES => Some(&sums.features),
            IMAGE_IDS => Some(&sums.image_ids),
            SIZES => sums.sizes.as_ref(),
            other => self.built.blake2b_256.get(other),
        }
    }

    /// Opens the file `name`, to be given to [`Self::end`] when it has been read.
    pub(super) fn file(&self, name: &str) -> anyhow::Result<Reader> {
        let path = self.path.join(name);
        let inner = File::open(&path).map_err(|error| {
            let remedy = match error.raw_os_error() {
                Some(TOO_MANY_FILES) if cfg!(unix) => {
                    "; a merge has a file of each shard open: allow more of them (ulimit -n)"
                }
                _ => "",
            };
            anyhow!(error).context(format!("{} cannot be read{remedy}", path.display()))
        })?;
        Ok(Reader {
            inner,
            summing: Some(Summing::default()),
        })
    }

    /// The file `name` has been read to its end: whether it is the one that the build wrote.
    pub(super) fn end(&self, name: &str, mut reader: Reader) -> anyhow::Result<()> {
        let n_more = std::io::copy(&mut reader, &mut std::io::sink())?;
        ensure!(n_more == 0, self.damaged(name));
        self.check(name, &reader.summing.unwrap_or_default().finish())
    }

    /// Whether the file `name`, which has the sum `found`, is the one that the build wrote.
    pub(super) fn check(&self, name: &str, found: &Sum) -> anyhow::Result<()> {
        ensure!(self.sum(name) == Some(found), self.damaged(name));
        Ok(())
    }

    /// What is told of a file that is not as the build left it.
    pub(super) fn damaged(&self, name: &str) -> String {
        format!(
            "{} is not as the build of the shard {} left it: it is damaged, of another time, or being built; copy the folder anew or run that build again",
            self.path.join(name).display(),
            self.shard
        )
    }
}

fn missing(path: &Path, shard: Shard, name: &str) -> String {
    format!(
        "{} of the shard {shard} is missing; copy the folder anew or run its build again",
        path.join(name).display()
    )
}

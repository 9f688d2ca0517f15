//! What a build took from each host, and what it did not get.

use super::failures::Stage;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// What came from one host, or did not.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct HostTally {
    /// Pictures that were fetched.
    pub fetched: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Images without a vector, by what failed.
    pub failed: BTreeMap<Stage, usize>,
}

/// What came from all hosts, by their origins; may be told from several threads.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<String, HostTally>>);

impl Tally {
    /// A picture came.
    pub(super) fn fetched(&self, url: &str, n_bytes: usize) {
        let mut hosts = self.lock();
        let host = hosts.entry(origin(url)).or_default();
        host.fetched += 1;
        host.bytes += n_bytes as u64;
    }

    /// An image has no vector.
    pub(super) fn failed(&self, url: &str, stage: Stage) {
        let mut hosts = self.lock();
        let host = hosts.entry(origin(url)).or_default();
        *host.failed.entry(stage).or_default() += 1;
    }

    pub(super) fn into_hosts(self) -> BTreeMap<String, HostTally> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, HostTally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scheme, host and port of a URL; the beginning of what is none.
pub(super) fn origin(url: &str) -> String {
    match Url::parse(url) {
        Ok(parsed) if parsed.has_host() => parsed.origin().ascii_serialization(),
        _ => "no host".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_counted_by_host() {
        let tally = Tally::default();
        tally.fetched("http://a/iiif/1", 10);
        tally.fetched("http://A:80/iiif/2", 20);
        tally.failed("http://a/iiif/3", Stage::Download);
        tally.failed("nothing", Stage::Input);
        let hosts = tally.into_hosts();
        let a = HostTally {
            fetched: 2,
            bytes: 30,
            failed: [(Stage::Download, 1)].into(),
        };
        assert_eq!(hosts["http://a"], a);
        assert_eq!(hosts["no host"].failed[&Stage::Input], 1);
        assert_eq!(hosts.len(), 2);
    }
}

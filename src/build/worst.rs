//! Which hosts failures are of, as far as a line shows: the few with the most.

use std::collections::HashMap;
use std::fmt::{Display, Formatter};

/// Hosts that are named; how many more there are is told.
const N_SHOWN: usize = 3;

/// Failures by host, as they come.
#[derive(Debug, Default)]
pub(super) struct Worst {
    counts: HashMap<String, usize>,
    /// Those with the most, most first; of as many the first in the order of names. A count grows by one at a time,
    /// so that nobody needs to look through all of them for a line.
    first: Vec<(String, usize)>,
}

impl Worst {
    /// One more failure is of `host`.
    pub(super) fn add(&mut self, host: String) {
        let n = self.counts.entry(host.clone()).or_default();
        *n += 1;
        let n = *n;
        match self.first.iter_mut().find(|(name, _)| *name == host) {
            Some(known) => known.1 = n,
            None => self.first.push((host, n)),
        }
        (self.first).sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        self.first.truncate(N_SHOWN);
    }
}

impl Display for Worst {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (nth, (host, n)) in self.first.iter().enumerate() {
            let before = if nth == 0 { "" } else { ", " };
            write!(f, "{before}{n} of {host}")?;
        }
        match self.counts.len() - self.first.len() {
            0 => Ok(()),
            1 => write!(f, " and 1 more host"),
            n => write!(f, " and {n} more hosts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn worst(hosts: &[u8]) -> Worst {
        let mut worst = Worst::default();
        for host in hosts {
            worst.add(format!("h{host}"));
        }
        worst
    }

    #[test]
    fn few_hosts_are_named_and_the_others_counted() {
        for (hosts, expected) in [
            (&[][..], ""),
            (&[2], "1 of h2"),
            (&[2, 1, 1], "2 of h1, 1 of h2"),
            (&[4, 3, 2, 1], "1 of h1, 1 of h2, 1 of h3 and 1 more host"),
            (
                &[5, 4, 3, 2, 1, 5, 5, 4],
                "3 of h5, 2 of h4, 1 of h1 and 2 more hosts",
            ),
        ] {
            assert_eq!(worst(hosts).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn they_are_those_of_all_counts(hosts in proptest::collection::vec(0_u8..9, 0..200)) {
            let mut counts = BTreeMap::<String, usize>::new();
            for host in &hosts {
                *counts.entry(format!("h{host}")).or_default() += 1;
            }
            let mut all: Vec<(String, usize)> = counts.into_iter().collect();
            all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
            all.truncate(N_SHOWN);
            prop_assert_eq!(worst(&hosts).first, all);
        }
    }
}

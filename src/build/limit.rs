//! A number or a share of images, as a limit.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How many images something may cost. `"20"` is a number of images, `"5%"` a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Limit {
    /// This many images.
    Images(usize),
    /// This share of all images, from 0 to 100.
    Percent(f64),
}

impl Limit {
    /// Of failures: ten times the share of images that the largest published collection lost (157 of 28,115).
    pub const FAILURES: Self = Self::Percent(5.0);

    /// Of images that vanish between two builds: far more than a museum takes away in a night.
    pub const PRUNE: Self = Self::Percent(10.0);

    /// Whether `n` of `n_images` are within the limit.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of images are far below 2^52"
    )]
    pub fn allow(self, n: usize, n_images: usize) -> bool {
        match self {
            Self::Images(limit) => n <= limit,
            Self::Percent(limit) => n as f64 * 100.0 <= limit * n_images as f64,
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim();
        let parsed = match number.strip_suffix('%') {
            Some(share) => share
                .trim_end()
                .parse()
                .ok()
                .filter(|share| (0.0..=100.0).contains(share))
                .map(Self::Percent),
            None => number.parse().ok().map(Self::Images),
        };
        parsed.ok_or_else(|| {
            format!("{text} is neither a number of images (20) nor a share of them (5%)")
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(n) => write!(f, "{n}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> Self {
        limit.to_string()
    }
}

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_a_number_or_a_share() {
        for (text, n_images, allowed) in [
            ("0", 10, 0),
            ("3", 10, 3),
            ("0%", 100, 0),
            ("5%", 100, 5),
            ("5 %", 99, 4),
            ("0.5%", 1000, 5),
            ("100%", 7, 7),
        ] {
            let limit: Limit = text.parse().unwrap();
            assert!(limit.allow(allowed, n_images), "{text}");
            if allowed < n_images {
                assert!(!limit.allow(allowed + 1, n_images), "{text}");
            }
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        for text in ["", "-1", "x", "%", "101%", "-1%", "NaN%", "1.5"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }
}

//! Points in time, as activities tell them.

use oxsdatatypes::{DateTime, TimezoneOffset};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A point in time. Those that tell no time zone are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(DateTime);

impl Moment {
    /// The current second by this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let now = DateTime::now();
        let text = now.to_string();
        let whole = text.split_once('.').map(|(whole, _)| format!("{whole}Z"));
        whole
            .as_deref()
            .and_then(Self::parse)
            .unwrap_or(Self::of(now))
    }

    /// What an `xsd:dateTime` or an `xsd:date` says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let day = || format!("{text}T00:00:00Z").parse();
        text.parse().or_else(|_| day()).ok().map(Self::of)
    }

    /// Whether `self` comes before `other`.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }

    /// The earlier of both.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }

    /// The later of both.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }

    fn of(time: DateTime) -> Self {
        Self(time.adjust(Some(TimezoneOffset::UTC)).unwrap_or(time))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no date and time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_compared() {
        for (text, expected) in [
            ("2026-01-21T10:00:00+01:00", "2026-01-21T09:00:00Z"),
            ("2026-01-21T10:00:00.250Z", "2026-01-21T10:00:00.25Z"),
            ("2026-01-21T10:00:00", "2026-01-21T10:00:00Z"),
            (" 2026-01-21 ", "2026-01-21T00:00:00Z"),
        ] {
            assert_eq!(Moment::parse(text).unwrap().to_string(), expected);
        }
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "21.1.2026"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        let [early, late] = ["2026-01-21T10:00:00+02:00", "2026-01-21T09:00:00Z"]
            .map(|text| Moment::parse(text).unwrap());
        assert!(early.is_before(late) && !late.is_before(early) && !late.is_before(late));
        assert_eq!(late.earlier(early), early);
        let now = Moment::now().to_string();
        assert!(now.ends_with('Z') && !now.contains('.'), "{now}");
    }
}

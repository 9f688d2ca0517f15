//! robots.txt: what the operators of a server ask of programs that fetch on their own.
//!
//! Each is read once in a run, and what it says holds for all documents and pictures of its server.

mod rules;

use crate::net;
use rules::{Rules, product_token};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// As far as a robots.txt is read (RFC 9309, section 2.5).
pub(super) const MAX_BYTES: usize = 500 << 10;
/// Longest pause between two requests that a robots.txt may ask for: a collection of 100,000 images would take
/// months.
const MAX_DELAY: Duration = Duration::from_secs(10);
/// What the program is called besides what it calls itself to servers.
const COMMAND: &str = "clip-search";

/// What is known of the robots.txt of all servers. Clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Robots(Arc<Mutex<HashMap<String, Arc<OnceCell<Policy>>>>>);

/// What the robots.txt of a server says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Policy {
    /// There is one, or none, which allows all.
    Rules(RulesOf),
    /// It may be there, and cannot be read: nothing may be fetched (RFC 9309, section 2.3.1.4).
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// The rules of one server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RulesOf(Rules);

impl Robots {
    /// What is known of the server `origin`, or a place for it.
    pub(super) fn of(&self, origin: &str) -> Arc<OnceCell<Policy>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(origin.to_owned()).or_default().clone()
    }
}

impl RulesOf {
    /// What `body` says to a program that calls itself `user_agent`.
    pub(super) fn read(body: &[u8], user_agent: Option<&str>) -> Self {
        let names = [COMMAND, net::USER_AGENT];
        let names = names.into_iter().chain(user_agent);
        let tokens: Vec<String> = (names.map(product_token))
            .filter(|token| !token.is_empty())
            .map(str::to_owned)
            .collect();
        Self(Rules::of(&String::from_utf8_lossy(body), &tokens))
    }

    /// The rule that forbids `url`.
    pub(super) fn forbidding(&self, url: &Url) -> Option<&str> {
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        self.0.forbidding(path)
    }

    /// The pause between two requests that the server wishes for, as far as it is granted.
    pub(super) fn delay(&self) -> Option<Duration> {
        let wish = self.0.crawl_delay?;
        Some(wish.min(MAX_DELAY)).filter(|delay| !delay.is_zero())
    }

    /// Whether it wishes for a longer pause than it gets.
    pub(super) fn is_cut(&self) -> bool {
        self.0.crawl_delay.is_some_and(|wish| wish > MAX_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_judged_by_path_and_query() {
        let text = "User-agent: iiif-clip-search\nDisallow: /a?b\nUser-agent: Museum\nDisallow: /m";
        let rules = RulesOf::read(text.as_bytes(), Some("Museum/2 (+x)"));
        for (url, expected) in [
            ("http://h/a?b=1", Some("/a?b")),
            ("http://h/a#?b", None),
            ("http://h/m", Some("/m")),
            ("http://h", None),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(rules.forbidding(&url), expected, "{url}");
        }
        let rules = RulesOf::read(text.as_bytes(), None);
        assert_eq!(rules.forbidding(&Url::parse("http://h/m").unwrap()), None);
    }

    #[test]
    fn pauses_are_granted_within_limits() {
        let delay = |text: &str| {
            let rules = RulesOf::read(
                format!("User-agent: *\nCrawl-delay: {text}").as_bytes(),
                None,
            );
            (rules.delay(), rules.is_cut())
        };
        assert_eq!(delay("0"), (None, false));
        assert_eq!(delay("2"), (Some(Duration::from_secs(2)), false));
        assert_eq!(delay("3600"), (Some(MAX_DELAY), true));
    }
}

//! Whether the operators of a server let programs have what is asked for: its robots.txt, where one is honoured.

use super::Downloader;
use super::error::DownloadError;
use super::host::Host;
use super::once::{Ask, Got};
use super::pace::{Kind, jittered};
use crate::build::robots::{self, Policy, RulesOf};
use std::time::Duration;
use url::Url;

/// Where it lies.
const ROBOTS_TXT: &str = "/robots.txt";
/// Further attempts to read that of a place where a redirect leads.
const HOP_RETRIES: u32 = 2;
/// Longest time for one attempt to read it.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Downloader {
    /// Whether `url` may be fetched; also sees to it that `host` is asked as seldom as it wishes.
    ///
    /// # Errors
    /// If robots.txt forbids it, may forbid it, or the host is given up.
    pub(super) async fn permit(&self, host: &Host, url: &str) -> Result<(), DownloadError> {
        let (Some(robots), Ok(url)) = (&self.limits.robots, Url::parse(url)) else {
            return Ok(());
        };
        let Some(origin) = origin(&url) else {
            return Ok(());
        };
        let own = (origin == host.origin()).then_some(host);
        let known = robots.of(&origin);
        let policy = known
            .get_or_try_init(|| self.read_policy(own, &origin))
            .await?;
        if let (Some(host), Policy::Rules(rules)) = (own, policy)
            && let Some(delay) = rules.delay()
        {
            host.keep_apart(delay);
        }
        judge(policy, &origin, &url)
    }

    /// Whether a redirect to `url` may be followed.
    pub(super) async fn permit_hop(&self, url: &Url) -> Result<(), DownloadError> {
        let (Some(robots), Some(origin)) = (&self.limits.robots, origin(url)) else {
            return Ok(());
        };
        let known = robots.of(&origin);
        if let Some(policy) = known.get() {
            return judge(policy, &origin, url);
        }
        // Whoever is led here has a place, and does not wait for one who may wait for a place.
        let policy = self.read_policy(None, &origin).await?;
        if let Policy::Rules(_) = &policy {
            // Another may have been sooner, and has read the same. One attempt that failed is no word for all.
            let _ = known.set(policy.clone());
        }
        judge(&policy, &origin, url)
    }

    /// Reads the robots.txt of `origin`, with the patience that its host gets.
    ///
    /// # Errors
    /// If the host is given up: it may be back later.
    async fn read_policy(
        &self,
        host: Option<&Host>,
        origin: &str,
    ) -> Result<Policy, DownloadError> {
        let url = format!("{origin}{ROBOTS_TXT}");
        let ask = Ask {
            url: &url,
            kind: Kind::Document,
            limit_bytes: robots::MAX_BYTES,
            is_robots_txt: true,
            is_head: false,
            timeout: TIMEOUT.min(self.limits.image_timeout),
            known: None,
        };
        let result = match host {
            Some(host) => (self.get_patiently(host, &ask).await).map(|(got, _place)| got),
            None => {
                let mut n_left = self.limits.retries.min(HOP_RETRIES);
                loop {
                    let got = self.get_once(&ask).await;
                    let passes = got.as_ref().is_err_and(DownloadError::may_pass);
                    if !passes || n_left == 0 {
                        break got;
                    }
                    n_left -= 1;
                    tokio::time::sleep(jittered(self.limits.retry_pause)).await;
                }
            }
        };
        let rules = match result {
            Ok(got) => {
                let body = got.map(|Got { bytes, .. }| bytes).unwrap_or_default();
                RulesOf::read(&body, self.limits.user_agent.as_deref())
            }
            Err(error @ DownloadError::GivenUp(_)) => return Err(error),
            Err(DownloadError::Status { status, .. })
                if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) =>
            {
                RulesOf::default()
            }
            // A circle of redirects, or a place that may not be asked: as if there were none (section 2.3.1.2).
            Err(
                DownloadError::Refused(_)
                | DownloadError::NotPublic { .. }
                | DownloadError::Redirects { .. },
            ) => RulesOf::default(),
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!("{reason}; nothing is fetched from {origin} in this run");
                return Ok(Policy::Unreadable { reason });
            }
        };
        if let Some(delay) = rules.delay() {
            let remark = match rules.is_cut() {
                true => "; it wishes for longer pauses, which would take months",
                false => "",
            };
            tracing::info!(
                "{url} asks for pauses: {:.1} s between two requests{remark}",
                delay.as_secs_f64()
            );
        }
        Ok(Policy::Rules(rules))
    }
}

fn origin(url: &Url) -> Option<String> {
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// What the policy of `origin` says of `url`.
fn judge(policy: &Policy, origin: &str, url: &Url) -> Result<(), DownloadError> {
    let robots_url = || format!("{origin}{ROBOTS_TXT}");
    match policy {
        Policy::Rules(rules) => match rules.forbidding(url) {
            None => Ok(()),
            Some(rule) => Err(DownloadError::Forbidden {
                url: url.to_string(),
                robots_url: robots_url(),
                rule: rule.to_owned(),
            }),
        },
        Policy::Unreadable { reason } => Err(DownloadError::Unruled {
            url: url.to_string(),
            robots_url: robots_url(),
            reason: reason.clone(),
        }),
    }
}

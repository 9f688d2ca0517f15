//! Requests beside those for pictures: whoever is slow, or wants a long pause, is not waited for, since no picture
//! depends on the answer.

use super::error::DownloadError;
use super::host::Outcome;
use super::once::{Ask, Got};
use super::pace::{Kind, jittered};
use super::{Downloader, MAX_INFO_BYTES, Source};
use std::time::Duration;
use tokio::time::Instant;

/// Attempts for one request.
const MAX_ATTEMPTS: u32 = 3;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause that a host may ask for. Pictures would wait for it, too.
const MAX_WISH: Duration = Duration::from_secs(30);

/// What came of a request.
pub(super) enum Heard {
    Got(Got),
    /// The server has answered that there is nothing for us.
    Refused(DownloadError),
    /// It asks for a longer pause than is made.
    Later,
    /// It does not answer, or not with what holds for long.
    Nothing,
    /// It was not asked to the end, for reasons that are not those of this request.
    NotAsked,
}

impl Downloader {
    /// A request for what `url` has.
    pub(super) fn ask_aside<'a>(&self, url: &'a str) -> Ask<'a> {
        Ask {
            timeout: TIMEOUT.min(self.limits.image_timeout),
            ..self.ask(url, Kind::Document, MAX_INFO_BYTES)
        }
    }

    /// Asks the host of `source`, unless it `is_over`, again after what may pass.
    ///
    /// Takes turns at the host, so it must not be called with a place held that others wait for.
    pub(super) async fn hear(
        &self,
        source: &Source,
        ask: &Ask<'_>,
        is_over: impl Fn() -> bool,
    ) -> Heard {
        for _ in 0..=self.limits.retries.min(MAX_ATTEMPTS - 1) {
            if is_over() || source.host.is_given_up() {
                return Heard::NotAsked;
            }
            let Ok(turn) = source.host.turn().await else {
                return Heard::NotAsked;
            };
            // The host may have shown itself while others had their turns.
            if is_over() {
                return Heard::NotAsked;
            }
            let begun = Instant::now();
            let result = self.get_once(ask).await;
            drop(turn);
            let error = match result {
                Ok(got) => {
                    source.host.note(begun, Outcome::Answered, &"");
                    return Heard::Got(got.expect("without a condition there is an answer"));
                }
                Err(error) => error,
            };
            tracing::debug!(%error, "no answer");
            match error.outcome(true) {
                Outcome::Answered => {
                    source.host.note(begun, Outcome::Answered, &"");
                    return Heard::Refused(error);
                }
                Outcome::Busy(Some(wish)) if wish > MAX_WISH => return Heard::Later,
                Outcome::Busy(Some(wish)) => source.host.hold(begun, wish),
                Outcome::Busy(None) | Outcome::ServerError => {
                    tokio::time::sleep(jittered(self.limits.retry_pause)).await;
                }
                // A second one would take as long, or be cut as well; the next image shows whether the host is back.
                Outcome::Unanswered { .. } => return Heard::Nothing,
            }
        }
        Heard::Nothing
    }
}

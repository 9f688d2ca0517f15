//! Asking for info.json beside the pictures, which do not need it: whatever comes of it, no picture is lost to it,
//! and a host that has none is soon left in peace.

use super::error::DownloadError;
use super::host::{Host, Outcome};
use super::once::{Ask, Got};
use super::pace::{Kind, jittered};
use super::{Downloader, MAX_INFO_BYTES, Source, info, ways};
use crate::collection::sizes::ImageSize;
use crate::iiif::reference::Reference;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What asking for an info.json came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::build) enum Answer {
    /// The image has this size.
    Size(ImageSize),
    /// The server gives none, or none that can be right.
    Nothing,
    /// The server was not asked, or did not answer: another build may ask again.
    Unanswered,
}

/// How the images of a host answer for their info.json in this run.
#[derive(Debug, Default)]
pub(super) struct Asking(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    has_sizes: bool,
    /// In a row.
    n_failures: u32,
}

/// After so many failures in a row a host is not asked any more.
const PATIENCE: u32 = 5;
/// Attempts for one image.
const MAX_ATTEMPTS: u32 = 3;
/// An info.json that takes longer is not waited for.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause that a host may ask for. Pictures would wait for it, too.
const MAX_WISH: Duration = Duration::from_secs(30);

impl Asking {
    fn is_over(&self) -> bool {
        self.lock().n_failures >= PATIENCE
    }

    fn note(&self, answer: Answer) {
        let mut state = self.lock();
        match answer {
            Answer::Size(_) => {
                *state = State {
                    has_sizes: true,
                    n_failures: 0,
                };
            }
            // One image without a size among others says nothing of the host.
            Answer::Nothing if state.has_sizes => state.n_failures = 0,
            Answer::Nothing | Answer::Unanswered => state.n_failures += 1,
        }
    }

    fn end(&self) {
        self.lock().n_failures = PATIENCE;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes after an attempt.
enum Next {
    Done(Answer),
    /// Another attempt, after this time.
    Again(Duration),
}

impl Downloader {
    /// The size of the image behind `iiif_url` according to its info.json.
    ///
    /// Takes a turn at the host, so it must not be called with a place held that others wait for.
    pub(in crate::build) async fn size(&self, source: &Source, iiif_url: &str) -> Answer {
        let Some(info_url) = ways::info_url(iiif_url) else {
            return Answer::Nothing;
        };
        // The reasons why it may not be had are those of the picture, and told there.
        if self.permit(&source.host, &info_url).await.is_err() {
            return Answer::Unanswered;
        }
        for _ in 0..=self.limits.retries.min(MAX_ATTEMPTS - 1) {
            if source.asking.is_over() || source.host.is_given_up() {
                return Answer::Unanswered;
            }
            let Ok(turn) = source.host.turn().await else {
                return Answer::Unanswered;
            };
            // The host may have shown itself while others had their turns.
            if source.asking.is_over() {
                return Answer::Unanswered;
            }
            let begun = Instant::now();
            let result = self.info(&info_url).await;
            drop(turn);
            match self.next(source, begun, &result, iiif_url) {
                Next::Done(answer) => {
                    source.asking.note(answer);
                    return answer;
                }
                Next::Again(pause) => tokio::time::sleep(jittered(pause)).await,
            }
        }
        source.asking.note(Answer::Unanswered);
        Answer::Unanswered
    }

    async fn info(&self, info_url: &str) -> Result<Got, DownloadError> {
        let ask = Ask {
            timeout: TIMEOUT.min(self.limits.image_timeout),
            ..self.ask(info_url, Kind::Document, MAX_INFO_BYTES)
        };
        let got = self.get_once(&ask).await?;
        Ok(got.expect("without a condition there is an answer"))
    }

    fn next(
        &self,
        source: &Source,
        begun: Instant,
        result: &Result<Got, DownloadError>,
        iiif_url: &str,
    ) -> Next {
        let answered = |answer| answered(&source.host, begun, answer);
        let error = match result {
            Ok(got) => return answered(answer_with(info::size(&got.bytes), iiif_url)),
            Err(error) => error,
        };
        tracing::debug!(%error, "no info.json");
        match error.outcome(true) {
            Outcome::Answered => answered(answer_without(error)),
            Outcome::Busy(Some(wish)) if wish > MAX_WISH => {
                source.asking.end();
                Next::Done(Answer::Unanswered)
            }
            Outcome::Busy(Some(wish)) => {
                source.host.hold(begun, wish);
                Next::Again(Duration::ZERO)
            }
            Outcome::Busy(None) | Outcome::ServerError => Next::Again(self.limits.retry_pause),
            // A second one would take as long, or be cut as well; the next image shows whether the host is back.
            Outcome::Unanswered { .. } => Next::Done(Answer::Unanswered),
        }
    }
}

fn answered(host: &Host, begun: Instant, answer: Answer) -> Next {
    host.note(begun, Outcome::Answered, &"");
    Next::Done(answer)
}

/// What an info.json with this size says of the image at `iiif_url`.
pub(super) fn answer_with(size: Option<ImageSize>, iiif_url: &str) -> Answer {
    size.and_then(|size| of_part(size, iiif_url))
        .map_or(Answer::Nothing, Answer::Size)
}

/// What it means that an info.json has not come.
pub(super) fn answer_without(error: &DownloadError) -> Answer {
    match error {
        DownloadError::GivenUp(_)
        | DownloadError::Forbidden { .. }
        | DownloadError::Unruled { .. } => Answer::Unanswered,
        error => match error.outcome(true) {
            Outcome::Answered => Answer::Nothing,
            Outcome::Busy(_) | Outcome::ServerError | Outcome::Unanswered { .. } => {
                Answer::Unanswered
            }
        },
    }
}

/// The size of what `iiif_url` means of an image of this size. A part of it has no service of its own.
fn of_part(size: ImageSize, iiif_url: &str) -> Option<ImageSize> {
    let reference = Reference::parse(iiif_url);
    if reference.is_whole() {
        return Some(size);
    }
    let (width, height) = reference.size(size.width.get(), size.height.get())?;
    ImageSize::new(width.into(), height.into(), size.measured, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::sizes::Measured;

    #[test]
    fn a_host_that_gives_no_sizes_is_left_in_peace() {
        let size = Answer::Size(ImageSize::new(4, 3, Measured::Info, None).unwrap());
        for (answers, is_over) in [
            (vec![Answer::Nothing; 4], false),
            (vec![Answer::Nothing; 5], true),
            ([[Answer::Unanswered, Answer::Nothing]; 3].concat(), true),
            ([vec![Answer::Nothing; 4], vec![size]].concat(), false),
            // It knows some of its images.
            ([vec![size], vec![Answer::Nothing; 9]].concat(), false),
            ([vec![size], vec![Answer::Unanswered; 5]].concat(), true),
        ] {
            let asking = Asking::default();
            answers.iter().for_each(|answer| asking.note(*answer));
            assert_eq!(asking.is_over(), is_over, "{answers:?}");
        }
    }
}

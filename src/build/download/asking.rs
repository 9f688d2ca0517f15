//! Asking for info.json beside the pictures, which do not need it: whatever comes of it, no picture is lost to it,
//! and a host that has none is soon left in peace.

use super::aside::Heard;
use super::error::DownloadError;
use super::host::Outcome;
use super::limits::Limits;
use super::smallest::can;
use super::{Downloader, Info, Source, ways};
use crate::collection::sizes::{ImageSize, Largest, Profile};
use crate::iiif::reference::Reference;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let ask = self.ask_aside(&info_url);
        let answer = match self.hear(source, &ask, || source.asking.is_over()).await {
            Heard::Got(got) => {
                let info = Info::of(&got.bytes);
                source.asking.note(answer_with(info.as_ref(), iiif_url));
                return self.answer(source, info.as_ref(), iiif_url).await;
            }
            Heard::Refused(error) => answer_without(&error),
            Heard::Later => {
                source.asking.end();
                Answer::Unanswered
            }
            Heard::Nothing => Answer::Unanswered,
            Heard::NotAsked => return Answer::Unanswered,
        };
        source.asking.note(answer);
        answer
    }
}

/// What an info.json says of the image at `iiif_url`; `info` is none if it is no JSON.
pub(super) fn answer_with(info: Option<&Info>, iiif_url: &str) -> Answer {
    info.and_then(|info| of_part(info, iiif_url))
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

/// The size of what `iiif_url` means of the image that `info` describes. A part of it has no service of its own.
fn of_part(info: &Info, iiif_url: &str) -> Option<ImageSize> {
    let whole = info.size?;
    let reference = Reference::parse(iiif_url);
    let size = match reference.is_whole() {
        true => whole,
        false => {
            let (width, height) = reference.size(whole.width.get(), whole.height.get())?;
            ImageSize::new(width.into(), height.into(), whole.measured, None)?
        }
    };
    Some(size.with_largest(largest(info, size)))
}

/// The largest picture of this image, or part of one, of which the client chooses the width; none if that is all of
/// it, and none where there are files in fixed sizes.
fn largest(info: &Info, size: ImageSize) -> Option<Largest> {
    let limited = Limits::of(&info.json).largest(size);
    match size.service.and_then(|service| service.profile) {
        // Some can do more than their level says.
        Some(Profile::Level0) => can(&info.json, "sizeByW").then(|| {
            limited.unwrap_or(Largest {
                width: size.width,
                height: size.height,
                file: None,
            })
        }),
        Some(Profile::Level1 | Profile::Level2) | None => limited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::sizes::Measured;

    #[test]
    fn limits_and_abilities_are_those_of_info_json() {
        for (profile, more, url, expected) in [
            ("level2", "", "http://h/i", None),
            (
                "level2",
                r#", "maxWidth": 800"#,
                "http://h/i",
                Some((800, 600)),
            ),
            (
                "level1",
                r#", "maxWidth": 800"#,
                "http://h/i/info.json",
                Some((800, 600)),
            ),
            // Of a part, which is within the limit or not.
            (
                "level2",
                r#", "maxWidth": 800"#,
                "http://h/i/0,0,1000,10/max/0/default.jpg",
                Some((800, 8)),
            ),
            (
                "level2",
                r#", "maxWidth": 800"#,
                "http://h/i/0,0,700,10/max/0/default.jpg",
                None,
            ),
            // Files are looked for.
            ("level0", "", "http://h/i", None),
            ("level0", r#", "maxWidth": 800"#, "http://h/i", None),
            (
                "level0",
                r#", "extraFeatures": ["sizeByW"]"#,
                "http://h/i",
                Some((4000, 3000)),
            ),
            (
                "level0",
                r#", "extraFeatures": ["sizeByW"], "maxWidth": 800"#,
                "http://h/i",
                Some((800, 600)),
            ),
        ] {
            let json = format!(
                r#"{{"@context": "http://iiif.io/api/image/3/context.json", "type": "ImageService3",
                    "width": 4000, "height": 3000, "profile": "{profile}"{more}}}"#
            );
            let Answer::Size(size) = answer_with(Info::of(json.as_bytes()).as_ref(), url) else {
                panic!("{json}");
            };
            let largest = size.largest.map(|largest| {
                assert_eq!(largest.file, None);
                (largest.width.get(), largest.height.get())
            });
            assert_eq!(largest, expected, "{profile}{more} {url}");
        }
    }

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

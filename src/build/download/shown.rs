//! Which picture of an image can be shown where its server has files in fixed sizes (level 0): those that info.json
//! names, or that its tiles imply, are looked for.
//!
//! What such servers have differs from what they should have. Programs that make the files write `w,` or `w,h`, leave
//! out the largest scale of `tiles` in info.json, call the tile that is all of the image `full` or by its pixels, and
//! few have `full/max`, which the specification demands.

use super::aside::Heard;
use super::asking::{self, Answer};
use super::error::DownloadError;
use super::once::Ask;
use super::smallest::named_sizes;
use super::{Downloader, Info, Source};
use crate::collection::sizes::{ApiVersion, ImageSize, Largest};
use crate::iiif::picture;
use crate::iiif::reference::Reference;
use crate::iiif::tiles::{self, Spelling};
use reqwest::StatusCode;
use serde_json::Value;
use std::num::NonZeroU32;

/// Of several files the widest is shown that is not wider than this, in pixels: what links ask for as a rule.
const SHOWN_WIDTH_PX: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");

impl Downloader {
    /// What `info` says of the image at `iiif_url`, and of files in fixed sizes which can be shown.
    ///
    /// Takes turns at the host, so it must not be called with a place held that others wait for.
    pub(super) async fn answer(
        &self,
        source: &Source,
        info: Option<&Info>,
        iiif_url: &str,
    ) -> Answer {
        let answer = asking::answer_with(info, iiif_url);
        let (Answer::Size(size), Some(info)) = (answer, info) else {
            return answer;
        };
        if !picture::is_fixed(size) || !Reference::parse(iiif_url).is_whole() {
            return answer;
        }
        for largest in files(&info.json, size) {
            let size = size.with_largest(largest);
            // What links ask for.
            let url = picture::link(iiif_url, Some(size), SHOWN_WIDTH_PX);
            match self.is_there(source, &url).await {
                Some(true) => return Answer::Size(size),
                Some(false) => {}
                None => return Answer::Unanswered,
            }
        }
        answer
    }

    /// Whether there is something at `url`; `None` if its server does not say.
    async fn is_there(&self, source: &Source, url: &str) -> Option<bool> {
        match self.permit(&source.host, url).await {
            Ok(()) => {}
            Err(DownloadError::Forbidden { .. }) => return Some(false),
            Err(_) => return None,
        }
        let ask = Ask {
            is_head: true,
            ..self.ask_aside(url)
        };
        match self.hear(source, &ask, || false).await {
            Heard::Got(_) => Some(true),
            // It is taken at its word.
            Heard::Refused(error) => Some(is_without_head(&error)),
            Heard::Later | Heard::Nothing | Heard::NotAsked => None,
        }
    }
}

/// Whether the server answers only those who want the picture itself.
fn is_without_head(error: &DownloadError) -> bool {
    let without = [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
    matches!(error, DownloadError::Status { status, .. } if without.contains(status))
}

/// The files that a server may have to show of an image of this size, the best first: `None` is all of it, which it
/// must have where it has nothing else.
fn files(info: &Value, size: ImageSize) -> Vec<Option<Largest>> {
    let is_narrow = size.width <= SHOWN_WIDTH_PX;
    let named: Vec<(u32, u32)> = (named_sizes(info).into_iter())
        .filter_map(|size| Some((size.width.try_into().ok()?, size.height.try_into().ok()?)))
        .collect();
    let has_all = named.iter().any(|(width, _)| *width == size.width.get());
    let all = (is_narrow && !has_all).then_some(None);
    let shown = (named.iter())
        .filter(|(width, _)| *width <= SHOWN_WIDTH_PX.get())
        .max()
        .or(named.iter().min());
    let (widths, tile) = match size.service.map(|service| service.version) {
        Some(ApiVersion::V3) => (
            [Spelling::FullWidthAndHeight, Spelling::FullWidth],
            [Spelling::FullWidthAndHeight, Spelling::WidthAndHeight],
        ),
        Some(ApiVersion::V1 | ApiVersion::V2) | None => (
            [Spelling::FullWidth, Spelling::FullWidthAndHeight],
            [Spelling::FullWidth, Spelling::Width],
        ),
    };
    let named = shown.into_iter().flat_map(|sides| {
        let spelled = widths.map(|spelling| largest(*sides, spelling));
        spelled.into_iter().flatten()
    });
    let tiled = tiles::in_one(info).into_iter().flat_map(|sides| {
        let spelled = tile.map(|spelling| largest(sides, spelling));
        spelled.into_iter().flatten()
    });
    all.into_iter()
        .chain(named.chain(tiled).map(Some))
        .collect()
}

fn largest((width, height): (u32, u32), spelling: Spelling) -> Option<Largest> {
    Some(Largest {
        width: NonZeroU32::new(width)?,
        height: NonZeroU32::new(height)?,
        file: Some(spelling),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::sizes::{ImageService, Measured, Profile};
    use serde_json::json;

    fn urls(version: ApiVersion, info: &Value) -> Vec<String> {
        let [width, height] = ["width", "height"].map(|side| info[side].as_u64().unwrap());
        let service = ImageService {
            version,
            profile: Some(Profile::Level0),
        };
        let size = ImageSize::new(width, height, Measured::Info, Some(service)).unwrap();
        (files(info, size).into_iter())
            .map(|largest| {
                let size = size.with_largest(largest);
                picture::link("b", Some(size), SHOWN_WIDTH_PX)
            })
            .collect()
    }

    #[test]
    fn files_are_looked_for_by_all_names_that_they_have() {
        use ApiVersion::{V1, V2, V3};
        let sizes = json!([
            {"width": 500, "height": 375}, {"width": 1000, "height": 750}, {"width": 2000, "height": 1500}
        ]);
        let tiles = json!([{"width": 256, "scaleFactors": [1, 2]}]);
        let of = |more: Value| {
            let mut info = json!({"width": 1003, "height": 905});
            info.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            info
        };
        for (version, info, expected) in [
            (
                V3,
                of(json!({"sizes": sizes})),
                vec![
                    "b/full/1000,750/0/default.jpg",
                    "b/full/1000,/0/default.jpg",
                ],
            ),
            (
                V2,
                of(json!({"sizes": sizes})),
                vec![
                    "b/full/1000,/0/default.jpg",
                    "b/full/1000,750/0/default.jpg",
                ],
            ),
            // All are wider than a link.
            (
                V2,
                of(
                    json!({"width": 4000, "height": 3000, "sizes": [{"width": 4000, "height": 3000}, {"width": 2000, "height": 1500}]}),
                ),
                vec![
                    "b/full/2000,/0/default.jpg",
                    "b/full/2000,1500/0/default.jpg",
                ],
            ),
            // As libvips has it.
            (
                V3,
                of(json!({"tiles": tiles})),
                vec![
                    "b/full/251,227/0/default.jpg",
                    "b/0,0,1003,905/251,227/0/default.jpg",
                ],
            ),
            (
                V2,
                of(json!({"tiles": tiles})),
                vec![
                    "b/full/251,/0/default.jpg",
                    "b/0,0,1003,905/251,/0/default.jpg",
                ],
            ),
            (
                V1,
                of(json!({"tile_width": 256, "scale_factors": [1, 2, 4]})),
                vec![
                    "b/full/251,/0/native.jpg",
                    "b/0,0,1003,905/251,/0/native.jpg",
                ],
            ),
            // All of a small image is no more than a link shows.
            (
                V3,
                json!({"width": 200, "height": 150, "tiles": [{"width": 512, "scaleFactors": []}]}),
                vec![
                    "b/full/max/0/default.jpg",
                    "b/full/200,150/0/default.jpg",
                    "b/0,0,200,150/200,150/0/default.jpg",
                ],
            ),
            (
                V2,
                json!({"width": 1000, "height": 750}),
                vec!["b/full/full/0/default.jpg"],
            ),
            (
                V3,
                json!({"width": 1000, "height": 750, "sizes": sizes}),
                vec![
                    "b/full/1000,750/0/default.jpg",
                    "b/full/1000,/0/default.jpg",
                ],
            ),
            // What it must have, which need not be looked for.
            (V3, json!({"width": 4000, "height": 3000}), vec![]),
        ] {
            assert_eq!(urls(version, &info), expected, "{info}");
        }
    }
}

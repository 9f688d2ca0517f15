//! The ways to ask a IIIF server for an image: in the wished width, and, where the server does not give that,
//! in what it has.

use super::limits::Limits;
use super::tiled::Tiled;
use crate::collection::sizes::{ImageSize, Measured};
use crate::iiif::reference::{Reference, may_be_file};
use crate::iiif::tiles::Tiling;
use serde_json::Value;

/// One way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// The smallest that is large enough, as info.json describes it.
    Smallest,
    /// `/full/640,/0/default.jpg`, as all servers of level 1 answer.
    Scaled,
    /// `/full/max/0/default.jpg`: version 2.1 and 3, and static files.
    Max,
    /// `/full/full/0/default.jpg`: version 2.
    Full,
    /// A size, tiles or a quality that info.json names: level 0, and version 1.
    Described,
    /// The URL itself, which is that of a file.
    File,
}

/// In the order in which they are tried where no info.json is asked for first: what costs most is last.
pub(super) const WAYS: [Way; 5] = [Way::Scaled, Way::Max, Way::Full, Way::Described, Way::File];

impl Way {
    /// The URL to ask for; none where info.json has to be asked first.
    pub(super) fn url(self, iiif_url: &str, width_px: u32) -> Option<String> {
        let size = match self {
            Self::Scaled => &format!("{width_px},"),
            Self::Max => "max",
            Self::Full => "full",
            Self::Smallest | Self::Described => return None,
            Self::File => return Some(iiif_url.to_owned()),
        };
        let picture = Reference::parse(iiif_url).picture(size, "default");
        Some(picture.into_owned())
    }

    /// Whether an image with this URL may come that way.
    pub(super) fn is_for(self, iiif_url: &str) -> bool {
        match Reference::parse(iiif_url).service() {
            None => self == Self::File,
            Some(_) => self != Self::File || may_be_file(iiif_url),
        }
    }
}

/// The URL of the description of an image; a file has none.
pub(super) fn info_url(iiif_url: &str) -> Option<String> {
    let service = Reference::parse(iiif_url).service()?;
    Some(format!("{service}/info.json"))
}

/// A picture that is so many times as wide as tiles put together is not asked for before them.
const MUCH_WIDER: u64 = 2;

/// What info.json offers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// What to ask for, the best first.
    pub(super) offers: Vec<Offer>,
    /// Whether that is how the server answers for all its images: static files, or version 1.
    pub(super) is_of_server: bool,
    /// Whether all offers are the same picture, spelled in several ways.
    pub(super) has_one_size: bool,
}

/// What a server may give of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// All of it in one picture.
    Picture(String),
    /// Its parts.
    Tiles(Tiled),
}

impl Described {
    /// One URL, of an image alone.
    pub(super) fn only(url: String) -> Self {
        Self {
            offers: vec![Offer::Picture(url)],
            is_of_server: false,
            has_one_size: true,
        }
    }
}

/// What to ask for according to info.json; nothing if it says nothing.
///
/// Of its sizes that is the smallest that is not narrower than `width_px`, or else the widest, in both
/// spellings: `w,` is that of version 2, `w,h` that of version 3. Static servers have tiles, which are better than
/// a size that is too narrow, or one that is much larger than needed.
pub(super) fn described(info: &Value, iiif_url: &str, width_px: u32) -> Described {
    let reference = Reference::parse(iiif_url);
    let Some(base) = reference.service() else {
        return Described::default();
    };
    let is_version_1 = is_version_1(&info["@context"], &info["profile"]);
    let quality = if is_version_1 { "native" } else { "default" };
    let mut sizes: Vec<(u64, u64)> = info["sizes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|size| Some((size["width"].as_u64()?, size["height"].as_u64()?)))
        .filter(|(width, height)| *width > 0 && *height > 0)
        .collect();
    sizes.sort_unstable();
    let wished = u64::from(width_px);
    let chosen = sizes.iter().find(|(width, _)| *width >= wished);
    // Sizes and tiles are those of the whole image.
    let chosen = chosen.or(sizes.last()).filter(|_| reference.is_whole());
    let mut offers = Vec::new();
    if let Some((width, height)) = chosen {
        offers.push(Offer::Picture(format!(
            "{base}/full/{width},/0/{quality}.jpg"
        )));
        offers.push(Offer::Picture(format!(
            "{base}/full/{width},{height}/0/{quality}.jpg"
        )));
    }
    // The widest that may be asked for, where that is less than was asked for before.
    let limited = whole(info).and_then(|size| Limits::of(info).largest(size));
    if let Some(largest) = limited.filter(|largest| largest.width.get() < width_px)
        && reference.is_whole()
    {
        let size = format!("{},", largest.width);
        offers.push(Offer::Picture(
            reference.picture(&size, quality).into_owned(),
        ));
    }
    if is_version_1 {
        for size in [format!("{width_px},"), "full".to_owned()] {
            offers.push(Offer::Picture(
                reference.picture(&size, "native").into_owned(),
            ));
        }
    }
    let is_static = names(&info["profile"])
        .iter()
        .any(|name| name.contains("level0"));
    if is_static
        && reference.is_whole()
        && let Some(tiling) = Tiling::of(info, width_px)
    {
        let is_better = chosen.is_none_or(|(width, _)| {
            let tiled = u64::from(tiling.width);
            *width < wished.min(tiled) || *width > tiled * MUCH_WIDER
        });
        let tiles = Offer::Tiles(Tiled {
            base: base.to_owned(),
            quality,
            tiling,
        });
        match is_better {
            true => offers.insert(0, tiles),
            false => offers.push(tiles),
        }
    }
    Described {
        offers,
        is_of_server: is_version_1 || is_static,
        has_one_size: false,
    }
}

/// The size of the image.
fn whole(info: &Value) -> Option<ImageSize> {
    let (width, height) = (info["width"].as_u64()?, info["height"].as_u64()?);
    ImageSize::new(width, height, Measured::Info, None)
}

/// The names in a value that is one or several.
pub(super) fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(name) => vec![name],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Image API 1.0 and 1.1 name themselves in the context or in the profile.
pub(super) fn is_version_1(context: &Value, profile: &Value) -> bool {
    (names(context).into_iter())
        .chain(names(profile))
        .any(|name| {
            ["image-api/1.", "image-api/compliance", "/image/1/"]
                .iter()
                .any(|part| name.contains(part))
        })
}

#[cfg(test)]
mod tests {
    use super::super::info;
    use super::*;

    fn urls(info: &[u8], iiif_url: &str, width_px: u32) -> Vec<String> {
        let Some(info) = info::json(info) else {
            return Vec::new();
        };
        let offers = described(&info, iiif_url, width_px).offers;
        (offers.into_iter())
            .map(|offer| match offer {
                Offer::Picture(url) => url,
                Offer::Tiles(tiled) => format!("{} tiles", tiled.tiling.tiles.len()),
            })
            .collect()
    }

    #[test]
    fn the_size_that_is_large_enough_is_asked_for() {
        let info = br#"{"sizes": [{"width": 400, "height": 300}, {"width": 100, "height": 75}, {"width": 800, "height": 600}]}"#;
        for (width_px, expected) in [(90, 100), (100, 100), (101, 400), (640, 800), (2000, 800)] {
            let urls = urls(info, "http://h/i/", width_px);
            assert_eq!(
                urls[0],
                format!("http://h/i/full/{expected},/0/default.jpg")
            );
            assert_eq!(urls.len(), 2);
        }
        assert_eq!(
            urls(info, "http://h/i", 640)[1],
            "http://h/i/full/800,600/0/default.jpg"
        );
    }

    #[test]
    fn no_more_is_asked_for_than_may_be() {
        let info = br#"{"width": 4000, "height": 3000, "profile": ["http://iiif.io/api/image/2/level2.json", {"maxWidth": 400}]}"#;
        assert_eq!(
            urls(info, "http://h/i", 640),
            ["http://h/i/full/400,/0/default.jpg"]
        );
        assert!(urls(info, "http://h/i", 300).is_empty());
    }

    #[test]
    fn version_1_has_another_quality() {
        let info = br#"{"@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json", "width": 800}"#;
        assert_eq!(
            urls(info, "http://h/i", 640),
            [
                "http://h/i/full/640,/0/native.jpg",
                "http://h/i/full/full/0/native.jpg"
            ]
        );
    }

    #[test]
    fn what_says_nothing_gives_nothing() {
        for info in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"sizes": 3}"#,
            r#"{"sizes": [{"width": 0, "height": 1}, {"width": "x"}]}"#,
        ] {
            assert!(
                urls(info.as_bytes(), "http://h/i", 640).is_empty(),
                "{info}"
            );
        }
    }

    #[test]
    fn tiles_are_for_what_no_size_serves_well() {
        for (sizes, expected) in [
            ("[]", vec!["8 tiles"]),
            (
                r#"[{"width": 700, "height": 350}]"#,
                vec![
                    "http://h/i/full/700,/0/default.jpg",
                    "http://h/i/full/700,350/0/default.jpg",
                    "8 tiles",
                ],
            ),
            (
                r#"[{"width": 100, "height": 50}]"#,
                vec![
                    "8 tiles",
                    "http://h/i/full/100,/0/default.jpg",
                    "http://h/i/full/100,50/0/default.jpg",
                ],
            ),
            (
                r#"[{"width": 4000, "height": 2000}]"#,
                vec![
                    "8 tiles",
                    "http://h/i/full/4000,/0/default.jpg",
                    "http://h/i/full/4000,2000/0/default.jpg",
                ],
            ),
        ] {
            let info = format!(
                r#"{{"width": 4000, "height": 2000, "profile": "level0", "sizes": {sizes},
                   "tiles": [{{"width": 256, "scaleFactors": [1, 2, 4]}}]}}"#
            );
            let tiles = urls(info.as_bytes(), "http://h/i", 640);
            assert_eq!(tiles, expected);
            // Who can scale is not asked for tiles.
            let info = info.replace("level0", "level1");
            let others = urls(info.as_bytes(), "http://h/i", 640);
            assert!(
                others.iter().all(|offer| !offer.ends_with("tiles")),
                "{others:?}"
            );
        }
    }
}

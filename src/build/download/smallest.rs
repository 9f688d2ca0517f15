//! The smallest picture of an image that is large enough for the model, out of what its info.json offers; pure.

use super::limits::Limits;
use super::tiled::Tiled;
use super::ways::{Described, Offer, names};
use crate::collection::sizes::{ApiVersion, ImageSize, Profile};
use crate::iiif::reference::Reference;
use crate::iiif::tiles::Tiling;
use serde_json::Value;

/// Longest side that is asked for, in pixels. An image 37 times as long as wide is still had with a short side of
/// 224 pixels; a longer one comes narrower, not without end.
const MAX_LONG_PX: u64 = 8192;

/// A size that the server names is taken if it has not more than so many times the pixels that are needed: such sizes
/// are ready, where others have to be made.
const NAMED_AREA: f64 = 1.5;

/// A whole picture of a static server with more pixels than so many times those of the tiles is asked for after them.
const MUCH_LARGER: u64 = 4;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) width: u64,
    pub(super) height: u64,
}

impl Extent {
    fn area(self) -> u64 {
        self.width * self.height
    }

    fn short(self) -> u64 {
        self.width.min(self.height)
    }

    /// The same shape with `short_px` pixels at the shorter side, or more by the fraction of a pixel that the longer
    /// one is rounded up; never larger than it is.
    fn shrunk(self, short_px: u64) -> Self {
        let short = self.short();
        if short <= short_px {
            return self;
        }
        let long = |px: u64| (px * short_px).div_ceil(short);
        match self.width >= self.height {
            true => Self {
                width: long(self.width),
                height: short_px,
            },
            false => Self {
                width: short_px,
                height: long(self.height),
            },
        }
    }

    /// The same shape within these limits.
    fn within(self, limits: Limits) -> Self {
        let mut extent = self;
        let mut fit = |numerator: u64, denominator: u64| {
            if numerator < denominator {
                // Rounded down: a server refuses what is a pixel over its limit.
                extent = Self {
                    width: (self.width * numerator / denominator)
                        .max(1)
                        .min(extent.width),
                    height: (self.height * numerator / denominator)
                        .max(1)
                        .min(extent.height),
                };
            }
        };
        fit(limits.width, self.width);
        fit(limits.height, self.height);
        if self.area() > limits.area {
            // sqrt(area) / sqrt(limit), in whole numbers.
            let root = |area: u64| (area << 10).isqrt();
            fit(root(limits.area), root(self.area()).max(1) + 1);
        }
        extent
    }
}

/// What to ask for: pictures whose shorter side has `short_px` pixels or hardly more, the best first. `size` is that
/// of the whole image, as `info` has it.
pub(super) fn described(
    info: &Value,
    size: ImageSize,
    reference: &Reference<'_>,
    short_px: u32,
) -> Described {
    let Some(base) = reference.service() else {
        return Described::default();
    };
    let service = size.service;
    let version = service.map_or(ApiVersion::V2, |service| service.version);
    let profile = service.and_then(|service| service.profile);
    let is_static = profile == Some(Profile::Level0);
    let Some((width, height)) = reference.size(size.width.get(), size.height.get()) else {
        return Described::default();
    };
    let full = Extent {
        width: width.into(),
        height: height.into(),
    };
    let short_px = u64::from(short_px);
    let wanted = full
        .shrunk(short_px)
        .within(Limits::of(info).within(MAX_LONG_PX));
    let requests = Requests {
        reference,
        full,
        version,
        can_width_and_height: profile == Some(Profile::Level2) || can(info, "sizeByWh"),
        format: format(info),
    };
    // Sizes and tiles are those of the whole image.
    let named = match reference.is_whole() {
        true => named_sizes(info),
        false => Vec::new(),
    };
    let offers = match is_static {
        true => of_static(info, base, &named, wanted, &requests),
        false => {
            let ready = smallest(&named, wanted).filter(|size| {
                #[expect(clippy::cast_precision_loss, reason = "sides are below 2^31")]
                let fits = size.area() as f64 <= wanted.area() as f64 * NAMED_AREA;
                fits
            });
            requests.of(ready.unwrap_or(wanted))
        }
    };
    Described {
        offers,
        is_of_server: false,
        has_one_size: !is_static,
    }
}

/// A static server has the sizes that it names, all of the image perhaps, and tiles.
fn of_static(
    info: &Value,
    base: &str,
    named: &[Extent],
    wanted: Extent,
    requests: &Requests<'_>,
) -> Vec<Offer> {
    let width = u32::try_from(wanted.width).unwrap_or(u32::MAX);
    let tiling = (requests.reference.is_whole())
        .then(|| Tiling::of(info, width))
        .flatten();
    let whole = smallest(named, wanted);
    let tiled_px =
        (tiling.as_ref()).map(|tiling| u64::from(tiling.width) * u64::from(tiling.height));
    let tiles = tiling.map(|tiling| {
        Offer::Tiles(Tiled {
            base: base.to_owned(),
            quality: requests.quality(),
            tiling,
        })
    });
    let ready = whole.map(|size| requests.sized(size)).unwrap_or_default();
    let is_much_larger = |size: Extent| tiled_px.is_some_and(|px| size.area() > px * MUCH_LARGER);
    // One request is better than several, unless it brings much more.
    let (first, second): (Vec<Offer>, Vec<Offer>) = match whole {
        Some(size) if !is_much_larger(size) => (ready, tiles.into_iter().collect()),
        _ => (tiles.into_iter().collect(), ready),
    };
    let largest = named.iter().max_by_key(|size| size.area());
    let narrower = (largest.filter(|_| whole.is_none())).map(|size| requests.sized(*size));
    let all = requests.whole();
    (first.into_iter())
        .chain(second)
        .chain(all)
        .chain(narrower.into_iter().flatten())
        .collect()
}

/// The smallest of these sizes that is large enough.
fn smallest(named: &[Extent], wanted: Extent) -> Option<Extent> {
    (named.iter())
        .filter(|size| size.width >= wanted.width && size.height >= wanted.height)
        .min_by_key(|size| size.area())
        .copied()
}

/// Whether the server can do more than its level demands: `extraFeatures` of version 3, `supports` in the profile of
/// version 2.
pub(super) fn can(info: &Value, feature: &str) -> bool {
    let profiles = info["profile"].as_array().into_iter().flatten();
    let features =
        std::iter::once(&info["extraFeatures"]).chain(profiles.map(|profile| &profile["supports"]));
    features.flat_map(names).any(|name| name == feature)
}

pub(super) fn named_sizes(info: &Value) -> Vec<Extent> {
    (info["sizes"].as_array().into_iter().flatten())
        .filter_map(|size| {
            let (width, height) = (size["width"].as_u64()?, size["height"].as_u64()?);
            let sides = 1..=u64::from(u32::MAX);
            (sides.contains(&width) && sides.contains(&height)).then_some(Extent { width, height })
        })
        .collect()
}

/// The ending of pictures: every server has JPEG, unless it says that it would rather give something else and does
/// not count JPEG in.
fn format(info: &Value) -> &'static str {
    let preferred = names(&info["preferredFormats"]);
    if preferred.is_empty() || preferred.contains(&"jpg") {
        return "jpg";
    }
    let known = ["webp", "png", "gif", "tif"];
    (known.into_iter())
        .find(|known| preferred.contains(known))
        .unwrap_or("jpg")
}

/// How this server wants requests to be written.
struct Requests<'a> {
    reference: &'a Reference<'a>,
    /// Of what is asked for.
    full: Extent,
    version: ApiVersion,
    /// Whether it takes `w,h`, the canonical form of version 3. All take `w,`.
    can_width_and_height: bool,
    format: &'static str,
}

impl Requests<'_> {
    fn quality(&self) -> &'static str {
        match self.version {
            ApiVersion::V1 => "native",
            ApiVersion::V2 | ApiVersion::V3 => "default",
        }
    }

    /// A picture of this size.
    fn of(&self, wanted: Extent) -> Vec<Offer> {
        match wanted == self.full {
            true => self.whole().into_iter().chain(self.sized(wanted)).collect(),
            false => self.sized(wanted),
        }
    }

    /// All that the server has of it.
    fn whole(&self) -> Vec<Offer> {
        let words: &[&str] = match self.version {
            ApiVersion::V1 => &["full"],
            ApiVersion::V2 => &["full", "max"],
            ApiVersion::V3 => &["max"],
        };
        words.iter().map(|word| self.request(word)).collect()
    }

    /// In both spellings, that which is canonical first.
    fn sized(&self, size: Extent) -> Vec<Offer> {
        let Extent { width, height } = size;
        let mut spellings = [format!("{width},"), format!("{width},{height}")];
        if self.version == ApiVersion::V3 && self.can_width_and_height {
            spellings.reverse();
        }
        spellings.iter().map(|size| self.request(size)).collect()
    }

    fn request(&self, size: &str) -> Offer {
        let name = format!("{}.{}", self.quality(), self.format);
        Offer::Picture(self.reference.request(size, &name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::info;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn offers(info: &Value, url: &str, short_px: u32) -> Vec<String> {
        let size = info::size(info).expect("a size");
        let described = described(info, size, &Reference::parse(url), short_px);
        (described.offers.into_iter())
            .map(|offer| match offer {
                Offer::Picture(url) => url.trim_start_matches("http://h/i/").to_owned(),
                Offer::Tiles(tiled) => format!("{} tiles", tiled.tiling.tiles.len()),
            })
            .collect()
    }

    fn version_2(width: u32, height: u32, more: Value) -> Value {
        json!({
            "@context": "http://iiif.io/api/image/2/context.json", "@id": "http://h/i",
            "width": width, "height": height,
            "profile": ["http://iiif.io/api/image/2/level2.json", more],
        })
    }

    fn version_3(width: u32, height: u32, profile: &str, more: Value) -> Value {
        let mut info = json!({
            "@context": "http://iiif.io/api/image/3/context.json", "id": "http://h/i", "type": "ImageService3",
            "width": width, "height": height, "profile": profile,
        });
        let members = info.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        info
    }

    #[test]
    fn the_shorter_side_is_what_counts() {
        for (width, height, expected) in [
            (
                4000,
                3000,
                vec!["full/299,/0/default.jpg", "full/299,224/0/default.jpg"],
            ),
            (
                3000,
                4000,
                vec!["full/224,/0/default.jpg", "full/224,299/0/default.jpg"],
            ),
            // A scroll and a column, which a width of 640 makes 43 and 9600 pixels high.
            (
                12_000,
                800,
                vec!["full/3360,/0/default.jpg", "full/3360,224/0/default.jpg"],
            ),
            (
                800,
                12_000,
                vec!["full/224,/0/default.jpg", "full/224,3360/0/default.jpg"],
            ),
            // Longer than any use.
            (
                400_000,
                2000,
                vec!["full/8192,/0/default.jpg", "full/8192,40/0/default.jpg"],
            ),
            // Nothing is enlarged.
            (
                300,
                200,
                vec![
                    "full/full/0/default.jpg",
                    "full/max/0/default.jpg",
                    "full/300,/0/default.jpg",
                    "full/300,200/0/default.jpg",
                ],
            ),
        ] {
            let info = version_2(width, height, json!({}));
            assert_eq!(offers(&info, "http://h/i", 224), expected);
        }
    }

    #[test]
    fn each_version_is_asked_as_it_writes_requests() {
        let info = version_3(4000, 3000, "level2", json!({}));
        assert_eq!(
            offers(&info, "http://h/i/", 224),
            ["full/299,224/0/default.jpg", "full/299,/0/default.jpg"]
        );
        let info = version_3(4000, 3000, "level1", json!({}));
        assert_eq!(
            offers(&info, "http://h/i", 224)[0],
            "full/299,/0/default.jpg"
        );
        let info = version_3(4000, 3000, "level1", json!({"extraFeatures": ["sizeByWh"]}));
        assert_eq!(
            offers(&info, "http://h/i", 224)[0],
            "full/299,224/0/default.jpg"
        );
        let info = version_3(200, 3000, "level2", json!({}));
        assert_eq!(
            offers(&info, "http://h/i", 224)[0],
            "full/max/0/default.jpg"
        );
        let info = json!({
            "@context": "http://library.stanford.edu/iiif/image-api/1.1/context.json", "width": 4000, "height": 3000,
        });
        assert_eq!(
            offers(&info, "http://h/i", 224),
            ["full/299,/0/native.jpg", "full/299,224/0/native.jpg"]
        );
        // A part has the size that counts, and none of those that are named.
        let info = version_2(
            4000,
            3000,
            json!({"sizes": [{"width": 300, "height": 225}]}),
        );
        assert_eq!(
            offers(&info, "http://h/i/0,0,1000,500/max/0/default.jpg", 224)[0],
            "0,0,1000,500/448,/0/default.jpg"
        );
        assert_eq!(
            offers(&info, "http://h/i/5000,0,1,1/max/0/default.jpg", 224),
            Vec::<String>::new(),
            "nothing is there"
        );
    }

    #[test]
    fn a_size_that_is_ready_is_taken() {
        let sizes = |width: u32, height: u32| {
            let mut info = version_2(4000, 3000, json!({}));
            info["sizes"] = json!([
                {"width": 100, "height": 75}, {"width": width, "height": height}, {"width": 4000, "height": 3000},
                {"width": 0, "height": 3}, {"width": "x"},
            ]);
            offers(&info, "http://h/i", 224)[0].clone()
        };
        assert_eq!(sizes(320, 240), "full/320,/0/default.jpg");
        assert_eq!(sizes(500, 375), "full/299,/0/default.jpg", "much larger");
        assert_eq!(sizes(299, 223), "full/299,/0/default.jpg", "too small");
    }

    #[test]
    fn a_server_is_not_asked_beyond_its_limits() {
        for (limits, expected) in [
            (json!({"maxWidth": 200}), "full/200,/0/default.jpg"),
            (
                json!({"maxWidth": 1000, "maxHeight": 112}),
                "full/149,/0/default.jpg",
            ),
            (json!({"maxArea": 20_000}), "full/163,/0/default.jpg"),
            (
                json!({"maxWidth": 1000, "maxArea": 1_000_000}),
                "full/299,/0/default.jpg",
            ),
            (
                json!({"maxWidth": 0, "maxArea": -4}),
                "full/299,/0/default.jpg",
            ),
        ] {
            let info = version_2(4000, 3000, limits.clone());
            assert_eq!(offers(&info, "http://h/i", 224)[0], expected, "{limits}");
            let info = version_3(4000, 3000, "level1", limits.clone());
            assert_eq!(offers(&info, "http://h/i", 224)[0], expected, "{limits}");
        }
    }

    #[test]
    fn a_format_that_is_preferred_is_taken_where_jpeg_is_not() {
        for (preferred, ending) in [
            (json!(["png"]), "png"),
            (json!(["jp2", "webp", "png"]), "webp"),
            (json!(["png", "jpg"]), "jpg"),
            (json!(["jp2"]), "jpg"),
            (json!([]), "jpg"),
        ] {
            let info = version_3(4000, 3000, "level2", json!({"preferredFormats": preferred}));
            let url = offers(&info, "http://h/i", 224)[0].clone();
            assert!(url.ends_with(&format!("default.{ending}")), "{url}");
        }
    }

    #[test]
    fn a_static_server_has_what_it_names() {
        let tiles = json!([{"width": 256, "scaleFactors": [1, 2, 4, 8]}]);
        for (sizes, expected) in [
            (json!([]), vec!["2 tiles", "full/max/0/default.jpg"]),
            (
                json!([{"width": 500, "height": 250}, {"width": 250, "height": 125}]),
                vec![
                    "full/500,/0/default.jpg",
                    "full/500,250/0/default.jpg",
                    "2 tiles",
                    "full/max/0/default.jpg",
                ],
            ),
            (
                json!([{"width": 4000, "height": 2000}]),
                vec![
                    "2 tiles",
                    "full/4000,/0/default.jpg",
                    "full/4000,2000/0/default.jpg",
                    "full/max/0/default.jpg",
                ],
            ),
            (
                json!([{"width": 250, "height": 125}]),
                vec![
                    "2 tiles",
                    "full/max/0/default.jpg",
                    "full/250,/0/default.jpg",
                    "full/250,125/0/default.jpg",
                ],
            ),
        ] {
            let more = json!({"sizes": sizes, "tiles": tiles});
            let info = version_3(4000, 2000, "level0", more);
            // In the scale of 8 the shorter side has 250 pixels.
            assert_eq!(offers(&info, "http://h/i", 250), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_small_and_large_enough(
            width in 1u32..60_000, height in 1u32..60_000, short_px in 1u32..600
        ) {
            let full = Extent { width: width.into(), height: height.into() };
            let shrunk = full.shrunk(short_px.into());
            prop_assert!(shrunk.width <= full.width && shrunk.height <= full.height);
            let short = u64::from(short_px).min(full.short());
            prop_assert_eq!(shrunk.short(), short);
            // Whichever side the server goes by, and however it rounds, the other is long enough.
            if shrunk.width >= shrunk.height {
                prop_assert!(full.height * shrunk.width / full.width >= short);
            } else {
                prop_assert!(full.width * shrunk.height / full.height >= short);
            }
            let limits = Limits { width: 700, height: 500, area: 90_000 };
            let within = shrunk.within(limits);
            prop_assert!(within.width <= 700 && within.height <= 500 && within.area() <= 90_000);
            prop_assert!(within.width > 0 && within.height > 0);
        }
    }
}

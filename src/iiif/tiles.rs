//! The tiles of an image, for servers that give nothing else (level 0): which there are, and where they belong; pure.
//!
//! Image API 3.0, section 5.4 and implementation note "tiles"; of versions 1.1 and 2 as well.

use serde_json::Value;

/// An image in one of the scales that its tiles come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiling {
    /// Width of the whole in this scale, pixels.
    pub width: u32,
    /// Height of the whole in this scale, pixels.
    pub height: u32,
    /// The tiles, row by row.
    pub tiles: Vec<Tile>,
}

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// `x,y,w,h` in the full image.
    region: [u32; 4],
    /// Whether `region` is all of it.
    is_whole: bool,
    /// Left edge in the result, pixels.
    pub x: u32,
    /// Upper edge in the result, pixels.
    pub y: u32,
    /// Width in the result, pixels.
    pub width: u32,
    /// Height in the result, pixels.
    pub height: u32,
}

/// How the files of a server are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `x,y,w,h/w,`: the canonical form of version 2.
    Width,
    /// `x,y,w,h/w,h`: the canonical form of version 3.
    WidthAndHeight,
    /// `full/w,` of the tile that is the whole image.
    FullWidth,
    /// `full/w,h` of the tile that is the whole image.
    FullWidthAndHeight,
}

impl Spelling {
    /// All there are, those of the versions first.
    pub const ALL: [Self; 4] = [
        Self::Width,
        Self::WidthAndHeight,
        Self::FullWidth,
        Self::FullWidthAndHeight,
    ];

    /// As `sizes.csv` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Width => "region-w",
            Self::WidthAndHeight => "region-wh",
            Self::FullWidth => "full-w",
            Self::FullWidthAndHeight => "full-wh",
        }
    }
}

/// Most tiles that an image is put together from: each is a request.
const MAX_TILES: u64 = 256;
/// Most pixels that an image is put together to.
const MAX_PX: u64 = 1 << 25;

impl Tiling {
    /// The smallest tiling of the image that `info` (an info.json) describes which is `wished_px` wide or more, or
    /// else the largest; none if it has no tiles, or too many of them.
    #[must_use]
    pub fn of(info: &Value, wished_px: u32) -> Option<Self> {
        let (width, height) = (side(&info["width"])?, side(&info["height"])?);
        let scales = scales(info).into_iter().filter(|scale| {
            let columns = width.div_ceil(scale.step_x());
            let rows = height.div_ceil(scale.step_y());
            let [width, height] = [width, height].map(|px| px.div_ceil(scale.factor));
            columns * rows <= MAX_TILES && width * height <= MAX_PX
        });
        let (enough, less): (Vec<Scale>, Vec<Scale>) =
            scales.partition(|scale| width.div_ceil(scale.factor) >= u64::from(wished_px));
        // Of equal scales that with larger tiles, which are fewer requests.
        let scale = (enough.into_iter())
            .max_by_key(|scale| (scale.factor, scale.width * scale.height))
            .or_else(|| {
                (less.into_iter()).min_by_key(|scale| {
                    (scale.factor, std::cmp::Reverse(scale.width * scale.height))
                })
            })?;
        scale.tiling(width, height)
    }
}

impl Tile {
    /// The tile that shows all of an image of `full` pixels in `width` x `height`.
    #[must_use]
    pub fn whole(full: [u32; 2], width: u32, height: u32) -> Self {
        Self {
            region: [0, 0, full[0], full[1]],
            is_whole: true,
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    /// The request for it; none where it cannot be spelled so.
    #[must_use]
    pub fn url(&self, base: &str, quality: &str, spelling: Spelling) -> Option<String> {
        let [x, y, w, h] = self.region;
        let (width, height) = (self.width, self.height);
        let (region, size) = match spelling {
            Spelling::Width => (format!("{x},{y},{w},{h}"), format!("{width},")),
            Spelling::WidthAndHeight => (format!("{x},{y},{w},{h}"), format!("{width},{height}")),
            Spelling::FullWidth | Spelling::FullWidthAndHeight if !self.is_whole => return None,
            Spelling::FullWidth => ("full".to_owned(), format!("{width},")),
            Spelling::FullWidthAndHeight => ("full".to_owned(), format!("{width},{height}")),
        };
        Some(format!("{base}/{region}/{size}/0/{quality}.jpg"))
    }
}

/// Tiles of `width` x `height` pixels that each show `factor` times as many of the image in both directions.
struct Scale {
    width: u64,
    height: u64,
    factor: u64,
}

impl Scale {
    /// Pixels of the image from one tile to the next in its row.
    fn step_x(&self) -> u64 {
        self.width * self.factor
    }

    /// Pixels of the image from one row of tiles to the next.
    fn step_y(&self) -> u64 {
        self.height * self.factor
    }

    fn tiling(&self, width: u64, height: u64) -> Option<Tiling> {
        let mut tiles = Vec::new();
        for y in (0..height).step_by(usize::try_from(self.step_y()).ok()?) {
            for x in (0..width).step_by(usize::try_from(self.step_x()).ok()?) {
                let w = self.step_x().min(width - x);
                let h = self.step_y().min(height - y);
                let px = |px: u64| u32::try_from(px).ok();
                tiles.push(Tile {
                    region: [px(x)?, px(y)?, px(w)?, px(h)?],
                    is_whole: (w, h) == (width, height),
                    x: px(x / self.factor)?,
                    y: px(y / self.factor)?,
                    width: px(w.div_ceil(self.factor))?,
                    height: px(h.div_ceil(self.factor))?,
                });
            }
        }
        Some(Tiling {
            width: u32::try_from(width.div_ceil(self.factor)).ok()?,
            height: u32::try_from(height.div_ceil(self.factor)).ok()?,
            tiles,
        })
    }
}

/// Width and height of the picture that shows all of the image that `info` (an info.json) describes in one tile;
/// none if it has no tiles.
///
/// Programs leave out the scale in which they have it: it is the next power of two then.
#[must_use]
pub fn in_one(info: &Value) -> Option<(u32, u32)> {
    let (width, height) = (side(&info["width"])?, side(&info["height"])?);
    let scales = scales(info);
    let is_one = |scale: &Scale| width <= scale.step_x() && height <= scale.step_y();
    let named = (scales.iter())
        .filter(|scale| is_one(scale))
        .map(|scale| scale.factor);
    let factor = named.min().or_else(|| {
        let powers = (0..31).map(|power| 1 << power);
        (scales.iter())
            .filter_map(|scale| {
                powers.clone().find(|factor| {
                    is_one(&Scale {
                        factor: *factor,
                        ..*scale
                    })
                })
            })
            .min()
    })?;
    let scaled = |px: u64| u32::try_from(px.div_ceil(factor)).ok();
    Some((scaled(width)?, scaled(height)?))
}

/// `tiles` of versions 2 and 3, `tile_width` and `scale_factors` of version 1.1.
fn scales(info: &Value) -> Vec<Scale> {
    let sets = info["tiles"].as_array().into_iter().flatten().map(|set| {
        (
            &set["width"],
            side(&set["height"]).map_or(&set["width"], |_| &set["height"]),
            &set["scaleFactors"],
        )
    });
    let old = side(&info["tile_width"]).map(|_| {
        (
            &info["tile_width"],
            side(&info["tile_height"]).map_or(&info["tile_width"], |_| &info["tile_height"]),
            &info["scale_factors"],
        )
    });
    sets.chain(old)
        .filter_map(|(width, height, factors)| Some((side(width)?, side(height)?, factors)))
        .flat_map(|(width, height, factors)| {
            let factors: Vec<u64> = match factors.as_array() {
                // As libvips writes it for an image that is smaller than a tile.
                Some(none) if none.is_empty() => vec![1],
                all => all.into_iter().flatten().filter_map(side).collect(),
            };
            (factors.into_iter()).map(move |factor| Scale {
                width,
                height,
                factor,
            })
        })
        .collect()
}

/// A number of pixels that can be.
fn side(value: &Value) -> Option<u64> {
    value.as_u64().filter(|px| (1..=1 << 31).contains(px))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// The files that `vips dzsave --layout iiif3 --tile-size 256` makes of 1003 x 905 pixels in the scale of 2.
    #[test]
    fn tiles_are_called_as_static_servers_have_them() {
        let info = json!({"width": 1003, "height": 905, "tiles": [{"width": 256, "scaleFactors": [1, 2, 4]}]});
        let tiling = Tiling::of(&info, 500).unwrap();
        assert_eq!((tiling.width, tiling.height), (502, 453));
        let urls: Vec<String> = (tiling.tiles.iter())
            .map(|tile| {
                tile.url("http://h/i", "default", Spelling::WidthAndHeight)
                    .unwrap()
            })
            .collect();
        assert_eq!(
            urls,
            [
                "http://h/i/0,0,512,512/256,256/0/default.jpg",
                "http://h/i/512,0,491,512/246,256/0/default.jpg",
                "http://h/i/0,512,512,393/256,197/0/default.jpg",
                "http://h/i/512,512,491,393/246,197/0/default.jpg",
            ]
        );
        // All of the image in one tile, which may be called full.
        let tiling = Tiling::of(&info, 250).unwrap();
        let urls: Vec<String> = (Spelling::ALL.iter())
            .filter_map(|spelling| tiling.tiles[0].url("b", "native", *spelling))
            .collect();
        assert_eq!(
            urls,
            [
                "b/0,0,1003,905/251,/0/native.jpg",
                "b/0,0,1003,905/251,227/0/native.jpg",
                "b/full/251,/0/native.jpg",
                "b/full/251,227/0/native.jpg",
            ]
        );
        // Nothing is wide enough: the largest.
        assert_eq!(Tiling::of(&info, 5000).unwrap().width, 1003);
    }

    #[test]
    fn of_equal_scales_that_with_fewer_tiles_is_taken() {
        let info = json!({"width": 2000, "height": 1000, "tiles": [
            {"width": 256, "scaleFactors": [1, 2]},
            {"width": 512, "height": 1024, "scaleFactors": [1, 2]},
        ]});
        assert_eq!(Tiling::of(&info, 900).unwrap().tiles.len(), 2);
        assert_eq!(Tiling::of(&info, 2001).unwrap().tiles.len(), 4);
        let old = json!({"width": 2000, "height": 1000, "tile_width": 512, "scale_factors": [4]});
        assert_eq!(Tiling::of(&old, 100).unwrap().tiles.len(), 1);
    }

    #[test]
    fn all_of_an_image_is_in_one_tile_of_some_scale() {
        let tiles = |tiles: Value| json!({"width": 1003, "height": 905, "tiles": tiles});
        for (info, expected) in [
            // libvips 8.14 leaves out the scale of 4, libvips 8.17 names it.
            (
                tiles(json!([{"width": 256, "scaleFactors": [1, 2]}])),
                Some((251, 227)),
            ),
            (
                tiles(json!([{"width": 256, "scaleFactors": [1, 2, 4]}])),
                Some((251, 227)),
            ),
            (
                tiles(json!([{"width": 256, "scaleFactors": [1, 5, 8]}])),
                Some((201, 181)),
            ),
            (
                tiles(
                    json!([{"width": 128, "scaleFactors": [1]}, {"width": 600, "height": 500, "scaleFactors": [1]}]),
                ),
                Some((502, 453)),
            ),
            (tiles(json!([])), None),
            (tiles(json!([{"width": 0, "scaleFactors": [1]}])), None),
            (
                json!({"width": 1003, "tiles": [{"width": 256, "scaleFactors": [1]}]}),
                None,
            ),
        ] {
            assert_eq!(in_one(&info), expected, "{info}");
        }
        let huge =
            json!({"width": 1u64 << 31, "height": 1, "tiles": [{"width": 1, "scaleFactors": [1]}]});
        assert_eq!(in_one(&huge), None);
    }

    /// `vips dzsave --layout iiif` of 100 x 80 pixels, version 8.14.
    #[test]
    fn an_image_smaller_than_a_tile_is_one() {
        let info =
            json!({"width": 100, "height": 80, "tiles": [{"scaleFactors": [], "width": 512}]});
        let tiling = Tiling::of(&info, 640).unwrap();
        assert_eq!((tiling.width, tiling.height), (100, 80));
        assert_eq!(
            tiling.tiles[0].url("b", "default", Spelling::Width),
            Some("b/0,0,100,80/100,/0/default.jpg".to_owned())
        );
    }

    #[test]
    fn what_has_no_tiles_or_too_many_gives_nothing() {
        for info in [
            json!({}),
            json!([]),
            json!({"width": 100, "height": 100}),
            json!({"width": 100, "height": 100, "tiles": []}),
            json!({"width": 100, "height": 100, "tiles": [{"width": 0, "scaleFactors": [1]}]}),
            json!({"width": 100, "height": 100, "tiles": [{"width": 10, "scaleFactors": [0, -1, "2"]}]}),
            json!({"width": 1 << 30, "height": 1 << 30, "tiles": [{"width": 1, "scaleFactors": [1]}]}),
            json!({"width": 1 << 31, "height": 1 << 31, "tiles": [{"width": 1 << 31, "scaleFactors": [1]}]}),
        ] {
            assert_eq!(Tiling::of(&info, 640), None, "{info}");
        }
    }

    proptest! {
        /// Each pixel of the result is in one tile, and each of the image in one region.
        #[test]
        fn tiles_cover_the_image_once(
            width in 1u32..500, height in 1u32..500, tile in 30u32..300, factor in 1u32..9, wished in 1u32..600,
        ) {
            let info = json!({"width": width, "height": height, "tiles": [{"width": tile, "scaleFactors": [factor, 1]}]});
            if let Some(tiling) = Tiling::of(&info, wished) {
                let area: u64 = tiling.tiles.iter().map(|t| u64::from(t.region[2]) * u64::from(t.region[3])).sum();
                prop_assert_eq!(area, u64::from(width) * u64::from(height));
                let mut seen = vec![0u8; (tiling.width * tiling.height) as usize];
                for tile in &tiling.tiles {
                    for y in tile.y..tile.y + tile.height {
                        for x in tile.x..tile.x + tile.width {
                            seen[(y * tiling.width + x) as usize] += 1;
                        }
                    }
                }
                prop_assert!(seen.iter().all(|n| *n == 1));
            }
        }
    }
}

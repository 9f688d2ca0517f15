//! What a server gives of an image at most, as its info.json has it; pure.

use crate::collection::sizes::{ImageSize, Largest};
use serde_json::Value;
use std::num::NonZeroU32;

/// Pixels that no picture of a server has more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) area: u64,
}

impl Limits {
    /// `maxWidth`, `maxHeight` and `maxArea`: of version 3 beside the other members, of 2.1 in the profile. Without
    /// a `maxHeight` the `maxWidth` holds for both.
    pub(super) fn of(info: &Value) -> Self {
        let profiles = info["profile"].as_array().into_iter().flatten();
        let places: Vec<&Value> = std::iter::once(info).chain(profiles).collect();
        let named = |name: &str| {
            (places.iter())
                .filter_map(|place| place[name].as_u64())
                .find(|px| *px > 0)
        };
        let width = named("maxWidth");
        Self {
            width: width.unwrap_or(u64::MAX),
            height: named("maxHeight").or(width).unwrap_or(u64::MAX),
            area: named("maxArea").unwrap_or(u64::MAX),
        }
    }

    /// The same, with no side beyond `px`.
    pub(super) fn within(self, px: u64) -> Self {
        Self {
            width: self.width.min(px),
            height: self.height.min(px),
            area: self.area.min(px * px),
        }
    }

    /// The largest picture of an image of this size, by its width, which is what is asked for: however the server
    /// rounds the height, that is within the limits. None if that is the image itself.
    pub(super) fn largest(self, size: ImageSize) -> Option<Largest> {
        let [width, height] = [size.width, size.height].map(|px| u64::from(px.get()));
        let is_given = |px: u64| {
            let high = (height * px).div_ceil(width);
            px <= self.width && high <= self.height && px * high <= self.area
        };
        if is_given(width) {
            return None;
        }
        // What is given is all up to some width. One pixel is asked for in any case.
        let (mut given, mut refused) = (1, width);
        while refused - given > 1 {
            let between = given + (refused - given) / 2;
            match is_given(between) {
                true => given = between,
                false => refused = between,
            }
        }
        let side = |px: u64| u32::try_from(px).ok().and_then(NonZeroU32::new);
        Some(Largest {
            width: side(given)?,
            height: side((height * given / width).max(1))?,
            file: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::sizes::Measured;
    use proptest::prelude::*;
    use serde_json::json;

    fn largest(info: &Value, width: u64, height: u64) -> Option<(u32, u32)> {
        let size = ImageSize::new(width, height, Measured::Info, None).unwrap();
        let largest = Limits::of(info).largest(size)?;
        assert_eq!(largest.file, None);
        Some((largest.width.get(), largest.height.get()))
    }

    #[test]
    fn limits_are_those_that_info_json_names() {
        let in_profile =
            |limits: Value| json!({"profile": ["http://iiif.io/api/image/2/level2.json", limits]});
        for (info, width, height, expected) in [
            (json!({}), 4000, 3000, None),
            (json!({"profile": "level2"}), 4000, 3000, None),
            (json!({"maxWidth": 4000}), 4000, 3000, None),
            (json!({"maxWidth": 700}), 4000, 3000, Some((700, 525))),
            // Of the height as well.
            (json!({"maxWidth": 700}), 3000, 4000, Some((525, 700))),
            (
                json!({"maxWidth": 700, "maxHeight": 4000}),
                3000,
                4000,
                Some((700, 933)),
            ),
            (json!({"maxHeight": 300}), 4000, 3000, Some((400, 300))),
            (json!({"maxArea": 120_000}), 4000, 3000, Some((400, 300))),
            (
                json!({"maxWidth": 700, "maxArea": 120_000}),
                4000,
                3000,
                Some((400, 300)),
            ),
            (
                json!({"maxWidth": 300, "maxArea": 120_000}),
                4000,
                3000,
                Some((300, 225)),
            ),
            (
                in_profile(json!({"maxWidth": 700})),
                4000,
                3000,
                Some((700, 525)),
            ),
            (
                in_profile(json!({"maxArea": 120_000})),
                4000,
                3000,
                Some((400, 300)),
            ),
            // No limits.
            (
                json!({"maxWidth": 0, "maxHeight": -3, "maxArea": "big"}),
                4000,
                3000,
                None,
            ),
            // Nothing of this image fits.
            (json!({"maxHeight": 3}), 10, 100_000, Some((1, 10_000))),
        ] {
            assert_eq!(largest(&info, width, height), expected, "{info}");
        }
    }

    proptest! {
        /// By trying all widths.
        #[test]
        fn the_largest_is_the_widest_that_is_within_the_limits(
            width in 1u64..200, height in 1u64..200,
            max_width in 1u64..250, max_height in 1u64..250, area in 1u64..40_000,
        ) {
            let limits = Limits { width: max_width, height: max_height, area };
            let size = ImageSize::new(width, height, Measured::Info, None).unwrap();
            let fits = |px: u64| {
                let high = (height * px).div_ceil(width);
                px <= max_width && high <= max_height && px * high <= area
            };
            let widest = (1..=width).filter(|px| fits(*px)).max().unwrap_or(1);
            let found = limits.largest(size).map_or(width, |largest| largest.width.get().into());
            prop_assert_eq!(found, widest);
        }
    }
}

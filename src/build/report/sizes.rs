//! How large the images of a collection are, in a few numbers; pure.

use crate::collection::sizes::{ImageSize, Measured};
use serde::Serialize;

/// Sizes in a few numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SizesReport {
    /// Images whose size is that of the original, from info.json.
    pub from_info: usize,
    /// Images of which the size of the delivered picture is known alone.
    pub delivered: usize,
    /// Images of unknown size.
    pub unknown: usize,
    /// Width and height, in pixels, of the image with the fewest pixels, of the one in the middle, and of the one
    /// with the most; of originals alone.
    pub smallest_median_largest: Option<[[u32; 2]; 3]>,
    /// Originals that are more than five times as long as wide, or the other way round: of such a model sees the
    /// middle alone.
    pub long: usize,
}

const LONG: u32 = 5;

/// The sizes of all images.
pub(super) fn report(sizes: impl Iterator<Item = Option<ImageSize>>) -> SizesReport {
    let mut report = SizesReport::default();
    let mut originals = Vec::new();
    for size in sizes {
        match size {
            None => report.unknown += 1,
            Some(size) if size.measured == Measured::Delivered => report.delivered += 1,
            Some(size) => {
                let (width, height) = (size.width.get(), size.height.get());
                report.from_info += 1;
                let (short, long) = (width.min(height), width.max(height));
                if long / LONG > short {
                    report.long += 1;
                }
                originals.push([width, height]);
            }
        }
    }
    originals.sort_unstable_by_key(|[width, height]| u64::from(*width) * u64::from(*height));
    if let (Some(first), Some(last)) = (originals.first(), originals.last()) {
        report.smallest_median_largest = Some([*first, originals[originals.len() / 2], *last]);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_a_few_numbers() {
        let size = |width, height, measured| ImageSize::new(width, height, measured, None);
        let sizes = [
            size(4000, 3000, Measured::Info),
            size(12_000, 800, Measured::Info),
            size(300, 200, Measured::Info),
            size(640, 480, Measured::Delivered),
            None,
        ];
        assert_eq!(
            report(sizes.into_iter()),
            SizesReport {
                from_info: 3,
                delivered: 1,
                unknown: 1,
                smallest_median_largest: Some([[300, 200], [12_000, 800], [4000, 3000]]),
                long: 1,
            }
        );
        assert_eq!(report(std::iter::empty()), SizesReport::default());
    }
}

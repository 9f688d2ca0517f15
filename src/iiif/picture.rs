//! A picture of an image: a URL that its server answers, and how large it is.

use super::full_image_url;
use super::reference::{Reference, asks_natively, may_be_file};
use super::tiles::Tile;
use crate::collection::sizes::{ApiVersion, ImageSize, Largest, Measured, Profile};
use serde_json::{Value, json};
use std::num::NonZeroU32;

/// Media type of every picture that is asked for.
const FORMAT: &str = "image/jpeg";

/// A picture of a whole image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where it is.
    pub url: String,
    /// In pixels.
    pub width: NonZeroU32,
    /// In pixels.
    pub height: NonZeroU32,
}

impl Picture {
    /// The picture of the image at `iiif_url` that is `width_px` wide, or as wide as the image or the largest picture
    /// that its server gives, if that is less: servers may refuse to make it larger. One of level 0 has files in fixed
    /// sizes, and gives that which is known, or the whole image.
    #[must_use]
    pub fn new(iiif_url: &str, size: ImageSize, width_px: NonZeroU32) -> Self {
        let reference = Reference::parse(iiif_url);
        if reference.service().is_none() || is_of_file(&reference, iiif_url, size) {
            return Self {
                url: iiif_url.to_owned(),
                width: size.width,
                height: size.height,
            };
        }
        // Of a part of an image no service is known; how the URL asks for it tells the first version.
        let version = match size.service {
            Some(service) => Some(service.version),
            None => asks_natively(iiif_url).then_some(ApiVersion::V1),
        };
        let (quality, whole) = match version {
            Some(ApiVersion::V1) => ("native", "full"),
            Some(ApiVersion::V2) => ("default", "full"),
            Some(ApiVersion::V3) | None => ("default", "max"),
        };
        if let Some((url, largest)) = file(&reference, size, quality) {
            return Self {
                url,
                width: largest.width,
                height: largest.height,
            };
        }
        if is_fixed(size) {
            return Self {
                url: reference.picture(whole, quality).into_owned(),
                width: size.width,
                height: size.height,
            };
        }
        let width = width_px.min(size.width);
        let width = (size.largest).map_or(width, |largest| width.min(largest.width));
        Self {
            url: reference
                .picture(&format!("{width},"), quality)
                .into_owned(),
            width,
            height: scaled(size.height, width, size.width),
        }
    }

    /// It as a resource of type Image.
    #[must_use]
    pub fn resource(&self) -> Value {
        json!({
            "id": self.url,
            "type": "Image",
            "format": FORMAT,
            "width": self.width,
            "height": self.height,
        })
    }
}

/// A picture to show of the image at `iiif_url`: `width_px` wide, or less where that is known to be more than the
/// image has.
#[must_use]
pub fn link(iiif_url: &str, size: Option<ImageSize>, width_px: NonZeroU32) -> String {
    match size {
        Some(size) => Picture::new(iiif_url, size, width_px).url,
        None => full_image_url(iiif_url, width_px.get()),
    }
}

/// Whether the URL of an image of this size is that of a file: it looks like one, and nobody described a service.
fn is_of_file(reference: &Reference<'_>, iiif_url: &str, size: ImageSize) -> bool {
    size.measured == Measured::Delivered && may_be_file(iiif_url) && reference.is_whole()
}

/// The file that shows all of an image of this size, where its server has it in that size alone.
fn file(reference: &Reference<'_>, size: ImageSize, quality: &str) -> Option<(String, Largest)> {
    let largest = size.largest?;
    let full = [size.width.get(), size.height.get()];
    let file = Tile::whole(full, largest.width.get(), largest.height.get());
    let url = file.url(reference.service()?, quality, largest.file?)?;
    Some((url, largest))
}

/// Whether the server gives fixed sizes alone.
pub(crate) fn is_fixed(size: ImageSize) -> bool {
    let profile = size.service.and_then(|service| service.profile);
    match size.largest {
        Some(largest) => largest.file.is_some(),
        None => profile == Some(Profile::Level0),
    }
}

/// `side * width / of_width`, rounded, and not zero.
fn scaled(side: NonZeroU32, width: NonZeroU32, of_width: NonZeroU32) -> NonZeroU32 {
    let [side, width, of_width] = [side, width, of_width].map(|px| u64::from(px.get()));
    let scaled = (side * width + of_width / 2) / of_width;
    // No larger than `side`, because `width` is not above `of_width`.
    u32::try_from(scaled)
        .ok()
        .and_then(NonZeroU32::new)
        .unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::sizes::{ImageService, Measured};
    use crate::iiif::tiles::Spelling;

    fn picture(
        size: (u64, u64),
        service: Option<(ApiVersion, Option<Profile>)>,
    ) -> (String, u32, u32) {
        let service = service.map(|(version, profile)| ImageService { version, profile });
        let size = ImageSize::new(size.0, size.1, Measured::Info, service).unwrap();
        let picture = Picture::new("http://h/i/", size, NonZeroU32::new(1000).unwrap());
        (picture.url, picture.width.get(), picture.height.get())
    }

    #[test]
    fn a_picture_is_never_larger_than_what_its_server_gives() {
        use ApiVersion::{V1, V2, V3};
        use Profile::{Level0, Level1, Level2};
        let file = |spelling| (251, 227, Some(spelling));
        for (version, level, largest, url, width, height) in [
            (
                V3,
                Level2,
                (700, 525, None),
                "full/700,/0/default.jpg",
                700,
                525,
            ),
            (
                V2,
                Level1,
                (700, 525, None),
                "full/700,/0/default.jpg",
                700,
                525,
            ),
            (
                V1,
                Level1,
                (700, 525, None),
                "full/700,/0/native.jpg",
                700,
                525,
            ),
            (
                V3,
                Level2,
                (1700, 1275, None),
                "full/1000,/0/default.jpg",
                1000,
                750,
            ),
            // Any width, by a feature beyond its level.
            (
                V2,
                Level0,
                (4000, 3000, None),
                "full/1000,/0/default.jpg",
                1000,
                750,
            ),
            (
                V3,
                Level0,
                file(Spelling::FullWidthAndHeight),
                "full/251,227/0/default.jpg",
                251,
                227,
            ),
            (
                V3,
                Level0,
                file(Spelling::WidthAndHeight),
                "0,0,4000,3000/251,227/0/default.jpg",
                251,
                227,
            ),
            (
                V2,
                Level0,
                file(Spelling::FullWidth),
                "full/251,/0/default.jpg",
                251,
                227,
            ),
            (
                V2,
                Level0,
                file(Spelling::Width),
                "0,0,4000,3000/251,/0/default.jpg",
                251,
                227,
            ),
            (
                V1,
                Level0,
                file(Spelling::FullWidth),
                "full/251,/0/native.jpg",
                251,
                227,
            ),
            // Files may be larger than what is wished.
            (
                V3,
                Level0,
                (1600, 1200, Some(Spelling::FullWidthAndHeight)),
                "full/1600,1200/0/default.jpg",
                1600,
                1200,
            ),
        ] {
            let service = ImageService {
                version,
                profile: Some(level),
            };
            let side = |px| NonZeroU32::new(px).unwrap();
            let largest = Largest {
                width: side(largest.0),
                height: side(largest.1),
                file: largest.2,
            };
            let size = ImageSize::new(4000, 3000, Measured::Info, Some(service)).unwrap();
            let size = size.with_largest(Some(largest));
            let picture = Picture::new("http://h/i/", size, side(1000));
            let expected = (format!("http://h/i/{url}"), width, height);
            assert_eq!(
                (picture.url, picture.width.get(), picture.height.get()),
                expected
            );
        }
    }

    #[test]
    fn a_picture_of_a_part_is_asked_for_as_its_url_does() {
        let part = ImageSize::new(300, 200, Measured::Info, None).unwrap();
        for (url, expected) in [
            (
                "http://h/i/0,0,300,200/full/0/native.jpg",
                "http://h/i/0,0,300,200/300,/0/native.jpg",
            ),
            (
                "http://h/i/0,0,300,200/max/0/default.jpg",
                "http://h/i/0,0,300,200/300,/0/default.jpg",
            ),
            // The end of an identifier.
            (
                "http://h/i/native.jpg",
                "http://h/i/native.jpg/full/300,/0/default.jpg",
            ),
        ] {
            let picture = link(url, Some(part), NonZeroU32::new(1000).unwrap());
            assert_eq!(picture, expected);
        }
    }

    #[test]
    fn a_picture_is_never_wider_than_its_image() {
        use ApiVersion::{V1, V2, V3};
        use Profile::{Level0, Level1, Level2};
        for (size, service, url, width, height) in [
            (
                (4000, 3000),
                Some((V3, Some(Level2))),
                "http://h/i/full/1000,/0/default.jpg",
                1000,
                750,
            ),
            (
                (4000, 3000),
                Some((V2, Some(Level1))),
                "http://h/i/full/1000,/0/default.jpg",
                1000,
                750,
            ),
            (
                (4000, 3000),
                Some((V1, None)),
                "http://h/i/full/1000,/0/native.jpg",
                1000,
                750,
            ),
            (
                (600, 901),
                Some((V3, None)),
                "http://h/i/full/600,/0/default.jpg",
                600,
                901,
            ),
            (
                (640, 480),
                None,
                "http://h/i/full/640,/0/default.jpg",
                640,
                480,
            ),
            (
                (4000, 3000),
                Some((V3, Some(Level0))),
                "http://h/i/full/max/0/default.jpg",
                4000,
                3000,
            ),
            (
                (4000, 3000),
                Some((V2, Some(Level0))),
                "http://h/i/full/full/0/default.jpg",
                4000,
                3000,
            ),
            (
                (4000, 3000),
                Some((V1, Some(Level0))),
                "http://h/i/full/full/0/native.jpg",
                4000,
                3000,
            ),
            (
                (100_000, 1),
                Some((V3, Some(Level2))),
                "http://h/i/full/1000,/0/default.jpg",
                1000,
                1,
            ),
            (
                (3000, 2000),
                Some((V3, Some(Level2))),
                "http://h/i/full/1000,/0/default.jpg",
                1000,
                667,
            ),
        ] {
            assert_eq!(picture(size, service), (url.to_owned(), width, height));
        }
    }
}

//! What the URL of an image may be: an Image API service, its info.json, a request of it, or a file; pure.

use super::request::region_size;
use std::borrow::Cow;
use url::Url;

/// An image by its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// What an Image API service gives.
    Service {
        /// The service, without a slash at its end; its identifier percent-encoded as it came.
        service: &'a str,
        /// The part of the image that is meant, as requests write it: `full` unless the URL names another.
        region: &'a str,
    },
    /// A file, which comes in its own size alone.
    File(&'a str),
}

/// All of an image.
const FULL: &str = "full";

/// Names of picture files end so. Identifiers of services do, too.
const ENDINGS: [&str; 9] = [
    "jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "jfif",
];

impl<'a> Reference<'a> {
    /// Reads the URL of an image.
    ///
    /// `…/info.json` and `{region}/{size}/{rotation}/{quality}.{format}` at its end are those of the Image API, of
    /// which the region alone tells what is meant. A service has no query, so that a URL with one is that of a file.
    #[must_use]
    pub fn parse(url: &'a str) -> Self {
        if url.contains('?') {
            return Self::File(url);
        }
        let trimmed = url.trim_end_matches('/');
        if let Some(service) = trimmed.strip_suffix("/info.json") {
            let service = service.trim_end_matches('/');
            return Self::Service {
                service,
                region: FULL,
            };
        }
        match request(trimmed) {
            Some((service, region)) => Self::Service { service, region },
            None => Self::Service {
                service: trimmed,
                region: FULL,
            },
        }
    }

    /// The picture of it in this size, as requests write it, and quality.
    #[must_use]
    pub fn picture(&self, size: &str, quality: &str) -> Cow<'a, str> {
        match self {
            Self::Service { .. } => Cow::Owned(self.request(size, &format!("{quality}.jpg"))),
            Self::File(url) => Cow::Borrowed(url),
        }
    }

    /// The request for it in this size under `name`, which is quality and format; that of a file is its URL.
    #[must_use]
    pub fn request(&self, size: &str, name: &str) -> String {
        match self {
            Self::Service { service, region } => format!("{service}/{region}/{size}/0/{name}"),
            Self::File(url) => (*url).to_owned(),
        }
    }

    /// The service; none of a file.
    #[must_use]
    pub fn service(&self) -> Option<&'a str> {
        match self {
            Self::Service { service, .. } => Some(service),
            Self::File(_) => None,
        }
    }

    /// What is the same for all spellings of one image: schemes and hosts have no capitals, services no slash at
    /// their end.
    #[must_use]
    pub fn normalized(&self) -> String {
        let plain = |url: &str| Url::parse(url).map_or_else(|_| url.to_owned(), Url::into);
        match self {
            Self::Service { service, region } => format!("{}#{region}", plain(service)),
            Self::File(url) => plain(url),
        }
    }

    /// Whether all of the image of a service is meant.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Service { region, .. } if *region == FULL)
    }

    /// Width and height of what is meant of an image of `width` x `height` pixels; none if that is nothing.
    #[must_use]
    pub fn size(&self, width: u32, height: u32) -> Option<(u32, u32)> {
        match self {
            Self::Service { region, .. } => region_size(region, width, height),
            Self::File(_) => None,
        }
    }
}

/// Whether `url` is a request for the quality that version 1 of the Image API alone has.
#[must_use]
pub fn asks_natively(url: &str) -> bool {
    let trimmed = url.trim_end_matches('/');
    let is_native = (trimmed.rsplit('/').next()).is_some_and(|file| file.starts_with("native."));
    is_native && request(trimmed).is_some()
}

/// Whether the URL may be that of a picture file, by its name.
#[must_use]
pub fn may_be_file(url: &str) -> bool {
    ends_as(url, &ENDINGS)
}

/// Whether the name of the file at `url` ends as one of `endings` in any case.
pub(crate) fn ends_as(url: &str, endings: &[&str]) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| (endings.iter()).any(|known| known.eq_ignore_ascii_case(ending)))
}

/// The service and the region of an image request.
fn request(url: &str) -> Option<(&str, &str)> {
    let (rest, file) = url.rsplit_once('/')?;
    let (quality, _format) = file.split_once('.')?;
    if !["default", "native", "color", "gray", "grey", "bitonal"].contains(&quality) {
        return None;
    }
    let (rest, rotation) = rest.rsplit_once('/')?;
    let degrees: f32 = rotation.trim_start_matches('!').parse().ok()?;
    let (rest, _size) = rest.rsplit_once('/')?;
    let (service, region) = rest.rsplit_once('/')?;
    (degrees.is_finite() && !service.ends_with(':') && !service.ends_with(":/"))
        .then(|| (service.trim_end_matches('/'), region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_service_a_part_of_it_or_a_file() {
        for (url, service, region) in [
            ("http://h/iiif/a", "http://h/iiif/a", "full"),
            ("http://h/iiif/a//", "http://h/iiif/a", "full"),
            ("http://h/iiif/a%2Fb.jpg", "http://h/iiif/a%2Fb.jpg", "full"),
            ("http://h/iiif/a/info.json", "http://h/iiif/a", "full"),
            ("http://h/iiif/a/info.json/", "http://h/iiif/a", "full"),
            ("http://h/a/full/max/0/default.jpg", "http://h/a", "full"),
            ("http://h/a/full/640,/0/native.jpg", "http://h/a", "full"),
            (
                "http://h/a/1,2,3,4/^max/!90/gray.png",
                "http://h/a",
                "1,2,3,4",
            ),
            (
                "http://h/a/pct:0,0,50,50/200,/0/color.webp",
                "http://h/a",
                "pct:0,0,50,50",
            ),
            (
                "http://h/a/square/max/0/default.jpg",
                "http://h/a",
                "square",
            ),
            // No requests.
            (
                "http://h/iiif/default.jpg",
                "http://h/iiif/default.jpg",
                "full",
            ),
            (
                "http://h/a/b/c/default.jpg",
                "http://h/a/b/c/default.jpg",
                "full",
            ),
            (
                "http://full/max/0/default.jpg",
                "http://full/max/0/default.jpg",
                "full",
            ),
        ] {
            let expected = Reference::Service { service, region };
            assert_eq!(Reference::parse(url), expected, "{url}");
        }
        let url = "http://h/picture.php?id=3";
        assert_eq!(Reference::parse(url), Reference::File(url));
        assert_eq!(Reference::parse(url).picture("640,", "default"), url);
    }

    #[test]
    fn one_image_has_one_spelling() {
        let image = "http://h/iiif/a";
        for url in [
            "http://h/iiif/a/",
            "http://h/iiif/a//",
            "HTTP://H:80/iiif/a",
            "http://h/iiif/a/info.json",
        ] {
            assert_eq!(
                Reference::parse(url).normalized(),
                Reference::parse(image).normalized(),
                "{url}"
            );
        }
        for url in [
            "http://h/iiif/A",
            "https://h/iiif/a",
            "http://h/iiif/a?",
            "http://h/iiif/a/1,1,1,1/max/0/default.jpg",
        ] {
            assert_ne!(
                Reference::parse(url).normalized(),
                Reference::parse(image).normalized(),
                "{url}"
            );
        }
    }

    #[test]
    fn a_region_has_a_size_of_its_own() {
        for (url, size) in [
            ("http://h/a", Some((400, 300))),
            ("http://h/a/10,20,30,40/max/0/default.jpg", Some((30, 40))),
            ("http://h/a/390,0,30,40/max/0/default.jpg", Some((10, 40))),
            (
                "http://h/a/pct:0,0,50,10/max/0/default.jpg",
                Some((200, 30)),
            ),
            ("http://h/a/square/max/0/default.jpg", Some((300, 300))),
            ("http://h/a/400,0,30,40/max/0/default.jpg", None),
            ("http://h/a/some/max/0/default.jpg", None),
            ("http://h/a.jpg?x", None),
        ] {
            assert_eq!(Reference::parse(url).size(400, 300), size, "{url}");
        }
    }

    #[test]
    fn files_are_known_by_their_names() {
        for url in ["http://h/a.JPG", "http://h/a.b.tiff?x=1"] {
            assert!(may_be_file(url), "{url}");
        }
        for url in [
            "http://h/a",
            "http://h/a.jp2",
            "http://h/a.jpg/",
            "http://h/jpg",
        ] {
            assert!(!may_be_file(url), "{url}");
        }
    }
}

//! How large the images of a collection are, and which service scales them: `sizes.csv`.

#[cfg(doc)]
use crate::data_dir::SIZES;
use crate::iiif::tiles::Spelling;
use serde::{Serialize, Serializer};
use std::num::NonZeroU32;

/// The columns of [`SIZES`]. Files of earlier versions lack the last three, which are read as empty.
pub const COLUMNS: [&str; 9] = [
    "image_id",
    "width",
    "height",
    "version",
    "profile",
    "measured",
    "max_width",
    "max_height",
    "request",
];

/// Columns that must be there.
pub(super) const N_REQUIRED: usize = 6;

/// Cells after the id.
pub(super) const N_CELLS: usize = COLUMNS.len() - 1;

/// Longest side that is believed, in pixels. Viewers count in signed 32-bit numbers.
const MAX_SIDE_PX: u32 = i32::MAX.unsigned_abs();

/// The size of an image, upright as viewers show it.
///
/// As JSON this is `{"width":4000,"height":3000,"measured":"info","service":{"version":3,"profile":"level2"},
/// "largest":{"width":800,"height":600}}`; what is unknown is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// Width in pixels.
    pub width: NonZeroU32,
    /// Height in pixels.
    pub height: NonZeroU32,
    /// What the two numbers are those of.
    pub measured: Measured,
    /// The service that scales the image and cuts tiles from it. `None` where no info.json was had: the image
    /// can then be asked for only as it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ImageService>,
    /// The largest picture of it that may be asked for, where that is less than the image, or one of few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<Largest>,
}

/// The largest picture of an image that its server gives, as its info.json has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Largest {
    /// Width in pixels.
    pub width: NonZeroU32,
    /// Height in pixels.
    pub height: NonZeroU32,
    /// How it is asked for where it is a file, in that size alone. `None` where the client may choose any width up to
    /// this one.
    #[serde(skip)]
    pub file: Option<Spelling>,
}

/// Where the size of an image is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// From info.json: the size of the original.
    Info,
    /// From the picture that was delivered to the build, scaled down as a rule: the shape is right, the original
    /// may be larger.
    Delivered,
}

/// A IIIF Image API service, as its info.json describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageService {
    /// Of the Image API.
    pub version: ApiVersion,
    /// How much of the Image API it can do; `None` where it names no level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// Major version of the IIIF Image API; as a number in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    /// 1.0 and 1.1.
    V1 = 1,
    /// 2.0 and 2.1.
    V2 = 2,
    /// 3.0.
    V3 = 3,
}

/// Compliance level of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Files that lie there in fixed sizes.
    Level0,
    /// Regions, and widths or heights that the client chooses.
    Level1,
    /// Any region and size.
    Level2,
}

// A collection of millions keeps them all in memory.
const _: () = assert!(size_of::<Option<ImageSize>>() <= 24);

impl ImageSize {
    /// A size of `width` x `height` pixels; `None` if a side is zero or beyond all that an image can have.
    #[must_use]
    pub fn new(
        width: u64,
        height: u64,
        measured: Measured,
        service: Option<ImageService>,
    ) -> Option<Self> {
        let side = |px: u64| {
            u32::try_from(px)
                .ok()
                .filter(|px| *px <= MAX_SIDE_PX)
                .and_then(NonZeroU32::new)
        };
        Some(Self {
            width: side(width)?,
            height: side(height)?,
            measured,
            service,
            largest: None,
        })
    }

    /// The same, of which nothing larger than this may be asked for.
    #[must_use]
    pub fn with_largest(self, largest: Option<Largest>) -> Self {
        Self { largest, ..self }
    }

    /// Reads the cells after the id, in the order of [`COLUMNS`]; `None` if all are empty.
    pub(super) fn from_cells(cells: [&str; N_CELLS]) -> Result<Option<Self>, String> {
        if cells.iter().all(|cell| cell.is_empty()) {
            return Ok(None);
        }
        let [
            width,
            height,
            version,
            profile,
            measured,
            max_width,
            max_height,
            request,
        ] = cells;
        let side = |cell: &str| cell.parse().map_err(|_| format!("{cell:?} is no size"));
        let (width, height) = (side(width)?, side(height)?);
        let measured = Measured::ALL
            .into_iter()
            .find(|known| known.as_str() == measured)
            .ok_or_else(|| format!("measured is {measured:?}, not info or delivered"))?;
        let service = match (ApiVersion::from_cell(version)?, profile) {
            (None, "") => None,
            (None, _) => return Err(format!("a profile {profile:?} of no version")),
            (Some(version), profile) => Some(ImageService {
                version,
                profile: Profile::from_cell(profile)?,
            }),
        };
        let largest = Largest::from_cells([max_width, max_height, request])?;
        Self::new(width, height, measured, service)
            .map(|size| Some(size.with_largest(largest)))
            .ok_or_else(|| format!("no image has {width} x {height} pixels"))
    }
}

impl Largest {
    fn from_cells(cells: [&str; 3]) -> Result<Option<Self>, String> {
        if cells.iter().all(|cell| cell.is_empty()) {
            return Ok(None);
        }
        let [width, height, request] = cells;
        let side = |cell: &str| cell.parse().map_err(|_| format!("{cell:?} is no size"));
        let file = one_of(&Spelling::ALL, Spelling::as_str, request)
            .ok_or_else(|| format!("{request:?} is no way to ask for a file"))?;
        Ok(Some(Self {
            width: side(width)?,
            height: side(height)?,
            file,
        }))
    }
}

/// The line of `sizes.csv` for the image with this id, which is hex digits.
#[must_use]
pub fn line(id: &str, size: Option<ImageSize>) -> String {
    let Some(size) = size else {
        return format!("{id}{}\n", ",".repeat(N_CELLS));
    };
    let service = size.service;
    let largest = size.largest.map_or_else(
        || ",,".to_owned(),
        |Largest {
             width,
             height,
             file,
         }| format!("{width},{height},{}", file.map_or("", Spelling::as_str)),
    );
    format!(
        "{id},{},{},{},{},{},{largest}\n",
        size.width,
        size.height,
        service.map_or("", |service| service.version.as_str()),
        service
            .and_then(|service| service.profile)
            .map_or("", Profile::as_str),
        size.measured.as_str()
    )
}

impl Measured {
    /// All there are.
    const ALL: [Self; 2] = [Self::Info, Self::Delivered];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Delivered => "delivered",
        }
    }
}

impl ApiVersion {
    /// All there are.
    pub(crate) const ALL: [Self; 3] = [Self::V1, Self::V2, Self::V3];

    /// As a digit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }

    /// As a number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    fn from_cell(cell: &str) -> Result<Option<Self>, String> {
        one_of(&Self::ALL, Self::as_str, cell)
            .ok_or_else(|| format!("{cell:?} is no version of the Image API"))
    }
}

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl Profile {
    /// All there are.
    pub(crate) const ALL: [Self; 3] = [Self::Level0, Self::Level1, Self::Level2];

    /// As version 3 of the Image API writes it: `level0`, `level1`, `level2`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Level0 => "level0",
            Self::Level1 => "level1",
            Self::Level2 => "level2",
        }
    }

    fn from_cell(cell: &str) -> Result<Option<Self>, String> {
        one_of(&Self::ALL, Self::as_str, cell)
            .ok_or_else(|| format!("{cell:?} is no level of the Image API"))
    }
}

/// The one of `all` that is written as `cell`; `Some(None)` for an empty cell.
fn one_of<T: Copy>(all: &[T], as_str: fn(T) -> &'static str, cell: &str) -> Option<Option<T>> {
    if cell.is_empty() {
        return Some(None);
    }
    all.iter()
        .copied()
        .find(|known| as_str(*known) == cell)
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(measured: Measured, service: Option<ImageService>) -> ImageSize {
        ImageSize::new(4000, 3000, measured, service).unwrap()
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let mut all = vec![None];
        for measured in Measured::ALL {
            all.push(Some(size(measured, None)));
            for version in ApiVersion::ALL {
                for profile in [None].into_iter().chain(Profile::ALL.map(Some)) {
                    let service = ImageService { version, profile };
                    all.push(Some(size(measured, Some(service))));
                }
            }
        }
        let side = |px| NonZeroU32::new(px).unwrap();
        for file in [None].into_iter().chain(Spelling::ALL.map(Some)) {
            let largest = Largest {
                width: side(800),
                height: side(600),
                file,
            };
            all.push(Some(size(Measured::Info, None).with_largest(Some(largest))));
        }
        for size in all {
            let line = line("ab", size);
            let cells: Vec<&str> = line.trim_end().split(',').collect();
            assert_eq!(cells[0], "ab");
            let cells = cells[1..].try_into().unwrap();
            assert_eq!(ImageSize::from_cells(cells), Ok(size), "{line}");
        }
    }

    #[test]
    fn bad_cells_are_told() {
        for (size, reason) in [
            (["0", "3", "", "", "info"], "no image has 0 x 3 pixels"),
            (["3", "2147483648", "", "", "info"], "no image has"),
            (["-3", "3", "", "", "info"], "\"-3\" is no size"),
            (["3", "", "", "", "info"], "\"\" is no size"),
            (["3", "3", "", "", ""], "not info or delivered"),
            (["3", "3", "4", "", "info"], "no version"),
            (["3", "3", "2", "level3", "info"], "no level"),
            (["3", "3", "", "level2", "info"], "of no version"),
        ] {
            let mut cells = [""; N_CELLS];
            cells[..5].copy_from_slice(&size);
            let error = ImageSize::from_cells(cells).unwrap_err();
            assert!(error.contains(reason), "{cells:?}: {error}");
        }
        for (largest, reason) in [
            (["0", "3", ""], "\"0\" is no size"),
            (["", "3", ""], "\"\" is no size"),
            (["2", "2", "tile"], "\"tile\" is no way to ask for a file"),
        ] {
            let mut cells = ["3", "3", "", "", "info", "", "", ""];
            cells[5..].copy_from_slice(&largest);
            let error = ImageSize::from_cells(cells).unwrap_err();
            assert!(error.contains(reason), "{cells:?}: {error}");
        }
    }

    #[test]
    fn json_leaves_out_what_is_unknown() {
        let service = ImageService {
            version: ApiVersion::V3,
            profile: Some(Profile::Level2),
        };
        for (size, expected) in [
            (
                size(Measured::Info, Some(service)),
                r#"{"width":4000,"height":3000,"measured":"info","service":{"version":3,"profile":"level2"}}"#,
            ),
            (
                size(Measured::Delivered, None),
                r#"{"width":4000,"height":3000,"measured":"delivered"}"#,
            ),
            (
                size(Measured::Info, None).with_largest(Some(Largest {
                    width: NonZeroU32::new(800).unwrap(),
                    height: NonZeroU32::new(600).unwrap(),
                    file: Some(Spelling::FullWidth),
                })),
                r#"{"width":4000,"height":3000,"measured":"info","largest":{"width":800,"height":600}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&size).unwrap(), expected);
        }
    }
}

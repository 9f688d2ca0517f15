//! Which picture of each image a collection was made of.

use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// The picture of an image that a build asked for. Vectors of pictures of several sizes differ, so that a
/// collection has one of these.
///
/// In `features.json` this is `"image_width_px": 640` or `"image_short_edge_px": 224`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Requested {
    /// So many pixels wide, whatever the shape of the image.
    #[serde(rename = "image_width_px")]
    Width(u32),
    /// The smallest that its server has whose shorter side has so many pixels at least, as info.json describes it.
    #[serde(rename = "image_short_edge_px")]
    ShortEdge(u32),
}

/// Marks the number of a [`Requested::ShortEdge`]; no picture is so wide.
const SHORT_EDGE: u32 = 1 << 31;

impl Requested {
    /// As one number, for files of records.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Width(px) => px,
            Self::ShortEdge(px) => px | SHORT_EDGE,
        }
    }

    /// For people.
    #[must_use]
    pub fn described(self) -> String {
        match self {
            Self::Width(px) => format!("{px} pixels wide"),
            Self::ShortEdge(px) => format!("the smallest whose shorter side has {px} pixels"),
        }
    }

    /// The width to ask for where no info.json tells what there is.
    #[must_use]
    pub fn plain_width_px(self) -> u32 {
        match self {
            Self::Width(px) => px,
            Self::ShortEdge(px) => px.max(PLAIN_WIDTH_PX),
        }
    }
}

/// What the original service asks for.
pub const PLAIN_WIDTH_PX: u32 = 640;

impl Display for Requested {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Width(px) => write!(f, "{px}"),
            Self::ShortEdge(px) => write!(f, "short edge {px}"),
        }
    }
}

impl FromStr for Requested {
    type Err = std::num::ParseIntError;

    /// Reads what [`Display`] writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        match text.strip_prefix("short edge ") {
            Some(px) => px.parse().map(Self::ShortEdge),
            None => text.parse().map(Self::Width),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_form() {
        for (requested, text, json) in [
            (Requested::Width(640), "640", r#"{"image_width_px":640}"#),
            (
                Requested::ShortEdge(224),
                "short edge 224",
                r#"{"image_short_edge_px":224}"#,
            ),
        ] {
            assert_eq!(requested.to_string(), text);
            assert_eq!(format!("{text}\n").parse(), Ok(requested));
            assert_eq!(serde_json::to_string(&requested).unwrap(), json);
        }
        assert_ne!(
            Requested::Width(224).number(),
            Requested::ShortEdge(224).number()
        );
        assert!("short edge".parse::<Requested>().is_err());
    }
}

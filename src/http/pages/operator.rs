//! What an operator may set about the pages: looks, links, viewers, facets, examples.

use super::accent::Accent;
use super::facets::Facets;
use axum::body::Bytes;
use serde::Serialize;

/// Looks and links of the pages.
#[derive(Debug, Clone)]
pub struct PageSettings {
    /// The colour of buttons and links; ours, unless set.
    pub accent: Option<Accent>,
    /// A picture that stands before the name.
    pub logo: Option<Logo>,
    /// Links at the foot of each page: imprint, privacy.
    pub footer: Vec<Link>,
    /// IIIF viewers in which a picture may be opened; `{manifest}` in their URLs stands for its manifest.
    pub viewers: Vec<Viewer>,
    /// By what a search can be restricted.
    pub facets: Facets,
    /// Hosts of pictures besides those of the collection's images: where its servers redirect to.
    pub image_hosts: Vec<String>,
    /// Queries in the workbench's menu and in the service description.
    pub examples: Vec<Example>,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            accent: None,
            logo: None,
            footer: Vec::new(),
            viewers: Vec::new(),
            facets: Facets::carried(),
            image_hosts: Vec::new(),
            examples: super::examples::carried(),
        }
    }
}

/// A picture of the operator.
#[derive(Debug, Clone)]
pub struct Logo {
    /// The file.
    pub bytes: Bytes,
    /// What it is.
    pub media_type: &'static str,
}

impl Logo {
    /// The media type of a logo's file by its ending.
    #[must_use]
    pub fn media_type(ending: &str) -> Option<&'static str> {
        match ending.to_ascii_lowercase().as_str() {
            "svg" => Some("image/svg+xml"),
            "png" => Some("image/png"),
            "jpg" | "jpeg" => Some("image/jpeg"),
            "webp" => Some("image/webp"),
            _ => None,
        }
    }
}

/// A link with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What visitors read.
    pub label: String,
    /// `https://…`, `mailto:…` or a path.
    pub url: String,
}

impl std::str::FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (label, url) = named_url(text)?;
        Ok(Self { label, url })
    }
}

/// A IIIF viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Viewer {
    /// What visitors read.
    pub name: String,
    /// With `{manifest}` in it.
    pub url: String,
}

impl std::str::FromStr for Viewer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = named_url(text)?;
        if url.contains("{manifest}") {
            Ok(Self { name, url })
        } else {
            Err(
                "write {manifest} where the URL of the manifest goes, such as Mirador=https://example.org/mirador?manifest={manifest}"
                    .to_owned(),
            )
        }
    }
}

/// The parts of `Text=URL`; scripts are no links.
fn named_url(text: &str) -> Result<(String, String), String> {
    let wanted = "write it as Text=URL, such as Imprint=https://example.org/imprint";
    let (name, url) = text.split_once('=').ok_or(wanted)?;
    let (name, url) = (name.trim(), url.trim());
    let is_link = ["https://", "http://", "mailto:", "/"]
        .iter()
        .any(|start| url.starts_with(start));
    if name.is_empty() || !is_link {
        return Err(wanted.to_owned());
    }
    Ok((name.to_owned(), url.to_owned()))
}

/// A query to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Name of its file without ending.
    pub name: String,
    /// The first sentence of its comment.
    pub title: String,
    /// The rest of its comment.
    pub comment: String,
    /// The whole text.
    pub query: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        let link: Link = "Imprint = https://example.org/?a=b".parse().unwrap();
        assert_eq!(link.label, "Imprint");
        assert_eq!(link.url, "https://example.org/?a=b");
        for text in [
            "Imprint",
            "=https://x",
            "X=javascript:alert(1)",
            "X=",
            "X=x",
        ] {
            assert!(text.parse::<Link>().is_err(), "{text}");
        }
        assert!("M=https://m?x={manifest}".parse::<Viewer>().is_ok());
        assert!("M=https://m?x=".parse::<Viewer>().is_err());
    }
}

//! The terms of `ontology/clip.ttl` as constants; a test keeps both in step.

/// Namespace of the clip vocabulary.
pub const NAMESPACE: &str = "https://service.swissartresearch.net/clip/";

/// IRI of the class `clip:Request`.
pub const REQUEST: &str = "https://service.swissartresearch.net/clip/Request";

/// IRI of the function `clip:similarity`.
pub const SIMILARITY: &str = "https://service.swissartresearch.net/clip/similarity";

/// IRI of the function `clip:exp`.
pub const EXP: &str = "https://service.swissartresearch.net/clip/exp";

/// IRI of the aggregate `clip:centroid`.
pub const CENTROID: &str = "https://service.swissartresearch.net/clip/centroid";

/// IRI of the property that tells how many of the best images a search finds.
pub const EXPECTED_RECALL: &str = "https://service.swissartresearch.net/clip/expectedRecall";

/// IRI of the datatype of embeddings.
pub const EMBEDDING: &str = "https://service.swissartresearch.net/clip/Embedding";

/// What begins the IRI that a request's subject is bound to: one IRI per hit.
pub const HIT_PREFIX: &str = "https://service.swissartresearch.net/clip/hit/";

/// A property of `clip:Request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// A text that the images shall look like.
    QueryString,
    /// IRI of an image to fetch and embed.
    QueryUrl,
    /// An image as base64, with or without a `data:` prefix.
    QueryImage,
    /// IRI of an image of the collection.
    SimilarTo,
    /// A text that the images shall not look like.
    ExcludeString,
    /// Lowest score of a hit.
    MinScore,
    /// Only the best k images of the request, before any join.
    Limit,
    /// IRI of the image.
    IiifUrl,
    /// Cosine similarity, `xsd:float`.
    Score,
    /// The image's id: 40 hex digits.
    ImageId,
    /// IRI of a picture to show.
    Link,
    /// 1 for the best image of the request.
    Rank,
}

/// Whether a property of a request is given or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What to look for: a request needs at least one.
    Query,
    /// What changes the search.
    Modifier,
    /// What a hit is asked for.
    Output,
}

impl Property {
    /// Every property, in the order of the ontology.
    pub const ALL: [Self; 12] = [
        Self::QueryString,
        Self::QueryUrl,
        Self::QueryImage,
        Self::SimilarTo,
        Self::ExcludeString,
        Self::MinScore,
        Self::Limit,
        Self::IiifUrl,
        Self::Score,
        Self::ImageId,
        Self::Link,
        Self::Rank,
    ];

    /// The name after the namespace.
    #[must_use]
    pub fn local_name(self) -> &'static str {
        match self {
            Self::QueryString => "queryString",
            Self::QueryUrl => "queryURL",
            Self::QueryImage => "queryImage",
            Self::SimilarTo => "similarTo",
            Self::ExcludeString => "excludeString",
            Self::MinScore => "minScore",
            Self::Limit => "limit",
            Self::IiifUrl => "iiifUrl",
            Self::Score => "score",
            Self::ImageId => "imageId",
            Self::Link => "link",
            Self::Rank => "rank",
        }
    }

    /// The property's IRI.
    #[must_use]
    pub fn iri(self) -> oxrdf::NamedNode {
        oxrdf::NamedNode::new_unchecked(format!("{NAMESPACE}{}", self.local_name()))
    }

    /// Whether the property is given or asked for.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::QueryString | Self::QueryUrl | Self::QueryImage | Self::SimilarTo => Role::Query,
            Self::ExcludeString | Self::MinScore | Self::Limit => Role::Modifier,
            Self::IiifUrl | Self::Score | Self::ImageId | Self::Link | Self::Rank => Role::Output,
        }
    }

    /// The property with this IRI.
    #[must_use]
    pub fn from_iri(iri: &str) -> Option<Self> {
        let name = iri.strip_prefix(NAMESPACE)?;
        Self::ALL.into_iter().find(|p| p.local_name() == name)
    }
}

impl std::fmt::Display for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "clip:{}", self.local_name())
    }
}

/// The known local name that is nearest to `name`, for "did you mean".
#[must_use]
pub fn nearest_name(name: &str) -> &'static str {
    let lower = name.to_lowercase();
    let others = ["Request", "similarity", "exp"];
    Property::ALL
        .into_iter()
        .map(Property::local_name)
        .chain(others)
        .min_by_key(|known| strsim::damerau_levenshtein(&known.to_lowercase(), &lower))
        .expect("the vocabulary is not empty")
}

/// Whether a local name is that of `clip:Request` but for its case or a letter or two.
#[must_use]
pub fn is_nearly_request(name: &str) -> bool {
    name != "Request" && strsim::damerau_levenshtein(&name.to_lowercase(), "request") <= 2
}

/// The names of all properties, for messages.
#[must_use]
pub fn known_names() -> String {
    Property::ALL
        .map(|property| property.to_string())
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        for (typo, expected) in [
            ("querystring", "queryString"),
            ("minscore", "minScore"),
            ("iiifURL", "iiifUrl"),
            ("scores", "score"),
            ("request", "Request"),
            ("queryUrl", "queryURL"),
        ] {
            assert_eq!(nearest_name(typo), expected, "{typo}");
        }
    }
}

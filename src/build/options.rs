//! What a build is told: [`BuildOptions`] and their defaults.

use super::asked::Asked;
use super::limit::Limit;
use super::robots::Robots;
use super::shard::Shard;
use crate::data_dir::URL_COLUMN;
use crate::features::npy::Precision;
use crate::fetch::allow::AllowList;
use crate::unreadable::unreadable;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that `clip-search build` can be told.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Where the IIIF URLs come from.
    pub source: Source,
    /// The data directory; created if need be.
    pub data_dir: PathBuf,
    /// The part of the images that is built; all, unless set.
    pub shard: Option<Shard>,
    /// The column (CSV) or variable (SPARQL) that holds the IIIF URL.
    pub iiif_column: String,
    /// Whether downloads stay in the data directory.
    pub keep_images: bool,
    /// Images fetched at the same time.
    pub threads: NonZeroUsize,
    /// Images that are decoded ahead of the model, and made safe on disk together.
    pub batch_size: NonZeroUsize,
    /// Which picture of each image is requested; what the collection was made of before if `None`, and the smallest
    /// in a new one.
    pub delivery: Option<Delivery>,
    /// Whether each image's info.json is asked for, once.
    pub asks_info: bool,
    /// Number format of `features.npy`.
    pub precision: Precision,
    /// How many images may fail before the build counts as failed.
    pub max_failures: Limit,
    /// Whether images of the collection that the input does not name any more are removed from it.
    pub prune: bool,
    /// How many images may be removed so before the build refuses to.
    pub max_prune: Limit,
    /// Whether an answer of the SPARQL endpoint that is cut, or says that rows are missing, is taken.
    pub allow_partial: bool,
    /// Rows that the SPARQL endpoint is asked for at a time; all at once, and in pages where that comes cut, without.
    pub page_size: Option<NonZeroUsize>,
    /// CONSTRUCT and DESCRIBE queries for the SPARQL endpoint, whose answers are kept as RDF.
    pub metadata_queries: Vec<String>,
    /// Whether the servers of all images that have a vector are asked if they have changed.
    pub refreshes: bool,
    /// An image that its server did not have (404, 410) is asked for once in so many builds.
    pub retry_gone: u32,
    /// How servers are treated.
    pub network: Network,
    /// What of that is written down.
    pub asked: Asked,
    /// How far manifests are followed.
    pub crawl: Crawl,
    /// The metadata store that gets what manifests and metadata queries say.
    pub store: Option<PathBuf>,
    /// Files that tell what the build came to, as HTML or JSON by their endings.
    pub reports: Vec<PathBuf>,
}

/// Where the IIIF URLs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A CSV file with a header.
    Csv(PathBuf),
    /// A SELECT query sent to an endpoint.
    Sparql {
        /// URL of the endpoint.
        endpoint: url::Url,
        /// The query text.
        query: String,
    },
    /// A folder of images on the disk.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Where `clip-search iiif-serve` serves it.
        base_url: url::Url,
    },
    /// Manifests and collections: URLs, files, folders of files, lists of all these.
    Manifests(Vec<String>),
    /// A IIIF Change Discovery stream: the URL or the file of its OrderedCollection.
    Discovery(String),
}

/// Which picture of an image is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Delivery {
    /// The smallest that the model sees as well as a larger one: info.json tells what there is.
    Smallest,
    /// So many pixels wide, as the original service asks.
    Width(NonZeroU32),
}

impl std::str::FromStr for Delivery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "smallest" => Ok(Self::Smallest),
            number => (number.parse().ok())
                .filter(|px: &NonZeroU32| px.get() <= MAX_WIDTH_PX)
                .map(Self::Width)
                .ok_or_else(|| {
                    format!("{text} is neither a width in pixels (640) nor the word smallest")
                }),
        }
    }
}

impl From<Delivery> for String {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Smallest => "smallest".to_owned(),
            Delivery::Width(px) => px.to_string(),
        }
    }
}

impl TryFrom<String> for Delivery {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Widest picture that can be asked for: no decoder takes more.
const MAX_WIDTH_PX: u32 = 65_535;

/// Most requests to one host in a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct MaxRate(f64);

/// Fewest requests in a second that can be asked for: one in an hour.
const MIN_RATE: f64 = 1.0 / 3600.0;

impl MaxRate {
    /// The time between two requests.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(self.0.recip())
    }
}

impl std::str::FromStr for MaxRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        (text.trim().parse().ok())
            .and_then(|rate: f64| rate.try_into().ok())
            .ok_or_else(|| format!("{text} is no number of requests in a second, such as 2 or 0.5"))
    }
}

impl TryFrom<f64> for MaxRate {
    type Error = String;

    fn try_from(rate: f64) -> Result<Self, Self::Error> {
        match rate.is_finite() && rate >= MIN_RATE {
            true => Ok(Self(rate)),
            false => Err(format!("{rate} is no number of requests in a second")),
        }
    }
}

impl From<MaxRate> for f64 {
    fn from(rate: MaxRate) -> Self {
        rate.0
    }
}

/// Limits of what is asked of servers and taken from them.
#[derive(Debug, Clone)]
pub struct Network {
    /// Further attempts after a failure that may pass: a time-out, a broken connection, 429, 5xx.
    pub retries: u32,
    /// Pause before the first further attempt; it doubles each time, up to 30 s.
    pub retry_pause: Duration,
    /// Limit for reaching a server.
    pub connect_timeout: Duration,
    /// Limit for one image, from request to last byte.
    pub image_timeout: Duration,
    /// Limit for the answer of the SPARQL endpoint, from request to last byte.
    pub endpoint_timeout: Duration,
    /// Longest image that is accepted.
    pub max_image_bytes: usize,
    /// Longest SPARQL answer that is accepted.
    pub max_answer_bytes: u64,
    /// What the program calls itself to image servers, if not by its name.
    pub user_agent: Option<String>,
    /// Further headers of requests for images.
    pub headers: HeaderMap,
    /// Whether images may be fetched through the proxy that the system is set to.
    pub uses_proxy: bool,
    /// Where URLs come from strangers, as those in manifests do: only public addresses are asked, and what is on
    /// this list.
    pub public_except: Option<AllowList>,
    /// Least time between the beginnings of two requests to one host.
    pub min_interval: Duration,
    /// What robots.txt files say, where they are honoured.
    pub robots: Option<Robots>,
}

/// How far manifests are followed.
#[derive(Debug, Clone)]
pub struct Crawl {
    /// Most documents that are read: manifests, collections and their pages.
    pub max_documents: NonZeroUsize,
    /// Longest document that is read.
    pub max_document_bytes: usize,
    /// Collections within collections that are followed.
    pub max_depth: usize,
    /// Longest list of what a stream names, in bytes: it lies in memory.
    pub max_names_bytes: usize,
}

impl Default for Crawl {
    fn default() -> Self {
        Self {
            max_documents: NonZeroUsize::new(100_000).expect("not zero"),
            max_document_bytes: 50 << 20,
            max_depth: 16,
            // Four million names, as long as they are in practice.
            max_names_bytes: 256 << 20,
        }
    }
}

impl BuildOptions {
    /// The defaults of the command line.
    #[must_use]
    pub fn new(source: Source, data_dir: PathBuf) -> Self {
        let asked = Asked::default();
        Self {
            source,
            data_dir,
            shard: None,
            iiif_column: URL_COLUMN.to_owned(),
            keep_images: true,
            threads: asked.threads,
            batch_size: NonZeroUsize::new(64).expect("not zero"),
            delivery: None,
            asks_info: true,
            precision: Precision::F32,
            max_failures: Limit::FAILURES,
            prune: true,
            max_prune: Limit::PRUNE,
            allow_partial: false,
            page_size: None,
            metadata_queries: Vec::new(),
            refreshes: false,
            retry_gone: asked.retry_gone,
            network: Network::default(),
            asked,
            crawl: Crawl::default(),
            store: None,
            reports: Vec::new(),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        let asked = Asked::default();
        let seconds = |s: NonZeroU64| Duration::from_secs(s.get());
        Self {
            retries: asked.retries,
            user_agent: None,
            headers: HeaderMap::new(),
            retry_pause: Duration::from_millis(500),
            connect_timeout: seconds(asked.connect_timeout_s),
            image_timeout: seconds(asked.image_timeout_s),
            endpoint_timeout: seconds(asked.endpoint_timeout_s),
            max_image_bytes: 64 << 20,
            max_answer_bytes: 4 << 30,
            uses_proxy: true,
            public_except: None,
            min_interval: Duration::ZERO,
            robots: None,
        }
    }
}

/// The query that `argument` stands for: the text of a file for `@file`, otherwise itself.
///
/// # Errors
/// If the file cannot be read or is not UTF-8.
pub fn image_query(argument: &str) -> anyhow::Result<String> {
    match argument.strip_prefix('@') {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| unreadable(format_args!("the query {path}"), &error, "@FILE"))?;
            // A byte order mark, which editors write and endpoints refuse.
            Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
        }
        None => Ok(argument.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_above_nothing() {
        let interval = |text: &str| text.parse().map(MaxRate::interval);
        assert_eq!(interval("2"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("0.5"), Ok(Duration::from_secs(2)));
        for text in ["", "0", "-1", "1e-9", "NaN", "inf", "fast"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_query_may_stand_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.rq");
        std::fs::write(&path, "ASK {}").unwrap();
        assert_eq!(
            image_query(&format!("@{}", path.display())).unwrap(),
            "ASK {}"
        );
        assert_eq!(image_query("SELECT * {}").unwrap(), "SELECT * {}");
        assert!(
            image_query("@/no/such/file")
                .unwrap_err()
                .to_string()
                .contains("/no/such/file")
        );
    }
}

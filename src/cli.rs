//! The command line: flags, environment names, help text.

use crate::build::limit::Limit;
use crate::build::options::{Delivery, MaxRate};
use crate::build::shard::Shard;
use crate::encoder::device::Device;
use crate::encoder::model::Precision as ModelPrecision;
use crate::env_file::EnvFile;
use crate::features::npy::{FeaturesIn, Precision};
use crate::http::pages::accent::Accent;
use crate::http::pages::operator::{Link, Viewer};
use crate::print::note;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use url::Url;

/// Search IIIF images by what they show, joined with what is known about them in RDF.
#[derive(Debug, Parser)]
#[command(name = "clip-search", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line of this process. On a mistake it tells so, and that `env_file` may be the
    /// reason, and ends the process.
    ///
    /// An environment variable that is set to nothing counts as not set: Docker Compose and `.env`
    /// files pass on every name, with or without a value.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place where settings are read"
    )]
    pub fn of_process(env_file: &EnvFile) -> Self {
        let names: Vec<String> = Self::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        let command = names.into_iter().fold(Self::command(), |command, name| {
            command.mut_subcommand(name, |command| {
                command.mut_args(|argument| {
                    let is_empty = argument
                        .get_env()
                        .is_some_and(|name| std::env::var_os(name).is_some_and(|v| v.is_empty()));
                    if is_empty {
                        argument.env(Resettable::Reset)
                    } else {
                        argument
                    }
                })
            })
        });
        command
            .try_get_matches()
            .and_then(|matches| Self::from_arg_matches(&matches))
            .unwrap_or_else(|error| end(&error, env_file))
    }
}

/// Prints help or what is wrong with the command line, and ends the process.
fn end(error: &clap::Error, env_file: &EnvFile) -> ! {
    if error.use_stderr()
        && let Some(mistake) = env_file.mistakes.first()
    {
        note(format_args!("warning: {mistake}"));
    }
    if let Some(origin) = origin(error, env_file) {
        note(format_args!("warning: {origin}"));
    }
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    let code = match printed {
        Err(full) if !error.use_stderr() && full.kind() != ErrorKind::BrokenPipe => {
            note(format_args!(
                "error: standard output cannot be written: {full}"
            ));
            1
        }
        _ => error.exit_code(),
    };
    std::process::exit(code)
}

/// Where a value that is wrong comes from, if not from the command line: clap names the flag alone.
fn origin(error: &clap::Error, env_file: &EnvFile) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let long = argument.strip_prefix("--")?.split([' ', '=']).next()?;
    let is_given = std::env::args_os().any(|given| {
        let given = given.to_string_lossy();
        let flag = given
            .strip_prefix("--")
            .and_then(|flag| flag.split('=').next());
        flag == Some(long)
    });
    let command = Cli::command();
    let name = (command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments))
    .filter(|argument| argument.get_long() == Some(long))
    .find_map(clap::Arg::get_env)
    .and_then(OsStr::to_str)
    .filter(|_| !is_given)?;
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let is_of_file =
        (env_file.settings.iter()).any(|(of_file, said)| of_file == name && said == value);
    Some(match is_of_file {
        true => format!("{name} has this value in {}", env_file.path.display()),
        false => format!("{name} has this value in the environment"),
    })
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a collection that this program carries, and search or serve it.
    Demo(DemoArgs),
    /// Make a collection: fetch IIIF images and compute their features.
    Build(BuildArgs),
    /// Build a collection again from what it was built from, as far as that has changed.
    Update(UpdateArgs),
    /// Put the shards of a build together: one collection from several machines.
    Merge(MergeArgs),
    /// Make what searches of a large collection read first: its features in a byte for each number.
    Index(IndexArgs),
    /// Answer searches over HTTP: /sparql and /query.
    Serve(ServeArgs),
    /// Load RDF files into the metadata store.
    Load(LoadArgs),
    /// Answer one search on the command line.
    Query(QueryArgs),
    /// Tell what is in a data directory and in a model.
    Inspect(InspectArgs),
    /// Serve a folder of images as a IIIF Image API 3 service.
    IiifServe(IiifServeArgs),
}

impl Command {
    /// Whether the command depends on many settings of the environment, so that a `.env` which cannot be
    /// understood keeps it from its work. The others are told what they need, and a file of another
    /// project does not stop them.
    #[must_use]
    pub fn takes_settings(&self) -> bool {
        match self {
            Self::Build(_)
            | Self::Update(_)
            | Self::Merge(_)
            | Self::Index(_)
            | Self::Serve(_)
            | Self::Query(_) => true,
            Self::Demo(_) | Self::Load(_) | Self::Inspect(_) | Self::IiifServe(_) => false,
        }
    }
}

/// `clip-search demo`. Of the environment it takes ONNX Runtime alone: its model, data and ports are its
/// own, whatever the operator's real service is set to.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Search for this, print the best pictures and end; serve, unless set
    #[arg(long, value_name = "TEXT")]
    pub query: Option<String>,
    /// Number of hits
    #[arg(long, value_name = "N", default_value = "10", requires = "query")]
    pub limit: NonZeroUsize,
    /// Form of the answer
    #[arg(long, value_name = "FORM", default_value = "table", requires = "query")]
    pub format: OutputFormat,
    /// Folder for the demo; made if need be
    #[arg(long, value_name = "FOLDER", default_value = "clip-demo")]
    pub dir: PathBuf,
    /// Folder with another demo (model/, pictures/, metadata.ttl, queries/) than the one carried
    #[arg(long, value_name = "FOLDER")]
    pub files: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: std::net::IpAddr,
    /// Port of the search service; 0 for any free one
    #[arg(long, value_name = "PORT", default_value = "5000")]
    pub port: u16,
    /// Port of the IIIF service of the pictures; 0 for any free one
    #[arg(long, value_name = "PORT", default_value = "8182")]
    pub iiif_port: u16,
    /// The ONNX Runtime library (libonnxruntime.so)
    #[arg(long, env = "ORT_DYLIB_PATH", value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
}

/// Which model, and what runs it.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// CLIP model: a folder, or a name on the hub
    #[arg(
        long,
        env = "CLIP_MODEL",
        value_name = "FOLDER|NAME",
        default_value = "openai/clip-vit-base-patch32"
    )]
    pub model: String,
    /// Number format of the model's weights: the best there is, unless set
    #[arg(long, env = "CLIP_MODEL_PRECISION", value_name = "FORMAT")]
    pub model_precision: Option<ModelPrecision>,
    /// The ONNX Runtime library (libonnxruntime.so)
    #[arg(long, env = "ORT_DYLIB_PATH", value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// Threads of the model; all cores, unless set
    #[arg(long, env = "CLIP_MODEL_THREADS", value_name = "N")]
    pub model_threads: Option<NonZeroUsize>,
    /// What the model is run on; auto takes the first accelerator that ONNX Runtime can use here, or the processor
    #[arg(
        long,
        env = "CLIP_DEVICE",
        value_name = "DEVICE",
        default_value = "cpu"
    )]
    pub device: Device,
    /// Largest image that is decoded, in megapixels
    #[arg(
        long,
        env = "CLIP_MAX_MEGAPIXELS",
        value_name = "N",
        default_value = "100"
    )]
    pub max_megapixels: NonZeroU32,
    /// Address of the model hub
    #[arg(long, env = "HF_ENDPOINT", value_name = "URL", hide = true)]
    pub hub_endpoint: Option<String>,
    /// Access token for the model hub
    #[arg(
        long,
        env = "HF_TOKEN",
        value_name = "TOKEN",
        hide = true,
        hide_env_values = true
    )]
    pub hub_token: Option<String>,
    /// Folder of the model hub's cache
    #[arg(long, env = "HF_HOME", value_name = "FOLDER", hide = true)]
    pub hub_home: Option<PathBuf>,
    /// Never ask the model hub; use what its cache has
    #[arg(
        long,
        env = "HF_HUB_OFFLINE",
        value_name = "1|0",
        hide = true,
        num_args = 0..=1,
        default_missing_value = "1",
        default_value = "0",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub hub_offline: bool,
}

/// Where the collection and the metadata are.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The collection: the data directory that `build` makes
    #[arg(
        long,
        visible_alias = "dataDir",
        env = "CLIP_DATA_DIRECTORY",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// Column of images.csv with the IIIF URL; found by itself, unless set
    #[arg(
        long,
        visible_alias = "iiifColumn",
        env = "CLIP_IIIF_COLUMN",
        value_name = "NAME"
    )]
    pub iiif_column: Option<String>,
    /// Where the vectors are while they are searched: mapped (in the file, which is read through memory) or memory
    #[arg(
        long,
        env = "CLIP_FEATURES_IN",
        value_name = "PLACE",
        default_value = "mapped"
    )]
    pub features_in: FeaturesIn,
    /// Folder of the metadata store that `load` fills; no metadata, unless set
    #[arg(long, env = "CLIP_STORE", value_name = "FOLDER")]
    pub store: Option<PathBuf>,
}

/// What queries may do.
#[derive(Debug, Clone, Args)]
pub struct SparqlArgs {
    /// Where vectors of texts that were searched for are kept, so that a restart does not forget them: auto for
    /// text-vectors in the data directory if that can be written, a folder, or off
    #[arg(
        long,
        env = "CLIP_TEXT_CACHE",
        value_name = "auto|off|FOLDER",
        default_value = "auto"
    )]
    pub text_cache: TextCache,
    /// Which images are looked at: exact (all, so that every answer is complete) or approximate (those that are likely to
    /// be the best, in a collection that `index --approximate` was run for)
    #[arg(
        long,
        env = "CLIP_SEARCH",
        value_name = "exact|approximate",
        default_value = "exact"
    )]
    pub search: SearchMethod,
    /// Share of the best images that an approximate search is to find
    #[arg(
        long,
        env = "CLIP_RECALL",
        value_name = "SHARE",
        default_value = "0.98"
    )]
    pub recall: WantedRecall,
    /// clip:minScore of requests that have none
    #[arg(
        long,
        env = "CLIP_DEFAULT_MIN_SCORE",
        value_name = "SCORE",
        default_value = "0.2",
        allow_negative_numbers = true
    )]
    pub default_min_score: f32,
    /// clip:limit of requests that have none; all hits, unless set
    #[arg(long, env = "CLIP_DEFAULT_LIMIT", value_name = "N")]
    pub default_limit: Option<NonZeroUsize>,
    /// Width of the picture that clip:link names, in pixels, where the image is as wide
    #[arg(
        long,
        env = "CLIP_LINK_WIDTH",
        value_name = "PIXELS",
        default_value = "1000"
    )]
    pub link_width: NonZeroU32,
    /// Time after which a query is stopped, in seconds; 0 for none
    #[arg(
        long,
        env = "CLIP_QUERY_TIMEOUT",
        value_name = "SECONDS",
        default_value = "60"
    )]
    pub query_timeout: u64,
    /// Memory that the rows of one query may take, in MiB; 0 for any
    #[arg(
        long,
        env = "CLIP_MAX_QUERY_MEMORY",
        value_name = "MIB",
        default_value = "2048"
    )]
    pub max_query_memory: usize,
    /// Most hits of one query before any join
    #[arg(
        long,
        env = "CLIP_MAX_HITS",
        value_name = "N",
        default_value = "1000000"
    )]
    pub max_hits: NonZeroUsize,
    /// Most different input values of one request
    #[arg(
        long,
        env = "CLIP_MAX_INPUTS",
        value_name = "N",
        default_value = "10000"
    )]
    pub max_inputs: NonZeroUsize,
    /// Most images that one query may have fetched or decoded
    #[arg(
        long,
        env = "CLIP_MAX_QUERY_IMAGES",
        value_name = "N",
        default_value = "32"
    )]
    pub max_query_images: usize,
    /// SPARQL endpoints that SERVICE may call, by their exact IRIs, with commas between
    #[arg(
        long,
        env = "CLIP_ALLOW_SERVICE",
        value_name = "IRI,…",
        value_delimiter = ','
    )]
    pub allow_service: Vec<String>,
    /// Hosts, addresses or networks that clip:queryURL may fetch from although they are not public
    #[arg(
        long,
        env = "CLIP_ALLOW_FETCH",
        value_name = "HOST,…",
        default_value = "",
        hide_default_value = true
    )]
    pub allow_fetch: String,
    /// Largest image that clip:queryURL fetches, in MiB
    #[arg(
        long,
        env = "CLIP_FETCH_LIMIT",
        value_name = "MIB",
        default_value = "20"
    )]
    pub fetch_limit: NonZeroUsize,
    /// Images that are fetched for queries at the same time; more are refused with 503
    #[arg(long, env = "CLIP_MAX_FETCHES", value_name = "N", default_value = "64")]
    pub max_fetches: NonZeroUsize,
    /// Time for fetching one image for clip:queryURL, in seconds
    #[arg(
        long,
        env = "CLIP_FETCH_TIMEOUT",
        value_name = "SECONDS",
        default_value = "20"
    )]
    pub fetch_timeout: std::num::NonZeroU64,
}

/// Which images are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchMethod {
    /// All.
    Exact,
    /// Those that are likely to be the best.
    Approximate,
}

/// A share of the best images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedRecall(pub f64);

impl std::str::FromStr for WantedRecall {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(Self(share)),
            _ => Err(
                "a recall is a number between 0 and 1, such as 0.98; all are found by --search exact",
            ),
        }
    }
}

/// Where vectors of texts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextCache {
    /// In the data directory, if that can be written.
    Auto,
    /// Nowhere.
    Off,
    /// In a folder, which must be one that can be written.
    Folder(PathBuf),
}

impl From<&str> for TextCache {
    fn from(value: &str) -> Self {
        match value {
            "auto" => Self::Auto,
            "off" => Self::Off,
            folder => Self::Folder(folder.into()),
        }
    }
}

/// What an operator may set about the pages.
#[derive(Debug, Clone, Args)]
pub struct PageArgs {
    /// Colour of buttons and links on the pages, such as #1a5fb4
    #[arg(long, env = "CLIP_ACCENT", value_name = "COLOUR")]
    pub accent: Option<Accent>,
    /// Picture that stands before the name on the pages: SVG, PNG, JPEG or WebP
    #[arg(long, env = "CLIP_LOGO", value_name = "FILE")]
    pub logo: Option<PathBuf>,
    /// Links at the foot of the pages: the text that is shown and where it leads, with commas between
    #[arg(
        long,
        env = "CLIP_FOOTER",
        value_name = "TEXT=URL,…",
        value_delimiter = ','
    )]
    pub footer: Vec<Link>,
    /// IIIF viewers in which pictures may be opened, {manifest} in their URLs standing for the manifest, with commas
    /// between
    #[arg(
        long,
        env = "CLIP_VIEWERS",
        value_name = "NAME=URL,…",
        value_delimiter = ','
    )]
    pub viewers: Vec<Viewer>,
    /// Query that says by what a search can be restricted; queries/facets.rq, unless set
    #[arg(long, env = "CLIP_FACET_QUERY", value_name = "FILE")]
    pub facet_query: Option<PathBuf>,
    /// Folder of queries (.rq) for the workbench's menu; those of examples/, unless set
    #[arg(long, env = "CLIP_EXAMPLES", value_name = "FOLDER")]
    pub examples: Option<PathBuf>,
    /// Hosts to which image servers send browsers for pictures, with commas between; the images' own are known
    #[arg(
        long,
        env = "CLIP_IMAGE_HOSTS",
        value_name = "HOST,…",
        value_delimiter = ','
    )]
    pub image_hosts: Vec<String>,
}

/// `clip-search serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the collection and the metadata are.
    #[command(flatten)]
    pub data: DataArgs,
    /// Which model, and what runs it.
    #[command(flatten)]
    pub model: ModelArgs,
    /// What queries may do.
    #[command(flatten)]
    pub sparql: SparqlArgs,
    /// Address to listen on
    #[arg(
        long,
        env = "CLIP_HOST",
        value_name = "ADDRESS",
        default_value = "0.0.0.0"
    )]
    pub host: std::net::IpAddr,
    /// Port to listen on; 0 for any free one
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "5000")]
    pub port: u16,
    /// Name of the project, shown on the pages
    #[arg(
        long,
        env = "PROJECT_NAME",
        value_name = "NAME",
        default_value = "IIIF CLIP Search"
    )]
    pub project_name: String,
    /// URL under which the service is known to others; taken from each request, unless set
    #[arg(long, env = "CLIP_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Url>,
    /// How the pages look.
    #[command(flatten)]
    pub pages: PageArgs,
    /// SPARQL query that tells what is known about images; one that tries the usual shapes, unless set
    #[arg(long, env = "CLIP_PAGE_QUERY", value_name = "FILE")]
    pub page_query: Option<PathBuf>,
    /// Largest request body, in MiB
    #[arg(
        long,
        env = "CLIP_BODY_LIMIT",
        value_name = "MIB",
        default_value = "10"
    )]
    pub body_limit: NonZeroUsize,
    /// Queries that are evaluated at the same time; the others wait
    #[arg(long, env = "CLIP_MAX_QUERIES", value_name = "N")]
    pub max_queries: Option<NonZeroUsize>,
    /// Of these, those of one client, told apart by their addresses: three quarters, unless set; those of this machine
    /// may have all
    #[arg(long, env = "CLIP_MAX_QUERIES_PER_CLIENT", value_name = "N")]
    pub max_queries_per_client: Option<NonZeroUsize>,
    /// Tell clients apart by the last address of X-Forwarded-For, which a proxy before the service writes
    #[arg(
        long,
        env = "CLIP_TRUST_PROXY",
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub trust_proxy: bool,
    /// Connections at the same time: 1000, or half of the open files that the system allows if that is less;
    /// idle ones give way to new ones
    #[arg(long, env = "CLIP_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<NonZeroUsize>,
    /// Time that a query waits for its turn before it is refused with 503, in seconds
    #[arg(
        long,
        env = "CLIP_MAX_WAIT",
        value_name = "SECONDS",
        default_value = "30"
    )]
    pub max_wait: u64,
}

/// Where a build takes its IIIF URLs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A CSV file.
    #[value(name = "CSV", alias = "csv")]
    Csv,
    /// A query to a SPARQL endpoint.
    #[value(name = "SPARQL", alias = "sparql")]
    Sparql,
    /// IIIF manifests and collections.
    #[value(name = "MANIFEST", alias = "manifest")]
    Manifest,
    /// A folder of images.
    #[value(name = "FOLDER", alias = "folder")]
    Folder,
    /// What a IIIF Change Discovery stream says of manifests and collections.
    #[value(name = "DISCOVERY", alias = "discovery")]
    Discovery,
}

/// How a build may end, for scripts.
const BUILD_EXIT_CODES: &str = "\
Exit codes:
  0    the collection is written, failures are within --max-failures
  1    the build could not do its work; the collection is as before
  2    the command line is wrong
  3    the collection is written, more images failed than --max-failures allows
  130  interrupted; the same command goes on";

/// How much is done at the same time, and how servers are treated.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Hosts, addresses or networks that manifests may name although they are not public (MANIFEST and DISCOVERY modes)
    #[arg(
        long,
        env = "CLIP_ALLOW_FETCH",
        value_name = "HOST,…",
        default_value = "",
        hide_default_value = true
    )]
    pub allow_fetch: String,
    /// Images fetched at the same time; 16, unless set
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Images decoded ahead of the model, and made safe on disk together
    #[arg(
        long,
        visible_alias = "batchSize",
        value_name = "N",
        default_value = "64"
    )]
    pub batch_size: NonZeroUsize,
    /// Further attempts after a failure that may pass; 4, unless set
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Ask the servers of images that have a vector whether they have changed, and encode those that have
    #[arg(long)]
    pub refresh: bool,
    /// Ask for images that their servers did not have (404, 410) once in N builds; 0 for each time, 5,
    /// unless set
    #[arg(long, value_name = "N")]
    pub retry_gone: Option<u32>,
    /// Most requests to one host in a second, such as 2 or 0.5; as many as it answers quickly, unless set
    #[arg(long, value_name = "N")]
    pub max_rate: Option<MaxRate>,
    /// Whether the robots.txt of servers is read and followed; yes, unless set, where manifests name what is fetched
    /// (MANIFEST and DISCOVERY modes), and no where you do
    #[arg(long, value_name = "yes|no", value_parser = clap::builder::BoolishValueParser::new())]
    pub robots: Option<bool>,
    /// What the program calls itself to image servers, instead of its name and version
    #[arg(long, value_name = "TEXT")]
    pub user_agent: Option<String>,
    /// Mail address or URL at which operators of image servers reach you; added to the user agent
    #[arg(long, value_name = "ADDRESS")]
    pub contact: Option<String>,
    /// A header that every image server gets, "Name: value"; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Time for reaching a server, in seconds; 15, unless set
    #[arg(long, value_name = "SECONDS")]
    pub connect_timeout: Option<std::num::NonZeroU64>,
    /// Time for one image, in seconds; 60, unless set
    #[arg(long, value_name = "SECONDS")]
    pub image_timeout: Option<std::num::NonZeroU64>,
    /// Time for the endpoint's answer, in seconds; 1800, unless set
    #[arg(long, value_name = "SECONDS")]
    pub endpoint_timeout: Option<std::num::NonZeroU64>,
}

/// `clip-search build`.
#[derive(Debug, Args)]
#[command(after_help = BUILD_EXIT_CODES)]
pub struct BuildArgs {
    /// Where the IIIF URLs come from
    #[arg(long, value_name = "CSV|SPARQL|MANIFEST|DISCOVERY|FOLDER")]
    pub mode: Mode,
    /// The query, or @FILE that holds it (SPARQL mode)
    #[arg(
        long = "image-query",
        visible_alias = "imageQuery",
        alias = "imageQueryPath",
        value_name = "QUERY|@FILE",
        required_if_eq("mode", "SPARQL")
    )]
    pub image_query: Option<String>,
    /// URL of the SPARQL endpoint (SPARQL mode)
    #[arg(long, value_name = "URL", required_if_eq("mode", "SPARQL"))]
    pub endpoint: Option<Url>,
    /// Take an answer of the endpoint that is cut or says that rows are missing (SPARQL mode)
    #[arg(long)]
    pub allow_partial: bool,
    /// Rows that the endpoint is asked for at a time; 0: all at once, and in pages where that comes cut (SPARQL mode)
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    pub page_size: usize,
    /// A CONSTRUCT or DESCRIBE query, or @FILE that holds it, whose RDF is kept as metadata.nt and loaded into
    /// --store; may be given several times (SPARQL mode)
    #[arg(long = "metadata-query", value_name = "QUERY|@FILE")]
    pub metadata_queries: Vec<String>,
    /// The table: CSV separated by comma, semicolon, tab or |, gzipped or not, or Parquet (CSV mode)
    #[arg(
        long = "csv-file",
        visible_alias = "csvFile",
        value_name = "FILE",
        required_if_eq("mode", "CSV")
    )]
    pub csv_file: Option<PathBuf>,
    /// URL of a IIIF manifest or collection, a file with one, a folder of .json files, or a file with a URL or
    /// path a line; may be given several times (MANIFEST mode)
    #[arg(
        long = "manifest",
        value_name = "URL|FILE|FOLDER",
        required_if_eq("mode", "MANIFEST")
    )]
    pub manifests: Vec<String>,
    /// URL or file of the OrderedCollection of a IIIF Change Discovery stream (DISCOVERY mode)
    #[arg(
        long = "discovery",
        value_name = "URL|FILE",
        required_if_eq("mode", "DISCOVERY")
    )]
    pub discovery: Option<String>,
    /// Most manifests, collections and pages of collections that are read (MANIFEST and DISCOVERY modes)
    #[arg(long, value_name = "N", default_value = "100000")]
    pub max_manifests: NonZeroUsize,
    /// Folder of the metadata store that gets what manifests and metadata queries say; made if need be (MANIFEST,
    /// DISCOVERY and SPARQL mode)
    #[arg(long, env = "CLIP_STORE", value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Folder of images, which are read from the disk (FOLDER mode)
    #[arg(long, value_name = "FOLDER", required_if_eq("mode", "FOLDER"))]
    pub folder: Option<PathBuf>,
    /// URL under which `iiif-serve` serves that folder, as its --public-url (FOLDER mode)
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8182")]
    pub base_url: Url,
    /// Folder of the collection; made if need be
    #[arg(
        long,
        visible_alias = "dataDir",
        env = "CLIP_DATA_DIRECTORY",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// Build a part of the images alone: the second of seven, for instance; see `merge`
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Column or variable with the IIIF URL
    #[arg(
        long,
        visible_alias = "iiifColumn",
        env = "CLIP_IIIF_COLUMN",
        value_name = "NAME",
        default_value = "iiif_url"
    )]
    pub iiif_column: String,
    /// Keep the downloads in the collection's folder; without them the collection works, and goes on with the next
    /// build
    #[arg(
        long,
        value_name = "yes|no",
        default_value = "yes",
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub keep_images: bool,
    /// Width of the pictures that are asked for, in pixels, or smallest: as info.json has it, the smallest that the
    /// model sees as well as a larger one. A collection keeps what it was begun with; a new one takes the smallest,
    /// or 640 with --image-info no
    #[arg(long, env = "CLIP_IMAGE_WIDTH", value_name = "PIXELS|smallest")]
    pub image_width: Option<Delivery>,
    /// Ask each image's info.json for its size and service, once; without it the size is that of the picture
    #[arg(
        long,
        value_name = "yes|no",
        default_value = "yes",
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub image_info: bool,
    /// Number format of features.npy
    #[arg(long, value_name = "f32|f16", default_value = "f32")]
    pub precision: Precision,
    /// Failures up to this number or share are no reason for exit code 3
    #[arg(long, value_name = "N|N%", default_value = "5%")]
    pub max_failures: Limit,
    /// What becomes of images that the input does not name any more: yes takes them out of the collection, no keeps
    /// them in it
    #[arg(
        long,
        value_name = "yes|no",
        default_value = "yes",
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub prune: bool,
    /// If more images than this number or share would be taken out, nothing is changed, exit code 1; as a share it
    /// lets five go in any case
    #[arg(long, value_name = "N|N%", default_value = "10%")]
    pub max_prune: Limit,
    /// File for a report of what the build came to: failures with what helps, hosts, sizes, images that look the
    /// same, a sample; .html or .json, may be given several times
    #[arg(long = "report", value_name = "FILE")]
    pub reports: Vec<PathBuf>,
    /// How servers are treated.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Which model, and what runs it.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// `clip-search update`.
#[derive(Debug, Args)]
#[command(after_help = BUILD_EXIT_CODES)]
pub struct UpdateArgs {
    /// Folder of the collection, with the source.json that a build left in it
    #[arg(
        long,
        visible_alias = "dataDir",
        env = "CLIP_DATA_DIRECTORY",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// This time, take images that the input does not name any more out of the collection, or keep them; as the
    /// build was told, unless set
    #[arg(
        long,
        value_name = "yes|no",
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub prune: Option<bool>,
    /// How many may be taken out this time; as the build was told, unless set
    #[arg(long, value_name = "N|N%")]
    pub max_prune: Option<Limit>,
    /// File for a report of what the build came to, as of `build`; may be given several times
    #[arg(long = "report", value_name = "FILE")]
    pub reports: Vec<PathBuf>,
    /// How servers are treated; as the build was told, unless set.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Which model, and what runs it.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// How a merge may end, for scripts.
const MERGE_EXIT_CODES: &str = "\
Exit codes:
  0    the collection is written, failures are within --max-failures
  1    the shards cannot be put together; what is in --data-dir is as before
  2    the command line is wrong
  3    the collection is written, more images failed than --max-failures allows";

/// `clip-search merge`.
#[derive(Debug, Args)]
#[command(after_help = MERGE_EXIT_CODES)]
pub struct MergeArgs {
    /// Data directories of all shards, in any order
    #[arg(value_name = "SHARD", required = true)]
    pub shards: Vec<PathBuf>,
    /// Folder of the merged collection: new, empty, or that of an earlier merge
    #[arg(
        long,
        visible_alias = "dataDir",
        env = "CLIP_DATA_DIRECTORY",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// Take the downloads as well: as hard links where the file system has them, else as copies
    #[arg(long)]
    pub with_images: bool,
    /// Failures up to this number or share are no reason for exit code 3
    #[arg(long, value_name = "N|N%", default_value = "5%")]
    pub max_failures: Limit,
}

/// `clip-search index`.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// The collection: the data directory that `build` makes
    #[arg(
        long,
        visible_alias = "dataDir",
        env = "CLIP_DATA_DIRECTORY",
        value_name = "FOLDER",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// Make what approximate search reads, too: the features in lists of what is alike, of which `serve --search
    /// approximate` reads those that are near to a query
    #[arg(long)]
    pub approximate: bool,
    /// Number of lists; four times the square root of the number of images, and at most 4096, unless set
    #[arg(long, value_name = "N", requires = "approximate")]
    pub lists: Option<NonZeroUsize>,
}

/// `clip-search load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Folder of the metadata store; made if need be
    #[arg(long, env = "CLIP_STORE", value_name = "FOLDER")]
    pub store: PathBuf,
    /// Named graph for the triples; the default graph, unless set
    #[arg(long, value_name = "IRI")]
    pub graph: Option<String>,
    /// Base of relative IRIs; the file's own URL, unless set
    #[arg(long, value_name = "IRI")]
    pub base: Option<String>,
    /// Leave out statements that cannot be read, and list them (Turtle, N-Triples, N-Quads)
    #[arg(long)]
    pub skip_errors: bool,
    /// RDF files: .ttl, .nt, .nq, .trig, .rdf, .jsonld, each also with .gz
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Form of the answer on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Columns for people.
    Table,
    /// SPARQL 1.1 Query Results JSON; JSON-LD for CONSTRUCT.
    Json,
    /// SPARQL 1.1 Query Results CSV; N-Triples for CONSTRUCT.
    Csv,
}

/// `clip-search query`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("asked").required(true).multiple(true))]
pub struct QueryArgs {
    /// A SPARQL query, or @FILE that holds it
    #[arg(group = "asked", value_name = "SPARQL|@FILE", conflicts_with_all = ["text", "image", "similar"])]
    pub sparql_query: Option<String>,
    /// Tell how the query is answered, in place of its answer: plans, counts and times
    #[arg(long, conflicts_with_all = ["format", "text", "image", "similar"])]
    pub explain: bool,
    /// What the images shall look like, in words
    #[arg(long, group = "asked")]
    pub text: Option<String>,
    /// An image file or URL that the images shall look like
    #[arg(long, group = "asked", value_name = "FILE|URL")]
    pub image: Option<String>,
    /// IIIF URL of an image of the collection that the images shall look like
    #[arg(long, group = "asked", value_name = "URL")]
    pub similar: Option<String>,
    /// What the images shall not look like, in words
    #[arg(long, value_name = "TEXT")]
    pub exclude: Option<String>,
    /// Lowest score of a hit
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub min_score: Option<f32>,
    /// Number of hits
    #[arg(long, value_name = "N", default_value = "10")]
    pub limit: NonZeroUsize,
    /// Form of the answer
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub format: OutputFormat,
    /// Where the collection and the metadata are.
    #[command(flatten)]
    pub data: DataArgs,
    /// Which model, and what runs it.
    #[command(flatten)]
    pub model: ModelArgs,
    /// What queries may do.
    #[command(flatten)]
    pub sparql: SparqlArgs,
}

/// `clip-search inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Where the collection and the metadata are.
    #[command(flatten)]
    pub data: DataArgs,
    /// A model to inspect as well: a folder, or a name on the hub
    #[arg(long, env = "CLIP_MODEL", value_name = "FOLDER|NAME")]
    pub model: Option<String>,
    /// Number format of the model's weights: the best there is, unless set
    #[arg(long, env = "CLIP_MODEL_PRECISION", value_name = "FORMAT")]
    pub model_precision: Option<ModelPrecision>,
    /// The ONNX Runtime library (libonnxruntime.so), which runs the model on a test image
    #[arg(long, env = "ORT_DYLIB_PATH", value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `clip-search iiif-serve`.
#[derive(Debug, Args)]
pub struct IiifServeArgs {
    /// Folder of images
    #[arg(value_name = "FOLDER")]
    pub dir: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: std::net::IpAddr,
    /// Port to listen on; 0 for any free one
    #[arg(long, value_name = "PORT", default_value = "8182")]
    pub port: u16,
    /// URL under which the service is known to others
    #[arg(long, value_name = "URL")]
    pub public_url: Option<Url>,
}

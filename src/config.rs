//! Flags and environment, checked: what the commands are given to work with.

use crate::build::options::{BuildOptions, Source, image_query};
use crate::build::recorded::Recorded;
use crate::cli::{
    BuildArgs, DataArgs, Mode, ModelArgs, NetworkArgs, PageArgs, SearchMethod, ServeArgs,
    SparqlArgs, UpdateArgs,
};
use crate::describe::PageQuery;
use crate::encoder::hub::{self, HubOptions};
use crate::encoder::onnx::EncoderOptions;
use crate::encoder::onnx::threads::Aim;
use crate::fetch::FetchLimits;
use crate::http::pages::facets::Facets;
use crate::http::pages::operator::{Example, Logo, PageSettings};
use crate::http::server::ConnectionLimits;
use crate::http::{HttpSettings, most_of};
use crate::search::Method;
use crate::sparql::SparqlOptions;
use crate::unreadable::unreadable;
use anyhow::{Context, ensure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::fs;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

const MIB: usize = 1 << 20;

impl ModelArgs {
    /// The model's folder: fetched from the hub if it is given by name and not in the cache.
    ///
    /// # Errors
    /// If there is no such folder or the hub does not give the model.
    pub fn folder(&self) -> anyhow::Result<PathBuf> {
        let options = HubOptions {
            endpoint: self.hub_endpoint.clone(),
            token: self.hub_token.clone(),
            home: self.hub_home.clone(),
            offline: self.hub_offline,
            precision: self.model_precision,
            progress: std::io::stderr().is_terminal(),
        };
        hub::resolve(&self.model, &options)
            .with_context(|| format!("the model {} cannot be had", self.model))
    }

    /// How the model is run.
    #[must_use]
    pub fn encoder_options(&self) -> EncoderOptions {
        EncoderOptions {
            precision: self.model_precision,
            runtime_library: self.onnxruntime.clone(),
            threads: self.model_threads,
            aim: Aim::Soon,
            device: self.device,
            image_limit_px: u64::from(self.max_megapixels.get()) * 1_000_000,
            ..EncoderOptions::default()
        }
    }
}

impl SparqlArgs {
    /// How images are searched.
    pub(crate) fn method(&self) -> Method {
        match self.search {
            SearchMethod::Exact => Method::Exact,
            SearchMethod::Approximate => Method::Approximate {
                recall: self.recall.0,
            },
        }
    }

    /// What queries may do.
    ///
    /// # Errors
    /// If the default minimum score is not a number.
    pub fn options(&self) -> anyhow::Result<SparqlOptions> {
        ensure!(
            !self.default_min_score.is_nan(),
            "--default-min-score (CLIP_DEFAULT_MIN_SCORE) must be a number such as 0.2"
        );
        Ok(SparqlOptions {
            timeout: (self.query_timeout > 0).then(|| Duration::from_secs(self.query_timeout)),
            max_memory_bytes: (self.max_query_memory > 0)
                .then(|| self.max_query_memory.saturating_mul(1 << 20)),
            default_min_score: self.default_min_score,
            default_limit: self.default_limit.map(Into::into),
            link_width_px: self.link_width,
            max_hits: self.max_hits.get(),
            max_inputs: self.max_inputs.get(),
            max_query_images: self.max_query_images,
            services: self
                .allow_service
                .iter()
                .map(|iri| iri.trim().to_owned())
                .filter(|iri| !iri.is_empty())
                .collect(),
            ..SparqlOptions::default()
        })
    }

    /// How much a fetch for a query may cost.
    #[must_use]
    pub fn fetch_limits(&self) -> FetchLimits {
        FetchLimits {
            max_bytes: self.fetch_limit.get().saturating_mul(MIB),
            timeout: Duration::from_secs(self.fetch_timeout.get()),
            max_at_once: self.max_fetches.get(),
            ..FetchLimits::default()
        }
    }
}

impl ServeArgs {
    /// What the HTTP service is set to.
    ///
    /// # Errors
    /// If a file of the pages cannot be read or is not what it should be.
    pub fn http_settings(&self) -> anyhow::Result<HttpSettings> {
        let defaults = HttpSettings::default();
        let max_queries = self.max_queries.unwrap_or(defaults.max_queries);
        Ok(HttpSettings {
            project_name: self.project_name.clone(),
            public_url: self.public_url.clone(),
            body_limit_bytes: self.body_limit.get().saturating_mul(MIB),
            max_queries,
            max_queries_per_client: (self.max_queries_per_client)
                .unwrap_or_else(|| most_of(max_queries)),
            trust_proxy: self.trust_proxy,
            max_wait: Duration::from_secs(self.max_wait),
            pages: self.pages.settings()?,
            page_query: match &self.page_query {
                Some(path) => page_query(path)?,
                None => defaults.page_query,
            },
        })
    }

    /// What connections may take.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        let defaults = ConnectionLimits::default();
        ConnectionLimits {
            max_connections: self.max_connections.unwrap_or(defaults.max_connections),
            ..defaults
        }
    }
}

impl PageArgs {
    /// Looks and links of the pages.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be.
    pub fn settings(&self) -> anyhow::Result<PageSettings> {
        let mut settings = PageSettings {
            accent: self.accent,
            logo: self.logo.as_deref().map(logo).transpose()?,
            footer: self.footer.clone(),
            viewers: self.viewers.clone(),
            image_hosts: self
                .image_hosts
                .iter()
                .map(|host| host_of(host))
                .collect::<anyhow::Result<_>>()?,
            ..PageSettings::default()
        };
        if let Some(path) = &self.facet_query {
            let query = fs::read_to_string(path)
                .map_err(|error| unreadable(path.display(), &error, "--facet-query"))?;
            settings.facets = Facets::of_query(&query)
                .with_context(|| format!("{} (--facet-query) cannot be used", path.display()))?;
        }
        if let Some(folder) = &self.examples {
            settings.examples = examples(folder)?;
        }
        Ok(settings)
    }
}

/// The picture in a file, by whose ending browsers are told what it is.
fn logo(path: &Path) -> anyhow::Result<Logo> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let media_type = ending.and_then(Logo::media_type).with_context(|| {
        format!(
            "{} (--logo) must end with .svg, .png, .jpg or .webp",
            path.display()
        )
    })?;
    let bytes = fs::read(path).map_err(|error| unreadable(path.display(), &error, "--logo"))?;
    Ok(Logo {
        bytes: bytes.into(),
        media_type,
    })
}

/// A host as a policy may name it: anything else would change what the policy says.
fn host_of(text: &str) -> anyhow::Result<String> {
    let host = text.trim();
    let is_host = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    ensure!(
        is_host,
        "--image-hosts {text:?} is no host; write it as images.example.org or images.example.org:8080"
    );
    Ok(host.to_owned())
}

/// The queries in a folder, in the order of their names.
fn examples(folder: &Path) -> anyhow::Result<Vec<Example>> {
    let failed = |error| unreadable(folder.display(), &error, "--examples");
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "rq") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let query = fs::read_to_string(&path)
            .map_err(|error| unreadable(path.display(), &error, "--examples"))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Example::of_query(&name, &query))
    };
    paths.into_iter().map(read).collect()
}

/// The page query in the file at `path`.
fn page_query(path: &Path) -> anyhow::Result<PageQuery> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "the page query {} cannot be read; name a file with --page-query (CLIP_PAGE_QUERY)",
            path.display()
        )
    })?;
    PageQuery::parse(&text).with_context(|| {
        format!(
            "the page query {} (--page-query, CLIP_PAGE_QUERY) cannot be used",
            path.display()
        )
    })
}

impl BuildArgs {
    /// What the build is told.
    ///
    /// # Errors
    /// If the file of `@FILE` cannot be read.
    pub fn options(&self) -> anyhow::Result<BuildOptions> {
        ensure!(
            self.mode == Mode::Sparql || self.metadata_queries.is_empty(),
            "--metadata-query is for --mode SPARQL, whose endpoint it asks"
        );
        let source = match self.mode {
            Mode::Csv => Source::Csv(
                self.csv_file
                    .clone()
                    .context("--mode CSV needs --csv-file")?,
            ),
            Mode::Sparql => Source::Sparql {
                endpoint: self
                    .endpoint
                    .clone()
                    .context("--mode SPARQL needs --endpoint")?,
                query: image_query(
                    self.image_query
                        .as_deref()
                        .context("--mode SPARQL needs --image-query")?,
                )?,
            },
            Mode::Manifest => Source::Manifests(self.manifests.clone()),
            Mode::Folder => Source::Folder {
                dir: (self.folder.clone()).context("--mode FOLDER needs --folder")?,
                base_url: base_url(&self.base_url)?,
            },
            Mode::Discovery => Source::Discovery(
                self.discovery
                    .clone()
                    .context("--mode DISCOVERY needs --discovery")?,
            ),
        };
        let mut options = BuildOptions::new(source, self.data_dir.clone());
        options.shard = self.shard;
        options.iiif_column.clone_from(&self.iiif_column);
        options.keep_images = self.keep_images;
        options.delivery = self.image_width;
        options.asks_info = self.image_info;
        options.precision = self.precision;
        options.max_failures = self.max_failures;
        options.prune = self.prune;
        options.max_prune = self.max_prune;
        options.allow_partial = self.allow_partial;
        options.page_size = NonZeroUsize::new(self.page_size);
        let queries = self.metadata_queries.iter().map(|query| image_query(query));
        options.metadata_queries = queries.collect::<anyhow::Result<_>>()?;
        options.crawl.max_documents = self.max_manifests;
        options.store.clone_from(&self.store);
        options.reports.clone_from(&self.reports);
        self.network.apply(&mut options)?;
        Ok(options)
    }
}

impl UpdateArgs {
    /// What the build is told that is run again.
    ///
    /// # Errors
    /// If it is not known what was built, or that is gone.
    pub fn options(&self) -> anyhow::Result<BuildOptions> {
        let mut options = Recorded::options(&self.data_dir)?;
        options.prune = self.prune.unwrap_or(options.prune);
        options.max_prune = self.max_prune.unwrap_or(options.max_prune);
        options.reports.clone_from(&self.reports);
        self.network.apply(&mut options)?;
        Ok(options)
    }
}

impl NetworkArgs {
    /// Sets what is said of servers; what is not said stays as it is.
    fn apply(&self, options: &mut BuildOptions) -> anyhow::Result<()> {
        options.batch_size = self.batch_size;
        options.refreshes = self.refresh;
        let mut asked = options.asked.clone();
        asked.threads = self.threads.unwrap_or(asked.threads);
        asked.retries = self.retries.unwrap_or(asked.retries);
        asked.retry_gone = self.retry_gone.unwrap_or(asked.retry_gone);
        asked.max_rate = self.max_rate.or(asked.max_rate);
        asked.robots = self.robots.or(asked.robots);
        asked.user_agent = self.user_agent.clone().or(asked.user_agent);
        asked.contact = self.contact.clone().or(asked.contact);
        asked.connect_timeout_s = self.connect_timeout.unwrap_or(asked.connect_timeout_s);
        asked.image_timeout_s = self.image_timeout.unwrap_or(asked.image_timeout_s);
        asked.endpoint_timeout_s = self.endpoint_timeout.unwrap_or(asked.endpoint_timeout_s);
        let headers = headers(&self.headers)?;
        let missing: Vec<&str> = (asked.headers.iter())
            .filter(|name| !headers.contains_key(name.as_str()))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            tracing::warn!(
                "the build sent image servers the header {}, whose value is not written down; give it again with --header if it is still needed",
                missing.join(", ")
            );
        }
        if !headers.is_empty() {
            asked.headers = headers.keys().map(ToString::to_string).collect();
        }
        options.network.headers = headers;
        asked.apply(options, &self.allow_fetch)
    }
}

/// A URL to which the ids of images can be added.
fn base_url(url: &Url) -> anyhow::Result<Url> {
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none();
    ensure!(
        is_base,
        "--base-url {url} must begin with http:// or https://, and have no ? or # in it; give what iiif-serve has as --public-url"
    );
    Ok(url.clone())
}

/// The headers of `Name: value` lines.
fn headers(lines: &[String]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        // The value may be a secret: messages show the name alone.
        let (name, value) = line
            .split_once(':')
            .context("--header has no colon; write it as \"Name: value\"")?;
        let name = name.trim();
        let parsed: HeaderName =
            (name.parse()).with_context(|| format!("--header {name:?} is no name of a header"))?;
        let value = HeaderValue::from_str(value.trim()).with_context(|| {
            format!("the value of --header {name} cannot be sent; use plain letters on one line")
        })?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

impl DataArgs {
    /// The column with the IIIF URL, if the operator names one.
    #[must_use]
    pub fn iiif_column(&self) -> Option<&str> {
        self.iiif_column.as_deref()
    }
}

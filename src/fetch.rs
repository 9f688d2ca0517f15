//! Fetching what a query names: bounded in size and time, and never from inside the operator's network.

mod address;
pub mod allow;

use allow::AllowList;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Response, StatusCode, header};
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use url::{Host, Url};

/// Fetches URLs that come from queries, so from strangers. Clones share connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    runtime: Handle,
    /// Reaches public addresses and the networks on the allow list.
    public: Client,
    /// Reaches every address; only for hosts that are on the allow list by name.
    allowed: Client,
    allow: Arc<AllowList>,
    limits: FetchLimits,
    /// Free fetches.
    slots: Arc<Semaphore>,
}

/// What one request comes to.
#[derive(Debug)]
pub(crate) enum Hop {
    /// Neither is its status looked at nor its body read.
    Answer(Response),
    /// It may be found there.
    Redirect(Url),
}

/// How much a fetch may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Longest body.
    pub max_bytes: usize,
    /// Longest time from the first name lookup to the last byte, redirects included.
    pub timeout: Duration,
    /// Redirects that are followed.
    pub max_redirects: usize,
    /// Fetches at the same time; more are refused, because each has a thread that waits.
    pub max_at_once: usize,
}

/// Why a remote image cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not a URL.
    #[error("{} is not a URL ({source}); write an absolute http or https URL", Shown(.url))]
    NotAUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// Another scheme than http and https.
    #[error("{} is not an http or https URL", Shown(.0))]
    NotHttp(String),
    /// A name or a password in the URL.
    #[error(
        "the URL at {host} contains a user name or password; leave out what stands before the @"
    )]
    UserInfo {
        /// The URL's host; the rest is not repeated, because it is a secret.
        host: String,
    },
    /// The host has no public address and is not allow-listed.
    #[error(
        "{host} is not on the public internet, so it is not fetched; the operator of this service can put it on the allow list"
    )]
    NotPublic {
        /// The host as the URL has it.
        host: String,
    },
    /// The host has no address.
    #[error("the host {host} cannot be found; check the spelling of {}", Shown(.url))]
    UnknownHost {
        /// The URL.
        url: String,
        /// Its host.
        host: String,
    },
    /// Connecting or reading failed.
    #[error("{} cannot be fetched ({}); check that it is online", Shown(.url), root_cause(.source))]
    Failed {
        /// The URL.
        url: String,
        /// What the HTTP client met.
        source: reqwest::Error,
    },
    /// The server answered, but not with the image.
    #[error("{} answered with status {status}; give the URL of an image that is online", Shown(.url))]
    Status {
        /// The URL.
        url: String,
        /// The status code.
        status: u16,
    },
    /// A redirect without a usable target.
    #[error("{} redirects to nowhere: its Location is missing or not a URL", Shown(.url))]
    BadRedirect {
        /// The URL.
        url: String,
    },
    /// A chain of redirects.
    #[error("{} redirects more than {limit} times; give the URL that it leads to", Shown(.url))]
    TooManyRedirects {
        /// The first URL.
        url: String,
        /// How many redirects are followed.
        limit: usize,
    },
    /// The body is too long.
    #[error(
        "{} is larger than {limit_bytes} bytes; ask the image server for a smaller one, for instance with /full/640,/0/default.jpg",
        Shown(.url)
    )]
    TooLarge {
        /// The URL.
        url: String,
        /// Longest body that is read.
        limit_bytes: usize,
    },
    /// It took too long.
    #[error(
        "{} did not arrive within {limit_s} s; try again, or send the image itself",
        Shown(.url)
    )]
    TimedOut {
        /// The URL.
        url: String,
        /// Longest time in seconds.
        limit_s: u64,
    },
    /// As many fetches as are allowed are under way.
    #[error("the service is fetching too many pictures; try again later")]
    TooMany,
    /// This service is going down.
    #[error("the service is shutting down")]
    Stopped,
}

/// Why there can be no [`Fetcher`].
#[derive(Debug, thiserror::Error)]
#[error(
    "the HTTP client cannot be set up; are root certificates installed (Debian: ca-certificates)?"
)]
pub struct FetcherError(#[from] reqwest::Error);

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            max_bytes: 20 * 1024 * 1024,
            timeout: Duration::from_secs(20),
            max_redirects: 5,
            max_at_once: 64,
        }
    }
}

impl Fetcher {
    /// A fetcher whose work runs on `runtime`.
    ///
    /// # Errors
    /// [`FetcherError`] if the HTTP client cannot be set up.
    pub fn new(
        runtime: Handle,
        allow: AllowList,
        limits: FetchLimits,
    ) -> Result<Self, FetcherError> {
        Self::with_client(runtime, allow, limits, || {
            crate::net::client_builder().no_gzip()
        })
    }

    /// A fetcher whose clients begin with what `client` gives.
    ///
    /// # Errors
    /// [`FetcherError`] if the HTTP client cannot be set up.
    pub(crate) fn with_client(
        runtime: Handle,
        allow: AllowList,
        limits: FetchLimits,
        client: impl Fn() -> ClientBuilder,
    ) -> Result<Self, FetcherError> {
        let allow = Arc::new(allow);
        // Proxies from the environment would resolve names themselves, past our check; redirects are
        // followed by hand, so that every hop is checked.
        let client = || {
            client()
                .no_proxy()
                .referer(false)
                .redirect(reqwest::redirect::Policy::none())
        };
        Ok(Self {
            runtime,
            public: client()
                .dns_resolver(PublicOnly {
                    allow: Arc::clone(&allow),
                })
                .build()?,
            allowed: client().build()?,
            allow,
            limits,
            slots: Arc::new(Semaphore::new(
                limits.max_at_once.min(Semaphore::MAX_PERMITS),
            )),
        })
    }

    /// The body behind `url`. Blocks, with the query's place [lent](crate::place::lend): call it from a thread that may block, while the runtime runs.
    ///
    /// # Errors
    /// [`FetchError`] names the URL, what is wrong and what helps.
    pub fn get_blocking(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let slot = slot.map_err(|_| FetchError::TooMany)?;
        let (done, result) = mpsc::sync_channel(1);
        let fetcher = self.clone();
        let url = url.to_owned();
        // A task and a channel instead of `Handle::block_on`, which panics on threads of the runtime
        // and when the runtime shuts down.
        self.runtime.spawn(async move {
            let fetched = fetcher.get(&url).await;
            drop(slot);
            // The caller is waiting, so this cannot fail.
            let _ = done.send(fetched);
        });
        crate::place::lend(|| result.recv()).unwrap_or(Err(FetchError::Stopped))
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        match tokio::time::timeout(self.limits.timeout, self.follow(url)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::TimedOut {
                url: url.to_owned(),
                limit_s: self.limits.timeout.as_secs(),
            }),
        }
    }

    async fn follow(&self, start: &str) -> Result<Vec<u8>, FetchError> {
        let (url, response) = self.open(start, "image/*,*/*;q=0.1").await?;
        self.read(&url, response).await
    }

    /// The answer behind `start`, whatever its status, and the URL that gave it; redirects are followed.
    ///
    /// # Errors
    /// [`FetchError`] names the URL, what is wrong and what helps.
    async fn open(&self, start: &str, accept: &'static str) -> Result<(Url, Response), FetchError> {
        let mut url = Self::parse(start)?;
        let headers: HeaderMap = [(header::ACCEPT, HeaderValue::from_static(accept))]
            .into_iter()
            .collect();
        for _ in 0..=self.limits.max_redirects {
            match self.hop(Method::GET, &url, headers.clone()).await? {
                Hop::Redirect(target) => url = target,
                Hop::Answer(response) => return Ok((url, response)),
            }
        }
        Err(self.too_many_redirects(start))
    }

    /// The URL that `text` is.
    ///
    /// # Errors
    /// [`FetchError::NotAUrl`]
    pub(crate) fn parse(text: &str) -> Result<Url, FetchError> {
        Url::parse(text).map_err(|source| FetchError::NotAUrl {
            url: text.to_owned(),
            source,
        })
    }

    /// Redirects that are followed.
    pub(crate) fn max_redirects(&self) -> usize {
        self.limits.max_redirects
    }

    /// What whoever follows more says.
    pub(crate) fn too_many_redirects(&self, start: &str) -> FetchError {
        FetchError::TooManyRedirects {
            url: start.to_owned(),
            limit: self.limits.max_redirects,
        }
    }

    /// What `url` itself answers, whatever the status. The caller bounds its time and its length.
    ///
    /// # Errors
    /// [`FetchError`] names the URL, what is wrong and what helps.
    pub(crate) async fn hop(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Hop, FetchError> {
        let request = self
            .client_for(url)?
            .request(method, url.clone())
            .headers(headers);
        let response = request.send().await.map_err(|error| failed(url, error))?;
        Ok(match redirect_target(url, &response)? {
            Some(target) => Hop::Redirect(target),
            None => Hop::Answer(response),
        })
    }

    /// The client that may reach `url`.
    fn client_for(&self, url: &Url) -> Result<&Client, FetchError> {
        let (true, Some(host)) = (matches!(url.scheme(), "http" | "https"), url.host()) else {
            return Err(FetchError::NotHttp(url.to_string()));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::UserInfo {
                host: host.to_string(),
            });
        }
        if self.allow.permits_url(url) {
            return Ok(&self.allowed);
        }
        // Addresses never pass through the resolver, so they are checked here; names are checked
        // there, at the moment of connecting, so that no second lookup can give another answer.
        let ip = match host {
            Host::Domain(_) => return Ok(&self.public),
            Host::Ipv4(ip) => IpAddr::V4(ip),
            Host::Ipv6(ip) => IpAddr::V6(ip),
        };
        if address::is_public(ip) {
            Ok(&self.public)
        } else {
            Err(FetchError::NotPublic {
                host: host.to_string(),
            })
        }
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, FetchError> {
        if !response.status().is_success() {
            return Err(FetchError::Status {
                url: url.to_string(),
                status: response.status().as_u16(),
            });
        }
        let limit_bytes = self.limits.max_bytes;
        let too_large = || FetchError::TooLarge {
            url: url.to_string(),
            limit_bytes,
        };
        let announced = response.content_length().map(usize::try_from);
        if announced.is_some_and(|length| length.is_ok_and(|n| n > limit_bytes) || length.is_err())
        {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(url, error))? {
            if body.len() + chunk.len() > limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Where `response` redirects to, if it does.
fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !redirects.contains(&response.status()) {
        return Ok(None);
    }
    response
        .headers()
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| url.join(location).ok())
        .map(Some)
        .ok_or_else(|| FetchError::BadRedirect {
            url: url.to_string(),
        })
}

fn failed(url: &Url, error: reqwest::Error) -> FetchError {
    let host = url.host_str().unwrap_or_default().to_owned();
    if causes(&error).any(|cause| cause.is::<NoPublicAddress>()) {
        FetchError::NotPublic { host }
    } else if error.is_dns() {
        FetchError::UnknownHost {
            url: url.to_string(),
            host,
        }
    } else {
        FetchError::Failed {
            url: url.to_string(),
            source: error,
        }
    }
}

/// Resolves names as the system does and drops every address that is neither public nor in an
/// allow-listed network.
#[derive(Debug)]
struct PublicOnly {
    allow: Arc<AllowList>,
}

/// All addresses of a name were dropped.
#[derive(Debug, thiserror::Error)]
#[error("no address of the host is public")]
struct NoPublicAddress;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = Arc::clone(&self.allow);
        Box::pin(async move {
            // Port 0: the client puts in the port of the URL.
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let had_addresses = !found.is_empty();
            let usable: Vec<SocketAddr> = found
                .into_iter()
                .filter(|found| address::is_public(found.ip()) || allow.permits_address(found.ip()))
                .collect();
            if usable.is_empty() && had_addresses {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// `error` and what caused it, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// The innermost cause, which says what happened where the outer ones say in which layer.
fn root_cause(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// A URL in a message: the first characters of it, because a query may hold megabytes.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(200) {
            None => f.write_str(self.0),
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
        }
    }
}

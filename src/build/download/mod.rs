//! Fetching images from IIIF servers: bounded, patient where patience may help, and in the way that each
//! server answers.

pub(super) mod asking;
mod host;
mod info;
mod login;
mod smallest;
mod tiled;
mod ways;

use super::endpoint::retry::retry_after;
use super::options::Network;
use crate::collection::requested::Requested;
use crate::collection::sizes::ImageSize;
use crate::fetch::{FetchError, FetchLimits, Fetcher, FetcherError};
use crate::iiif::reference::Reference;
use crate::net;
use asking::{Answer, Asking};
use host::{Advice, GivenUp, Host, Outcome};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;
use ways::{Described, Offer, WAYS, Way};

/// Fetches images; shared by all downloads of a build.
#[derive(Debug)]
pub(super) struct Downloader {
    client: Client,
    /// Fetches instead of the client, where URLs come from strangers.
    guard: Option<Fetcher>,
    limits: Network,
    requested: Requested,
    /// Images that are worked on at the same time, from the request until the model has them.
    places: Arc<Semaphore>,
}

/// The images of one host are asked for in these ways, as far as is known.
#[derive(Debug)]
pub(super) struct Source {
    host: Host,
    habit: Mutex<Habit>,
    asking: Asking,
}

/// What has worked for the images of a host so far.
#[derive(Debug, Default)]
struct Habit {
    way: Option<Way>,
    /// Images in a row that came that way.
    n_images: u32,
}

/// After so many images in a row that came in a way which is that of the whole server, it is tried first. In
/// what way an image comes must not depend on those before it, so that an interrupted build ends with the same
/// bytes: one narrow image, which a server does not enlarge, says nothing of the next.
const HABIT: u32 = 5;

impl Source {
    fn ways(&self) -> Vec<Way> {
        let habit = self.habit.lock().unwrap_or_else(PoisonError::into_inner);
        let first = habit.way.filter(|_| habit.n_images >= HABIT);
        let others = WAYS.into_iter().filter(|way| Some(*way) != first);
        first.into_iter().chain(others).collect()
    }

    /// An image came in this way, which is that of the whole server or not.
    fn note(&self, way: Way, is_of_server: bool) {
        let mut habit = self.habit.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_of_server {
            *habit = Habit::default();
        } else if habit.way == Some(way) {
            habit.n_images += 1;
        } else {
            habit.way = Some(way);
            habit.n_images = 1;
        }
    }
}

/// Why an image does not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadError {
    #[error("{url} answered {status}{}{}", quoted(.words), remedy(*.status))]
    Status {
        url: String,
        status: StatusCode,
        /// The server's wish for the next attempt.
        retry_after: Option<Duration>,
        /// What the server says about it.
        words: String,
    },
    #[error("{url} is longer than {limit_bytes} bytes")]
    TooLarge { url: String, limit_bytes: usize },
    #[error("{url} did not arrive within {} s", .limit.as_secs())]
    Timeout { url: String, limit: Duration },
    #[error("{url} cannot be fetched: {reason}")]
    Transport { url: String, reason: String },
    #[error("{url} cannot be used: {reason}")]
    Tile { url: String, reason: String },
    /// Nor does it come in any other way.
    #[error("{first}; at last {last}")]
    NoWay {
        first: Box<DownloadError>,
        last: Box<DownloadError>,
    },
    /// It is known why.
    #[error(
        "{error}; the image is behind a login ({login}), and a build can show a --header alone"
    )]
    Login {
        /// The service that lets users in.
        login: String,
        error: Box<DownloadError>,
    },
    /// What to ask for is not known.
    #[error(
        "{0}; without info.json it is not known which picture to ask for: run the same command again later, or ask with --image-width 640, which does not need it"
    )]
    NoInfo(Box<DownloadError>),
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    /// Not a place that strangers may name.
    #[error(
        "{url} is not fetched: {host} is not on the public internet; if it may be, name it with --allow-fetch (CLIP_ALLOW_FETCH)"
    )]
    NotPublic { url: String, host: String },
    #[error(transparent)]
    Refused(FetchError),
}

fn quoted(words: &str) -> String {
    match words {
        "" => String::new(),
        words => format!(" ({words})"),
    }
}

/// What helps against a refusal, where that is known.
fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; it is behind a login: give what opens it with --header",
        StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => "; it may not be shown",
        _ => "",
    }
}

/// Longest info.json that is read.
const MAX_INFO_BYTES: usize = 1 << 20;

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// What an info.json says.
struct Info {
    json: Value,
    /// Of the whole image.
    size: Option<ImageSize>,
}

/// What is known of an image by its info.json.
#[derive(Default)]
struct Description {
    info: Option<Info>,
    /// What it says of the size; `None` if it was not asked for.
    answer: Option<Answer>,
    /// The service that lets users in.
    login: Option<String>,
}

impl Description {
    /// That of a file, which has none.
    fn nothing() -> Self {
        Self {
            answer: Some(Answer::Nothing),
            ..Self::default()
        }
    }
}

/// An image as it came.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    /// Its place among those that are worked on.
    pub(super) place: OwnedSemaphorePermit,
    /// What its info.json said, if it had to be asked for.
    pub(super) answer: Option<Answer>,
    /// The service that lets users in, if the image is behind a login: the picture may be a substitute.
    pub(super) login: Option<String>,
}

impl Downloader {
    /// Downloads for a build that works on `n_places` images at the same time.
    pub(super) fn new(
        limits: Network,
        requested: Requested,
        n_places: usize,
    ) -> Result<Self, FetcherError> {
        let client = || {
            let mut client = net::client_builder()
                .connect_timeout(limits.connect_timeout)
                .default_headers(limits.headers.clone());
            if let Some(user_agent) = &limits.user_agent {
                client = client.user_agent(user_agent);
            }
            if !limits.uses_proxy {
                client = client.no_proxy();
            }
            client
        };
        let guard = match &limits.public_except {
            Some(allow) => Some(Fetcher::with_client(
                Handle::current(),
                allow.clone(),
                FetchLimits::default(),
                client,
            )?),
            None => None,
        };
        Ok(Self {
            client: client().build()?,
            guard,
            limits,
            requested,
            places: Arc::new(Semaphore::new(n_places)),
        })
    }

    /// Waits for a place among the images that are worked on.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        let place = self.places.clone().acquire_owned().await;
        place.expect("the places are never closed")
    }

    /// The images by their hosts, in their order. Each host has its own turns, so that one that hangs does not
    /// hold up the others.
    pub(super) fn by_host<T>(
        &self,
        images: Vec<T>,
        url: impl Fn(&T) -> &str,
    ) -> Vec<(Arc<Source>, Vec<T>)> {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(String, Vec<T>)> = Vec::new();
        for image in images {
            let origin = Url::parse(url(&image))
                .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization());
            let number = *numbers.entry(origin.clone()).or_insert(groups.len());
            if number == groups.len() {
                groups.push((origin, Vec::new()));
            }
            groups[number].1.push(image);
        }
        let n_places = self.places.available_permits();
        // Of several hosts none takes all places, even if it hangs.
        let n_for_one = if groups.len() > 1 {
            (n_places * 3 / 4).max(1)
        } else {
            n_places
        };
        groups
            .into_iter()
            .map(|(origin, images)| (self.source(origin, n_for_one), images))
            .collect()
    }

    /// The host `origin`, which may have `n_places` requests at the same time.
    pub(super) fn source(&self, origin: String, n_places: usize) -> Arc<Source> {
        let Network {
            retry_pause,
            retries,
            ..
        } = self.limits;
        Arc::new(Source {
            host: Host::new(origin, n_places, retry_pause, retries),
            habit: Mutex::default(),
            asking: Asking::default(),
        })
    }

    /// The document at `url` on the host `source`.
    pub(super) async fn document(
        &self,
        source: &Source,
        url: &str,
        limit_bytes: usize,
    ) -> Result<Vec<u8>, DownloadError> {
        let fetched = self.get_patiently(&source.host, url, limit_bytes).await;
        fetched.map(|(bytes, _place)| bytes)
    }

    /// The image behind `iiif_url` in the size of this build, or else in one that its server has.
    ///
    /// Servers refuse a width beyond that of the image with 400, 403 or 501, static ones do not know it (404),
    /// and some fail at it (500).
    pub(super) async fn get(
        &self,
        source: &Source,
        iiif_url: &str,
    ) -> Result<Fetched, DownloadError> {
        let mut description = None;
        let result = self.get_described(source, iiif_url, &mut description).await;
        let Description { answer, login, .. } = description.unwrap_or_default();
        match result {
            Ok((bytes, place)) => Ok(Fetched {
                bytes,
                place,
                answer,
                login,
            }),
            Err(error) => Err(match login {
                Some(login) if error.is_closed() => DownloadError::Login {
                    login,
                    error: Box::new(error),
                },
                _ => error,
            }),
        }
    }

    /// Leaves in `description` what info.json says, if it was asked for.
    async fn get_described(
        &self,
        source: &Source,
        iiif_url: &str,
        description: &mut Option<Description>,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), DownloadError> {
        let mut refusals = Refusals::default();
        let ways = self.first_way().into_iter().chain(source.ways());
        for way in ways.filter(|way| way.is_for(iiif_url)) {
            let described = match way.url(iiif_url, self.requested.plain_width_px()) {
                Some(url) => Described::only(url),
                None => {
                    if description.is_none() {
                        *description = Some(self.describe(source, iiif_url).await?);
                    }
                    let known = description.as_ref().and_then(|known| known.info.as_ref());
                    known.map_or_else(Described::default, |info| self.offers(way, info, iiif_url))
                }
            };
            for offer in described.offers {
                let host = &source.host;
                let got = match &offer {
                    Offer::Picture(url) => {
                        self.get_patiently(host, url, self.limits.max_image_bytes)
                            .await
                    }
                    Offer::Tiles(tiled) => self.get_tiled(host, tiled).await,
                };
                match got {
                    Ok(got) => {
                        source.note(way, described.is_of_server);
                        return Ok(got);
                    }
                    Err(error) if error.leads_on() => refusals.add(way, error),
                    Err(error) => {
                        refusals.add(way, error);
                        return Err(refusals.into_error());
                    }
                }
            }
        }
        Err(refusals.into_error())
    }

    /// The way that no habit of a server changes.
    fn first_way(&self) -> Option<Way> {
        match self.requested {
            Requested::ShortEdge(_) => Some(Way::Smallest),
            Requested::Width(_) => None,
        }
    }

    /// What to ask for in a `way` for which there is info.json.
    fn offers(&self, way: Way, info: &Info, iiif_url: &str) -> Described {
        match (way, self.requested) {
            (Way::Smallest, Requested::ShortEdge(short_px)) => {
                info.size.map_or_else(Described::default, |size| {
                    let reference = Reference::parse(iiif_url);
                    smallest::described(&info.json, size, &reference, short_px)
                })
            }
            _ => ways::described(&info.json, iiif_url, self.requested.plain_width_px()),
        }
    }

    /// What info.json says.
    ///
    /// # Errors
    /// If it does not come although it may be there, and a build depends on it: what picture is taken must not
    /// depend on whether a server was busy.
    async fn describe(
        &self,
        source: &Source,
        iiif_url: &str,
    ) -> Result<Description, DownloadError> {
        let Some(url) = ways::info_url(iiif_url) else {
            return Ok(Description::nothing());
        };
        let result = self.document(source, &url, MAX_INFO_BYTES).await;
        let answer = Some(asking::answer(&result, iiif_url));
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(error @ DownloadError::GivenUp(_)) => return Err(error),
            Err(error) if error.may_pass() && self.first_way().is_some() => {
                return Err(DownloadError::NoInfo(Box::new(error)));
            }
            Err(_) => {
                return Ok(Description {
                    answer,
                    ..Description::default()
                });
            }
        };
        let info = (info::json(&bytes)).map(|json| Info {
            size: info::size(&bytes),
            json,
        });
        Ok(Description {
            login: info.as_ref().and_then(|info| login::service(&info.json)),
            info,
            answer,
        })
    }

    async fn get_patiently(
        &self,
        host: &Host,
        url: &str,
        limit_bytes: usize,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), DownloadError> {
        let mut pause = self.limits.retry_pause;
        let mut n_left = self.limits.retries;
        let mut is_first = true;
        loop {
            let turn = host.turn().await?;
            let place = self.place().await;
            let result = self
                .get_once(url, limit_bytes, self.limits.image_timeout)
                .await;
            drop(turn);
            let error = match result {
                Ok(bytes) => {
                    host.note(Outcome::Answered, &"");
                    return Ok((bytes, place));
                }
                Err(error) => error,
            };
            drop(place);
            let outcome = error.outcome(is_first);
            is_first = false;
            match host.note(outcome, &error) {
                _ if outcome == Outcome::Answered => return Err(error),
                Advice::GiveUp => return Err(error),
                Advice::Wait => {}
                Advice::Retry => {
                    if error.leads_on() {
                        // Another way may help more than patience.
                        n_left = n_left.min(1);
                    }
                    if n_left > 0 {
                        n_left -= 1;
                        tracing::debug!(%error, "trying again");
                        tokio::time::sleep(pause.min(MAX_PAUSE)).await;
                        pause *= 2;
                    } else {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn get_once(
        &self,
        url: &str,
        limit_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, DownloadError> {
        let reading = self.read_once(url, limit_bytes, timeout);
        if self.guard.is_none() {
            return reading.await;
        }
        // Redirects that are followed one by one have this time together.
        match tokio::time::timeout(timeout, reading).await {
            Ok(result) => result,
            Err(_) => Err(DownloadError::Timeout {
                url: url.to_owned(),
                limit: timeout,
            }),
        }
    }

    async fn read_once(
        &self,
        url: &str,
        limit_bytes: usize,
        timeout: Duration,
    ) -> Result<Vec<u8>, DownloadError> {
        let too_large = || DownloadError::TooLarge {
            url: url.to_owned(),
            limit_bytes,
        };
        let failed = |error| explain(url, timeout, error);
        let mut response = match &self.guard {
            Some(guard) => guarded(guard, url, timeout).await?,
            None => {
                let request = self.client.get(url).timeout(timeout);
                request.send().await.map_err(failed)?
            }
        };
        let status = response.status();
        if !status.is_success() {
            let retry_after = retry_after(response.headers(), SystemTime::now());
            return Err(DownloadError::Status {
                url: url.to_owned(),
                status,
                retry_after,
                words: words(response).await,
            });
        }
        if response
            .content_length()
            .is_some_and(|n| n > limit_bytes as u64)
        {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The answer behind `url`, if strangers may name it.
async fn guarded(guard: &Fetcher, url: &str, limit: Duration) -> Result<Response, DownloadError> {
    let error = match guard.open(url, "*/*").await {
        Ok((_, response)) => return Ok(response),
        Err(error) => error,
    };
    let url = url.to_owned();
    Err(match error {
        FetchError::NotPublic { host } => DownloadError::NotPublic { url, host },
        FetchError::UnknownHost { host, .. } => DownloadError::Transport {
            url,
            reason: format!("the host {host} cannot be found"),
        },
        FetchError::Failed { source, .. } => explain(&url, limit, source),
        error => DownloadError::Refused(error),
    })
}

fn explain(url: &str, limit: Duration, error: reqwest::Error) -> DownloadError {
    let url = url.to_owned();
    if error.is_timeout() && !error.is_connect() {
        return DownloadError::Timeout { url, limit };
    }
    // "error sending request" says nothing; the innermost cause is "connection refused".
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    DownloadError::Transport {
        url,
        reason: cause.to_string(),
    }
}

/// What a server has refused of an image. The first and the last way are told, in whatever order they were
/// tried: the first explains a wrong URL.
#[derive(Default)]
struct Refusals(Vec<(Way, DownloadError)>);

impl Refusals {
    fn add(&mut self, way: Way, error: DownloadError) {
        self.0.push((way, error));
    }

    fn into_error(mut self) -> DownloadError {
        self.0.sort_by_key(|(way, _)| *way);
        let mut errors = self.0.into_iter().map(|(_, error)| error);
        let first = errors
            .next()
            .expect("what does not come was refused at least once");
        match errors.next_back() {
            Some(last) => DownloadError::NoWay {
                first: Box::new(first),
                last: Box::new(last),
            },
            None => first,
        }
    }
}

impl DownloadError {
    /// What it says of the host.
    fn outcome(&self, is_first: bool) -> Outcome {
        match self {
            Self::Status {
                status,
                retry_after,
                ..
            } => match status.as_u16() {
                // 509 is what some hosts answer when their traffic is used up.
                429 | 503 | 509 => Outcome::Busy(*retry_after),
                501 => Outcome::Answered,
                408 | 500..=599 => Outcome::ServerError,
                _ => Outcome::Answered,
            },
            Self::Timeout { .. } | Self::Transport { .. } => Outcome::Unanswered { is_first },
            Self::TooLarge { .. }
            | Self::Tile { .. }
            | Self::NoWay { .. }
            | Self::Login { .. }
            | Self::NoInfo(_)
            | Self::GivenUp(_)
            | Self::NotPublic { .. }
            | Self::Refused(_) => Outcome::Answered,
        }
    }

    /// Whether the server may give the image in another way: not where it asks who is there (401), knows that
    /// the image is gone (410) or must not be shown (451).
    fn leads_on(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 400 | 403..=407 | 411..=418 | 421..=424 | 500 | 501)
            }
            Self::Tile { .. } => true,
            Self::TooLarge { .. }
            | Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::NoWay { .. }
            | Self::Login { .. }
            | Self::NoInfo(_)
            | Self::GivenUp(_)
            | Self::NotPublic { .. }
            | Self::Refused(_) => false,
        }
    }

    /// Whether the server has not said that it has no such thing.
    fn may_pass(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Transport { .. } => true,
            Self::Status { .. } => self.outcome(true) != Outcome::Answered && !self.leads_on(),
            _ => false,
        }
    }

    /// Whether the server wants to know who asks.
    fn is_closed(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status.as_u16(), 401 | 403),
            Self::NoWay { first, last } => first.is_closed() || last.is_closed(),
            _ => false,
        }
    }
}

/// Bytes of an error page that are looked at, and characters of it that are told.
const MAX_PAGE_BYTES: usize = 4096;
const MAX_WORDS: usize = 160;

/// What an error page says in its text, on one line.
async fn words(mut response: Response) -> String {
    let is_text = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_none_or(|kind| {
            ["text/", "json", "xml"]
                .iter()
                .any(|part| kind.contains(part))
        });
    if !is_text {
        return String::new();
    }
    let mut bytes = Vec::new();
    while bytes.len() < MAX_PAGE_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend(chunk);
    }
    bytes.truncate(MAX_PAGE_BYTES);
    plain_words(&String::from_utf8_lossy(&bytes))
}

fn plain_words(page: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in page.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            _ if is_tag => {}
            c if c.is_control() || c == char::REPLACEMENT_CHARACTER => text.push(' '),
            c => text.push(c),
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    match words.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_pages_are_told_in_a_few_plain_words() {
        for (page, expected) in [
            (
                "<h1>400 Bad Request</h1>size exceeds",
                "400 Bad Request size exceeds",
            ),
            ("no enlargement\n here", "no enlargement here"),
            ("", ""),
            ("\u{0}\u{fffd}", ""),
        ] {
            assert_eq!(plain_words(page), expected);
        }
        assert_eq!(plain_words(&"a".repeat(500)).chars().count(), MAX_WORDS + 1);
    }
}

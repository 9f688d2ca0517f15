//! Fetching images from IIIF servers: bounded, patient where patience may help, and in the way that each
//! server answers.

mod aside;
pub(super) mod asking;
mod error;
mod host;
mod info;
mod limits;
mod login;
#[cfg(test)]
mod measured;
mod once;
mod pace;
mod permit;
pub(super) mod refresh;
mod shown;
mod smallest;
mod tiled;
mod ways;

use super::answers::{self, Answered, Taken};
use super::options::Network;
use super::tally::origin;
use crate::collection::requested::Requested;
use crate::collection::sizes::ImageSize;
use crate::features::sum::Sum;
use crate::fetch::{FetchLimits, Fetcher, FetcherError};
use crate::iiif::reference::Reference;
use crate::net;
use asking::{Answer, Asking};
use error::DownloadError;
use host::{Advice, Host, Outcome};
use once::{Ask, Got};
use pace::{Kind, Pace, jittered};
use reqwest::Client;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
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
    /// Requests to hosts of which it is not known whether they answer. Each may take as long as it may, so they have
    /// no place until there is an answer.
    doubtful: Semaphore,
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

/// Longest info.json that is read.
const MAX_INFO_BYTES: usize = 1 << 20;

/// Most requests at the same time, to all hosts together, to such as may not answer.
const MAX_DOUBTFUL: usize = 32;

/// Answers for others after which a picture that is refused again and again is given up alone: a host that keeps its
/// requests apart refuses each now and then, and none as often.
const OTHERS_ANSWERED: u64 = 16;

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// What an info.json says.
struct Info {
    json: Value,
    /// Of the whole image.
    size: Option<ImageSize>,
}

impl Info {
    /// `None` if it is no JSON.
    fn of(bytes: &[u8]) -> Option<Self> {
        let json = info::json(bytes)?;
        let size = info::size(&json);
        Some(Self { json, size })
    }
}

/// What is known of an image by its info.json.
#[derive(Default)]
struct Description {
    info: Option<Info>,
    /// What it says of the size; `None` if it was not asked for.
    answer: Option<Answer>,
    /// The service that lets users in.
    login: Option<String>,
    /// What came.
    came: Option<answers::Described>,
}

impl Description {
    /// What the info.json that came says of the image at `iiif_url`.
    fn of(Got { bytes, validators }: Got, iiif_url: &str) -> Self {
        let info = Info::of(&bytes);
        Self {
            login: info.as_ref().and_then(|info| login::service(&info.json)),
            answer: Some(asking::answer_with(info.as_ref(), iiif_url)),
            info,
            came: Some(answers::Described {
                sum: Sum::of(&bytes),
                validators,
            }),
        }
    }

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
    /// How its server may be asked whether it is still the same.
    pub(super) answered: Answered,
    /// Its place among those that are worked on.
    pub(super) place: OwnedSemaphorePermit,
    /// What its info.json said, if it had to be asked for.
    pub(super) answer: Option<Answer>,
    /// The service that lets users in, if the image is behind a login: the picture may be a substitute.
    pub(super) login: Option<String>,
}

/// A picture as it came.
struct Picture {
    bytes: Vec<u8>,
    /// Where from, if it was not put together.
    taken: Option<Taken>,
    place: OwnedSemaphorePermit,
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
                .pool_max_idle_per_host(n_places)
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
            doubtful: Semaphore::new(MAX_DOUBTFUL),
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
            let origin = origin(url(&image));
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
            min_interval,
            ..
        } = self.limits;
        let pace = Pace::new(n_places, min_interval);
        Arc::new(Source {
            host: Host::new(origin, pace, retry_pause, retries),
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
        let ask = self.ask(url, Kind::Document, limit_bytes);
        let fetched = self.get_permitted(&source.host, &ask).await;
        fetched.map(|(got, _place)| got.bytes)
    }

    /// A request that depends on nothing.
    fn ask<'a>(&self, url: &'a str, kind: Kind, limit_bytes: usize) -> Ask<'a> {
        Ask {
            url,
            kind,
            limit_bytes,
            is_robots_txt: false,
            is_head: false,
            timeout: self.limits.image_timeout,
            known: None,
        }
    }

    /// The picture at `url`, as it is.
    async fn get_picture(&self, host: &Host, url: &str) -> Result<Picture, DownloadError> {
        let ask = self.ask(url, Kind::Picture, self.limits.max_image_bytes);
        let (got, place) = self.get_permitted(host, &ask).await?;
        Ok(Picture {
            bytes: got.bytes,
            taken: Some(Taken {
                url: url.to_owned(),
                validators: got.validators,
            }),
            place,
        })
    }

    /// What `ask` gives, if its server lets programs have it; `None` if it is what is known.
    async fn get_if_changed(
        &self,
        host: &Host,
        ask: &Ask<'_>,
    ) -> Result<(Option<Got>, OwnedSemaphorePermit), DownloadError> {
        self.permit(host, ask.url).await?;
        self.get_patiently(host, ask).await
    }

    /// What `ask`, without a condition, gives, if its server lets programs have it.
    async fn get_permitted(
        &self,
        host: &Host,
        ask: &Ask<'_>,
    ) -> Result<(Got, OwnedSemaphorePermit), DownloadError> {
        let (got, place) = self.get_if_changed(host, ask).await?;
        let got = got.expect("without a condition there is an answer");
        Ok((got, place))
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
        self.get_knowing(source, iiif_url, None).await
    }

    /// The same, where its info.json may have come already.
    async fn get_knowing(
        &self,
        source: &Source,
        iiif_url: &str,
        mut description: Option<Description>,
    ) -> Result<Fetched, DownloadError> {
        if let Some(Description {
            info,
            answer: Some(answer),
            ..
        }) = &mut description
        {
            *answer = self.answer(source, info.as_ref(), iiif_url).await;
        }
        let result = self.get_described(source, iiif_url, &mut description).await;
        let Description {
            answer,
            login,
            came,
            ..
        } = description.unwrap_or_default();
        match result {
            Ok(Picture {
                bytes,
                taken,
                place,
            }) => Ok(Fetched {
                answered: Answered {
                    sum: Sum::of(&bytes),
                    picture: taken,
                    info: came,
                },
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
    ) -> Result<Picture, DownloadError> {
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
            let is_chosen = Some(way) == self.first_way();
            for offer in described.offers {
                let host = &source.host;
                let got = match &offer {
                    Offer::Picture(url) => self.get_picture(host, url).await,
                    Offer::Tiles(tiled) => self.get_tiled(host, tiled).await,
                };
                match got {
                    Ok(got) => {
                        source.note(way, described.is_of_server);
                        return Ok(got);
                    }
                    Err(error) if error.leads_on() => {
                        let is_over = is_chosen && error.may_pass() && !described.has_one_size;
                        refusals.add(way, error);
                        if is_over {
                            break;
                        }
                    }
                    Err(error) => {
                        refusals.add(way, error);
                        return Err(refusals.into_error());
                    }
                }
            }
            if is_chosen && refusals.may_pass() {
                return Err(DownloadError::NotNow(Box::new(refusals.into_error())));
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
    /// depend on whether a server was busy. Only what stays so is taken for an answer: that there is none (404, 410),
    /// that it is not to be had (403, 501), or that it is no info.json.
    async fn describe(
        &self,
        source: &Source,
        iiif_url: &str,
    ) -> Result<Description, DownloadError> {
        let Some(url) = ways::info_url(iiif_url) else {
            return Ok(Description::nothing());
        };
        let ask = self.ask(&url, Kind::Document, MAX_INFO_BYTES);
        let result = self.get_permitted(&source.host, &ask).await;
        let result = result.map(|(got, _place)| got);
        match result {
            Ok(got) => {
                let description = Description::of(got, iiif_url);
                let answer = self.answer(source, description.info.as_ref(), iiif_url);
                Ok(Description {
                    answer: Some(answer.await),
                    ..description
                })
            }
            // They say by themselves that the next build asks again.
            Err(error @ (DownloadError::GivenUp(_) | DownloadError::Unruled { .. })) => Err(error),
            Err(error) if error.may_pass() && self.first_way().is_some() => {
                Err(DownloadError::NoInfo(Box::new(error)))
            }
            Err(error) => Ok(Description {
                answer: Some(asking::answer_without(&error)),
                ..Description::default()
            }),
        }
    }

    /// What `ask` gives, be it after a while; `None` if it is what is known.
    async fn get_patiently(
        &self,
        host: &Host,
        ask: &Ask<'_>,
    ) -> Result<(Option<Got>, OwnedSemaphorePermit), DownloadError> {
        let mut pause = self.limits.retry_pause;
        let mut n_left = self.limits.retries;
        let mut is_first = true;
        // How often it was refused for now, and how many answers the host had given at the first time.
        let mut refused: Option<(u32, u64)> = None;
        loop {
            let turn = host.turn().await?;
            let (doubt, place) = match host.is_in_doubt() {
                true => (self.doubtful.acquire().await.ok(), None),
                false => (None, Some(self.place().await)),
            };
            let begun = Instant::now();
            let result = self.get_once(ask).await;
            drop(turn);
            let error = match result {
                Ok(got) => {
                    // What has not changed comes as quickly as a document.
                    let kind = got.as_ref().map_or(Kind::Document, |_| ask.kind);
                    host.note_answer(begun, kind);
                    let place = match place {
                        Some(place) => place,
                        None => self.place().await,
                    };
                    return Ok((got, place));
                }
                Err(error) => error,
            };
            drop((place, doubt));
            let outcome = error.outcome(is_first);
            is_first = false;
            match host.note(begun, outcome, &error) {
                _ if outcome == Outcome::Answered => return Err(error),
                Advice::GiveUp => return Err(error),
                Advice::Wait => {
                    let (n_refused, n_before) = refused.get_or_insert((0, host.n_answers()));
                    *n_refused += 1;
                    // A host that answers for others, and never for this one, is not busy.
                    let n_others = host.n_answers() - *n_before;
                    if *n_refused > self.limits.retries && n_others >= OTHERS_ANSWERED {
                        return Err(error);
                    }
                    host.step_back().await;
                }
                Advice::Retry => {
                    if error.leads_on() && ask.kind == Kind::Picture {
                        // Another way may help more than patience.
                        n_left = n_left.min(1);
                    }
                    if n_left > 0 {
                        n_left -= 1;
                        tracing::debug!(%error, "trying again");
                        tokio::time::sleep(jittered(pause.min(MAX_PAUSE))).await;
                        pause = (pause * 2).min(MAX_PAUSE);
                    } else {
                        return Err(error);
                    }
                }
            }
        }
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

    /// Whether the server may answer otherwise the next time.
    fn may_pass(&self) -> bool {
        self.0.iter().any(|(_, error)| error.may_pass())
    }

    fn into_error(mut self) -> DownloadError {
        self.0.sort_by_key(|(way, _)| *way);
        let mut errors = self.0.into_iter().map(|(_, error)| error);
        let first = errors
            .next()
            .expect("what does not come was refused at least once");
        match errors.next_back() {
            Some(DownloadError::Forbidden { .. })
                if matches!(first, DownloadError::Forbidden { .. }) =>
            {
                first
            }
            Some(last) => DownloadError::NoWay {
                first: Box::new(first),
                last: Box::new(last),
            },
            None => first,
        }
    }
}

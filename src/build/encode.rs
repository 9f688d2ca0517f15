//! From image URLs to vectors in the journal: download, decode and inference at the same time.
//!
//! Downloads run as async tasks, decoding on blocking threads, inference on threads of
//! its own; a bounded channel between the last two keeps the model busy and memory small. What an
//! image's info.json says is asked for when its picture is on its way to the model. Order does
//! not matter here: the journal is keyed by image, and the final files are put in order from it.

mod again;

use super::answers::{Answered, Answers};
use super::batches::{self, Batches};
use super::download::asking::Answer;
use super::download::{Downloader, Fetched, Source};
use super::failures::{Failure, Stage};
use super::files::{self, DataDir};
use super::folder::{OfFile, Reading};
use super::gone::Gone;
use super::journal::{Id, Journal};
use super::measure::{Measuring, measure};
use super::options::BuildOptions;
use super::progress::Progress;
use super::sizes::Sizes;
use super::source::Image;
use super::tally::{HostTally, Tally};
use crate::blocking::blocking;
use crate::collection::sizes::ImageSize;
use crate::encoder::{Encoder, ImageError, Pixels};
use crate::image_id;
use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use std::collections::BTreeMap;
use std::io::Write;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinError;

/// Threads that run the model beside those that it has for itself: what one of them does between runs (journal,
/// hand-over, putting a batch together) is covered by this one.
const SPARE_ENCODERS: usize = 1;

/// What the threads of one build share.
pub(super) struct Shared {
    dir: DataDir,
    pub(super) encoder: Arc<dyn Encoder>,
    /// Reads the images, where they are files; no server is asked then.
    pub(super) files: Option<Reading>,
    keeps_images: bool,
    pub(super) journal: Mutex<Journal>,
    measuring: Measuring,
    /// Locked after the journal, where both are.
    pub(super) answers: Mutex<Answers>,
    gone: Mutex<Gone>,
    pub(super) n_changed: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
    tally: Tally,
    pub(super) progress: Progress,
    pub(super) stop: AtomicBool,
    pub(super) batches: Batches,
}

/// What is known from earlier builds.
pub(super) struct Kept {
    pub(super) journal: Journal,
    pub(super) sizes: Sizes,
    /// Reads the images, where they are files.
    pub(super) files: Option<Reading>,
    pub(super) answers: Answers,
    pub(super) gone: Gone,
}

/// What is left when the threads are gone.
pub(super) struct Encoded {
    pub(super) dir: DataDir,
    pub(super) journal: Journal,
    pub(super) sizes: Sizes,
    pub(super) gone: Gone,
    /// Images whose vector was made anew.
    pub(super) n_changed: usize,
    pub(super) failures: Vec<Failure>,
    /// What came from each host.
    pub(super) hosts: BTreeMap<String, HostTally>,
    pub(super) interrupted: bool,
}

/// An image that waits for the model.
pub(super) struct Ready {
    pub(super) image: Image,
    pub(super) pixels: Pixels,
    pub(super) provenance: Provenance,
}

/// What an image was made of, to be written down with its vector.
pub(super) struct Provenance {
    /// The file that it was in.
    pub(super) of: Option<OfFile>,
    /// What its server said, if it was asked.
    pub(super) answered: Option<Answered>,
    /// Whether it has, or had, a vector that is no longer right.
    pub(super) has_changed: bool,
}

/// An image that is decoded.
struct Made {
    pixels: Pixels,
    /// The file that it was in.
    of: Option<OfFile>,
    /// Its place among those that are worked on.
    place: OwnedSemaphorePermit,
    seen: Seen,
    /// What its server said, if it was asked.
    answered: Option<Answered>,
}

/// What an image's size may be told by, as far as it was seen in passing.
#[derive(Default)]
struct Seen {
    /// The picture's own size.
    delivered: Option<ImageSize>,
    /// What its info.json said, if the picture was not to be had without.
    answer: Option<Answer>,
}

/// Why an image has no pixels.
enum Lost {
    /// This image cannot be had; the others can.
    Image(Failure),
    /// Its server says that it does not have it.
    Gone(Failure),
    /// The disk is full, the system is broken.
    Build(anyhow::Error),
}

/// Ends the model threads also when the build's future is dropped.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Brings the vectors of all `images` into the journal, except of those that fail, and the sizes of those that
/// have a vector into `sizes`.
///
/// Returns early, with what is finished, when `shutdown` completes.
///
/// # Errors
/// If the model cannot be run or the data directory cannot be written.
pub(super) async fn encode_all(
    dir: DataDir,
    images: &[Image],
    kept: Kept,
    encoder: Arc<dyn Encoder>,
    options: &BuildOptions,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<Encoded> {
    let Kept {
        journal,
        sizes,
        files,
        answers,
        mut gone,
    } = kept;
    let (network, requested) = (options.network.clone(), journal.requested());
    let downloader = Downloader::new(network, requested, options.threads.get())
        .context("no HTTP client can be made")?;
    let measuring = Measuring::new(sizes, options.asks_info);
    let mut failures = Vec::new();
    let todo: Vec<Task<'_>> = images
        .iter()
        .map(|image| Task {
            image,
            wants_vector: !journal.contains(&image.id),
            is_refreshed: options.refreshes && files.is_none() && journal.contains(&image.id),
            wants_size: measuring.wants(&image.id),
        })
        .filter(|task| task.wants_vector || task.is_refreshed || task.wants_size)
        .filter(|task| {
            let image = task.image;
            let is_asked = task.wants_vector && files.is_none();
            let reason = is_asked.then(|| gone.pass_over(&image.id));
            let reason = reason.flatten();
            let is_passed = reason.is_some();
            failures.extend(reason.map(|reason| image.failure(Stage::Download, reason)));
            !is_passed
        })
        .collect();
    if gone.n_passed > 0 {
        tracing::info!(
            "{} images that their servers did not have are not asked for in this build, but once in {}; --retry-gone 0 asks for them now",
            gone.n_passed,
            gone.every()
        );
    }
    let n_encoded = (todo.iter())
        .filter(|task| task.wants_vector || task.is_refreshed)
        .count();
    let encoder = blocking(move || {
        encoder.make_ready(n_encoded);
        Ok(encoder)
    })
    .await?;
    let shared = Arc::new(Shared {
        progress: Progress::new(images.len(), images.len() - todo.len()),
        dir,
        encoder,
        files,
        keeps_images: options.keep_images,
        journal: Mutex::new(journal),
        measuring,
        answers: Mutex::new(answers),
        gone: Mutex::new(gone),
        n_changed: AtomicUsize::new(0),
        failures: Mutex::new(failures),
        tally: Tally::default(),
        stop: AtomicBool::new(false),
        batches: Batches::new(todo.iter().filter(|task| task.wants_vector).count()),
    });
    let guard = StopOnDrop(shared.clone());
    let (sender, receiver) = mpsc::channel(options.batch_size.get());
    let receiver = Arc::new(Mutex::new(receiver));
    let (n_at_once, run_before) = (
        shared.encoder.image_runs().n_at_once,
        shared.encoder.image_run_time(),
    );
    let n_encoders = n_at_once + SPARE_ENCODERS;
    let model_threads: Vec<_> = (0..n_encoders)
        .map(|_| {
            let (shared, receiver) = (shared.clone(), receiver.clone());
            tokio::task::spawn_blocking(move || batches::run_model(&shared, &receiver))
        })
        .collect();
    let decoders = Decoders::new();
    let (shared_ref, downloads, decoding, output) = (&shared, &downloader, &decoders, &sender);
    let prepare = async |source: &Source, task: Task<'_>| {
        let image = task.image;
        let made = if task.wants_vector {
            make_ready(shared_ref, downloads, decoding, source, image)
                .await
                .map(|made| Look::Made(Box::new(made)))
        } else if task.is_refreshed {
            again::look_again(shared_ref, downloads, decoding, source, image).await
        } else {
            Ok(Look::Same(Seen::default()))
        };
        let (seen, is_encoded) = match made {
            Ok(Look::Made(made)) => {
                if !shared_ref.keeps_images && task.wants_size {
                    // Once the vector is there, no build has the picture to measure.
                    let (unanswered, delivered) = (Answer::Unanswered, made.seen.delivered);
                    (shared_ref.measuring).learn(image.id, unanswered, delivered)?;
                }
                let files = shared_ref.files.as_ref();
                let is_another_file = files.is_some_and(|files| files.has_changed(&image.id));
                let ready = Ready {
                    image: image.clone(),
                    pixels: made.pixels,
                    provenance: Provenance {
                        of: made.of,
                        answered: made.answered,
                        has_changed: task.is_refreshed || is_another_file,
                    },
                };
                // Fails when the model threads are gone, which the select below notices.
                let _ = output.send(ready).await;
                drop(made.place);
                (made.seen, true)
            }
            Ok(Look::Same(seen)) => (seen, false),
            Err(Lost::Image(failure)) => {
                shared_ref.fail(failure);
                return Ok(());
            }
            Err(Lost::Gone(failure)) => {
                lock(&shared_ref.gone)
                    .note(image.id, &failure.reason)
                    .context("what servers do not have cannot be written down")?;
                shared_ref.fail(failure);
                return Ok(());
            }
            Err(Lost::Build(error)) => return Err(error),
        };
        let is_news = task.is_refreshed && (is_encoded || seen.answer.is_some());
        if task.wants_size || is_news {
            find_size(shared_ref, downloads, decoding, source, image, seen).await?;
        }
        if !is_encoded {
            shared_ref.progress.advance();
        }
        Ok(())
    };
    let (prepare, n_fetched) = (&prepare, options.threads.get());
    let hosts = downloader.by_host(todo, |task| task.image.url.as_str());
    let feed =
        stream::iter(hosts)
            .map(Ok)
            .try_for_each_concurrent(None, |(source, images)| async move {
                let source = &*source;
                stream::iter(images)
                    .map(Ok)
                    .try_for_each_concurrent(n_fetched, |task| prepare(source, task))
                    .await
            });
    let mut shutdown = pin!(shutdown);
    let mut interrupted = false;
    let fed = tokio::select! {
        fed = feed => fed,
        () = &mut shutdown => { interrupted = true; Ok(()) }
        () = sender.closed() => Ok(()),
    };
    if interrupted || fed.is_err() {
        shared.stop.store(true, Ordering::Relaxed);
    }
    drop(sender);
    decoders.wait_until_idle().await;
    let mut ended = pin!(future::join_all(model_threads));
    let ended = tokio::select! {
        ended = &mut ended => ended,
        () = &mut shutdown, if !interrupted => {
            interrupted = true;
            shared.stop.store(true, Ordering::Relaxed);
            ended.await
        }
    };
    drop(guard);
    let model_time = shared.encoder.image_run_time().saturating_sub(run_before);
    shared.progress.finish(model_time, n_at_once);
    let shared = Arc::into_inner(shared).context("a thread of the build still runs")?;
    let mut journal = into_inner(shared.journal);
    journal.sync().context("the journal cannot be synced")?;
    if let Some(files) = &shared.files {
        let synced = files.sync();
        synced.context("what is known of the files cannot be synced")?;
    }
    let mut answers = into_inner(shared.answers);
    (answers.write(&mut journal)).context("what servers said cannot be written down")?;
    let sizes = shared.measuring.into_sizes()?;
    fed?;
    for thread in ended {
        thread.context("a model thread panicked")??;
    }
    Ok(Encoded {
        dir: shared.dir,
        journal,
        sizes,
        gone: into_inner(shared.gone),
        n_changed: shared.n_changed.into_inner(),
        failures: into_inner(shared.failures),
        hosts: shared.tally.into_hosts(),
        interrupted,
    })
}

/// What is missing of an image.
struct Task<'a> {
    image: &'a Image,
    wants_vector: bool,
    /// Whether its server is asked if the vector that it has is still right.
    is_refreshed: bool,
    wants_size: bool,
}

/// What a look at an image comes to.
enum Look {
    /// There are pixels for a vector.
    Made(Box<Made>),
    /// The vector that it has is right.
    Same(Seen),
}

/// Learns the size of an image: from its info.json, otherwise from its picture.
async fn find_size(
    shared: &Shared,
    downloader: &Downloader,
    decoders: &Decoders,
    source: &Source,
    image: &Image,
    seen: Seen,
) -> anyhow::Result<()> {
    let answer = match seen.answer {
        Some(answer) => answer,
        None => shared.measuring.ask(downloader, source, image).await,
    };
    let delivered = match (answer, seen.delivered) {
        (Answer::Nothing | Answer::Unanswered, None) => {
            measure_stored(shared, decoders, image).await
        }
        (_, delivered) => delivered,
    };
    shared.measuring.learn(image.id, answer, delivered)
}

/// The size of an image's download, if it still lies on the disk.
async fn measure_stored(shared: &Shared, decoders: &Decoders, image: &Image) -> Option<ImageSize> {
    let path = shared.dir.image(&image_id::hex(&image.id));
    let measure = move || measure(&std::fs::read(path).ok()?);
    decoders.run(measure).await.ok()?
}

/// An image from its file.
async fn from_file(
    shared: &Arc<Shared>,
    downloader: &Downloader,
    decoders: &Decoders,
    image: &Image,
) -> Result<Made, Lost> {
    let place = downloader.place().await;
    let (threads, wanted) = (shared.clone(), image.clone());
    let read = move || {
        let files = threads
            .files
            .as_ref()
            .expect("asked for only where there are files");
        files.picture(&wanted, &*threads.encoder)
    };
    let picture = match decoders.run(read).await {
        Ok(read) => read.map_err(Lost::Image)?,
        Err(_panic) => {
            let failure = image.failure(Stage::Decode, "the decoder panicked");
            return Err(Lost::Image(failure));
        }
    };
    Ok(Made {
        pixels: picture.pixels,
        of: Some(picture.of),
        place,
        seen: Seen {
            delivered: None,
            answer: Some(Answer::Size(picture.of.size)),
        },
        answered: None,
    })
}

/// An image from the disk if it is there and sound, otherwise from the server.
async fn make_ready(
    shared: &Arc<Shared>,
    downloader: &Downloader,
    decoders: &Decoders,
    source: &Source,
    image: &Image,
) -> Result<Made, Lost> {
    if shared.files.is_some() {
        return from_file(shared, downloader, decoders, image).await;
    }
    let path = shared.dir.image(&image_id::hex(&image.id));
    if path.is_file() {
        let place = downloader.place().await;
        let (shared, path) = (shared.clone(), path.clone());
        let stored = move || {
            let bytes = std::fs::read(&path).ok()?;
            let pixels = shared.encoder.preprocess(&bytes).ok()?;
            Some((pixels, measure(&bytes)))
        };
        if let Ok(Some((pixels, delivered))) = decoders.run(stored).await {
            let seen = Seen {
                delivered,
                answer: None,
            };
            return Ok(Made {
                pixels,
                of: None,
                place,
                seen,
                answered: None,
            });
        }
    }
    let fetched = downloader.get(source, &image.url).await.map_err(|error| {
        let failure = image.failure(Stage::Download, &error);
        match error.is_gone() {
            true => Lost::Gone(failure),
            false => Lost::Image(failure),
        }
    })?;
    let forgotten = lock(&shared.gone).forget(&image.id);
    forgotten.map_err(|error| Lost::Build(error.into()))?;
    take(shared, decoders, image, fetched).await
}

/// Decodes an image that came, and saves it.
async fn take(
    shared: &Arc<Shared>,
    decoders: &Decoders,
    image: &Image,
    fetched: Fetched,
) -> Result<Made, Lost> {
    let Fetched {
        bytes,
        answered,
        place,
        answer,
        login,
    } = fetched;
    shared.tally.fetched(&image.url, bytes.len());
    shared.progress.fetched(bytes.len());
    let path = shared.dir.image(&image_id::hex(&image.id));
    let shared = shared.clone();
    let decoded = decoders.run(move || {
        let pixels = shared
            .encoder
            .preprocess(&bytes)
            .map_err(Undecoded::Image)?;
        if shared.keeps_images {
            // Only what can be decoded gets the final name, so an error page is never found there.
            files::replace(&path, |file| file.write_all(&bytes)).map_err(Undecoded::Save)?;
        } else {
            // That of an earlier build is not this one.
            files::remove(&path).map_err(Undecoded::Save)?;
        }
        Ok((pixels, measure(&bytes)))
    });
    match decoded.await {
        Ok(Ok((pixels, delivered))) => Ok(Made {
            pixels,
            of: None,
            place,
            seen: Seen { delivered, answer },
            answered: Some(answered),
        }),
        Ok(Err(Undecoded::Image(error))) => Err(Lost::Image(match login {
            Some(login) => image.failure(
                Stage::Download,
                format!("{error}; the image is behind a login ({login}), and a build can show a --header alone"),
            ),
            None => image.failure(Stage::Decode, error),
        })),
        Ok(Err(Undecoded::Save(error))) => Err(Lost::Build(error)),
        // A fault in a decoder is no reason to lose the other images.
        Err(_panic) => Err(Lost::Image(
            image.failure(Stage::Decode, "the decoder panicked"),
        )),
    }
}

/// Why a downloaded image has no pixels or is not on the disk.
enum Undecoded {
    Image(ImageError),
    Save(anyhow::Error),
}

/// Blocking threads for decoding: one per core, because a large image takes memory while it is
/// decoded, and more threads would only take the cores from the model.
struct Decoders {
    permits: Arc<Semaphore>,
    n_threads: u32,
}

impl Decoders {
    fn new() -> Self {
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let n_threads = u32::try_from(n_cores).unwrap_or(1);
        Self {
            permits: Arc::new(Semaphore::new(n_threads as usize)),
            n_threads,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let permit = self.permits.clone().acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let result = work();
            // Given back here and not by the caller, who may be gone by now.
            drop(permit);
            result
        })
        .await
    }

    /// Waits for work whose caller did not.
    async fn wait_until_idle(&self) {
        let _all = self.permits.acquire_many(self.n_threads).await;
    }
}

impl Shared {
    /// Takes note of what was said of an image whose vector is right.
    fn note(&self, id: &Id, answered: &Answered) -> Result<(), Lost> {
        let mut journal = lock(&self.journal);
        let noted = lock(&self.answers).note(id, answered, &mut journal);
        noted.map_err(|error| Lost::Build(error.into()))
    }

    pub(super) fn fail(&self, failure: Failure) {
        let Failure {
            row,
            url,
            stage,
            reason,
        } = &failure;
        self.tally.failed(url, *stage);
        self.progress.failed(url, *stage);
        self.progress.note(&format!("row {row}: {stage}: {reason}"));
        self.progress.advance();
        lock(&self.failures).push(failure);
    }
}

impl Image {
    pub(super) fn failure(&self, stage: Stage, reason: impl ToString) -> Failure {
        Failure::new(self.row, self.url.clone(), stage, reason)
    }
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

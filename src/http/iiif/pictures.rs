//! Decoded pictures between requests: a viewer asks for a hundred tiles of one, and decoding it takes a hundred
//! times as long as cutting a tile.

use crate::iiif::render::{self, RenderError};
use crate::iiif::request::ImageRequest;
use crate::iiif::stamp::Stamp;
use image::DynamicImage;
use lru::LruCache;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

/// Renders images, of which it keeps those that were wanted last.
pub(super) struct Pictures {
    shared: Arc<Shared>,
    /// One image for each core is worked on; a large one takes hundreds of megabytes meanwhile.
    workers: Arc<Semaphore>,
    turns: Mutex<HashMap<PathBuf, Weak<Turn>>>,
}

/// What makes a picture of a file.
type Decode = Box<dyn Fn(&Path) -> Result<DynamicImage, RenderError> + Send + Sync>;

struct Shared {
    decode: Decode,
    kept: Mutex<Kept>,
}

/// Whoever wants the picture of one file waits for this, so that it is decoded once. It holds the picture also
/// where that is not kept, as long as somebody is at work with it.
type Turn = tokio::sync::Mutex<Option<(Stamp, Weak<DynamicImage>)>>;

/// What the file at `path` is like: another one is decoded anew.
fn stamp(path: &Path) -> io::Result<Stamp> {
    path.metadata().map(|metadata| Stamp::of(&metadata))
}

impl Pictures {
    /// Keeps pictures of up to `limit_bytes` together, as they are in memory; a larger one is made for each who
    /// wants it.
    pub(super) fn new(limit_bytes: usize, decode: Decode) -> Self {
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            shared: Arc::new(Shared {
                decode,
                kept: Mutex::new(Kept::new(limit_bytes)),
            }),
            workers: Arc::new(Semaphore::new(n_cores)),
            turns: Mutex::default(),
        }
    }

    /// The answer to `request` on the image in the file at `path`.
    ///
    /// A request that is given up by its client lets go of its place in the queue, but not of work that has begun:
    /// others wait for the picture.
    pub(super) async fn render(
        &self,
        path: PathBuf,
        request: ImageRequest,
    ) -> Result<Result<Vec<u8>, RenderError>, JoinError> {
        let turn = self.turn(&path).lock_owned().await;
        // Only now, so that those who wait for one picture leave the cores to the others; and no picture is held
        // by anyone who waits.
        let worker = self.workers.clone().acquire_owned().await;
        let worker = worker.expect("the semaphore is never closed");
        let shared = self.shared.clone();
        let work = move || shared.render(&path, &request, turn, worker);
        tokio::task::spawn_blocking(work).await
    }

    fn turn(&self, path: &Path) -> Arc<Turn> {
        let mut turns = lock(&self.turns);
        if let Some(turn) = turns.get(path).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::default());
        turns.insert(path.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

impl Shared {
    fn render(
        &self,
        path: &Path,
        request: &ImageRequest,
        mut turn: OwnedMutexGuard<Option<(Stamp, Weak<DynamicImage>)>>,
        worker: OwnedSemaphorePermit,
    ) -> Result<Vec<u8>, RenderError> {
        let picture = self.picture(path, request, &mut turn)?;
        // The next one begins while this one's is cut and written.
        drop(turn);
        let rendered = render::render(&picture, request);
        drop(picture);
        drop(worker);
        rendered
    }

    fn picture(
        &self,
        path: &Path,
        request: &ImageRequest,
        turn: &mut Option<(Stamp, Weak<DynamicImage>)>,
    ) -> Result<Arc<DynamicImage>, RenderError> {
        let version = stamp(path).map_err(RenderError::Read)?;
        let in_use = |turn: &Option<(Stamp, Weak<DynamicImage>)>| match turn {
            Some((of, picture)) if *of == version => picture.upgrade(),
            _ => None,
        };
        let kept = lock(&self.kept).get(path, version);
        if let Some(picture) = kept.or_else(|| in_use(turn)) {
            return Ok(picture);
        }
        // What cannot be met is refused without decoding.
        render::check(request, render::dimensions(path)?)?;
        let picture = Arc::new((self.decode)(path)?);
        // A file that is being replaced may be a mixture.
        if stamp(path).is_ok_and(|now| now == version) {
            *turn = Some((version, Arc::downgrade(&picture)));
            lock(&self.kept).put(path, version, &picture);
        }
        Ok(picture)
    }
}

/// Pictures by their files, the one that was wanted longest ago first to go.
struct Kept {
    limit_bytes: usize,
    n_bytes: usize,
    pictures: LruCache<PathBuf, (Stamp, Arc<DynamicImage>)>,
}

impl Kept {
    fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            n_bytes: 0,
            pictures: LruCache::unbounded(),
        }
    }

    fn get(&mut self, path: &Path, version: Stamp) -> Option<Arc<DynamicImage>> {
        let (of, picture) = self.pictures.get(path)?;
        if *of == version {
            return Some(picture.clone());
        }
        self.remove(path);
        None
    }

    fn put(&mut self, path: &Path, version: Stamp, picture: &Arc<DynamicImage>) {
        let n_bytes = picture.as_bytes().len();
        self.remove(path);
        if n_bytes > self.limit_bytes {
            return;
        }
        while self.n_bytes + n_bytes > self.limit_bytes
            && let Some((_, (_, oldest))) = self.pictures.pop_lru()
        {
            self.n_bytes -= oldest.as_bytes().len();
        }
        self.n_bytes += n_bytes;
        self.pictures
            .put(path.to_owned(), (version, picture.clone()));
    }

    fn remove(&mut self, path: &Path) {
        if let Some((_, picture)) = self.pictures.pop(path) {
            self.n_bytes -= picture.as_bytes().len();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future;
    use std::fs::File;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use std::time::SystemTime;
    use tempfile::TempDir;

    /// Pictures of 8 x 8 pixels, 192 bytes each, in the files a.png, b.png and c.png.
    struct Fixture {
        dir: TempDir,
        pictures: Arc<Pictures>,
        n_decoded: Arc<AtomicUsize>,
    }

    impl Fixture {
        fn new(limit_bytes: usize) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for name in ["a", "b", "c"] {
                let path = dir.path().join(name).with_extension("png");
                image::RgbImage::new(8, 8).save(path).unwrap();
            }
            let n_decoded = Arc::new(AtomicUsize::new(0));
            let count = n_decoded.clone();
            let decode = move |path: &Path| {
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(50));
                render::picture(path)
            };
            Self {
                dir,
                pictures: Arc::new(Pictures::new(limit_bytes, Box::new(decode))),
                n_decoded,
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name).with_extension("png")
        }

        async fn tile(&self, name: &str) -> Result<Vec<u8>, RenderError> {
            let tile = ImageRequest::parse("0,0,4,4", "max", "0", "default.png").unwrap();
            self.pictures.render(self.path(name), tile).await.unwrap()
        }

        /// How often files were decoded for tiles of pictures of these names, one after the other.
        async fn n_decoded_for(&self, names: &str) -> usize {
            let before = self.n_decoded.load(Ordering::SeqCst);
            for name in names.split(' ') {
                self.tile(name).await.unwrap();
            }
            self.n_decoded.load(Ordering::SeqCst) - before
        }
    }

    #[tokio::test]
    async fn twenty_tiles_at_once_cost_one_decoding() {
        let fixture = Fixture::new(1000);
        let tiles = future::join_all((0..20).map(|_| fixture.tile("a"))).await;
        assert!(tiles.iter().all(Result::is_ok));
        assert_eq!(fixture.n_decoded.load(Ordering::SeqCst), 1);
        assert!(lock(&fixture.pictures.turns).len() <= 1);
    }

    #[tokio::test]
    async fn the_picture_that_was_wanted_longest_ago_goes_first() {
        // Two of them.
        let fixture = Fixture::new(2 * 192);
        assert_eq!(fixture.n_decoded_for("a b a c a").await, 3);
        assert_eq!(fixture.n_decoded_for("a c").await, 0);
        assert_eq!(fixture.n_decoded_for("b").await, 1);
        assert_eq!(lock(&fixture.pictures.shared.kept).n_bytes, 2 * 192);
    }

    #[tokio::test]
    async fn what_is_larger_than_all_that_is_kept_is_decoded_for_each() {
        let fixture = Fixture::new(191);
        assert_eq!(fixture.n_decoded_for("a a").await, 2);
        assert_eq!(lock(&fixture.pictures.shared.kept).n_bytes, 0);
    }

    #[tokio::test]
    async fn a_file_that_has_changed_is_decoded_anew() {
        let fixture = Fixture::new(1000);
        assert_eq!(fixture.n_decoded_for("a a").await, 1);
        let file = File::options().write(true).open(fixture.path("a")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(fixture.n_decoded_for("a a").await, 1);
        image::RgbImage::new(9, 9).save(fixture.path("a")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(fixture.n_decoded_for("a a").await, 1, "of another length");
        assert_eq!(lock(&fixture.pictures.shared.kept).n_bytes, 9 * 9 * 3);
        std::fs::remove_file(fixture.path("a")).unwrap();
        assert!(fixture.tile("a").await.is_err());
    }

    #[tokio::test]
    async fn a_client_that_goes_does_not_take_the_picture_with_it() {
        let fixture = Fixture::new(1000);
        let gone = tokio::time::timeout(Duration::from_millis(10), fixture.tile("a"));
        assert!(gone.await.is_err());
        assert_eq!(fixture.n_decoded_for("a").await, 0, "begun, and waited for");
        assert_eq!(fixture.n_decoded.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_met_is_refused_without_decoding() {
        let fixture = Fixture::new(1000);
        let tile = ImageRequest::parse("90,90,4,4", "max", "0", "default.png").unwrap();
        let refused = fixture.pictures.render(fixture.path("a"), tile).await;
        assert!(matches!(refused.unwrap(), Err(RenderError::Request(_))));
        assert_eq!(fixture.n_decoded.load(Ordering::SeqCst), 0);
    }
}

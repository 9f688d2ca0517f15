//! How far a build is: a bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts images; may be told from several threads.
#[derive(Debug)]
pub(super) struct Progress {
    n_images: usize,
    n_done: AtomicUsize,
    view: View,
}

#[derive(Debug)]
enum View {
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Instant>),
}

const LINE_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Of `n_images`, `n_done` need nothing any more.
    pub(super) fn new(n_images: usize, n_done: usize) -> Self {
        let view = if std::io::stderr().is_terminal() {
            let style =
                ProgressStyle::with_template("{bar:30} {pos}/{len} images {per_sec} {eta} left")
                    .expect("the template is valid");
            let bar = ProgressBar::new(n_images as u64).with_style(style);
            bar.set_position(n_done as u64);
            // The time left is reckoned from this run alone.
            bar.reset_eta();
            View::Bar(bar)
        } else {
            tracing::info!(n_images, n_done, "building");
            View::Lines(Mutex::new(Instant::now()))
        };
        Self {
            n_images,
            n_done: AtomicUsize::new(n_done),
            view,
        }
    }

    /// One more image has its vector, or will not get one.
    pub(super) fn advance(&self) {
        let n_done = 1 + self.n_done.fetch_add(1, Ordering::Relaxed);
        match &self.view {
            View::Bar(bar) => bar.inc(1),
            View::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    tracing::info!(n_images = self.n_images, n_done, "building");
                }
            }
        }
    }

    /// Says what happened to an image.
    pub(super) fn note(&self, line: &str) {
        match &self.view {
            View::Bar(bar) => bar.println(line),
            View::Lines(_) => tracing::warn!("{line}"),
        }
    }

    pub(super) fn finish(&self) {
        match &self.view {
            View::Bar(bar) => bar.finish(),
            View::Lines(_) => {
                let n_done = self.n_done.load(Ordering::Relaxed);
                tracing::info!(n_images = self.n_images, n_done, "built");
            }
        }
    }
}

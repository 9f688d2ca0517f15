//! How far a build is: a bar on a terminal, a line now and then elsewhere.

use super::failures::Stage;
use super::tally::origin;
use super::worst::Worst;
use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts images; may be told from several threads.
#[derive(Debug)]
pub(super) struct Progress {
    n_images: usize,
    n_done: AtomicUsize,
    seen: Mutex<Seen>,
    begun: Instant,
    /// Of which no time of this run was needed.
    n_before: usize,
    view: View,
}

/// What came, and what did not.
#[derive(Debug, Default)]
struct Seen {
    bytes: u64,
    changed: usize,
    failed: BTreeMap<Stage, usize>,
    hosts: Worst,
}

impl Display for Seen {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", DecimalBytes(self.bytes))?;
        if self.changed > 0 {
            write!(f, ", {} changed", self.changed)?;
        }
        let n_failed: usize = self.failed.values().sum();
        if n_failed > 0 {
            write!(f, ", {n_failed} failed")?;
            for (nth, (stage, n)) in self.failed.iter().enumerate() {
                let before = if nth == 0 { " (" } else { ", " };
                write!(f, "{before}{n} at {stage}")?;
            }
            write!(f, "; {})", self.hosts)?;
        }
        Ok(())
    }
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
            let style = ProgressStyle::with_template(
                "{bar:30} {pos}/{len} images {per_sec} {eta} left, {msg}",
            )
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
            seen: Mutex::default(),
            begun: Instant::now(),
            n_before: n_done,
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
                    let (per_second, left) = self.pace(n_done);
                    tracing::info!(
                        n_images = self.n_images,
                        n_done,
                        per_second = %format_args!("{per_second:.1}"),
                        left = %left,
                        came = %self.seen(),
                        "building"
                    );
                }
            }
        }
    }

    /// Images a second in this run, and the time that the others take at this pace.
    fn pace(&self, n_done: usize) -> (f64, HumanDuration) {
        let seconds = self.begun.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let [done, left] =
            [n_done - self.n_before, self.n_images.saturating_sub(n_done)].map(|n| n as f64);
        let per_second = done / seconds;
        let left = Duration::try_from_secs_f64(left / per_second).unwrap_or(Duration::MAX);
        (per_second, HumanDuration(left))
    }

    /// A picture came.
    pub(super) fn fetched(&self, n_bytes: usize) {
        self.seen().bytes += n_bytes as u64;
        self.show_seen();
    }

    /// An image has another vector than before.
    pub(super) fn changed(&self) {
        self.seen().changed += 1;
        self.show_seen();
    }

    /// An image will not get a vector, or keeps an old one.
    pub(super) fn failed(&self, url: &str, stage: Stage) {
        let mut seen = self.seen();
        *seen.failed.entry(stage).or_default() += 1;
        seen.hosts.add(origin(url));
        drop(seen);
        self.show_seen();
    }

    fn show_seen(&self) {
        if let View::Bar(bar) = &self.view {
            bar.set_message(self.seen().to_string());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what happened to an image.
    pub(super) fn note(&self, line: &str) {
        match &self.view {
            View::Bar(bar) => bar.println(line),
            View::Lines(_) => tracing::warn!("{line}"),
        }
    }

    /// `model_time` is what runs of the model took, of which `n_at_once` could go on at a time.
    pub(super) fn finish(&self, model_time: Duration, n_at_once: usize) {
        match &self.view {
            View::Bar(bar) => bar.finish(),
            View::Lines(_) => {
                let n_done = self.n_done.load(Ordering::Relaxed);
                let (per_second, _) = self.pace(n_done);
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let all = self.begun.elapsed().as_secs_f64() * n_at_once.max(1) as f64;
                tracing::info!(
                    n_images = self.n_images,
                    n_done,
                    per_second = %format_args!("{per_second:.1}"),
                    model_busy = %format_args!("{:.0} %", 100.0 * model_time.as_secs_f64() / all),
                    came = %self.seen(),
                    "built"
                );
            }
        }
    }
}

//! How one image host is doing: how many requests it may have, how long it is left alone, and when it is
//! given up. What one image learns of a host holds for all images there, and for no other host.

use super::pace::{Kind, Pace, jittered, jittered_after};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest pause between two attempts where the host names none.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Longest pause that a host may ask for. What asks for more is given up for this run.
const MAX_WISH: Duration = Duration::from_secs(300);
/// Attempts without an answer after which a host that has never answered is given up.
const UNKNOWN_PATIENCE: u32 = 3;
/// Server errors in a row after which no image is asked for twice: tens of thousands of images would each be
/// waited for.
const ERROR_PATIENCE: u32 = 200;

/// One host: scheme, name and port.
#[derive(Debug)]
pub(super) struct Host {
    /// As it is shown: `https://images.example.org`.
    origin: String,
    /// Pause before the first further attempt; longer ones are multiples of it.
    pause: Duration,
    /// Times in a row that it may ask for patience and give nothing.
    most_holds: u32,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    n_inside: usize,
    pace: Pace,
    has_answered: bool,
    held_until: Option<Instant>,
    n_holds: u32,
    /// Attempts without an answer since the last one, and the images that they were for.
    n_unanswered: u32,
    n_unanswered_images: u32,
    n_errors: u32,
    /// Of all kinds, whole.
    n_answers: u64,
    failing_since: Option<Instant>,
    closed: Option<Closed>,
}

#[derive(Debug)]
struct Closed {
    reason: String,
    trial_at: Instant,
    pause: Duration,
}

/// What an attempt says of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It answers, with an image or with a reason why not.
    Answered,
    /// It asks all callers to wait, perhaps for a time that it names.
    Busy(Option<Duration>),
    /// It answers with an error of its own.
    ServerError,
    /// It does not answer an image, for the first time or once more.
    Unanswered {
        /// Whether it is the first time for this image.
        is_first: bool,
    },
}

/// What to do about an attempt that failed and may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// Try again when there is a turn; it is the host's matter, not the image's.
    Wait,
    /// Try again as long as the image has attempts left.
    Retry,
    /// The host is given up or tired: no second attempt.
    GiveUp,
}

/// The host is given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin} was given up: {reason}; the next build asks it again")]
pub(in crate::build) struct GivenUp {
    origin: String,
    reason: String,
}

/// A turn at a host, until dropped.
pub(super) struct Turn<'a>(&'a Host);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().n_inside -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Host {
    /// A host of this pace, which is left alone for `pause` and multiples of it.
    pub(super) fn new(origin: String, pace: Pace, pause: Duration, retries: u32) -> Self {
        Self {
            origin,
            pause,
            most_holds: retries.min(8) + 4,
            state: Mutex::new(State {
                n_inside: 0,
                pace,
                has_answered: false,
                held_until: None,
                n_holds: 0,
                n_unanswered: 0,
                n_unanswered_images: 0,
                n_errors: 0,
                n_answers: 0,
                failing_since: None,
                closed: None,
            }),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a host that has given answers is tried when it gives none any more; 2 min by default, so that
    /// a short outage does not end a long build.
    fn outage(&self) -> Duration {
        self.pause * 240
    }

    /// Whether it is given up, be it until the next trial.
    pub(super) fn is_given_up(&self) -> bool {
        self.lock().closed.is_some()
    }

    /// As it is shown: `https://images.example.org`.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether it is open if it answers at all: never before, or not lately.
    pub(super) fn is_in_doubt(&self) -> bool {
        let state = self.lock();
        !state.has_answered || state.failing_since.is_some() || state.closed.is_some()
    }

    /// Requests begin no sooner than this after each other.
    pub(super) fn keep_apart(&self, interval: Duration) {
        self.lock().pace.keep_apart(interval);
    }

    /// Leaves the host alone for this time, as it wishes of a request that began at `begun`, and has fewer requests
    /// at a time after that. Unlike [`Outcome::Busy`] this never leads to giving it up: it was asked for what the
    /// images do not need.
    pub(super) fn hold(&self, begun: Instant, wish: Duration) {
        let now = Instant::now();
        let until = now + jittered_after(wish);
        let mut state = self.lock();
        state.pace.slow(begun, now);
        state.held_until = Some(state.held_until.map_or(until, |held| held.max(until)));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Lets others go first when the host may be asked again: one image that it always refuses must not be the only
    /// one that it sees.
    pub(super) async fn step_back(&self) {
        let held_until = self.lock().held_until;
        let pause = jittered(self.pause);
        tokio::time::sleep_until(held_until.unwrap_or_else(Instant::now) + pause).await;
    }

    /// Waits until the host may be asked.
    ///
    /// # Errors
    /// [`GivenUp`] if it is given up and not to be tried now.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, GivenUp> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let now = Instant::now();
            let until = {
                let mut state = self.lock();
                if let Some(closed) = &mut state.closed {
                    if now < closed.trial_at {
                        return Err(GivenUp {
                            origin: self.origin.clone(),
                            reason: closed.reason.clone(),
                        });
                    }
                    // One image tries; the others go on being refused.
                    closed.pause = (closed.pause * 2).min(MAX_WISH);
                    closed.trial_at = now + jittered(closed.pause);
                    state.n_inside += 1;
                    return Ok(Turn(self));
                }
                match state.held_until {
                    Some(until) if now < until => Some(until),
                    _ if state.n_inside < state.pace.limit() => match state.pace.next_at(now) {
                        Some(at) => Some(at),
                        None => {
                            state.pace.step(now);
                            state.n_inside += 1;
                            return Ok(Turn(self));
                        }
                    },
                    _ => None,
                }
            };
            match until {
                Some(until) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => {}
                        () = changed => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// Answers so far that came whole.
    pub(super) fn n_answers(&self) -> u64 {
        self.lock().n_answers
    }

    /// Takes note of what came, whole, of an attempt that began at `begun`.
    pub(super) fn note_answer(&self, begun: Instant, kind: Kind) {
        self.note(begun, Outcome::Answered, &"");
        let mut state = self.lock();
        state.n_answers += 1;
        state.pace.note(kind, begun.elapsed());
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes note of what came of an attempt that began at `begun`; `reason` says why it failed.
    pub(super) fn note(
        &self,
        begun: Instant,
        outcome: Outcome,
        reason: &dyn std::fmt::Display,
    ) -> Advice {
        let now = Instant::now();
        let mut state = self.lock();
        let advice = match outcome {
            Outcome::Answered => {
                state.n_errors = 0;
                state.answered();
                Advice::Retry
            }
            Outcome::ServerError => {
                state.n_errors += 1;
                let is_tired = state.n_errors > ERROR_PATIENCE;
                state.answered();
                if is_tired {
                    Advice::GiveUp
                } else {
                    Advice::Retry
                }
            }
            Outcome::Busy(wish) => {
                let is_news = state.pace.slow(begun, now);
                self.busy(&mut state, wish, is_news, reason)
            }
            Outcome::Unanswered { is_first } => {
                state.pace.slow(begun, now);
                self.unanswered(&mut state, is_first, reason)
            }
        };
        drop(state);
        self.changed.notify_waiters();
        advice
    }

    /// All requests to the host wait as long as it asks for.
    fn busy(
        &self,
        state: &mut State,
        wish: Option<Duration>,
        is_news: bool,
        reason: &dyn std::fmt::Display,
    ) -> Advice {
        let now = Instant::now();
        state.n_holds += u32::from(is_news);
        let wish = wish.unwrap_or_else(|| backoff(self.pause, state.n_holds));
        if wish > MAX_WISH {
            let reason = format!(
                "{reason}, and asks to be left alone for {} s",
                wish.as_secs()
            );
            self.close(state, now, reason);
            if let Some(closed) = &mut state.closed {
                closed.trial_at = closed.trial_at.max(now + wish);
            }
            return Advice::GiveUp;
        }
        if state.n_holds > self.most_holds {
            let reason = format!(
                "it has asked for patience {} times in a row: {reason}",
                state.n_holds
            );
            self.close(state, now, reason);
            return Advice::GiveUp;
        }
        let until = now + jittered_after(wish);
        state.held_until = Some(state.held_until.map_or(until, |held| held.max(until)));
        Advice::Wait
    }

    /// One request at a time, with growing pauses, finds out whether the host comes back.
    fn unanswered(
        &self,
        state: &mut State,
        is_first: bool,
        reason: &dyn std::fmt::Display,
    ) -> Advice {
        let now = Instant::now();
        state.n_unanswered += 1;
        state.n_unanswered_images += u32::from(is_first);
        let since = *state.failing_since.get_or_insert(now);
        if state.closed.is_some() {
            return Advice::GiveUp;
        }
        let is_over = if state.has_answered {
            // One or two images may be to blame themselves.
            state.n_unanswered_images > 2 && now.duration_since(since) >= self.outage()
        } else {
            state.n_unanswered >= UNKNOWN_PATIENCE
        };
        if is_over {
            let reason = format!(
                "it has not answered {} times in a row: {reason}",
                state.n_unanswered
            );
            self.close(state, now, reason);
            return Advice::GiveUp;
        }
        // One image may be to blame itself.
        if !state.has_answered || state.n_unanswered_images > 1 {
            state.pace.end();
        }
        let until = now + jittered(backoff(self.pause, state.n_unanswered));
        state.held_until = Some(state.held_until.map_or(until, |held| held.max(until)));
        Advice::Retry
    }

    /// The first trial of a host that was given up comes after this time; 30 s by default.
    fn first_trial(&self) -> Duration {
        self.pause * 60
    }

    fn close(&self, state: &mut State, now: Instant, reason: String) {
        state.pace.end();
        state.closed = Some(Closed {
            reason,
            trial_at: now + jittered(self.first_trial()),
            pause: self.first_trial(),
        });
    }
}

impl State {
    fn answered(&mut self) {
        self.pace.begin();
        self.has_answered = true;
        self.n_holds = 0;
        self.n_unanswered = 0;
        self.n_unanswered_images = 0;
        self.failing_since = None;
        self.closed = None;
    }
}

fn backoff(pause: Duration, n_attempts: u32) -> Duration {
    let factor = 1u32 << n_attempts.saturating_sub(1).min(10);
    (pause * factor).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNANSWERED: Outcome = Outcome::Unanswered { is_first: true };
    const PAUSE: Duration = Duration::from_millis(10);

    fn host() -> Host {
        let pace = Pace::new(4, Duration::ZERO);
        Host::new("http://images.test".to_owned(), pace, PAUSE, 2)
    }

    impl Host {
        fn note_now(&self, outcome: Outcome, reason: &str) -> Advice {
            self.note(Instant::now(), outcome, &reason)
        }
    }

    #[tokio::test]
    async fn the_first_answer_opens_all_places() {
        let host = host();
        let first = host.turn().await.unwrap();
        let second = tokio::time::timeout(PAUSE, host.turn()).await;
        assert!(second.is_err(), "one at a time, before it is known");
        host.note_now(Outcome::Answered, "");
        drop(first);
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(host.turn().await.unwrap());
        }
        assert!(tokio::time::timeout(PAUSE, host.turn()).await.is_err());
    }

    #[tokio::test]
    async fn a_busy_host_is_left_alone_by_all_and_has_fewer_requests_then() {
        let host = host();
        host.note_now(Outcome::Answered, "");
        let begun = Instant::now();
        let wish = Some(PAUSE * 20);
        assert_eq!(host.note_now(Outcome::Busy(wish), "429"), Advice::Wait);
        let _a = host.turn().await.unwrap();
        let _b = host.turn().await.unwrap();
        assert!(begun.elapsed() >= PAUSE * 20);
        assert!(
            tokio::time::timeout(PAUSE, host.turn()).await.is_err(),
            "half"
        );
    }

    #[tokio::test]
    async fn a_host_that_asks_for_hours_or_again_and_again_is_given_up() {
        let busy = host();
        let wish = Some(Duration::from_secs(3600));
        assert_eq!(busy.note_now(Outcome::Busy(wish), "429"), Advice::GiveUp);
        let error = busy.turn().await.err().unwrap().to_string();
        assert!(error.contains("left alone for 3600 s"), "{error}");
        let host = host();
        for _ in 0..6 {
            assert_eq!(host.note_now(Outcome::Busy(None), "503"), Advice::Wait);
            drop(host.turn().await.unwrap());
        }
        assert_eq!(host.note_now(Outcome::Busy(None), "503"), Advice::GiveUp);
    }

    #[tokio::test]
    async fn a_dead_host_is_given_up_and_tried_again_later() {
        let host = host();
        for _ in 1..UNKNOWN_PATIENCE {
            assert_eq!(host.note_now(UNANSWERED, "refused"), Advice::Retry);
        }
        assert_eq!(host.note_now(UNANSWERED, "refused"), Advice::GiveUp);
        let error = host.turn().await.err().unwrap().to_string();
        assert!(error.contains("http://images.test was given up"), "{error}");
        assert!(error.contains("refused"), "{error}");
        tokio::time::sleep(host.first_trial() * 5 / 4).await;
        let trial = host.turn().await.unwrap();
        assert!(
            host.turn().await.is_err(),
            "one tries, the others do not wait"
        );
        host.note_now(Outcome::Answered, "");
        drop(trial);
        host.turn().await.unwrap();
    }

    #[tokio::test]
    async fn a_short_outage_of_a_known_host_is_waited_for() {
        let host = host();
        host.note_now(Outcome::Answered, "");
        let begun = Instant::now();
        while host.note_now(UNANSWERED, "reset") != Advice::GiveUp {
            drop(host.turn().await.unwrap());
        }
        assert!(begun.elapsed() >= host.outage());
    }

    #[tokio::test]
    async fn a_host_is_not_asked_sooner_than_it_wishes() {
        let host = host();
        host.note_now(Outcome::Answered, "");
        host.keep_apart(PAUSE * 4);
        let begun = Instant::now();
        for _ in 0..5 {
            drop(host.turn().await.unwrap());
        }
        assert!(begun.elapsed() >= PAUSE * 4 * 4 * 3 / 4);
    }

    #[tokio::test]
    async fn one_picture_that_hangs_is_not_the_host() {
        let host = host();
        host.note_now(Outcome::Answered, "");
        assert!(!host.is_in_doubt());
        host.note_now(UNANSWERED, "hangs");
        assert!(host.is_in_doubt());
        let _a = host.turn().await.unwrap();
        let _b = host.turn().await.unwrap();
        assert!(tokio::time::timeout(PAUSE, host.turn()).await.is_err());
        host.note_now(Outcome::Answered, "");
        assert!(!host.is_in_doubt());
    }
}

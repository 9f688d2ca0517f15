//! Ctrl-C for a command of several phases.

use crate::command::stop_signal;
use tokio::sync::watch;

/// Knows whether the process was asked to stop: a signal between two phases is not lost.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> Self {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            stop_signal().await;
            // Without a receiver nobody waits any more.
            let _ = sender.send(true);
        });
        Self(receiver)
    }

    /// Completes when the process is asked to stop.
    pub(super) async fn wait(mut self) {
        if self.0.wait_for(|is_stopped| *is_stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

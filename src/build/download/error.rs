//! Why an image does not come, and what that says of its host.

use super::host::{GivenUp, Outcome};
use crate::fetch::FetchError;
use reqwest::StatusCode;
use std::time::Duration;

/// Why an image does not come.
#[derive(Debug, thiserror::Error)]
pub(in crate::build) enum DownloadError {
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
    /// Its server answers, but leads nowhere.
    #[error("{url} cannot be fetched: too many redirects")]
    Redirects { url: String },
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
    /// The picture that was chosen does not come for now, and another size would not compare with the others.
    #[error(
        "{0}; another size is not taken for it, since all pictures of a collection are chosen in one way: run the same command again later"
    )]
    NotNow(Box<DownloadError>),
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    /// Not a place that strangers may name.
    #[error(
        "{url} is not fetched: {host} is not on the public internet; if it may be, name it with --allow-fetch (CLIP_ALLOW_FETCH)"
    )]
    NotPublic { url: String, host: String },
    #[error(transparent)]
    Refused(FetchError),
    /// The operators of the server do not want it to be fetched.
    #[error(
        "{url} is not fetched: {robots_url} forbids it (Disallow: {rule}); ask those who run the server, or leave robots.txt unread with --robots no"
    )]
    Forbidden {
        url: String,
        robots_url: String,
        rule: String,
    },
    /// It is not known whether they do.
    #[error(
        "{url} is not fetched, since {robots_url}, which may forbid it, cannot be read ({reason}); the next build asks for it again, and --robots no leaves it unread"
    )]
    Unruled {
        url: String,
        robots_url: String,
        reason: String,
    },
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

impl DownloadError {
    /// What it says of the host.
    pub(super) fn outcome(&self, is_first: bool) -> Outcome {
        match self {
            Self::Status {
                status,
                retry_after,
                ..
            } => match status.as_u16() {
                // 509 is what some hosts answer when their traffic is used up.
                429 | 503 | 509 => Outcome::Busy(*retry_after),
                501 => Outcome::Answered,
                202 | 408 | 425 | 500..=599 => Outcome::ServerError,
                _ => Outcome::Answered,
            },
            Self::Timeout { .. } | Self::Transport { .. } => Outcome::Unanswered { is_first },
            Self::TooLarge { .. }
            | Self::Redirects { .. }
            | Self::Tile { .. }
            | Self::NoWay { .. }
            | Self::Login { .. }
            | Self::NoInfo(_)
            | Self::NotNow(_)
            | Self::GivenUp(_)
            | Self::NotPublic { .. }
            | Self::Refused(_)
            | Self::Forbidden { .. }
            | Self::Unruled { .. } => Outcome::Answered,
        }
    }

    /// Whether the server may give the image in another way: not where it asks who is there (401), knows that
    /// the image is gone (410) or must not be shown (451).
    pub(super) fn leads_on(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 400 | 403..=407 | 411..=418 | 421..=424 | 500 | 501)
            }
            // Some keep the large pictures alone from programs.
            Self::Tile { .. } | Self::Forbidden { .. } => true,
            Self::TooLarge { .. }
            | Self::Redirects { .. }
            | Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::NoWay { .. }
            | Self::Login { .. }
            | Self::NoInfo(_)
            | Self::NotNow(_)
            | Self::GivenUp(_)
            | Self::NotPublic { .. }
            | Self::Refused(_)
            | Self::Unruled { .. } => false,
        }
    }

    /// Whether it may be otherwise the next time: the server has said nothing of what it has, but of how it is now.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::GivenUp(_)
            | Self::Unruled { .. } => true,
            Self::Status { .. } => self.outcome(true) != Outcome::Answered,
            _ => false,
        }
    }

    /// Whether the server wants to know who asks.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status.as_u16(), 401 | 403),
            Self::NoWay { first, last } => first.is_closed() || last.is_closed(),
            _ => false,
        }
    }

    /// Whether the server says that it has no such image (404), or has it no more (410): it will most likely say so
    /// the next time, too.
    pub(in crate::build) fn is_gone(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status.as_u16(), 404 | 410),
            Self::NoWay { first, last } => first.is_gone() && last.is_gone(),
            _ => false,
        }
    }
}

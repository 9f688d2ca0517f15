//! Looking again at an image that has a vector: has it changed?

use super::{Decoders, Look, Lost, Seen, Shared, lock, take};
use crate::build::answers::Answered;
use crate::build::download::refresh::Refreshed;
use crate::build::download::{Downloader, Source};
use crate::build::failures::{Failure, Stage};
use crate::build::measure::measure;
use crate::build::source::Image;
use crate::features::sum::Sum;
use crate::image_id;
use std::sync::Arc;

/// Asks the server of an image that has a vector whether that is still right.
pub(super) async fn look_again(
    shared: &Arc<Shared>,
    downloader: &Downloader,
    decoders: &Decoders,
    source: &Source,
    image: &Image,
) -> Result<Look, Lost> {
    let kept = |failure: Failure| {
        let reason = format!("{}; the vector of an earlier build is kept", failure.reason);
        Lost::Image(image.failure(Stage::Refresh, reason))
    };
    let known = lock(&shared.answers).get(&image.id).cloned();
    let refreshed = downloader
        .refresh(source, &image.url, known.as_ref())
        .await
        .map_err(|error| kept(image.failure(Stage::Refresh, error)))?;
    let fetched = match refreshed {
        Refreshed::Same(now) => {
            if known.is_none_or(|known| known != now) {
                shared.note(&image.id, &now)?;
            }
            return Ok(Look::Same(Seen::default()));
        }
        Refreshed::Came(fetched) => fetched,
    };
    let before = match &known {
        Some(known) => Some(known.sum.clone()),
        None => stored_sum(shared, decoders, image).await,
    };
    if before.as_ref() == Some(&fetched.answered.sum) {
        shared.note(&image.id, &fetched.answered)?;
        return Ok(Look::Same(Seen {
            delivered: measure(&fetched.bytes),
            answer: fetched.answer,
        }));
    }
    if let (None, Some(sum)) = (&known, before) {
        // The download is about to be replaced. Whoever is killed before the vector is, must not take it for that
        // which the vector was made of.
        let old = Answered {
            sum,
            picture: None,
            info: None,
        };
        let noted = lock(&shared.answers).note_now(&image.id, &old);
        noted.map_err(|error| Lost::Build(error.into()))?;
    }
    match take(shared, decoders, image, fetched).await {
        Ok(made) => Ok(Look::Made(Box::new(made))),
        Err(Lost::Image(failure) | Lost::Gone(failure)) => Err(kept(failure)),
        Err(error @ Lost::Build(_)) => Err(error),
    }
}

/// The checksum of an image's download, if it still lies on the disk.
async fn stored_sum(shared: &Shared, decoders: &Decoders, image: &Image) -> Option<Sum> {
    let path = shared.dir.image(&image_id::hex(&image.id));
    let read = move || Some(Sum::of(&std::fs::read(path).ok()?));
    decoders.run(read).await.ok()?
}

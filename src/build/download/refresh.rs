//! Asking whether an image is still what its vector was made of.

use super::error::DownloadError;
use super::once::Ask;
use super::pace::Kind;
use super::{Description, Downloader, Fetched, MAX_INFO_BYTES, Source, ways};
use crate::build::answers::{Answered, Taken};
use crate::features::sum::Sum;

/// What has become of an image.
pub(in crate::build) enum Refreshed {
    /// It is the same, and this is known of it now.
    Same(Answered),
    /// It came; the sum tells whether it is the same.
    Came(Fetched),
}

impl Downloader {
    /// What has become of the image behind `iiif_url` since `known` was known of it: as few bytes as its server
    /// makes possible.
    ///
    /// Where the picture was chosen by info.json, that is asked for first, as another size may be the right one now.
    pub(in crate::build) async fn refresh(
        &self,
        source: &Source,
        iiif_url: &str,
        known: Option<&Answered>,
    ) -> Result<Refreshed, DownloadError> {
        let Some(known) = known else {
            return self.get(source, iiif_url).await.map(Refreshed::Came);
        };
        let anew = async |description| {
            let fetched = self.get_knowing(source, iiif_url, description).await;
            fetched.map(Refreshed::Came)
        };
        let (host, mut now, mut description) = (&source.host, known.clone(), None);
        if let (Some(info), Some(url)) = (&known.info, ways::info_url(iiif_url)) {
            let ask = Ask {
                known: Some(&info.validators),
                ..self.ask(&url, Kind::Document, MAX_INFO_BYTES)
            };
            let got = match self.get_if_changed(host, &ask).await {
                Ok((got, _place)) => got,
                Err(error) if error.leads_on() => return anew(None).await,
                Err(error) => return Err(error),
            };
            let came = got.map(|got| Description::of(got, iiif_url));
            let described = came.as_ref().and_then(|came| came.came.clone());
            if let Some(described) = described {
                if described.sum != info.sum {
                    return anew(came).await;
                }
                now.info = Some(described);
            }
            description = came;
        }
        let Some(taken) = &known.picture else {
            return anew(description).await;
        };
        let ask = Ask {
            known: Some(&taken.validators),
            ..self.ask(&taken.url, Kind::Picture, self.limits.max_image_bytes)
        };
        match self.get_if_changed(host, &ask).await {
            Ok((None, _place)) => Ok(Refreshed::Same(now)),
            Ok((Some(got), place)) => {
                now.picture = Some(Taken {
                    url: taken.url.clone(),
                    validators: got.validators,
                });
                let sum = Sum::of(&got.bytes);
                if sum == now.sum {
                    return Ok(Refreshed::Same(now));
                }
                now.sum = sum;
                Ok(Refreshed::Came(Fetched {
                    bytes: got.bytes,
                    answered: now,
                    place,
                    answer: None,
                    login: None,
                }))
            }
            // It may have another picture now.
            Err(error) if error.leads_on() => anew(description).await,
            Err(error) => Err(error),
        }
    }
}

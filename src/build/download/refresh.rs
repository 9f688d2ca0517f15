//! Asking whether an image is still what its vector was made of.

use super::error::DownloadError;
use super::once::Ask;
use super::pace::Kind;
use super::{Downloader, Fetched, MAX_INFO_BYTES, Source, ways};
use crate::build::answers::{self, Answered, Taken};

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
        let mut now = known.clone();
        if let (Some(info), Some(url)) = (&known.info, ways::info_url(iiif_url)) {
            let ask = Ask {
                known: Some(&info.validators),
                ..self.ask(&url, Kind::Document, MAX_INFO_BYTES)
            };
            match self.permit(&source.host, &url).await {
                Ok(()) => {}
                Err(error) if !error.leads_on() => return Err(error),
                Err(_) => return self.get(source, iiif_url).await.map(Refreshed::Came),
            }
            let got = match self.get_patiently(&source.host, &ask).await {
                Ok((got, _place)) => got,
                Err(error) if !error.leads_on() => return Err(error),
                Err(_) => return self.get(source, iiif_url).await.map(Refreshed::Came),
            };
            if let Some(got) = got {
                let described = answers::Described {
                    sum: answers::sum(&got.bytes),
                    validators: got.validators,
                };
                if described.sum != info.sum {
                    return self.get(source, iiif_url).await.map(Refreshed::Came);
                }
                now.info = Some(described);
            }
        }
        let Some(taken) = &known.picture else {
            return self.get(source, iiif_url).await.map(Refreshed::Came);
        };
        let ask = Ask {
            known: Some(&taken.validators),
            ..self.ask(&taken.url, Kind::Picture, self.limits.max_image_bytes)
        };
        match self.permit(&source.host, &taken.url).await {
            Ok(()) => {}
            Err(error) if !error.leads_on() => return Err(error),
            Err(_) => return self.get(source, iiif_url).await.map(Refreshed::Came),
        }
        match self.get_patiently(&source.host, &ask).await {
            Ok((None, _place)) => Ok(Refreshed::Same(now)),
            Ok((Some(got), place)) => {
                now.picture = Some(Taken {
                    url: taken.url.clone(),
                    validators: got.validators,
                });
                let sum = answers::sum(&got.bytes);
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
            Err(error) if error.leads_on() => self.get(source, iiif_url).await.map(Refreshed::Came),
            Err(error) => Err(error),
        }
    }
}

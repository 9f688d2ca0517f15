//! Which picture of each image a build asks for.

use super::files::DataDir;
use super::options::{BuildOptions, Delivery};
use crate::collection::requested::{PLAIN_WIDTH_PX, Requested};
use anyhow::{Context, bail};

/// Which pictures are asked for. A collection keeps what it was begun with, unless it is told otherwise.
///
/// The smallest has half as many pixels again at its shorter side as the model sees. What JPEG loses would reach the
/// model undiluted otherwise: measured with the demo's model, the mean cosine with the whole picture is 0.985 at the
/// model's own size, 0.995 at this, and 0.997 in a width of 640.
pub(super) fn requested(
    options: &BuildOptions,
    dir: &DataDir,
    short_edge_px: Option<u32>,
) -> anyhow::Result<Requested> {
    let smallest = short_edge_px.map(|px| Requested::ShortEdge(px.saturating_mul(3) / 2));
    let requested = match (options.delivery, dir.requested()?) {
        (Some(Delivery::Width(px)), _) => Requested::Width(px.get()),
        (None, Some(before @ Requested::Width(_))) => before,
        (Some(Delivery::Smallest), _) | (None, Some(Requested::ShortEdge(_))) => smallest.context(
            "the model looks at pictures as large as they are, so none is the smallest for it; give a width with --image-width",
        )?,
        (None, None) => match options.asks_info {
            true => smallest.unwrap_or(Requested::Width(PLAIN_WIDTH_PX)),
            false => Requested::Width(PLAIN_WIDTH_PX),
        },
    };
    if matches!(requested, Requested::ShortEdge(_)) && !options.asks_info {
        bail!(
            "the smallest pictures are found by info.json, which --image-info no forbids; leave that out, or give a width with --image-width and another data directory"
        );
    }
    Ok(requested)
}

//! A IIIF Image API 3 server, level 1, for the images of a folder: `clip-search iiif-serve`.

mod pictures;

use crate::iiif::folder::{self, Kind, SERVICE};
use crate::iiif::render::{self, MAX_RESULT_PX, RenderError};
use crate::iiif::request::{Format, ImageRequest, RequestError};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST, LINK, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pictures::Pictures;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tower_http::cors::CorsLayer;

const CONTEXT: &str = "http://iiif.io/api/image/3/context.json";
/// Decoded pictures that are kept: three of 24 megapixels, or a hundred of those that screens show.
const MAX_KEPT_BYTES: usize = 256 << 20;
/// Side of the tiles that viewers are told to ask for.
const TILE_PX: u32 = 512;
const LEVEL: &str = "<http://iiif.io/api/image/3/level1.json>;rel=\"profile\"";

/// Serves the images in `dir` and below. The id of an image is its path below `dir`, percent-encoded
/// (`/` as `%2F`).
///
/// | path | answer |
/// | --- | --- |
/// | `/` | the images as JSON, `[{"iiif_url": …, "title": …}]` |
/// | `/images.csv` | the same as CSV, ready for `clip-search build --mode CSV` |
/// | `/{id}` | 303 to its info.json |
/// | `/{id}/info.json` | image information |
/// | `/{id}/{region}/{size}/{rotation}/{quality}.{format}` | the image |
///
/// `base_url`: how clients reach this server; without it the `Host` header says.
pub fn iiif_router(dir: PathBuf, base_url: Option<String>) -> Router {
    let server = Arc::new(Server {
        dir,
        base_url: base_url.map(|url| url.trim_end_matches('/').to_owned()),
        pictures: Pictures::new(MAX_KEPT_BYTES, Box::new(render::picture)),
    });
    Router::new()
        .route("/", get(list))
        .route("/images.csv", get(list_csv))
        .route("/{id}", get(redirect))
        .route("/{id}/", get(redirect))
        .route("/{id}/info.json", get(info))
        .route("/{id}/{region}/{size}/{rotation}/{file}", get(image))
        .layer(CorsLayer::permissive())
        .layer(super::no_sniffing())
        .with_state(server)
}

struct Server {
    dir: PathBuf,
    base_url: Option<String>,
    pictures: Pictures,
}

/// An image of the folder, for lists.
#[derive(Debug, Serialize)]
struct Entry {
    iiif_url: String,
    /// The file's name without its ending.
    title: String,
}

/// Why there is no image.
enum ServeError {
    NotFound(String),
    Render(RenderError),
    /// The system's fault.
    Internal(String),
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NotFound(id) => (StatusCode::NOT_FOUND, format!("there is no image {id}")),
            Self::Render(RenderError::Request(RequestError::Bad(text))) => {
                (StatusCode::BAD_REQUEST, text)
            }
            Self::Render(RenderError::Request(RequestError::NotImplemented(text))) => {
                (StatusCode::NOT_IMPLEMENTED, text)
            }
            Self::Render(
                error @ (RenderError::Decode(_) | RenderError::Read(_) | RenderError::Encode(_)),
            ) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no image");
                (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
            Self::Internal(text) => {
                tracing::error!("{text}");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal error".to_owned(),
                )
            }
        };
        (status, text).into_response()
    }
}

async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    Ok(axum::Json(server.entries(&headers).await?).into_response())
}

async fn list_csv(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for entry in server.entries(&headers).await? {
        csv.serialize(entry)
            .map_err(|error| ServeError::Internal(error.to_string()))?;
    }
    let mut csv = csv
        .into_inner()
        .map_err(|error| ServeError::Internal(error.to_string()))?;
    if csv.is_empty() {
        csv.extend(b"iiif_url,title\n");
    }
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

async fn redirect(
    State(server): State<Arc<Server>>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    server.file(&id).await?;
    let url = folder::iiif_url(&server.base(&headers), &id);
    let location = format!("{url}/info.json");
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

async fn info(
    State(server): State<Arc<Server>>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let path = server.file(&id).await?;
    let (width, height) = blocking(move || render::dimensions(&path))
        .await?
        .map_err(ServeError::Render)?;
    let sizes: Vec<_> = [8, 4, 2, 1]
        .map(|part| (width / part, height / part))
        .into_iter()
        .filter(|(w, h)| *w > 0 && *h > 0 && u64::from(*w) * u64::from(*h) <= MAX_RESULT_PX)
        .map(|(w, h)| json!({"width": w, "height": h}))
        .collect();
    let document = json!({
        "@context": CONTEXT,
        "id": folder::iiif_url(&server.base(&headers), &id),
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": SERVICE.profile,
        "width": width,
        "height": height,
        "maxArea": MAX_RESULT_PX,
        "sizes": sizes,
        "tiles": [{"width": TILE_PX, "height": TILE_PX, "scaleFactors": scale_factors(width, height)}],
        "extraFormats": ["png"],
        "extraQualities": ["color", "gray"],
        "extraFeatures": [
            "jsonldMediaType", "mirroring", "profileLinkHeader", "regionByPct", "rotationBy90s",
            "sizeByConfinedWh", "sizeByPct", "sizeByWh"
        ],
    });
    // JSON-LD for who asks for it, as the specification has it; browsers show plain JSON.
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = if accept.contains("application/ld+json") {
        "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\""
    } else {
        "application/json"
    };
    Ok((
        [(CONTENT_TYPE, media_type), (LINK, LEVEL)],
        document.to_string(),
    )
        .into_response())
}

async fn image(
    State(server): State<Arc<Server>>,
    UrlPath((id, region, size, rotation, file)): UrlPath<(String, String, String, String, String)>,
) -> Result<Response, ServeError> {
    let request = ImageRequest::parse(&region, &size, &rotation, &file)
        .map_err(|error| ServeError::Render(error.into()))?;
    let path = server.file(&id).await?;
    let media_type = match request.format {
        Format::Jpg => "image/jpeg",
        Format::Png => "image/png",
    };
    let rendered = server.pictures.render(path, request).await;
    let bytes = rendered
        .map_err(|error| ServeError::Internal(error.to_string()))?
        .map_err(ServeError::Render)?;
    Ok(([(CONTENT_TYPE, media_type), (LINK, LEVEL)], bytes).into_response())
}

impl Server {
    /// The file that `id` stands for.
    async fn file(&self, id: &str) -> Result<PathBuf, ServeError> {
        let (dir, wanted) = (self.dir.clone(), id.to_owned());
        blocking(move || folder::file(&dir, &wanted))
            .await?
            .ok_or_else(|| ServeError::NotFound(id.to_owned()))
    }

    fn base(&self, headers: &HeaderMap) -> String {
        self.base_url.clone().unwrap_or_else(|| {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("localhost"))
        })
    }

    async fn entries(&self, headers: &HeaderMap) -> Result<Vec<Entry>, ServeError> {
        let (dir, base) = (self.dir.clone(), self.base(headers));
        blocking(move || {
            let listing = folder::list(&dir, None)
                .map_err(|error| ServeError::Internal(format!("{}: {error}", dir.display())))?;
            let mut entries = Vec::new();
            for entry in listing.entries {
                match entry.kind {
                    Kind::Image(id) => entries.push(Entry {
                        iiif_url: folder::iiif_url(&base, &id),
                        title: folder::title(&id).to_owned(),
                    }),
                    Kind::Lost(reason) => {
                        tracing::debug!(path = %entry.below.display(), reason, "not listed");
                    }
                }
            }
            Ok(entries)
        })
        .await?
    }
}

/// Powers of two, up to that with which the image is one tile.
fn scale_factors(width: u32, height: u32) -> Vec<u32> {
    let n_tiles = width.max(height).div_ceil(TILE_PX);
    (0..=n_tiles.next_power_of_two().ilog2())
        .map(|exponent| 1 << exponent)
        .collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServeError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ServeError::Internal(error.to_string()))
}

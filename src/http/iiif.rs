//! A IIIF Image API 3 server, level 1, for the images of a folder: `clip-search iiif-serve`.

use crate::iiif::render::{self, MAX_RESULT_PX, RenderError};
use crate::iiif::request::{ImageRequest, RequestError};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST, LINK, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::json;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

/// Endings of the files that are served.
const ENDINGS: [&str; 12] = [
    "jpg", "jpeg", "png", "gif", "webp", "tif", "tiff", "bmp", "ico", "pnm", "ppm", "tga",
];
/// Folders in folders that are looked into.
const MAX_DEPTH: usize = 16;
const CONTEXT: &str = "http://iiif.io/api/image/3/context.json";
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
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let server = Arc::new(Server {
        dir,
        base_url: base_url.map(|url| url.trim_end_matches('/').to_owned()),
        renderers: Semaphore::new(n_cores),
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
    /// One image per core is worked on; a large one takes hundreds of megabytes meanwhile.
    renderers: Semaphore,
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
    let location = format!("{}/info.json", server.iiif_url(&headers, &id));
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
        "id": server.iiif_url(&headers, &id),
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level1",
        "width": width,
        "height": height,
        "maxArea": MAX_RESULT_PX,
        "sizes": sizes,
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
        crate::iiif::request::Format::Jpg => "image/jpeg",
        crate::iiif::request::Format::Png => "image/png",
    };
    let _permit = server.renderers.acquire().await;
    let bytes = blocking(move || render::render(&path, &request))
        .await?
        .map_err(ServeError::Render)?;
    Ok(([(CONTENT_TYPE, media_type), (LINK, LEVEL)], bytes).into_response())
}

impl Server {
    /// The file that `id` stands for: inside the folder, not hidden, with an image's ending.
    async fn file(&self, id: &str) -> Result<PathBuf, ServeError> {
        let missing = || ServeError::NotFound(id.to_owned());
        let below = PathBuf::from(id);
        let is_plain = |part: Component<'_>| match part {
            Component::Normal(name) => !is_hidden(name),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => false,
        };
        if !below.components().all(is_plain) || !is_image(&below) || id.contains('\0') {
            return Err(missing());
        }
        let dir = self.dir.clone();
        blocking(move || inside(&dir.canonicalize().ok()?, &below))
            .await?
            .ok_or_else(missing)
    }

    fn iiif_url(&self, headers: &HeaderMap, id: &str) -> String {
        format!("{}/{}", self.base(headers), encode(id))
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
            let mut found = Vec::new();
            dir.canonicalize()
                .and_then(|dir| collect(&dir, Path::new(""), MAX_DEPTH, &mut found))
                .map_err(|error| ServeError::Internal(format!("{}: {error}", dir.display())))?;
            found.sort();
            Ok(found
                .iter()
                // A name that is not UTF-8 can stand in no URL of ours.
                .filter_map(|path| Some((path.file_stem()?.to_str()?, path.to_str()?)))
                .map(|(title, id)| Entry {
                    iiif_url: format!("{base}/{}", encode(id)),
                    title: title.to_owned(),
                })
                .collect())
        })
        .await?
    }
}

/// Adds the images in `dir/below` to `found`, as paths below `dir`, which is canonical. Links to
/// folders are not followed: they may lead in circles.
fn collect(
    dir: &Path,
    below: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir.join(below))? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, below.join(entry.file_name()));
        if is_hidden(&entry.file_name()) {
            continue;
        }
        if kind.is_dir() && depth > 0 {
            collect(dir, &path, depth - 1, found)?;
        } else if !kind.is_dir() && is_image(&path) && inside(dir, &path).is_some() {
            found.push(path);
        }
    }
    Ok(())
}

/// The file `dir/below` after following links, if it lies in `dir`, which is canonical.
fn inside(dir: &Path, below: &Path) -> Option<PathBuf> {
    let path = dir.join(below).canonicalize().ok()?;
    (path.starts_with(dir) && path.is_file()).then_some(path)
}

fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_image(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| {
            ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        })
}

/// `id` as one segment of a URL path: everything but the unreserved characters of RFC 3986 encoded.
fn encode(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServeError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ServeError::Internal(error.to_string()))
}

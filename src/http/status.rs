//! Is the service alive, and can it work?

use super::AppState;
use super::cache::NO_STORE;
use super::error::{ApiError, JsonError};
use crate::encoder::together::IsStopped;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::sync::Arc;

/// The process answers.
pub(super) async fn health(
    State(state): State<Arc<AppState>>,
) -> ([(HeaderName, HeaderValue); 1], Json<Value>) {
    let state = Json(json!({
        "status": "ok",
        "project": state.settings.project_name,
        "version": env!("CARGO_PKG_VERSION"),
    }));
    ([NO_STORE], state)
}

/// The collection is loaded and the model embeds a text. (The text is remembered like any other, so
/// that a probe every second costs nothing.)
///
/// It takes no place among the queries: a busy service is ready.
pub(super) async fn ready(
    State(state): State<Arc<AppState>>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Value>), JsonError> {
    let worker = Arc::clone(&state);
    super::join(tokio::task::spawn_blocking(move || {
        // Whoever asks may go: the text is encoded once.
        let is_stopped: IsStopped = Arc::new(|| false);
        worker.sparql.engine().embed_text("ready", &is_stopped)
    }))
    .await?
    .map_err(ApiError::from)?;
    let collection = state.sparql.engine().collection();
    let mut state = json!({
        "status": "ready",
        "images": collection.len(),
        "embeddingWidth": collection.features().width(),
    });
    // Tells which build is served. Those of the original service have none.
    if let Some(identity) = collection.identity() {
        state["featuresBlake2b256"] = identity.blake2b_256.features.to_string().into();
    }
    Ok(([NO_STORE], Json(state)))
}

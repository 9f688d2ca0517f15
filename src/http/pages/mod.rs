//! Pages for people: the search page and the workbench, in a shell that carries their settings.
//!
//! The pages themselves are in `web/`. Here they get what differs between services (name, looks, facets) and between
//! visitors (language), and the policy that keeps their browsers from asking anyone else.

pub mod accent;
pub(super) mod assets;
mod examples;
pub mod facets;
mod language;
pub mod operator;
mod plain;
mod policy;
mod shell;
mod vocabulary;

use super::AppState;
use super::description::endpoint_url;
use super::error::ApiError;
use accent::Accent;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A page of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Search,
    Workbench,
}

impl Page {
    /// Its name in `web/`.
    fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Workbench => "workbench",
        }
    }
}

/// What all answers of a service have in common.
pub(super) struct Pages {
    /// The style that carries the operator's colour.
    style: String,
    policy: HeaderValue,
}

impl Pages {
    /// Prepares the pages of a service.
    pub(super) fn new(
        collection: &crate::collection::Collection,
        settings: &operator::PageSettings,
    ) -> Self {
        let style = settings.accent.map_or_else(String::new, Accent::style);
        let sources = policy::picture_sources(collection, &settings.image_hosts);
        Self {
            policy: policy::policy(&sources, &style),
            style,
        }
    }
}

/// What a page is told about its service: the interface `Settings` of `web/src/common/settings.ts`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    name: &'a str,
    language: &'static str,
    root: &'static str,
    endpoint: &'a str,
    n_images: usize,
    default_min_score: f32,
    body_limit_bytes: usize,
    has_metadata: bool,
    logo: Option<String>,
    footer: &'a [operator::Link],
    viewers: &'a [operator::Viewer],
    facets: &'a [facets::Facet],
    prefixes: &'a BTreeMap<String, String>,
    examples: &'a [operator::Example],
    vocabulary: &'a [vocabulary::Entry],
}

/// `/`: search.
pub(super) async fn search(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    let endpoint = endpoint_url(state.settings.public_url.as_ref(), &headers);
    respond(&state, Page::Search, &endpoint, "", &headers)
}

/// `/sparql` without a query, for browsers: the workbench.
pub(super) fn workbench(
    state: &AppState,
    endpoint: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Response {
    let root = if uri.path().ends_with('/') { "../" } else { "" };
    respond(state, Page::Workbench, endpoint, root, headers)
}

/// `/logo`: the operator's.
pub(super) async fn logo(State(state): State<Arc<AppState>>) -> Result<Response, ApiError> {
    let Some(logo) = &state.settings.pages.logo else {
        return Err(ApiError::NoLogo);
    };
    // An SVG may hold scripts, which run where it is opened by itself.
    let harmless =
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(logo.media_type),
        ),
        (header::CONTENT_SECURITY_POLICY, harmless),
    ];
    Ok((headers, logo.bytes.clone()).into_response())
}

fn respond(
    state: &AppState,
    page: Page,
    endpoint: &str,
    root: &'static str,
    headers: &HeaderMap,
) -> Response {
    let language = language::of_visitor(headers);
    let without_scripts = match page {
        Page::Search => plain::landing(state),
        Page::Workbench => plain::endpoint(state, endpoint),
    };
    let title = match page {
        Page::Search => state.settings.project_name.clone(),
        Page::Workbench => format!("{}: SPARQL", state.settings.project_name),
    };
    let html = match assets::entry(page.name()) {
        Some(entry) => shell::Shell {
            title: &title,
            language,
            root,
            entry,
            style: &state.pages.style,
            settings: &settings(state, page, endpoint, root, language),
            without_scripts: &without_scripts,
        }
        .html(),
        None => plain::page(&title, &without_scripts),
    };
    const VARIES: HeaderValue = HeaderValue::from_static("Accept-Language");
    const REFERRER: (HeaderName, HeaderValue) = (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    let policy = (header::CONTENT_SECURITY_POLICY, state.pages.policy.clone());
    ([(header::VARY, VARIES), policy, REFERRER], Html(html)).into_response()
}

/// The settings as JSON.
fn settings(
    state: &AppState,
    page: Page,
    endpoint: &str,
    root: &'static str,
    language: &'static str,
) -> String {
    let pages = &state.settings.pages;
    let is_workbench = page == Page::Workbench;
    let settings = Settings {
        name: &state.settings.project_name,
        language,
        root,
        endpoint,
        n_images: state.sparql.engine().collection().len(),
        default_min_score: state.sparql.options().default_min_score,
        body_limit_bytes: state.settings.body_limit_bytes,
        has_metadata: state.sparql.has_metadata(),
        logo: pages.logo.is_some().then(|| format!("{root}logo")),
        footer: &pages.footer,
        viewers: &pages.viewers,
        facets: &pages.facets.facets,
        prefixes: &pages.facets.prefixes,
        examples: if is_workbench { &pages.examples } else { &[] },
        vocabulary: if is_workbench {
            vocabulary::entries()
        } else {
            &[]
        },
    };
    serde_json::to_string(&settings).expect("strings and numbers can be written as JSON")
}

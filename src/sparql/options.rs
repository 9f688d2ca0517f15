//! How queries are answered: what an operator may set, and how the planner weighs its plans.

use std::num::NonZeroU32;
use std::time::Duration;

/// What an operator may set and, apart from that, [how the planner weighs](Self::planner).
#[derive(Debug, Clone)]
pub struct SparqlOptions {
    /// Evaluation is cancelled after this time.
    pub timeout: Option<Duration>,
    /// Evaluation is cancelled when its rows take more memory, where [`crate::memory::Counting`] allocates.
    pub max_memory_bytes: Option<usize>,
    /// `clip:minScore` of requests that have none.
    pub default_min_score: f32,
    /// `clip:limit` of requests that have none.
    pub default_limit: Option<usize>,
    /// Width of the picture that `clip:link` names, in pixels, where the image is as wide.
    pub link_width_px: NonZeroU32,
    /// Most hits of all requests of a query together.
    pub max_hits: usize,
    /// Most different values of a request's input variables.
    pub max_inputs: usize,
    /// Most images that one query may have fetched or decoded.
    pub max_query_images: usize,
    /// Endpoints that SERVICE may call, by their exact IRIs.
    pub services: Vec<String>,
    /// How the planner weighs its plans: tests and benches set it, an operator does not.
    pub planner: PlannerOptions,
}

/// How large the steps of the plans are; with exact search the answers are the same. Which plan is taken is `plan/mod.rs`'s to choose.
#[derive(Debug, Clone)]
pub struct PlannerOptions {
    /// Most solutions of the patterns around a request that are looked at to find its candidates; none
    /// for a number that fits the collection.
    pub probe_rows: Option<usize>,
    /// Hits that are joined first when a query needs only the best rows.
    pub first_block: usize,
    /// Tables of more rows are kept beside the query, instead of being written into it.
    pub inline_rows: usize,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        Self {
            probe_rows: None,
            first_block: 64,
            inline_rows: 256,
        }
    }
}

impl Default for SparqlOptions {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(60)),
            max_memory_bytes: Some(2 << 30),
            default_min_score: 0.2,
            default_limit: None,
            link_width_px: NonZeroU32::new(1000).expect("not zero"),
            max_hits: 1_000_000,
            max_inputs: 10_000,
            max_query_images: 32,
            services: Vec::new(),
            planner: PlannerOptions::default(),
        }
    }
}

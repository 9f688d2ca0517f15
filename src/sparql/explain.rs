//! What answering a query took: the plan of each request, and counts of the work done.

use serde::Serialize;
use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

/// How a query was answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The requests, in the order in which they were searched for.
    pub requests: Vec<RequestExplanation>,
    /// Rows of the answer; for ASK one if it is true.
    pub rows: usize,
    /// How often the store evaluated a pattern: to bind inputs, to probe, to join.
    pub evaluations: usize,
    /// Where the time went.
    pub milliseconds: Times,
}

/// How one request was searched for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestExplanation {
    /// Its subject, as written.
    pub subject: String,
    /// The plan that was taken.
    pub plan: PlanKind,
    /// Why.
    pub reason: String,
    /// Distinct sets of inputs, each searched for once.
    pub inputs: usize,
    /// Solutions of the patterns around it that were looked at.
    pub rows_probed: usize,
    /// Images that these leave, if they are few.
    pub candidates: Option<usize>,
    /// Lowest score that the FILTERs around it let through.
    pub score_floor: Option<f64>,
    /// Scores computed: images times inputs.
    pub images_scored: usize,
    /// Scores that are high enough.
    pub hits: usize,
    /// Hits that were joined with the rest of the query.
    pub hits_joined: usize,
    /// Blocks in which they were joined.
    pub blocks: usize,
    /// Texts that the model encoded.
    pub texts_encoded: usize,
    /// Texts whose embeddings were remembered.
    pub texts_remembered: usize,
    /// Images of the query that the model encoded.
    pub images_encoded: usize,
    /// What searched for images, and in which precision; empty if nothing had to.
    pub engine: String,
    /// Whether every image that belongs into the answer is found.
    pub exact: bool,
    /// The share of them that is expected to be found: 1 if it is exact.
    pub expected_recall: f64,
}

/// The plans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PlanKind {
    /// All images are scored, and the hits are joined.
    #[default]
    SearchFirst,
    /// The patterns around the request are evaluated first, and the images that they leave are scored.
    CandidatesFirst,
    /// The inputs come from the patterns around the request, are embedded together and searched for one
    /// by one.
    Correlated,
}

/// Milliseconds of each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// Parsing and grouping into requests.
    pub parse: f64,
    /// Finding the values of input variables.
    pub bind: f64,
    /// Finding candidates.
    pub probe: f64,
    /// The model's work.
    pub embed: f64,
    /// Scoring.
    pub search: f64,
    /// Evaluating the rest, with the hits in place.
    pub join: f64,
}

/// A stage of answering.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    Parse,
    Bind,
    Probe,
    Embed,
    Search,
    Join,
}

/// The explanation of a query that is being answered.
#[derive(Debug, Default)]
pub(super) struct Trace(RefCell<Explanation>);

impl Trace {
    /// Runs `work`, and counts its time.
    pub(super) fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        self.add(stage, started.elapsed());
        result
    }

    pub(super) fn add(&self, stage: Stage, time: Duration) {
        let times = &mut self.0.borrow_mut().milliseconds;
        *match stage {
            Stage::Parse => &mut times.parse,
            Stage::Bind => &mut times.bind,
            Stage::Probe => &mut times.probe,
            Stage::Embed => &mut times.embed,
            Stage::Search => &mut times.search,
            Stage::Join => &mut times.join,
        } += time.as_secs_f64() * 1000.0;
    }

    pub(super) fn evaluates(&self) {
        self.0.borrow_mut().evaluations += 1;
    }

    pub(super) fn request(&self, request: RequestExplanation) {
        self.0.borrow_mut().requests.push(request);
    }

    pub(super) fn into_explanation(self) -> Explanation {
        self.0.into_inner()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.requests.is_empty() {
            writeln!(f, "no clip:Request: the store answers alone")?;
        }
        for request in &self.requests {
            request.fmt(f)?;
        }
        let Times {
            parse,
            bind,
            probe,
            embed,
            search,
            join,
        } = self.milliseconds;
        writeln!(f, "rows         {}", self.rows)?;
        writeln!(f, "evaluations  {}", self.evaluations)?;
        writeln!(
            f,
            "time         parse {parse:.1} ms, bind {bind:.1} ms, probe {probe:.1} ms, embed {embed:.1} ms, search {search:.1} ms, join {join:.1} ms"
        )
    }
}

impl fmt::Display for RequestExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "request {}", self.subject)?;
        let plan = match self.plan {
            PlanKind::SearchFirst => "search first",
            PlanKind::CandidatesFirst => "candidates first",
            PlanKind::Correlated => "correlated",
        };
        writeln!(f, "  plan       {plan}: {}", self.reason)?;
        if let Some(floor) = self.score_floor {
            writeln!(f, "  filter     keeps scores from {floor:.6}")?;
        }
        writeln!(
            f,
            "  inputs     {} ({} texts encoded, {} remembered; {} images encoded)",
            self.inputs, self.texts_encoded, self.texts_remembered, self.images_encoded
        )?;
        writeln!(f, "  probed     {} rows", self.rows_probed)?;
        writeln!(
            f,
            "  scored     {} images, {} hits",
            self.images_scored, self.hits
        )?;
        writeln!(
            f,
            "  joined     {} hits in {} {}",
            self.hits_joined,
            self.blocks,
            if self.blocks == 1 { "block" } else { "blocks" }
        )?;
        writeln!(f, "  engine     {}", self.engine)?;
        match self.exact {
            true => writeln!(f, "  exact      yes"),
            false => writeln!(
                f,
                "  exact      no, expected recall {:.3}",
                self.expected_recall
            ),
        }
    }
}

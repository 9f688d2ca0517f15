//! Which images can be in a solution at all: only these need a score.

use super::known::Known;
use super::{is_plainly_joined, named_constants, restricting, score_floor};
use crate::collection::Collection;
use crate::search::rows::Rows;
use crate::sparql::algebra::variables::variable_of;
use crate::sparql::error::QueryError;
use crate::sparql::evaluate::optimizer;
use crate::sparql::evaluate::service::calls_service;
use crate::sparql::explain::{PlanKind, RequestExplanation, Stage};
use crate::sparql::options::SparqlOptions;
use crate::sparql::query_run::{QueryRun, Values};
use crate::sparql::relation::Restriction;
use crate::sparql::request::grouping::{Alternative, InputObject, Request};
use crate::sparql::request::inputs::{Tuple, positive};
use crate::vocab::Property;
use oxrdf::vocab::xsd;
use oxrdf::{Term, Variable};
use spargebra::term::TermPattern;
use std::collections::HashSet;

/// What the search for `request` may leave out. What is found at one of several fragments holds for all
/// if their rows meet in every solution. `found`: what was found out before.
///
/// # Errors
/// [`QueryError`] says who must act if a pattern around it cannot be evaluated.
pub(in crate::sparql) fn restriction(
    request: &Request,
    known: &Known<'_>,
    run: &QueryRun<'_>,
    tuples: &[Tuple],
    found: Option<Found>,
) -> Result<Restriction, QueryError> {
    let is_correlated = request.is_correlated();
    let mut explanation = RequestExplanation {
        subject: request.written.clone(),
        plan: if is_correlated {
            PlanKind::Correlated
        } else {
            PlanKind::SearchFirst
        },
        ..RequestExplanation::default()
    };
    let fragments = &request.fragments;
    if fragments.len() > 1 && !fragments.iter().all(|i| is_plainly_joined(known, *i)) {
        explanation.reason =
            "the request is spread over groups that are not simply joined".to_owned();
        return Ok(Restriction {
            explanation,
            ..Restriction::default()
        });
    }
    let floor = (fragments.iter())
        .filter_map(|&index| {
            let fragment = &known.query.fragments[index];
            score_floor(known, index, fragment.output_variable(Property::Score)?)
        })
        .reduce(f64::max);
    // The rank and a limit count the images that are not candidates as well.
    let has_rank = (fragments.iter()).any(|index| known.query.fragments[*index].has_rank());
    let found = if tuples.iter().all(|tuple| is_limited(tuple, run.options)) {
        Found::all("clip:limit is counted over all images")
    } else if has_rank {
        Found::all("clip:rank is counted over all images")
    } else {
        (run.trace).time(Stage::Probe, || candidates(fragments, known, run, found))?
    };
    explanation.rows_probed = found.n_probed;
    if found.rows.is_some() && !is_correlated {
        explanation.plan = PlanKind::CandidatesFirst;
    }
    explanation.reason = found.reason;
    Ok(Restriction {
        candidates: found.rows,
        floor,
        explanation,
    })
}

/// The rows of the images that the patterns around the fragments of a request leave: by their constants
/// and inline data or, if these say nothing, by their solutions as far as these are few.
fn candidates(
    fragments: &[usize],
    known: &Known<'_>,
    run: &QueryRun<'_>,
    found: Option<Found>,
) -> Result<Found, QueryError> {
    let named = named_rows(fragments, known, run.engine.collection()).map(Found::named);
    // What is known to have too many solutions is not tried again.
    if let Some(found) = (found.into_iter().chain(named)).reduce(Found::and) {
        return Ok(found);
    }
    let mut found = Found::all("nothing asks which images are found");
    for (index, property, object) in image_columns(fragments, known) {
        if let Some(variable) = variable_of(object) {
            found = probe(index, property, variable, known, run)?;
        }
        if found.rows.is_some() || found.n_probed > 0 {
            break;
        }
    }
    Ok(found)
}

/// The rows of the images that the query names by constants and inline data, if it does.
fn named_rows(fragments: &[usize], known: &Known<'_>, collection: &Collection) -> Option<Rows> {
    image_columns(fragments, known)
        .filter_map(|(index, property, object)| {
            let terms = match object {
                TermPattern::NamedNode(image) => HashSet::from([image.clone().into()]),
                TermPattern::Literal(id) => HashSet::from([id.clone().into()]),
                object => named_constants(known, index, variable_of(object)?)?,
            };
            let terms = terms.into_iter().map(Term::from);
            Some(rows_of(collection, property, terms))
        })
        .min_by_key(Rows::len)
}

/// The rows of the images that have one of `terms` as `property`.
fn rows_of(
    collection: &Collection,
    property: Property,
    terms: impl IntoIterator<Item = Term>,
) -> Rows {
    (terms.into_iter())
        .filter_map(|term| row_of(collection, property, &term))
        .collect()
}

/// The row of the image that has `term` as `property`.
pub(in crate::sparql) fn row_of(
    collection: &Collection,
    property: Property,
    term: &Term,
) -> Option<usize> {
    match (property, term) {
        (Property::IiifUrl, Term::NamedNode(image)) => collection.row_of_url(image.as_str()),
        (Property::ImageId, Term::Literal(id)) if id.datatype() == xsd::STRING => {
            collection.row_of_id(id.value())
        }
        _ => None,
    }
}

/// At most how many hits `request` has for each set of inputs, as far as the query says so.
pub(in crate::sparql) fn most_hits(
    request: &Request,
    known: &Known<'_>,
    run: &QueryRun<'_>,
) -> usize {
    let n_images = run.engine.collection().len();
    let limit = |alternative: &Alternative| {
        (alternative.inputs.iter())
            .filter_map(|input| match &input.object {
                InputObject::Constant(limit) if input.property == Property::Limit => {
                    positive(limit)
                }
                _ => None,
            })
            .min()
            .or(run.options.default_limit)
            .unwrap_or(n_images)
    };
    let limit = (request.alternatives.iter().map(limit).max()).unwrap_or(n_images);
    let named = named_rows(&request.fragments, known, run.engine.collection());
    named.map_or(limit, |rows| rows.len().min(limit))
}

/// The values that the patterns around a fragment give `variable`, unless they have so many solutions
/// that scoring all images is quicker than going through them.
fn probe(
    index: usize,
    property: Property,
    variable: &Variable,
    known: &Known<'_>,
    run: &QueryRun<'_>,
) -> Result<Found, QueryError> {
    let limit = probe_rows(run);
    let known = Known {
        most_rows: limit,
        ..*known
    };
    let Some(pattern) = restricting(&known, index, variable) else {
        return Ok(Found::all("nothing around it restricts the images"));
    };
    if calls_service(&pattern) {
        return Ok(Found::all(
            "what restricts the images asks another endpoint",
        ));
    }
    let pattern = known.fill(pattern, run.evaluator.has_named_graphs());
    Ok(
        match run.values(optimizer::ease(pattern), variable, limit)? {
            Values::Of { terms, n_solutions } => Found::probed(
                rows_of(run.engine.collection(), property, terms),
                n_solutions,
            ),
            Values::Unbound { n_solutions } => Found {
                n_probed: n_solutions,
                ..Found::all(&format!(
                    "{variable} is unbound in some solutions around it"
                ))
            },
            Values::TooMany { n_seen } => Found::too_many(limit, n_seen),
        },
    )
}

/// Most solutions that are looked at to find candidates. To read one takes as long as to score some dozens of
/// images.
pub(in crate::sparql) fn probe_rows(run: &QueryRun<'_>) -> usize {
    let n_images = run.engine.collection().len();
    (run.options.planner.probe_rows).unwrap_or_else(|| (n_images / 32).clamp(64, 100_000))
}

/// Whether the hits for `tuple` are those of all images that are best, so that all have to be scored.
pub(in crate::sparql) fn is_limited(tuple: &Tuple, options: &SparqlOptions) -> bool {
    tuple.inputs.limit.or(options.default_limit).is_some()
}

/// The columns of some fragments that tell which image it is: fragment, property, object.
fn image_columns<'a>(
    fragments: &'a [usize],
    known: &Known<'a>,
) -> impl Iterator<Item = (usize, Property, &'a TermPattern)> {
    let query = known.query;
    fragments.iter().flat_map(|&index| {
        (query.fragments[index].images()).map(move |(property, object)| (index, *property, object))
    })
}

/// The images that matter for a request.
#[derive(Clone)]
pub(in crate::sparql) struct Found {
    /// None if all do.
    rows: Option<Rows>,
    reason: String,
    n_probed: usize,
}

impl Found {
    fn all(reason: &str) -> Self {
        Self {
            rows: None,
            reason: reason.to_owned(),
            n_probed: 0,
        }
    }

    /// Those of both.
    pub(in crate::sparql) fn and(self, other: Self) -> Self {
        let n_probed = self.n_probed + other.n_probed;
        let (few, many) = match (&self.rows, &other.rows) {
            (Some(rows), Some(others)) if rows.len() > others.len() => (other, self),
            (None, Some(_)) => (other, self),
            _ => (self, other),
        };
        let rows = match (few.rows, &many.rows) {
            (Some(rows), Some(others)) => Some(rows.among(others)),
            (rows, _) => rows,
        };
        Self {
            rows,
            reason: few.reason,
            n_probed,
        }
    }

    /// Those that the query names.
    pub(in crate::sparql) fn named(rows: Rows) -> Self {
        Self {
            reason: format!("the query names {} images of the collection", rows.len()),
            rows: Some(rows),
            n_probed: 0,
        }
    }

    /// Those that some patterns leave.
    pub(in crate::sparql) fn probed(rows: Rows, n_probed: usize) -> Self {
        Self {
            reason: format!("the patterns around it leave {} images", rows.len()),
            rows: Some(rows),
            n_probed,
        }
    }

    /// All, because some patterns have more solutions than should be looked at.
    pub(in crate::sparql) fn too_many(limit: usize, n_probed: usize) -> Self {
        Self {
            n_probed,
            ..Self::all(&format!(
                "what restricts the images has more than {limit} solutions"
            ))
        }
    }
}

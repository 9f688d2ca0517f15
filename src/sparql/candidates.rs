//! Which images can be in a solution at all: only these need a score.

use super::context::Context;
use super::explain::{PlanKind, RequestExplanation, Stage};
use super::extract::placeholder_index;
use super::plan::{Alternative, InputObject, Request};
use super::relation::{Restriction, Tuple};
use super::request::positive;
use super::run::Run;
use super::{QueryError, Sparql, algebra, rewrite};
use crate::vocab::Property;
use oxrdf::{Term, Variable, vocab::xsd};
use spargebra::algebra::GraphPattern;
use spargebra::term::TermPattern;
use std::collections::{BTreeSet, HashSet};

impl Sparql {
    /// What the search for `request` may leave out. What is found at one of several fragments holds for all
    /// if their rows meet in every solution. `known`: what was found out before.
    pub(super) fn restriction(
        &self,
        request: &Request,
        context: &Context<'_>,
        run: &Run<'_>,
        tuples: &[Tuple],
        known: Option<Found>,
    ) -> Result<Restriction, QueryError> {
        let is_correlated = (request.alternatives.iter())
            .flat_map(|alternative| &alternative.inputs)
            .any(|input| matches!(input.object, InputObject::Variable(_)));
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
        if fragments.len() > 1 && !fragments.iter().all(|i| context.is_plainly_joined(*i)) {
            explanation.reason =
                "the request is spread over groups that are not simply joined".to_owned();
            return Ok(Restriction {
                explanation,
                ..Restriction::default()
            });
        }
        let floor = (fragments.iter())
            .filter_map(|&index| {
                let fragment = &context.query.fragments[index];
                context.score_floor(index, fragment.output_variable(Property::Score)?)
            })
            .reduce(f64::max);
        // The rank and a limit count the images that are not candidates as well.
        let has_rank = (fragments.iter()).any(|index| context.query.fragments[*index].has_rank());
        let found = if tuples.iter().all(|tuple| self.is_limited(tuple)) {
            Found::all("clip:limit is counted over all images")
        } else if has_rank {
            Found::all("clip:rank is counted over all images")
        } else {
            run.trace.time(Stage::Probe, || {
                self.candidates(fragments, context, run, known)
            })?
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
        &self,
        fragments: &[usize],
        context: &Context<'_>,
        run: &Run<'_>,
        known: Option<Found>,
    ) -> Result<Found, QueryError> {
        let named = self.named_rows(fragments, context).map(Found::named);
        // What is known to have too many solutions is not tried again.
        if let Some(found) = (known.into_iter().chain(named)).reduce(Found::and) {
            return Ok(found);
        }
        let mut found = Found::all("nothing asks which images are found");
        for (index, property, object) in image_columns(fragments, context) {
            if let Some(variable) = algebra::variable_of(object) {
                found = self.probe(index, property, variable, context, run)?;
            }
            if found.rows.is_some() || found.n_probed > 0 {
                break;
            }
        }
        Ok(found)
    }

    /// The rows of the images that the query names by constants and inline data, if it does.
    fn named_rows(&self, fragments: &[usize], context: &Context<'_>) -> Option<BTreeSet<usize>> {
        image_columns(fragments, context)
            .filter_map(|(index, property, object)| {
                let terms = match object {
                    TermPattern::NamedNode(image) => HashSet::from([image.clone().into()]),
                    TermPattern::Literal(id) => HashSet::from([id.clone().into()]),
                    object => context.named_constants(index, algebra::variable_of(object)?)?,
                };
                Some(self.rows_of(property, terms.into_iter().map(Term::from)))
            })
            .min_by_key(BTreeSet::len)
    }

    /// The rows of the images that have one of `terms` as `property`.
    fn rows_of(
        &self,
        property: Property,
        terms: impl IntoIterator<Item = Term>,
    ) -> BTreeSet<usize> {
        (terms.into_iter())
            .filter_map(|term| self.row_of(property, &term))
            .collect()
    }

    /// The row of the image that has `term` as `property`.
    pub(super) fn row_of(&self, property: Property, term: &Term) -> Option<usize> {
        let collection = self.engine.collection();
        match (property, term) {
            (Property::IiifUrl, Term::NamedNode(image)) => collection.row_of_url(image.as_str()),
            (Property::ImageId, Term::Literal(id)) if id.datatype() == xsd::STRING => {
                collection.row_of_id(id.value())
            }
            _ => None,
        }
    }

    /// At most how many hits `request` has for each set of inputs, as far as the query says so.
    pub(super) fn most_hits(&self, request: &Request, context: &Context<'_>) -> usize {
        let n_images = self.engine.collection().len();
        let limit = |alternative: &Alternative| {
            (alternative.inputs.iter())
                .filter_map(|input| match &input.object {
                    InputObject::Constant(limit) if input.property == Property::Limit => {
                        positive(limit)
                    }
                    _ => None,
                })
                .min()
                .or(self.options.default_limit)
                .unwrap_or(n_images)
        };
        let limit = (request.alternatives.iter().map(limit).max()).unwrap_or(n_images);
        let named = self.named_rows(&request.fragments, context);
        named.map_or(limit, |rows| rows.len().min(limit))
    }

    /// The values that the patterns around a fragment give `variable`, unless they have so many solutions
    /// that scoring all images is quicker than going through them.
    fn probe(
        &self,
        index: usize,
        property: Property,
        variable: &Variable,
        context: &Context<'_>,
        run: &Run<'_>,
    ) -> Result<Found, QueryError> {
        let limit = self.probe_rows();
        let context = Context {
            most_rows: limit,
            ..*context
        };
        let Some(pattern) = context.restricting(index, variable) else {
            return Ok(Found::all("nothing around it restricts the images"));
        };
        if calls_service(&pattern) {
            return Ok(Found::all(
                "what restricts the images asks another endpoint",
            ));
        }
        let pattern = rewrite::ease(context.fill(pattern, run.has_named_graphs()));
        let (found, n_probed) = run.probe(pattern, variable, limit)?;
        let Some(found) = found else {
            return Ok(if n_probed > limit {
                Found::too_many(limit, n_probed)
            } else {
                Found {
                    n_probed,
                    ..Found::all(&format!(
                        "{variable} is unbound in some solutions around it"
                    ))
                }
            });
        };
        Ok(Found::probed(self.rows_of(property, found), n_probed))
    }

    /// Most solutions that are looked at to find candidates.
    pub(super) fn probe_rows(&self) -> usize {
        let n_images = self.engine.collection().len();
        (self.options.planner.probe_rows).unwrap_or_else(|| probe_rows(n_images))
    }

    /// Whether the hits for `tuple` are those of all images that are best, so that all have to be scored.
    pub(super) fn is_limited(&self, tuple: &Tuple) -> bool {
        tuple.inputs.limit.or(self.options.default_limit).is_some()
    }
}

/// The columns of some fragments that tell which image it is: fragment, property, object.
fn image_columns<'a>(
    fragments: &'a [usize],
    context: &Context<'a>,
) -> impl Iterator<Item = (usize, Property, &'a TermPattern)> {
    let query = context.query;
    fragments.iter().flat_map(|&index| {
        (query.fragments[index].images()).map(move |(property, object)| (index, *property, object))
    })
}

/// The images that matter for a request.
#[derive(Clone)]
pub(super) struct Found {
    /// None if all do.
    rows: Option<BTreeSet<usize>>,
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
    pub(super) fn and(self, other: Self) -> Self {
        let n_probed = self.n_probed + other.n_probed;
        let (few, many) = match (&self.rows, &other.rows) {
            (Some(rows), Some(others)) if rows.len() > others.len() => (other, self),
            (None, Some(_)) => (other, self),
            _ => (self, other),
        };
        let rows = match (few.rows, &many.rows) {
            (Some(rows), Some(others)) => Some(&rows & others),
            (rows, _) => rows,
        };
        Self {
            rows,
            reason: few.reason,
            n_probed,
        }
    }

    /// Those that the query names.
    pub(super) fn named(rows: BTreeSet<usize>) -> Self {
        Self {
            reason: format!("the query names {} images of the collection", rows.len()),
            rows: Some(rows),
            n_probed: 0,
        }
    }

    /// Those that some patterns leave.
    pub(super) fn probed(rows: BTreeSet<usize>, n_probed: usize) -> Self {
        Self {
            reason: format!("the patterns around it leave {} images", rows.len()),
            rows: Some(rows),
            n_probed,
        }
    }

    /// All, because some patterns have more solutions than should be looked at.
    pub(super) fn too_many(limit: usize, n_probed: usize) -> Self {
        Self {
            n_probed,
            ..Self::all(&format!(
                "what restricts the images has more than {limit} solutions"
            ))
        }
    }
}

/// To read one solution takes as long as to score some dozens of images.
fn probe_rows(n_images: usize) -> usize {
    (n_images / 32).clamp(64, 100_000)
}

/// Whether evaluating `pattern` asks another endpoint, which it should not do twice.
pub(super) fn calls_service(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= matches!(node, GraphPattern::Service { .. }) && placeholder_index(node).is_none();
    });
    found
}

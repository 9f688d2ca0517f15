//! Which images can be in a solution at all: only these need a score.

use super::context::Context;
use super::explain::{PlanKind, RequestExplanation, Stage};
use super::extract::placeholder_index;
use super::plan::{InputObject, Request};
use super::relation::{Restriction, Tuple};
use super::run::Run;
use super::{QueryError, Sparql, algebra, rewrite};
use crate::vocab::Property;
use oxrdf::{NamedNode, Term, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::TermPattern;
use std::collections::{BTreeSet, HashSet};

impl Sparql {
    /// What the search for `request` may leave out. With several fragments a restriction found at one of
    /// them might not hold for the others.
    pub(super) fn restriction(
        &self,
        request: &Request,
        context: &Context<'_>,
        run: &Run<'_>,
        tuples: &[Tuple],
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
        let [index] = request.fragments[..] else {
            explanation.reason = "the request is spread over several groups".to_owned();
            return Ok(Restriction {
                explanation,
                ..Restriction::default()
            });
        };
        let fragment = &context.query.fragments[index];
        let floor = (fragment.output_variable(Property::Score))
            .and_then(|score| context.score_floor(index, score));
        // The rank and a limit count the images that are not candidates as well.
        let is_limited =
            |tuple: &Tuple| tuple.inputs.limit.or(self.options.default_limit).is_some();
        let has_rank = (fragment.columns.iter()).any(|(property, _)| *property == Property::Rank);
        let found = if tuples.iter().all(is_limited) {
            Found::all("clip:limit is counted over all images")
        } else if has_rank {
            Found::all("clip:rank is counted over all images")
        } else {
            run.trace
                .time(Stage::Probe, || self.candidates(index, context, run))?
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

    /// The rows of the images that the patterns around a fragment leave: by their constants and inline
    /// data or, if these say nothing, by their solutions as far as these are few.
    fn candidates(
        &self,
        index: usize,
        context: &Context<'_>,
        run: &Run<'_>,
    ) -> Result<Found, QueryError> {
        let columns = &context.query.fragments[index].columns;
        let images = || {
            (columns.iter())
                .filter(|(property, _)| *property == Property::IiifUrl)
                .map(|(_, object)| object)
        };
        let named = images()
            .filter_map(|object| match object {
                TermPattern::NamedNode(image) => Some(HashSet::from([image.clone()])),
                object => context.named_constants(index, algebra::variable_of(object)?),
            })
            .map(|images| self.rows_of(&images))
            .min_by_key(BTreeSet::len);
        if let Some(rows) = named {
            return Ok(Found {
                reason: format!("the query names {} images of the collection", rows.len()),
                rows: Some(rows),
                n_probed: 0,
            });
        }
        match images().find_map(algebra::variable_of) {
            Some(variable) => self.probe(index, variable, context, run),
            None => Ok(Found::all("nothing asks which images are found")),
        }
    }

    fn rows_of(&self, images: &HashSet<NamedNode>) -> BTreeSet<usize> {
        let collection = self.engine.collection();
        (images.iter())
            .filter_map(|image| collection.row_of_url(image.as_str()))
            .collect()
    }

    /// The values that the patterns around a fragment give `variable`, unless they have so many solutions
    /// that scoring all images is quicker than going through them.
    fn probe(
        &self,
        index: usize,
        variable: &Variable,
        context: &Context<'_>,
        run: &Run<'_>,
    ) -> Result<Found, QueryError> {
        let limit = (self.options.planner.probe_rows)
            .unwrap_or_else(|| probe_rows(self.engine.collection().len()));
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
        let pattern = rewrite::ease(context.fill(pattern));
        let (found, n_probed) = run.probe(pattern, variable, limit)?;
        let Some(found) = found else {
            return Ok(Found {
                n_probed,
                ..Found::all(&if n_probed > limit {
                    format!("what restricts the images has more than {limit} solutions")
                } else {
                    format!("{variable} is unbound in some solutions around it")
                })
            });
        };
        let images = found.into_iter().filter_map(|term| match term {
            Term::NamedNode(image) => Some(image),
            Term::Literal(_) | Term::BlankNode(_) => None,
        });
        let rows = self.rows_of(&images.collect());
        Ok(Found {
            reason: format!("the patterns around it leave {} images", rows.len()),
            rows: Some(rows),
            n_probed,
        })
    }
}

/// The images that matter for a request.
struct Found {
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
}

/// To read one solution takes as long as to score some dozens of images.
fn probe_rows(n_images: usize) -> usize {
    (n_images / 32).clamp(256, 100_000)
}

/// Whether evaluating `pattern` asks another endpoint, which it should not do twice.
pub(super) fn calls_service(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= matches!(node, GraphPattern::Service { .. }) && placeholder_index(node).is_none();
    });
    found
}

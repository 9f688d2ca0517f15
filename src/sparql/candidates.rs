//! Which images can be in a solution at all: only these need a score.

use super::context::Context;
use super::extract::placeholder_index;
use super::plan::Request;
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
        let [index] = request.fragments[..] else {
            return Ok(Restriction::default());
        };
        let fragment = &context.query.fragments[index];
        let floor = (fragment.output_variable(Property::Score))
            .and_then(|score| context.score_floor(index, score));
        // The rank and a limit count the images that are not candidates as well.
        let is_limited =
            |tuple: &Tuple| tuple.inputs.limit.or(self.options.default_limit).is_some();
        let counts_all = tuples.iter().all(is_limited)
            || fragment
                .columns
                .iter()
                .any(|(property, _)| *property == Property::Rank);
        let candidates = if counts_all {
            None
        } else {
            self.candidates(index, context, run)?
        };
        Ok(Restriction { candidates, floor })
    }

    /// The rows of the images that the patterns around a fragment leave: by their constants and inline
    /// data or, if these say nothing, by their solutions as far as these are few.
    fn candidates(
        &self,
        index: usize,
        context: &Context<'_>,
        run: &Run<'_>,
    ) -> Result<Option<BTreeSet<usize>>, QueryError> {
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
        if named.is_some() {
            return Ok(named);
        }
        for variable in images().filter_map(algebra::variable_of) {
            if let Some(found) = self.probe(index, variable, context, run)? {
                let images = found.into_iter().filter_map(|term| match term {
                    Term::NamedNode(image) => Some(image),
                    Term::Literal(_) | Term::BlankNode(_) => None,
                });
                return Ok(Some(self.rows_of(&images.collect())));
            }
        }
        Ok(None)
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
    ) -> Result<Option<HashSet<Term>>, QueryError> {
        let limit = (self.options.planner.probe_rows)
            .unwrap_or_else(|| probe_rows(self.engine.collection().len()));
        let context = Context {
            most_rows: limit,
            ..*context
        };
        let Some(pattern) = context.restricting(index, variable) else {
            return Ok(None);
        };
        if calls_service(&pattern) {
            return Ok(None);
        }
        run.probe(rewrite::ease(context.fill(pattern)), variable, limit)
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

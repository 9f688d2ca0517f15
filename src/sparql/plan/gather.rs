//! What stands beside a request: the patterns that are joined with it, evaluated before the search where
//! they have few solutions.
//!
//! These solutions say which images need a score at all, and each hit is then put together with those that
//! belong to it, here, so that the store does not evaluate the patterns again to join them.

use super::{joined, shape};
use crate::sparql::algebra::cells::{Row, n_bytes};
use crate::sparql::algebra::variables::{Binding, all_variables, bound_variables, variable_of};
use crate::sparql::error::QueryError;
use crate::sparql::evaluate::optimizer;
use crate::sparql::evaluate::service::calls_service;
use crate::sparql::explain::Stage;
use crate::sparql::query_run::{QueryRun, Solutions};
use crate::sparql::request::Fragment;
use crate::sparql::request::extract::{Extracted, counts_distinct, read_variables};
use crate::sparql::request::grouping::{Grouped, Request};
use crate::sparql::request::inputs::Tuple;
use crate::sparql::rows::companions::{Companions, Keys, columns_of};
use crate::sparql::surroundings::candidates::{Found, is_limited, probe_rows, row_of};
use crate::sparql::surroundings::inputs::{Effort, tuples, variables_of};
use crate::sparql::surroundings::known::Known;
use crate::vocab::Property;
use oxrdf::vocab::xsd;
use oxrdf::{Term, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::collections::HashSet;
use std::sync::Arc;

/// The inputs of a query's only request, and what was found out around it.
#[derive(Clone, Default)]
pub(super) struct Gathered {
    pub tuples: Vec<Tuple>,
    pub companions: Arc<[Companions]>,
    /// Which images these leave, if that was looked at.
    pub found: Option<Found>,
}

/// Longer values stay in the store until they are shown, in bytes: each hit would get a copy of its own.
const LONGEST_CELL: usize = 1000;

/// Most solutions that are kept whole for a query that shows [few rows](FEW_SHOWN): to read the values of
/// more takes longer than to ask again for those that are shown.
const MOST_WHOLE: usize = 1000;
const FEW_SHOWN: usize = 100;

/// Takes what stands beside the request out of the query, if it has one request alone and nothing
/// further out restricts that. What has many solutions is left where it was.
///
/// # Errors
/// [`QueryError`] says who must act.
pub(super) fn gather(
    query: &Query,
    extracted: &mut Extracted,
    grouped: &Grouped,
    run: &QueryRun<'_>,
) -> Result<Option<Gathered>, QueryError> {
    let ([request], [fragment]) = (&grouped.requests[..], &extracted.fragments[..]) else {
        return Ok(None);
    };
    if request.alternatives.len() != 1
        || run.options.planner.probe_rows == Some(0)
        || !joined::has_group(&mut extracted.pattern)
    {
        return Ok(None);
    }
    let tuples = run.trace.time(Stage::Bind, || {
        tuples(request, &Known::new(extracted, &[None]), run, Effort::Bind)
    })?;
    let Some(tuples) = tuples else {
        return Ok(None);
    };
    let parts = joined::take_parts(&mut extracted.pattern);
    if parts.is_empty() {
        return Ok(Some(Gathered {
            tuples,
            ..Gathered::default()
        }));
    }
    let wanted = Wanted::new(&extracted.pattern, fragment, request, &tuples, run);
    let mut beside = Beside::default();
    run.trace.time(Stage::Probe, || {
        (joined::components(parts).into_iter()).try_for_each(|part| beside.look(part, &wanted, run))
    })?;
    let few = keep_few_per_hit(&mut beside.companions);
    beside.left.extend(few);
    let is_direct = beside.left.is_empty() && shape::direct(query, extracted).is_some();
    if !is_direct {
        beside.leave_what_no_table_holds(tuples.len(), run);
    }
    joined::put_back(&mut extracted.pattern, beside.left);
    extracted.read = read_beside(extracted, &beside.companions, &wanted);
    Ok(Some(Gathered {
        tuples,
        companions: beside.companions.into(),
        found: beside.found,
    }))
}

/// The variables that matter, now that `companions` are no longer part of the query.
fn read_beside(
    extracted: &Extracted,
    companions: &[Companions],
    wanted: &Wanted,
) -> HashSet<Variable> {
    let mut read = read_variables(&extracted.pattern, &extracted.fragments);
    for companions in companions {
        let own = extracted.fragments.iter().flat_map(Fragment::variables);
        let compared = own.filter(|variable| companions.compares(variable));
        read.extend(compared.cloned());
        if wanted.counts_distinct {
            read.extend(companions.variables.iter().cloned());
        }
    }
    read
}

/// What became of the patterns beside a request.
#[derive(Default)]
struct Beside {
    /// Those that have few solutions.
    companions: Vec<Companions>,
    /// Those that are left to the evaluator.
    left: Vec<GraphPattern>,
    /// Which images they leave, if that was looked at.
    found: Option<Found>,
}

impl Beside {
    /// Evaluates a part that shares variables with no other, if it may have few solutions.
    fn look(
        &mut self,
        part: GraphPattern,
        wanted: &Wanted,
        run: &QueryRun<'_>,
    ) -> Result<(), QueryError> {
        let bound = bound_variables(&part, Binding::Possible);
        let keys = wanted.keys(&bound);
        if !wanted.may_keep(&keys) || calls_service(&part) {
            self.left.push(part);
            return Ok(());
        }
        let shown = |variable: &Variable| wanted.shows(variable);
        let variables: Vec<Variable> = bound.into_iter().filter(shown).collect();
        match part {
            GraphPattern::Values {
                variables: columns,
                bindings,
            } if are_whole(&columns, &bindings, &keys.variables(), is_as_evaluated) => {
                let rows = choose(bindings, &columns, &variables);
                self.keep(variables, rows, keys, None, run);
            }
            part => {
                let limit = wanted.most_solutions(&keys, variables.len(), run);
                let pattern = optimizer::ease(part.clone());
                match run.rows(pattern, &variables, limit)? {
                    Solutions::TooMany { n_seen } => {
                        if keys.image.is_some() && limit == probe_rows(run) {
                            self.know(Found::too_many(limit, n_seen));
                        }
                        self.left.push(part);
                    }
                    Solutions::All(rows)
                        if are_whole(&variables, &rows, &keys.variables(), is_short) =>
                    {
                        self.keep(variables, rows, keys, Some(part), run);
                    }
                    Solutions::All(_) => self.left.push(part),
                }
            }
        }
        Ok(())
    }

    /// Keeps the solutions of `part`; without one they are inline data.
    fn keep(
        &mut self,
        variables: Vec<Variable>,
        rows: Vec<Row>,
        keys: Keys,
        part: Option<GraphPattern>,
        run: &QueryRun<'_>,
    ) {
        let n_probed = part.as_ref().map(|_| rows.len());
        let property = keys.image.as_ref().map(|(property, _)| *property);
        let row_of = |term: &Term| row_of(run.engine.collection(), property?, term);
        let companions = Companions::new(variables, rows, keys, part, row_of);
        if property.is_some() {
            let images = companions.images().collect();
            self.know(match n_probed {
                Some(n_probed) => Found::probed(images, n_probed),
                None => Found::named(images),
            });
        }
        self.companions.push(companions);
    }

    /// Adds what was found out about the images.
    fn know(&mut self, found: Found) {
        let known = self.found.take();
        self.found = known.into_iter().chain([found]).reduce(Found::and);
    }

    /// Leaves to the evaluator what would have to be written into tables and does not fit there: all rows would
    /// have to be made, and the evaluator can be given no blank nodes.
    fn leave_what_no_table_holds(&mut self, n_tuples: usize, run: &QueryRun<'_>) {
        let n_images = run.engine.collection().len();
        let n_rows = most_rows(&self.companions, n_images).saturating_mul(n_tuples);
        let are_many = n_rows > run.options.max_hits;
        let left = take_if(&mut self.companions, |companions| {
            are_many || companions.has_blank_nodes()
        });
        self.left.extend(left);
    }
}

/// A hit is put together with so many combinations of solutions at most: they are made before anything looks
/// whether the query goes on.
const MOST_PER_HIT: usize = 10_000;

/// Takes out the patterns of `companions` until there is one at most that goes by the image, and each hit has
/// few combinations of the others.
fn keep_few_per_hit(companions: &mut Vec<Companions>) -> Vec<GraphPattern> {
    let mut has_image = false;
    let mut n_combinations: usize = 1;
    take_if(companions, |companions| {
        let n = n_combinations.saturating_mul(companions.most_per_key());
        let is_second_image = companions.image.is_some() && has_image;
        if is_second_image || n > MOST_PER_HIT {
            return true;
        }
        has_image |= companions.image.is_some();
        n_combinations = n;
        false
    })
}

/// Takes out the patterns of the companions that are `left` to the evaluator.
fn take_if(
    companions: &mut Vec<Companions>,
    mut left: impl FnMut(&Companions) -> bool,
) -> Vec<GraphPattern> {
    (companions.extract_if(.., |companions| left(companions)))
        .map(Companions::into_pattern)
        .collect()
}

/// How many rows there may be for one set of inputs when its hits are put together with their companions.
fn most_rows(companions: &[Companions], n_images: usize) -> usize {
    let with_image = companions
        .iter()
        .find(|companions| companions.image.is_some());
    let n_hits = with_image.map_or(n_images, |companions| companions.len());
    (companions.iter())
        .filter(|companions| companions.image.is_none())
        .map(Companions::most_per_key)
        .fold(n_hits, usize::saturating_mul)
}

/// What matters about the variables of the patterns beside a request.
struct Wanted {
    /// Those that stand outside these patterns as well.
    outside: HashSet<Variable>,
    /// Those that hold the image.
    images: Vec<(Property, Variable)>,
    /// Those that hold an input.
    inputs: Vec<Variable>,
    /// Whether ranks or limits are counted over all images.
    counts_all_images: bool,
    has_long_input: bool,
    /// Whether the query shows few rows.
    shows_few: bool,
    /// Whether all matter, because solutions are counted that differ in any.
    counts_distinct: bool,
}

impl Wanted {
    fn new(
        rest: &GraphPattern,
        fragment: &Fragment,
        request: &Request,
        tuples: &[Tuple],
        run: &QueryRun<'_>,
    ) -> Self {
        let images = fragment
            .images()
            .filter_map(|(property, object)| Some((*property, variable_of(object)?.clone())));
        let is_limited = |tuple: &Tuple| is_limited(tuple, run.options);
        Self {
            outside: all_variables(rest),
            images: images.collect(),
            inputs: variables_of(&request.alternatives[0].inputs),
            counts_all_images: fragment.has_rank() || tuples.iter().all(is_limited),
            has_long_input: (tuples.iter().flat_map(|tuple| &tuple.values))
                .any(|value| value.variable.is_some() && n_bytes(&value.term) > LONGEST_CELL),
            shows_few: matches!(
                rest,
                GraphPattern::Slice { start, length: Some(length), .. }
                    if start.saturating_add(*length) <= FEW_SHOWN
            ),
            counts_distinct: counts_distinct(rest),
        }
    }

    fn shows(&self, variable: &Variable) -> bool {
        self.counts_distinct || self.outside.contains(variable)
    }

    /// Those of the `bound` variables by which solutions belong to hits.
    fn keys(&self, bound: &HashSet<Variable>) -> Keys {
        let image = (self.images.iter()).find(|(_, variable)| bound.contains(variable));
        let inputs = self
            .inputs
            .iter()
            .filter(|variable| bound.contains(*variable));
        Keys {
            image: image.cloned(),
            inputs: inputs.cloned().collect(),
        }
    }

    /// Whether solutions that belong to hits by `keys` may be put together with them here.
    fn may_keep(&self, keys: &Keys) -> bool {
        let has_key = keys.image.is_some() || !keys.inputs.is_empty();
        has_key && !(keys.image.is_some() && self.counts_all_images) && !self.has_long_input
    }

    /// Most solutions that are kept of `n_variables` variables.
    fn most_solutions(&self, keys: &Keys, n_variables: usize, run: &QueryRun<'_>) -> usize {
        let most = probe_rows(run);
        let are_all_keys = keys.variables().len() == n_variables;
        if self.shows_few && keys.image.is_some() && !are_all_keys {
            most.min(MOST_WHOLE)
        } else {
            most
        }
    }
}

/// Whether a term of inline data is not long, and such that evaluating it would give the same term: a number, for
/// instance, would come back in its canonical form.
fn is_as_evaluated(term: &GroundTerm) -> bool {
    match term {
        GroundTerm::NamedNode(node) => node.as_str().len() <= LONGEST_CELL,
        GroundTerm::Literal(literal) => {
            literal.datatype() == xsd::STRING && literal.value().len() <= LONGEST_CELL
        }
        GroundTerm::Triple(_) => false,
    }
}

/// Whether the value of a cell is not long.
fn is_short(term: &Term) -> bool {
    n_bytes(term) <= LONGEST_CELL
}

/// The cells of inline data for the `chosen` variables among those of the columns.
fn choose(
    bindings: Vec<Vec<Option<GroundTerm>>>,
    columns: &[Variable],
    chosen: &[Variable],
) -> Vec<Row> {
    let chosen = columns_of(chosen, columns);
    let row = |mut row: Vec<Option<GroundTerm>>| {
        let cells = chosen.iter().map(|column| row[*column].take());
        cells.map(|cell| cell.map(Term::from)).collect()
    };
    bindings.into_iter().map(row).collect()
}

/// Whether all rows have a value for each key, and no value but those that are kept.
fn are_whole<T>(
    variables: &[Variable],
    rows: &[Vec<Option<T>>],
    keys: &[&Variable],
    is_kept: fn(&T) -> bool,
) -> bool {
    let columns = columns_of(keys.iter().copied(), variables);
    rows.iter().all(|row| {
        columns.iter().all(|column| row[*column].is_some()) && row.iter().flatten().all(is_kept)
    })
}

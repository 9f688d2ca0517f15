//! What stands beside a request: the patterns that are joined with it, evaluated before the search where
//! they have few solutions.
//!
//! These solutions say which images need a score at all, and each hit is then put together with those that
//! belong to it, here, so that the store does not evaluate the patterns again to join them.

use super::algebra::{self, Binding, bound_variables};
use super::candidates::{Found, calls_service};
use super::context::Context;
use super::explain::Stage;
use super::extract::{self, Extracted};
use super::group;
use super::plan::{Plan, Request};
use super::relation::Tuple;
use super::request::Fragment;
use super::resolve::{self, Effort};
use super::row::{Row, n_bytes};
use super::run::Run;
use super::{QueryError, Sparql, rewrite, straight, tables};
use crate::vocab::Property;
use oxrdf::vocab::xsd;
use oxrdf::{Term, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The inputs of a query's only request, and what was found out around it.
#[derive(Clone)]
pub(super) struct Gathered {
    pub tuples: Vec<Tuple>,
    pub companions: Arc<[Companions]>,
    /// Which images these leave, if that was looked at.
    pub found: Option<Found>,
}

/// Solutions of patterns that are connected with each other and, by an image or by inputs, with a request.
pub(super) struct Companions {
    pub variables: Vec<Variable>,
    /// A cell for each variable, solution after solution.
    cells: Vec<Option<Term>>,
    /// In order: row of the image, number of the inputs, and number of the solution. Solutions without an
    /// image or without inputs have zeros there.
    index: Vec<(usize, u32, u32)>,
    /// The variable that holds the image, as this property.
    image: Option<(Property, Variable)>,
    /// The request's input variables, and numbers for their values.
    inputs: Vec<Variable>,
    number_of_inputs: HashMap<Vec<Term>, u32>,
    /// The pattern that has these solutions; none if it is inline data that has no more than these.
    pattern: Option<GraphPattern>,
}

/// Longer values stay in the store until they are shown, in bytes: each hit would get a copy of its own.
const LONGEST_CELL: usize = 1000;

/// Most solutions that are kept whole for a query that shows [few rows](FEW_SHOWN): to read the values of
/// more takes longer than to ask again for those that are shown.
const MOST_WHOLE: usize = 1000;
const FEW_SHOWN: usize = 100;

impl Sparql {
    /// Takes what stands beside the request out of the query, if it has one request alone and nothing
    /// further out restricts that.
    pub(super) fn gather(
        &self,
        query: &Query,
        extracted: &mut Extracted,
        plan: &Plan,
        run: &Run<'_>,
    ) -> Result<Option<Gathered>, QueryError> {
        let ([request], [fragment]) = (&plan.requests[..], &extracted.fragments[..]) else {
            return Ok(None);
        };
        if request.alternatives.len() != 1
            || self.options.planner.probe_rows == Some(0)
            || !group::has_group(&mut extracted.pattern)
        {
            return Ok(None);
        }
        let context = Context {
            query: extracted,
            tables: &[None],
            most_rows: usize::MAX,
        };
        let tuples = run.trace.time(Stage::Bind, || {
            self.tuples(request, &context, run, Effort::Bind)
        })?;
        let Some(tuples) = tuples else {
            return Ok(None);
        };
        let mut gathered = Gathered {
            tuples,
            companions: Arc::default(),
            found: None,
        };
        let parts = group::take_parts(&mut extracted.pattern);
        if parts.is_empty() {
            return Ok(Some(gathered));
        }
        let wanted = Wanted::new(&extracted.pattern, fragment, request, &gathered, |tuple| {
            self.is_limited(tuple)
        });
        let (mut companions, mut left) = (Vec::new(), Vec::new());
        run.trace.time(Stage::Probe, || {
            for component in group::components(parts) {
                match self.companions(component, &wanted, run, &mut gathered)? {
                    Ok(found) => companions.push(found),
                    Err(pattern) => left.push(*pattern),
                }
            }
            Ok::<_, QueryError>(())
        })?;
        left.extend(keep_few_per_hit(&mut companions));
        let is_straight =
            left.is_empty() && straight::of_query(query, &extracted.pattern, fragment).is_some();
        if !is_straight {
            let n_images = self.engine.collection().len();
            let n_rows = most_rows(&companions, n_images).saturating_mul(gathered.tuples.len());
            let are_many = n_rows > self.options.max_hits;
            // All rows would have to be made, and the evaluator can be given no blank nodes.
            left.extend(take_if(&mut companions, |companions| {
                are_many || companions.has_blank_nodes()
            }));
        }
        group::put_back(&mut extracted.pattern, left);
        let mut read = extract::read_variables(&extracted.pattern, &extracted.fragments);
        for companions in &companions {
            let own = fragment.variables();
            read.extend(
                own.filter(|variable| companions.compares(variable))
                    .cloned(),
            );
            if wanted.counts_distinct {
                read.extend(companions.variables.iter().cloned());
            }
        }
        extracted.read = read;
        gathered.companions = companions.into();
        Ok(Some(gathered))
    }

    /// Evaluates a connected component of what stands beside the request, if it has few solutions.
    fn companions(
        &self,
        component: GraphPattern,
        wanted: &Wanted,
        run: &Run<'_>,
        gathered: &mut Gathered,
    ) -> Result<Result<Companions, Box<GraphPattern>>, QueryError> {
        let bound = bound_variables(&component, Binding::Possible);
        let image = (wanted.images.iter()).find(|(_, variable)| bound.contains(variable));
        let inputs: Vec<Variable> = (wanted.inputs.iter())
            .filter(|variable| bound.contains(*variable))
            .cloned()
            .collect();
        if (image.is_none() && inputs.is_empty())
            || (image.is_some() && wanted.counts_all_images)
            || wanted.has_long_input
            || calls_service(&component)
        {
            return Ok(Err(Box::new(component)));
        }
        let keys: Vec<&Variable> = (inputs.iter())
            .chain(image.map(|(_, variable)| variable))
            .collect();
        let variables: Vec<Variable> = bound
            .into_iter()
            .filter(|variable| wanted.shows(variable))
            .collect();
        let (rows, pattern, n_probed) = match component {
            GraphPattern::Values {
                variables: columns,
                bindings,
            } if are_as_evaluated(&columns, &bindings, &keys) => {
                (choose(bindings, &columns, &variables), None, 0)
            }
            component => {
                let most = self.probe_rows();
                let are_all_keys = keys.len() == variables.len();
                let limit = if wanted.shows_few && image.is_some() && !are_all_keys {
                    most.min(MOST_WHOLE)
                } else {
                    most
                };
                let pattern = rewrite::ease(component.clone());
                let (rows, n_probed) = run.rows(pattern, &variables, limit)?;
                let Some(rows) = rows else {
                    if image.is_some() && limit == most {
                        gathered.know(Found::too_many(limit, n_probed));
                    }
                    return Ok(Err(Box::new(component)));
                };
                if !are_whole(&variables, &rows, &keys) {
                    return Ok(Err(Box::new(component)));
                }
                (rows, Some(component), n_probed)
            }
        };
        let row_of = |term: &Term| {
            let (property, _) = image?;
            self.row_of(*property, term)
        };
        let is_inline = pattern.is_none();
        let companions = Companions::new(variables, rows, image.cloned(), inputs, pattern, row_of);
        if image.is_some() {
            let images = companions.images().collect();
            gathered.know(if is_inline {
                Found::named(images)
            } else {
                Found::probed(images, n_probed)
            });
        }
        Ok(Ok(companions))
    }
}

impl Gathered {
    /// Adds what was found out about the images.
    fn know(&mut self, found: Found) {
        self.found = self
            .found
            .take()
            .into_iter()
            .chain([found])
            .reduce(Found::and);
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
    let n_hits = with_image.map_or(n_images, |companions| companions.index.len());
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
        gathered: &Gathered,
        is_limited: impl Fn(&Tuple) -> bool,
    ) -> Self {
        let images = fragment.images().filter_map(|(property, object)| {
            Some((*property, algebra::variable_of(object)?.clone()))
        });
        Self {
            outside: algebra::all_variables(rest),
            images: images.collect(),
            inputs: resolve::variables_of(&request.alternatives[0].inputs),
            counts_all_images: fragment.has_rank() || gathered.tuples.iter().all(is_limited),
            has_long_input: (gathered.tuples.iter().flat_map(|tuple| &tuple.values))
                .any(|value| value.variable.is_some() && n_bytes(&value.term) > LONGEST_CELL),
            shows_few: matches!(
                rest,
                GraphPattern::Slice { start, length: Some(length), .. }
                    if start.saturating_add(*length) <= FEW_SHOWN
            ),
            counts_distinct: extract::counts_distinct(rest),
        }
    }

    fn shows(&self, variable: &Variable) -> bool {
        self.counts_distinct || self.outside.contains(variable)
    }
}

impl Companions {
    /// `rows` [are whole](are_whole); `row_of` finds the row of an image.
    fn new(
        variables: Vec<Variable>,
        rows: Vec<Row>,
        image: Option<(Property, Variable)>,
        inputs: Vec<Variable>,
        pattern: Option<GraphPattern>,
        row_of: impl Fn(&Term) -> Option<usize>,
    ) -> Self {
        let image_column = (image.as_ref())
            .and_then(|(_, image)| variables.iter().position(|variable| variable == image));
        let input_columns = columns_of(&inputs, &variables);
        let mut number_of_inputs = HashMap::new();
        let mut index = Vec::with_capacity(rows.len());
        for (row, number) in rows.iter().zip(0..) {
            let inputs = if input_columns.is_empty() {
                0
            } else {
                let values = input_columns.iter().filter_map(|c| row[*c].clone());
                let next = u32::try_from(number_of_inputs.len()).unwrap_or(u32::MAX);
                *number_of_inputs.entry(values.collect()).or_insert(next)
            };
            let image = match image_column {
                Some(column) => row[column].as_ref().and_then(&row_of),
                None => Some(0),
            };
            index.extend(image.map(|image| (image, inputs, number)));
        }
        index.sort_unstable();
        Self {
            variables,
            cells: rows.into_iter().flatten().collect(),
            index,
            image,
            inputs,
            number_of_inputs,
            pattern,
        }
    }

    /// The pattern that has these solutions.
    fn into_pattern(self) -> GraphPattern {
        let n_cells = self.variables.len();
        self.pattern.unwrap_or_else(|| GraphPattern::Values {
            bindings: (self.cells.chunks(n_cells))
                .map(|row| tables::ground(row.to_vec()))
                .collect(),
            variables: self.variables,
        })
    }

    /// Most solutions that belong to one hit.
    fn most_per_key(&self) -> usize {
        let same = |a: &(usize, u32, u32), b: &(usize, u32, u32)| (a.0, a.1) == (b.0, b.1);
        self.index.chunk_by(same).map(<[_]>::len).max().unwrap_or(0)
    }

    /// The rows of the images that these solutions name, in order.
    fn images(&self) -> impl Iterator<Item = usize> {
        self.index.chunk_by(|a, b| a.0 == b.0).map(|same| same[0].0)
    }

    /// A number for the inputs of `tuple`; none if no solution has them.
    pub(super) fn number_of(&self, tuple: &Tuple) -> Option<u32> {
        if self.inputs.is_empty() {
            return Some(0);
        }
        let value_of = |variable: &Variable| {
            let mut values = tuple.values.iter();
            let value = values.find(|value| value.variable.as_ref() == Some(variable))?;
            Some(value.term.clone())
        };
        let values: Vec<Term> = self.inputs.iter().map(value_of).collect::<Option<_>>()?;
        self.number_of_inputs.get(&values).copied()
    }

    /// The solutions that belong to a hit: by the row of its image and the number of its inputs.
    pub(super) fn of_hit(
        &self,
        image: usize,
        inputs: u32,
    ) -> impl Iterator<Item = &[Option<Term>]> {
        let image = if self.image.is_some() { image } else { 0 };
        let start = (self.index).partition_point(|(i, n, _)| (*i, *n) < (image, inputs));
        let n_cells = self.variables.len();
        (self.index[start..].iter())
            .take_while(move |(i, n, _)| (*i, *n) == (image, inputs))
            .map(move |(_, _, number)| &self.cells[*number as usize * n_cells..][..n_cells])
    }

    /// Whether a hit and a solution may differ in `variable`, which both have. They agree in what the index
    /// goes by.
    fn compares(&self, variable: &Variable) -> bool {
        self.variables.contains(variable)
            && (self.image.as_ref()).is_none_or(|(_, image)| image != variable)
            && !self.inputs.contains(variable)
    }

    /// Whether the solutions of a hit are found by its `property`, which `variable` holds.
    pub(super) fn has_key(&self, property: Property, variable: &Variable) -> bool {
        (self.image.as_ref()).is_some_and(|(p, image)| *p == property && image == variable)
    }

    /// Whether the solutions of a hit are found by its input `variable`.
    pub(super) fn has_input(&self, variable: &Variable) -> bool {
        self.inputs.contains(variable)
    }

    fn has_blank_nodes(&self) -> bool {
        self.cells.iter().flatten().any(has_blank_node)
    }
}

/// Whether a term is, or holds, a blank node.
fn has_blank_node(term: &Term) -> bool {
    match term {
        Term::BlankNode(_) => true,
        Term::Triple(triple) => triple.subject.is_blank_node() || has_blank_node(&triple.object),
        Term::NamedNode(_) | Term::Literal(_) => false,
    }
}

/// Whether the rows of inline data [are whole](are_whole), and such that evaluating them would give the same
/// terms: numbers, for instance, would come back in their canonical form.
fn are_as_evaluated(
    variables: &[Variable],
    bindings: &[Vec<Option<GroundTerm>>],
    keys: &[&Variable],
) -> bool {
    let is_kept = |term: &GroundTerm| match term {
        GroundTerm::NamedNode(node) => node.as_str().len() <= LONGEST_CELL,
        GroundTerm::Literal(literal) => {
            literal.datatype() == xsd::STRING && literal.value().len() <= LONGEST_CELL
        }
        GroundTerm::Triple(_) => false,
    };
    let columns = columns_of(keys.iter().copied(), variables);
    bindings.iter().all(|row| {
        columns.iter().all(|column| row[*column].is_some()) && row.iter().flatten().all(is_kept)
    })
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

/// Whether all rows have a value for each key and no long value.
fn are_whole(variables: &[Variable], rows: &[Row], keys: &[&Variable]) -> bool {
    let columns = columns_of(keys.iter().copied(), variables);
    rows.iter().all(|row| {
        columns.iter().all(|column| row[*column].is_some())
            && (row.iter().flatten()).all(|term| n_bytes(term) <= LONGEST_CELL)
    })
}

/// Where the `wanted` variables stand among `variables`.
fn columns_of<'a>(
    wanted: impl IntoIterator<Item = &'a Variable>,
    variables: &[Variable],
) -> Vec<usize> {
    (wanted.into_iter())
        .filter_map(|variable| variables.iter().position(|v| v == variable))
        .collect()
}

//! Rows of the clip relation: a hit with the columns that a fragment names, and with what stands beside it.

use super::companions::Companions;
use crate::collection::Collection;
use crate::iiif::picture;
use crate::sparql::algebra::cells::{Row, integer, n_bytes};
use crate::sparql::algebra::each_once;
use crate::sparql::algebra::variables::variable_of;
use crate::sparql::query_run::QueryRun;
use crate::sparql::relation::{RankedHit, Relation};
use crate::sparql::request::Fragment;
use crate::sparql::request::branches::{Choices, compatible};
use crate::sparql::request::inputs::{Tuple, Value};
use crate::vocab::{HIT_PREFIX, Property, Role};
use oxrdf::{Literal, NamedNode, Term, Variable};
use spargebra::term::TermPattern;
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Makes the rows of one fragment.
pub(in crate::sparql) struct RowMaker {
    /// The variables that the cells are for.
    pub variables: Vec<Variable>,
    collection: Arc<Collection>,
    /// Width of the picture that `clip:link` names, in pixels.
    link_width_px: NonZeroU32,
    /// Whether a hit without an IRI has no row: the query asks for one, read or not.
    needs_iri: bool,
    /// The cell of the request's subject, and the one hit that may stand there.
    subject: Option<usize>,
    hit: Option<NamedNode>,
    outputs: Vec<(Property, TermPattern, Option<usize>)>,
    inputs: Vec<(Property, TermPattern)>,
    pub input_variables: Vec<Variable>,
    /// Numbers of inputs with their cells, if they are in the rows.
    input_columns: Vec<(usize, usize)>,
    has_inputs: bool,
    companions: Arc<[Companions]>,
    /// For each of these the cells of its variables, if they have any.
    companion_columns: Vec<Vec<Option<usize>>>,
}

/// One of a relation's searches, with its inputs as the query asks for them.
pub(in crate::sparql) struct Given {
    /// Number of the search.
    pub number: usize,
    /// What the names of its hits have in common.
    key: String,
    pub variants: Vec<Variant>,
}

/// One way to ask for the inputs of a search.
#[derive(PartialEq, Eq, Hash)]
pub(in crate::sparql) struct Variant {
    /// A cell for each input variable.
    pub inputs: Row,
    /// The number that each of the companions has for them.
    companions: Vec<u32>,
}

/// What the rows of a fragment are to show.
pub(in crate::sparql) struct RowsOf<'a> {
    pub fragment: &'a Fragment,
    /// The variables that have the first cells.
    pub first: &'a [Variable],
    /// The variables that need a cell.
    pub read: &'a HashSet<Variable>,
    /// What the hits are put together with.
    pub companions: Arc<[Companions]>,
}

/// The variables that have cells so far.
struct Cells(Vec<Variable>);

impl Cells {
    /// The cell of `variable`, a new one if it has none yet.
    fn of(&mut self, variable: &Variable) -> usize {
        let known = self.0.iter().position(|v| v == variable);
        known.unwrap_or_else(|| {
            self.0.push(variable.clone());
            self.0.len() - 1
        })
    }
}

impl RowMaker {
    /// Makes rows without the inputs; see [`Self::with_inputs`].
    pub(in crate::sparql) fn new(of: RowsOf<'_>, run: &QueryRun<'_>) -> Self {
        let RowsOf {
            fragment,
            first,
            read,
            companions,
        } = of;
        let (inputs, outputs): (Vec<_>, Vec<_>) = (fragment.columns.iter().cloned())
            .partition(|(property, _)| property.role() != Role::Output);
        let needs_iri = (outputs.iter())
            .any(|(property, _)| matches!(property, Property::IiifUrl | Property::Link));
        let input_variables = inputs.iter().filter_map(|(_, object)| variable_of(object));
        let input_variables = each_once(input_variables.cloned());
        let mut cells = Cells(first.to_vec());
        let companion_columns = (companions.iter())
            .map(|companions| {
                let cell = |v: &Variable| read.contains(v).then(|| cells.of(v));
                companions.variables.iter().map(cell).collect()
            })
            .collect();
        // What companions were found by is the same in their hits.
        let is_key = |property: Property, variable: &Variable| {
            companions.iter().any(|c| c.has_key(property, variable))
        };
        let is_shown = |(property, object): &(Property, TermPattern)| {
            variable_of(object).is_none_or(|v| read.contains(v) && !is_key(*property, v))
        };
        let outputs = (outputs.into_iter())
            .filter(is_shown)
            .map(|(property, object)| {
                let column = variable_of(&object).map(|variable| cells.of(variable));
                (property, object, column)
            })
            .collect();
        let mut subject = (read.contains(&fragment.subject)).then(|| cells.of(&fragment.subject));
        // A table has one column at least: without any the evaluator could not tell what it multiplies.
        if cells.0.is_empty() && input_variables.is_empty() {
            subject = Some(cells.of(&fragment.subject));
        }
        Self {
            variables: cells.0,
            collection: run.engine.collection().clone(),
            link_width_px: run.options.link_width_px,
            needs_iri,
            subject,
            hit: fragment.hit.clone(),
            outputs,
            inputs,
            input_columns: Vec::new(),
            has_inputs: false,
            input_variables,
            companions,
            companion_columns,
        }
    }

    /// Puts the inputs into the rows, too.
    #[must_use]
    pub(in crate::sparql) fn with_inputs(mut self) -> Self {
        self.has_inputs = true;
        let mut cells = Cells(std::mem::take(&mut self.variables));
        for (number, variable) in self.input_variables.iter().enumerate() {
            // What companions were found by is the same in their hits.
            if !self.companions.iter().any(|c| c.has_input(variable)) {
                self.input_columns.push((number, cells.of(variable)));
            }
        }
        self.variables = cells.0;
        self
    }

    /// The searches of `relation` that the fragment in these UNION branches asks for.
    pub(in crate::sparql) fn givens(&self, relation: &Relation, choices: &Choices) -> Vec<Given> {
        let mut givens = Vec::new();
        for (number, search) in relation.searches.iter().enumerate() {
            let tuples = search
                .tuples
                .iter()
                .filter(|tuple| compatible(&tuple.choices, choices));
            let variants: HashSet<Variant> =
                tuples.flat_map(|tuple| self.variants(tuple)).collect();
            if !variants.is_empty() {
                let key = search.tuples[0].key.clone();
                let variants = variants.into_iter().collect();
                givens.push(Given {
                    number,
                    key,
                    variants,
                });
            }
        }
        givens
    }

    fn variants(&self, tuple: &Tuple) -> Vec<Variant> {
        let numbers = self
            .companions
            .iter()
            .map(|companions| companions.number_of(tuple));
        let Some(numbers) = numbers.collect::<Option<Vec<u32>>>() else {
            return Vec::new();
        };
        let cells = (self.inputs.iter())
            .map(|(property, object)| (object, given(tuple, *property, object)));
        fill(
            vec![None; self.input_variables.len()],
            cells,
            &self.input_variables,
        )
        .into_iter()
        .map(|inputs| Variant {
            inputs,
            companions: numbers.clone(),
        })
        .collect()
    }

    /// The rows that show `hit`, one of those that were found for `given`: one for each variant of the
    /// inputs, unless these are not in the rows, and each combination of what stands beside it.
    pub(in crate::sparql) fn each_row(
        &self,
        hit: &RankedHit,
        given: &Given,
        f: &mut dyn FnMut(Row),
    ) {
        if self.needs_iri && !self.collection.has_iri(hit.row) {
            return;
        }
        let mut subject = None;
        if self.subject.is_some() || self.hit.is_some() {
            let id = self.collection.id(hit.row);
            let node = NamedNode::new_unchecked(format!("{HIT_PREFIX}{}/{id}", given.key));
            if self.hit.as_ref().is_some_and(|hit| *hit != node) {
                return;
            }
            subject = Some(node.into());
        }
        let of_hit = OfHit { hit, subject };
        let n_variants = if self.has_inputs {
            given.variants.len()
        } else {
            1
        };
        for variant in &given.variants[..n_variants] {
            self.combine(&of_hit, variant, &mut Vec::new(), f);
        }
    }

    /// The rows with the `chosen` solutions of the first companions, and each of the next.
    fn combine<'a>(
        &'a self,
        of_hit: &OfHit<'_>,
        variant: &Variant,
        chosen: &mut Vec<&'a [Option<Term>]>,
        f: &mut dyn FnMut(Row),
    ) {
        let Some(companions) = self.companions.get(chosen.len()) else {
            if let Some(row) = self.row(of_hit, variant, chosen) {
                f(row);
            }
            return;
        };
        let inputs = variant.companions[chosen.len()];
        for solution in companions.of_hit(of_hit.hit.row, inputs) {
            chosen.push(solution);
            self.combine(of_hit, variant, chosen, f);
            chosen.pop();
        }
    }

    /// One row; none if there are two terms for a cell.
    fn row(
        &self,
        of_hit: &OfHit<'_>,
        variant: &Variant,
        chosen: &[&[Option<Term>]],
    ) -> Option<Row> {
        let mut row: Row = vec![None; self.variables.len()];
        if let (Some(column), Some(subject)) = (self.subject, &of_hit.subject) {
            row[column] = Some(subject.clone());
        }
        for (columns, solution) in self.companion_columns.iter().zip(chosen) {
            for (column, cell) in columns.iter().zip(*solution) {
                if let (Some(column), Some(term)) = (column, cell) {
                    set(&mut row[*column], term)?;
                }
            }
        }
        self.set_inputs(&mut row, variant)?;
        self.set_outputs(&mut row, of_hit.hit)?;
        Some(row)
    }

    /// Puts the inputs into their cells; none if others stand there.
    fn set_inputs(&self, row: &mut Row, variant: &Variant) -> Option<()> {
        (self.input_columns.iter()).try_for_each(|(number, column)| {
            set(&mut row[*column], variant.inputs[*number].as_ref()?)
        })
    }

    /// Puts the outputs of a hit into the cells of their variables; none if others stand there, or a
    /// constant is another.
    fn set_outputs(&self, row: &mut Row, hit: &RankedHit) -> Option<()> {
        self.outputs
            .iter()
            .try_for_each(|(property, object, column)| {
                let cell = column.map(|column| &mut row[column]);
                let term = self.output(*property, hit)?;
                match cell {
                    Some(Some(other)) => (*other == term).then_some(()),
                    Some(empty) => {
                        *empty = Some(term);
                        Some(())
                    }
                    None => is_constant(&term, object).then_some(()),
                }
            })
    }

    /// The value of an output property; none of a URL that is no IRI.
    fn output(&self, property: Property, hit: &RankedHit) -> Option<Term> {
        // Its path, query or fragment made longer, an IRI is one still.
        let iri = |iri: String| {
            let is_iri = self.collection.has_iri(hit.row);
            is_iri.then(|| NamedNode::new_unchecked(iri).into())
        };
        Some(match property {
            Property::IiifUrl => iri(self.collection.url(hit.row))?,
            Property::Link => {
                let (url, size) = (self.collection.url(hit.row), self.collection.size(hit.row));
                iri(picture::link(&url, size, self.link_width_px))?
            }
            Property::Score => Literal::from(hit.score).into(),
            Property::ImageId => Literal::new_simple_literal(self.collection.id(hit.row)).into(),
            Property::Rank => integer(hit.rank).into(),
            Property::QueryString
            | Property::QueryUrl
            | Property::QueryImage
            | Property::SimilarTo
            | Property::ExcludeString
            | Property::MinScore
            | Property::Limit => return None,
        })
    }
}

/// A hit, and its name if that is shown.
struct OfHit<'a> {
    hit: &'a RankedHit,
    subject: Option<Term>,
}

impl Given {
    /// What was given for a search, among `givens` in the order of the searches.
    pub(in crate::sparql) fn of_search(givens: &[Self], search: usize) -> Option<&Self> {
        let found = givens.binary_search_by_key(&search, |given| given.number);
        found.ok().map(|found| &givens[found])
    }

    /// Whether the inputs may stand in the row of each hit.
    pub(in crate::sparql) fn is_small(&self) -> bool {
        let is_small =
            |cell: &Option<Term>| cell.as_ref().is_some_and(|term| n_bytes(term) <= SMALL);
        self.variants.len() == 1
            && (self.variants.iter().flat_map(|variant| &variant.inputs)).all(is_small)
    }
}

/// Inputs of so many bytes are small: about as long as a IIIF URL.
const SMALL: usize = 100;

/// Puts a term into a cell; none if another stands there.
fn set(cell: &mut Option<Term>, term: &Term) -> Option<()> {
    match cell {
        None => *cell = Some(term.clone()),
        Some(other) if other == term => {}
        Some(_) => return None,
    }
    Some(())
}

fn is_constant(term: &Term, constant: &TermPattern) -> bool {
    match (term, constant) {
        (Term::NamedNode(a), TermPattern::NamedNode(b)) => a == b,
        (Term::Literal(a), TermPattern::Literal(b)) => a == b,
        _ => false,
    }
}

/// `row` with the cells filled in, once for each choice of their terms; none if a constant is not among
/// the terms for its cell.
fn fill<'a>(
    row: Row,
    cells: impl Iterator<Item = (&'a TermPattern, Vec<&'a Term>)>,
    variables: &[Variable],
) -> Vec<Row> {
    let mut rows = vec![row];
    for (object, terms) in cells {
        match object {
            TermPattern::Variable(variable) => {
                let column = (variables.iter().position(|v| v == variable))
                    .expect("the table has all variables of its columns");
                rows = (rows.into_iter())
                    .flat_map(|row| bind(row, column, &terms))
                    .collect();
            }
            constant => {
                if !terms.iter().any(|term| is_constant(term, constant)) {
                    return Vec::new();
                }
            }
        }
    }
    rows
}

/// The values of an input property: that of the very variable if it was bound elsewhere, else all.
fn given<'a>(tuple: &'a Tuple, property: Property, object: &TermPattern) -> Vec<&'a Term> {
    let of_property = || tuple.values.iter().filter(|v| v.property == property);
    let own = variable_of(object)
        .and_then(|variable| of_property().find(|value| value.variable.as_ref() == Some(variable)));
    let values: Vec<&Value> = match own {
        Some(value) => vec![value],
        None => of_property().collect(),
    };
    values.into_iter().map(|value| &value.term).collect()
}

/// `row` with each of `terms` in `column`; none where another value stands there already.
fn bind(row: Row, column: usize, terms: &[&Term]) -> Vec<Row> {
    (terms.iter())
        .filter(|term| row[column].as_ref().is_none_or(|bound| bound == **term))
        .map(|term| {
            let mut row = row.clone();
            row[column] = Some((*term).clone());
            row
        })
        .collect()
}

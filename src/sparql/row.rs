//! Rows of the clip relation: a hit with the columns that a fragment names, and with what stands beside it.

use super::algebra;
use super::beside::Companions;
use super::plan::{Choices, compatible};
use super::relation::{RankedHit, Relation, Tuple};
use super::request::{Fragment, Value};
use crate::collection::Collection;
use crate::iiif::picture;
use crate::vocab::{HIT_PREFIX, Property, Role};
use oxrdf::{Literal, NamedNode, Term, Variable};
use spargebra::term::TermPattern;
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A solution, a cell for each variable.
pub(super) type Row = Vec<Option<Term>>;

/// Makes the rows of one fragment.
pub(super) struct RowMaker {
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
pub(super) struct Given {
    /// Number of the search.
    pub number: usize,
    /// What the names of its hits have in common.
    key: String,
    pub variants: Vec<Variant>,
}

/// One way to ask for the inputs of a search.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Variant {
    /// A cell for each input variable.
    pub inputs: Row,
    /// The number that each of the companions has for them.
    companions: Vec<u32>,
}

impl RowMaker {
    /// `read`: the variables that need a cell; `first` have the first ones.
    pub(super) fn new(
        fragment: &Fragment,
        first: &[Variable],
        read: &HashSet<Variable>,
        companions: Arc<[Companions]>,
        collection: Arc<Collection>,
        link_width_px: NonZeroU32,
    ) -> Self {
        let (inputs, outputs): (Vec<_>, Vec<_>) = (fragment.columns.iter().cloned())
            .partition(|(property, _)| property.role() != Role::Output);
        let (outputs, unread): (Vec<_>, Vec<_>) = outputs.into_iter().partition(|(_, object)| {
            algebra::variable_of(object).is_none_or(|variable| read.contains(variable))
        });
        let needs_iri = (outputs.iter().chain(&unread))
            .any(|(property, _)| matches!(property, Property::IiifUrl | Property::Link));
        let input_variables = variables_of(&inputs);
        let mut variables: Vec<Variable> = first.to_vec();
        let mut cell = |variable: &Variable| {
            let known = variables.iter().position(|v| v == variable);
            known.unwrap_or_else(|| {
                variables.push(variable.clone());
                variables.len() - 1
            })
        };
        let is_read = |variable: &&Variable| read.contains(*variable);
        let companion_columns = (companions.iter())
            .map(|companions| {
                let cells = companions
                    .variables
                    .iter()
                    .map(|v| is_read(&v).then(|| cell(v)));
                cells.collect()
            })
            .collect();
        // What companions were found by is the same in their hits.
        let is_key = |property: Property, object: &TermPattern| {
            algebra::variable_of(object)
                .is_some_and(|variable| (companions.iter()).any(|c| c.has_key(property, variable)))
        };
        let outputs = (outputs.into_iter())
            .filter(|(property, object)| !is_key(*property, object))
            .map(|(property, object)| {
                let column = algebra::variable_of(&object).map(&mut cell);
                (property, object, column)
            })
            .collect();
        let mut subject = read
            .contains(&fragment.subject)
            .then(|| cell(&fragment.subject));
        // A table has one column at least: without any the evaluator could not tell what it multiplies.
        if variables.is_empty() && input_variables.is_empty() {
            variables.push(fragment.subject.clone());
            subject = Some(0);
        }
        Self {
            variables,
            collection,
            link_width_px,
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

    /// The searches of `relation` that the fragment in these UNION branches asks for.
    pub(super) fn givens(&self, relation: &Relation, choices: &Choices) -> Vec<Given> {
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

    /// Puts the inputs into the rows.
    pub(super) fn add_inputs(&mut self) {
        self.has_inputs = true;
        for (number, variable) in self.input_variables.iter().enumerate() {
            // What companions were found by is the same in their hits.
            if self.companions.iter().any(|c| c.has_input(variable)) {
                continue;
            }
            let known = self.variables.iter().position(|v| v == variable);
            let column = known.unwrap_or(self.variables.len());
            self.input_columns.push((number, column));
            if known.is_none() {
                self.variables.push(variable.clone());
            }
        }
    }

    /// The rows that show `hit`, one of those that were found for `given`: one for each variant of the
    /// inputs, unless these are not in the rows, and each combination of what stands beside it.
    pub(super) fn each_row(&self, hit: &RankedHit, given: &Given, f: &mut dyn FnMut(Row)) {
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
        let url = self.collection.url(hit.row);
        Some(match property {
            Property::IiifUrl => iri(url.to_owned())?,
            Property::Link => {
                let size = self.collection.size(hit.row);
                iri(picture::link(url, size, self.link_width_px))?
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
    pub(super) fn of_search(givens: &[Self], search: usize) -> Option<&Self> {
        let found = givens.binary_search_by_key(&search, |given| given.number);
        found.ok().map(|found| &givens[found])
    }

    /// Whether the inputs may stand in the row of each hit.
    pub(super) fn is_small(&self) -> bool {
        let is_small =
            |cell: &Option<Term>| cell.as_ref().is_some_and(|term| n_bytes(term) <= SMALL);
        self.variants.len() == 1
            && (self.variants.iter().flat_map(|variant| &variant.inputs)).all(is_small)
    }
}

/// Inputs of so many bytes are small: about as long as a IIIF URL.
const SMALL: usize = 100;

/// Length of the text of a term.
pub(super) fn n_bytes(term: &Term) -> usize {
    match term {
        Term::NamedNode(node) => node.as_str().len(),
        Term::Literal(literal) => literal.value().len(),
        Term::BlankNode(node) => node.as_str().len(),
        Term::Triple(triple) => {
            triple.subject.to_string().len()
                + triple.predicate.as_str().len()
                + n_bytes(&triple.object)
        }
    }
}

/// Puts a term into a cell; none if another stands there.
fn set(cell: &mut Option<Term>, term: &Term) -> Option<()> {
    match cell {
        None => *cell = Some(term.clone()),
        Some(other) if other == term => {}
        Some(_) => return None,
    }
    Some(())
}

fn variables_of(columns: &[(Property, TermPattern)]) -> Vec<Variable> {
    let mut variables = Vec::new();
    for (_, object) in columns {
        if let Some(variable) = algebra::variable_of(object)
            && !variables.contains(variable)
        {
            variables.push(variable.clone());
        }
    }
    variables
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
    let own = algebra::variable_of(object)
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

pub(super) fn integer(number: usize) -> Literal {
    Literal::from(i64::try_from(number).unwrap_or(i64::MAX))
}

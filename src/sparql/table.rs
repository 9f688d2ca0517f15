//! The rows of the clip relation as tables for the rewritten query: one row for each hit, with the columns
//! that a fragment names.

use super::plan::{Choices, compatible};
use super::relation::{RankedHit, Relation, Search, Spent, Tuple, spend};
use super::request::{Fragment, RequestError, Value};
use super::tables::Tables;
use super::{SparqlOptions, algebra, rewrite};
use crate::collection::Collection;
use crate::iiif;
use crate::vocab::{HIT_PREFIX, Property, Role};
use oxrdf::{Literal, NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, TermPattern};
use std::collections::HashSet;

/// A row of so many columns counts as one hit: a request has five outputs.
const COLUMNS: usize = 8;

/// What tables are made with.
pub(super) struct TableMaker<'a> {
    pub collection: &'a Collection,
    pub options: &'a SparqlOptions,
    /// The variable of the column that numbers the hits.
    pub position: &'a Variable,
    /// The variables that need a column.
    pub read: &'a HashSet<Variable>,
    /// Where large tables are kept.
    pub tables: &'a Tables,
    /// Whether they may be: a LATERAL would ask for them again for each row.
    pub keeps_tables: bool,
}

/// Which table is to be made of a relation.
pub(super) struct TableOf<'a> {
    pub fragment: &'a Fragment,
    /// The UNION branches that the fragment stands in.
    pub choices: &'a Choices,
    /// Whether its rows are joined with those of the query: it does not stand in a MINUS or EXISTS.
    pub is_joined: bool,
    /// Whether there is a column for the position, too.
    pub is_ordered: bool,
}

impl Relation {
    /// The table that stands for a fragment in the rewritten query: one row per hit, with the columns
    /// that the fragment names.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if the tables of the query would not fit in memory.
    pub(super) fn table(
        &self,
        of: &TableOf<'_>,
        maker: &TableMaker<'_>,
        spent: &mut Spent,
    ) -> Result<GraphPattern, RequestError> {
        let &TableOf {
            fragment,
            choices,
            is_joined,
            is_ordered,
        } = of;
        let (inputs, outputs): (Vec<_>, Vec<_>) = fragment
            .columns
            .iter()
            .partition(|(property, _)| property.role() != Role::Output);
        let (outputs, unread): (Vec<_>, Vec<_>) = outputs.into_iter().partition(|(_, object)| {
            algebra::variable_of(object).is_none_or(|variable| maker.read.contains(variable))
        });
        // A hit without an IRI has no row where the query asks for one, read or not.
        let needs_iri = (unread.iter())
            .any(|(property, _)| matches!(property, Property::IiifUrl | Property::Link));
        let input_variables = variables_of(&inputs);
        // A table has one column at least: without any the evaluator could not tell what it multiplies.
        let shows_subject = maker.read.contains(&fragment.subject)
            || (outputs.is_empty() && input_variables.is_empty());
        let mut hit_variables: Vec<Variable> = (shows_subject.then(|| fragment.subject.clone()))
            .into_iter()
            .collect();
        for variable in variables_of(&outputs) {
            if !hit_variables.contains(&variable) {
                hit_variables.push(variable);
            }
        }
        let outputs: Vec<(Property, &TermPattern, Option<usize>)> = (outputs.iter())
            .map(|(property, object)| {
                let variable = algebra::variable_of(object);
                let column = variable.and_then(|v| hit_variables.iter().position(|c| c == v));
                (*property, object, column)
            })
            .collect();
        let n_columns = hit_variables.len();
        let mut givens: Vec<Given<'_>> = Vec::new();
        for (number, search) in self.searches.iter().enumerate() {
            let rows: HashSet<Row> = (search.tuples.iter())
                .filter(|tuple| compatible(&tuple.choices, choices))
                .flat_map(|tuple| input_rows_of(&inputs, tuple, &input_variables))
                .collect();
            if rows.is_empty() {
                continue;
            }
            spend(
                &mut spent.n_rows,
                search.hits.len() * (n_columns + 2).div_ceil(COLUMNS) + rows.len(),
                maker.options,
                &fragment.written,
            )?;
            givens.push(Given {
                number,
                search,
                rows,
            });
        }
        // Inputs stand in a table of their own where a row per hit with its inputs in full would multiply
        // what may be whole images.
        let is_apart = !givens.iter().all(Given::is_small);
        let mut input_columns: Vec<usize> = Vec::new();
        if !is_apart {
            for variable in &input_variables {
                let known = hit_variables.iter().position(|v| v == variable);
                input_columns.push(known.unwrap_or(hit_variables.len()));
                if known.is_none() {
                    hit_variables.push(variable.clone());
                }
            }
        }
        let n_cells = hit_variables.len();
        let mut variables = hit_variables.clone();
        if is_ordered {
            hit_variables.push(maker.position.clone());
            variables.push(maker.position.clone());
        }
        if is_apart {
            hit_variables.push(fragment.inputs_id.clone());
        }
        let mut hit_rows = Vec::new();
        for given in &givens {
            let key = &given.search.tuples[0].key;
            for hit in &given.search.hits {
                if needs_iri && !maker.collection.has_iri(hit.row) {
                    continue;
                }
                let mut row: Row = Vec::with_capacity(hit_variables.len());
                if shows_subject || fragment.hit.is_some() {
                    let id = maker.collection.id(hit.row);
                    let subject = NamedNode::new_unchecked(format!("{HIT_PREFIX}{key}/{id}"));
                    if fragment.hit.as_ref().is_some_and(|hit| *hit != subject) {
                        continue;
                    }
                    row.extend(shows_subject.then(|| Some(subject.into())));
                }
                row.resize(n_cells, None);
                let is_whole = set_outputs(&mut row, &outputs, hit, maker).is_some()
                    && set_inputs(&mut row, &input_columns, &given.rows).is_some();
                if !is_whole {
                    continue;
                }
                row.extend(is_ordered.then(|| Some(integer(hit.position).into())));
                row.extend(is_apart.then(|| Some(integer(given.number).into())));
                hit_rows.push(row);
            }
        }
        let hits = if is_joined
            && maker.keeps_tables
            && hit_rows.len() > maker.options.planner.inline_rows
        {
            // The hits of one search come best first.
            maker
                .tables
                .place(hit_variables, hit_rows, givens.len() == 1)
        } else {
            rewrite::hashed(hit_variables, hit_rows)
        };
        if !is_apart {
            return Ok(hits);
        }
        let mut input_rows = Vec::new();
        for Given { number, rows, .. } in givens {
            input_rows.extend(rows.into_iter().map(|mut row| {
                row.push(Some(integer(number).into()));
                row
            }));
        }
        variables.extend(
            (input_variables.iter())
                .filter(|variable| !variables.contains(variable))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let mut input_variables = input_variables;
        input_variables.push(fragment.inputs_id.clone());
        Ok(GraphPattern::Project {
            inner: Box::new(algebra::join(
                rewrite::hashed(input_variables, input_rows),
                hits,
            )),
            variables,
        })
    }
}

/// One of a relation's searches, with the inputs as the query asks for them.
struct Given<'a> {
    number: usize,
    search: &'a Search,
    rows: HashSet<Row>,
}

impl Given<'_> {
    /// Whether the inputs may stand in the row of each hit.
    fn is_small(&self) -> bool {
        let n_bytes = |cell: &Option<GroundTerm>| match cell {
            None => usize::MAX,
            Some(GroundTerm::NamedNode(node)) => node.as_str().len(),
            Some(GroundTerm::Literal(literal)) => literal.value().len(),
        };
        self.rows.len() == 1
            && self
                .rows
                .iter()
                .flatten()
                .all(|cell| n_bytes(cell) <= SMALL)
    }
}

/// Inputs of so many bytes are small: about as long as a IIIF URL.
const SMALL: usize = 100;

/// Puts the only row of inputs into `columns`; none if an output that stands there is another.
fn set_inputs(row: &mut Row, columns: &[usize], rows: &HashSet<Row>) -> Option<()> {
    let given = rows.iter().next()?;
    (columns.iter().zip(given))
        .try_for_each(|(column, input)| set(&mut row[*column], input.clone()?))
}

/// Puts a term into a cell; none if another stands there.
fn set(cell: &mut Option<GroundTerm>, term: GroundTerm) -> Option<()> {
    match cell {
        None => *cell = Some(term),
        Some(other) if *other == term => {}
        Some(_) => return None,
    }
    Some(())
}

/// A row of inline data.
type Row = Vec<Option<GroundTerm>>;

fn variables_of(columns: &[&(Property, TermPattern)]) -> Vec<Variable> {
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

/// The rows of one tuple's inputs: one, or as many as an input property has values where the query asks
/// for them by a variable of its own.
fn input_rows_of(
    inputs: &[&(Property, TermPattern)],
    tuple: &Tuple,
    variables: &[Variable],
) -> Vec<Row> {
    let cells = inputs
        .iter()
        .map(|(property, object)| (object, given(tuple, *property, object)));
    fill(vec![None; variables.len()], cells, variables)
}

/// Puts the outputs of a hit into the columns of their variables; none if two of one variable differ, or a
/// constant is another.
fn set_outputs(
    row: &mut Row,
    outputs: &[(Property, &TermPattern, Option<usize>)],
    hit: &RankedHit,
    maker: &TableMaker<'_>,
) -> Option<()> {
    for (property, object, column) in outputs {
        let term = output(*property, hit, maker)?;
        match column {
            Some(column) => set(&mut row[*column], term)?,
            None if is_constant(&term, object) => {}
            None => return None,
        }
    }
    Some(())
}

/// The value of an output property; none of a URL that is no IRI.
fn output(property: Property, hit: &RankedHit, maker: &TableMaker<'_>) -> Option<GroundTerm> {
    // Its path, query or fragment made longer, an IRI is one still.
    let iri = |iri: String| {
        let is_iri = maker.collection.has_iri(hit.row);
        is_iri.then(|| NamedNode::new_unchecked(iri).into())
    };
    let url = maker.collection.url(hit.row);
    Some(match property {
        Property::IiifUrl => iri(url.to_owned())?,
        Property::Link => iri(iiif::full_image_url(url, maker.options.link_width_px))?,
        Property::Score => Literal::from(hit.score.clamp(-1.0, 1.0)).into(),
        Property::ImageId => Literal::new_simple_literal(maker.collection.id(hit.row)).into(),
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

fn is_constant(term: &GroundTerm, constant: &TermPattern) -> bool {
    match (term, constant) {
        (GroundTerm::NamedNode(a), TermPattern::NamedNode(b)) => a == b,
        (GroundTerm::Literal(a), TermPattern::Literal(b)) => a == b,
        _ => false,
    }
}

/// `row` with the cells filled in, once for each choice of their terms; none if a constant is not among
/// the terms for its cell.
fn fill<'a>(
    row: Row,
    cells: impl Iterator<Item = (&'a TermPattern, Vec<GroundTerm>)>,
    variables: &[Variable],
) -> Vec<Row> {
    let mut rows = vec![row];
    for (object, terms) in cells {
        match object {
            TermPattern::Variable(variable) => {
                let column = variables
                    .iter()
                    .position(|v| v == variable)
                    .expect("the table has all variables of its columns");
                rows = rows
                    .into_iter()
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
fn given(tuple: &Tuple, property: Property, object: &TermPattern) -> Vec<GroundTerm> {
    let of_property = || tuple.values.iter().filter(|v| v.property == property);
    let own = algebra::variable_of(object)
        .and_then(|variable| of_property().find(|value| value.variable.as_ref() == Some(variable)));
    let terms: Vec<&Value> = match own {
        Some(value) => vec![value],
        None => of_property().collect(),
    };
    terms
        .into_iter()
        .filter_map(|value| GroundTerm::try_from(value.term.clone()).ok())
        .collect()
}

/// `row` with each of `terms` in `column`; none where another value stands there already.
fn bind(mut row: Row, column: usize, terms: &[GroundTerm]) -> Vec<Row> {
    if let ([term], None) = (terms, &row[column]) {
        row[column] = Some(term.clone());
        return vec![row];
    }
    terms
        .iter()
        .filter(|term| row[column].as_ref().is_none_or(|bound| bound == *term))
        .map(|term| {
            let mut row = row.clone();
            row[column] = Some(term.clone());
            row
        })
        .collect()
}

fn integer(number: usize) -> Literal {
    Literal::from(i64::try_from(number).unwrap_or(i64::MAX))
}

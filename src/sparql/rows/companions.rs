//! Solutions of the patterns beside a request, by the image and the inputs that they belong to.

use crate::sparql::algebra::cells::{self, Row, has_blank_node};
use crate::sparql::request::inputs::Tuple;
use crate::vocab::Property;
use oxrdf::{Term, Variable};
use spargebra::algebra::GraphPattern;
use std::collections::HashMap;

/// Solutions of patterns that are connected with each other and, by an image or by inputs, with a request.
pub(in crate::sparql) struct Companions {
    pub variables: Vec<Variable>,
    /// A cell for each variable, solution after solution.
    cells: Vec<Option<Term>>,
    /// In order: row of the image, number of the inputs, and number of the solution. Solutions without an
    /// image or without inputs have zeros there.
    index: Vec<(usize, u32, u32)>,
    /// The variable that holds the image, as this property.
    pub image: Option<(Property, Variable)>,
    /// The request's input variables, and numbers for their values.
    inputs: Vec<Variable>,
    number_of_inputs: HashMap<Vec<Term>, u32>,
    /// The pattern that has these solutions; none if it is inline data that has no more than these.
    pattern: Option<GraphPattern>,
}

/// What tells to which hits a solution belongs.
pub(in crate::sparql) struct Keys {
    /// The variable that holds the image, as this property.
    pub image: Option<(Property, Variable)>,
    /// The request's input variables.
    pub inputs: Vec<Variable>,
}

impl Keys {
    /// The variables that they are.
    pub(in crate::sparql) fn variables(&self) -> Vec<&Variable> {
        let image = self.image.as_ref().map(|(_, variable)| variable);
        self.inputs.iter().chain(image).collect()
    }
}

impl Companions {
    /// Every one of the `rows` has a value for each of the `keys`; `row_of` finds the row of an image. `pattern` is
    /// what has these solutions, unless it is inline data that has no more than these.
    pub(in crate::sparql) fn new(
        variables: Vec<Variable>,
        rows: Vec<Row>,
        keys: Keys,
        pattern: Option<GraphPattern>,
        row_of: impl Fn(&Term) -> Option<usize>,
    ) -> Self {
        let Keys { image, inputs } = keys;
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

    /// How many solutions belong to an image or to inputs.
    pub(in crate::sparql) fn len(&self) -> usize {
        self.index.len()
    }

    /// The pattern that has these solutions.
    pub(in crate::sparql) fn into_pattern(self) -> GraphPattern {
        let n_cells = self.variables.len();
        self.pattern.unwrap_or_else(|| GraphPattern::Values {
            bindings: (self.cells.chunks(n_cells))
                .map(|row| cells::ground(row.to_vec()))
                .collect(),
            variables: self.variables,
        })
    }

    /// Most solutions that belong to one hit.
    pub(in crate::sparql) fn most_per_key(&self) -> usize {
        let same = |a: &(usize, u32, u32), b: &(usize, u32, u32)| (a.0, a.1) == (b.0, b.1);
        self.index.chunk_by(same).map(<[_]>::len).max().unwrap_or(0)
    }

    /// The rows of the images that these solutions name, in order.
    pub(in crate::sparql) fn images(&self) -> impl Iterator<Item = usize> {
        self.index.chunk_by(|a, b| a.0 == b.0).map(|same| same[0].0)
    }

    /// A number for the inputs of `tuple`; none if no solution has them.
    pub(in crate::sparql) fn number_of(&self, tuple: &Tuple) -> Option<u32> {
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
    pub(in crate::sparql) fn of_hit(
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
    pub(in crate::sparql) fn compares(&self, variable: &Variable) -> bool {
        self.variables.contains(variable)
            && (self.image.as_ref()).is_none_or(|(_, image)| image != variable)
            && !self.inputs.contains(variable)
    }

    /// Whether the solutions of a hit are found by its `property`, which `variable` holds.
    pub(in crate::sparql) fn has_key(&self, property: Property, variable: &Variable) -> bool {
        (self.image.as_ref()).is_some_and(|(p, image)| *p == property && image == variable)
    }

    /// Whether the solutions of a hit are found by its input `variable`.
    pub(in crate::sparql) fn has_input(&self, variable: &Variable) -> bool {
        self.inputs.contains(variable)
    }

    /// Whether some of them cannot be written into a query.
    pub(in crate::sparql) fn has_blank_nodes(&self) -> bool {
        self.cells.iter().flatten().any(has_blank_node)
    }
}

/// Where the `wanted` variables stand among `variables`.
pub(in crate::sparql) fn columns_of<'a>(
    wanted: impl IntoIterator<Item = &'a Variable>,
    variables: &[Variable],
) -> Vec<usize> {
    (wanted.into_iter())
        .filter_map(|variable| variables.iter().position(|v| v == variable))
        .collect()
}

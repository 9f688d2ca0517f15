//! The values of the input variables of a request.

use super::binding;
use super::known::Known;
use crate::sparql::algebra;
use crate::sparql::algebra::variables::{Binding, bound_variables};
use crate::sparql::error::QueryError;
use crate::sparql::evaluate::optimizer;
use crate::sparql::query_run::QueryRun;
use crate::sparql::request::error::RequestError;
use crate::sparql::request::grouping::{Alternative, Input, InputObject, Request};
use crate::sparql::request::inputs::{Inputs, Tuple, Value};
use oxrdf::{Term, Variable};
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;

/// The input values of a request, from the patterns around it; `None` if something that binds
/// them is still open.
///
/// # Errors
/// [`RequestError`] if there are too many, or none of them is of the kind that its property takes; and as the
/// evaluation of what binds them.
pub(in crate::sparql) fn tuples(
    request: &Request,
    known: &Known<'_>,
    run: &QueryRun<'_>,
    effort: Effort,
) -> Result<Option<Vec<Tuple>>, QueryError> {
    let mut tuples = Vec::new();
    let mut unusable = None;
    for alternative in &request.alternatives {
        let Some(inputs) = bindable(request, &alternative.inputs, known, effort)? else {
            return Ok(None);
        };
        let variables = variables_of(&inputs);
        let solutions = solutions(request, &inputs, &variables, known, run)?;
        if tuples.len() + solutions.len() > MAX_TUPLES {
            return Err(RequestError::TooManyAlternatives {
                subject: request.written.clone(),
                limit: MAX_TUPLES,
            }
            .into());
        }
        for solution in solutions {
            let values = values(&inputs, &variables, &solution);
            match tuple(alternative, values, &request.written) {
                Ok(tuple) => tuples.push(tuple),
                // What a variable is bound to may be of any kind: such rows find nothing.
                Err(error) if error.is_about_a_value() => {
                    unusable.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    match unusable {
        // Of many values some are usable; where none is, the query's author should know.
        Some(error) if tuples.is_empty() => Err(error.into()),
        _ => Ok(Some(tuples)),
    }
}

/// The values that `variables`, those of `inputs`, have together around the request; one empty row without any.
fn solutions(
    request: &Request,
    inputs: &[Input],
    variables: &[Variable],
    known: &Known<'_>,
    run: &QueryRun<'_>,
) -> Result<Vec<Vec<Term>>, QueryError> {
    if variables.is_empty() {
        return Ok(vec![Vec::new()]);
    }
    let pattern = surroundings(inputs, variables, known);
    let pattern = optimizer::ease(known.fill(pattern, run.evaluator.has_named_graphs()));
    let limit = run.options.max_inputs;
    let solutions = run.distinct(pattern, variables, limit)?;
    let too_many = || RequestError::TooManyInputs {
        subject: request.written.clone(),
        property: inputs[0].property,
        variable: known.query.names.written(&variables[0]),
        limit,
    };
    Ok(solutions.ok_or_else(too_many)?)
}

/// The inputs with their values in a solution, which has a term for each of `variables`.
fn values(inputs: &[Input], variables: &[Variable], solution: &[Term]) -> Vec<Value> {
    let value = |input: &Input| {
        let (variable, term) = match &input.object {
            InputObject::Constant(term) => (None, term),
            InputObject::Variable(variable) => {
                let column = variables
                    .iter()
                    .position(|v| v == variable)
                    .expect("variables_of lists every variable of the inputs");
                (Some(variable.clone()), &solution[column])
            }
        };
        Value {
            property: input.property,
            variable,
            term: term.clone(),
        }
    };
    inputs.iter().map(value).collect()
}

fn tuple(
    alternative: &Alternative,
    values: Vec<Value>,
    written: &str,
) -> Result<Tuple, RequestError> {
    let inputs = Inputs::from_values(&values, written)?;
    Ok(Tuple {
        choices: alternative.choices.clone(),
        key: inputs.key(&values),
        values,
        inputs,
    })
}

/// Most sets of input values of one request along all UNION branches: each takes memory.
const MAX_TUPLES: usize = 100_000;

/// How hard to try to give an input variable a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sparql) enum Effort {
    /// From the patterns around it, unless a request that is still open may bind it, too: in a MINUS or
    /// OPTIONAL what stands further out says nothing of such a variable.
    Wait,
    /// Only from the patterns around it.
    Bind,
    /// A variable beside a constant of the same property asks for that constant.
    Echo,
    /// What has no value now has none.
    Fail,
}

impl Effort {
    /// What to try next, when nothing was found with this.
    pub(in crate::sparql) fn more(self) -> Self {
        match self {
            Self::Wait => Self::Bind,
            Self::Bind => Self::Echo,
            Self::Echo | Self::Fail => Self::Fail,
        }
    }
}

/// The inputs that can be given values; `None` if a variable may still be bound later.
fn bindable(
    request: &Request,
    inputs: &[Input],
    known: &Known<'_>,
    effort: Effort,
) -> Result<Option<Vec<Input>>, RequestError> {
    let variables = variables_of(inputs);
    let bound = bound_variables(&surroundings(inputs, &variables, known), Binding::Possible);
    let mut kept = Vec::new();
    for input in inputs {
        match &input.object {
            InputObject::Variable(variable)
                if effort == Effort::Wait && known.is_open_output(variable, request) =>
            {
                return Ok(None);
            }
            InputObject::Variable(variable) if !bound.contains(variable) => {
                let echoes = inputs.iter().any(|other| {
                    other.property == input.property
                        && matches!(other.object, InputObject::Constant(_))
                });
                match effort {
                    Effort::Echo | Effort::Fail if echoes => {}
                    Effort::Wait | Effort::Bind | Effort::Echo => return Ok(None),
                    Effort::Fail => {
                        return Err(RequestError::UnboundInput {
                            subject: request.written.clone(),
                            property: input.property,
                            variable: known.query.names.written(variable),
                        });
                    }
                }
            }
            _ => kept.push(input.clone()),
        }
    }
    Ok(Some(kept))
}

/// What binds the variables of `inputs` around the places where they stand.
fn surroundings(inputs: &[Input], variables: &[Variable], known: &Known<'_>) -> GraphPattern {
    let mut wanted: HashSet<Variable> = variables.iter().cloned().collect();
    let mut pattern = algebra::unit();
    for input in inputs {
        let InputObject::Variable(variable) = &input.object else {
            continue;
        };
        if !wanted.contains(variable) {
            continue;
        }
        pattern = algebra::join(pattern, binding(known, input.fragment, &wanted));
        let bound = bound_variables(&pattern, Binding::Possible);
        wanted.retain(|variable| !bound.contains(variable));
    }
    pattern
}

/// The variables of `inputs`, each once.
pub(in crate::sparql) fn variables_of(inputs: &[Input]) -> Vec<Variable> {
    algebra::each_once(inputs.iter().filter_map(|input| match &input.object {
        InputObject::Variable(variable) => Some(variable.clone()),
        InputObject::Constant(_) => None,
    }))
}

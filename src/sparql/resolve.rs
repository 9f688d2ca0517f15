//! Resolves the requests of a query: gives their inputs values, searches, and puts the hits in place.

use super::beside::{Companions, Gathered};
use super::context::Context;
use super::explain::Stage;
use super::extract::Extracted;
use super::plan::{Input, InputObject, Plan, Request};
use super::relation::{self, Relation, Restriction, Spent, Tuple};
use super::request::{Inputs, RequestError, Value};
use super::run::Run;
use super::table::{TableMaker, TableOf};
use super::{QueryError, Sparql, algebra, rewrite};
use crate::vocab::Property;
use oxrdf::Variable;
use spargebra::algebra::GraphPattern;
use std::collections::HashSet;
use std::sync::Arc;

impl Sparql {
    /// The query's pattern with the hits of its requests as inline tables.
    pub(super) fn rewrite(
        &self,
        query: &Extracted,
        plan: &Plan,
        run: &Run<'_>,
        gathered: Option<Gathered>,
    ) -> Result<GraphPattern, QueryError> {
        let (mut known, companions) = match gathered {
            Some(gathered) => (Some((gathered.tuples, gathered.found)), gathered.companions),
            None => (None, Arc::default()),
        };
        let mut tables: Vec<Option<GraphPattern>> = vec![None; query.fragments.len()];
        let ordered = ordered_fragments(plan);
        let maker = self.table_maker(query, run, &companions);
        let mut spent = Spent::default();
        let mut open: Vec<&Request> = plan.requests.iter().collect();
        // What has few hits comes first: they may restrict the others.
        if open.len() > 1 {
            open.sort_by_cached_key(|request| {
                let context = Context {
                    query,
                    tables: &tables,
                    most_rows: usize::MAX,
                };
                self.most_hits(request, &context)
            });
        }
        let mut effort = Effort::Wait;
        while !open.is_empty() {
            let n_open = open.len();
            let mut still_open = Vec::new();
            for request in open {
                let context = Context {
                    query,
                    tables: &tables,
                    most_rows: usize::MAX,
                };
                // Only the inputs of a query's single request are known before.
                let (tuples, found) = match known.take() {
                    Some((tuples, found)) => (Some(tuples), found),
                    None => {
                        let tuples = (run.trace)
                            .time(Stage::Bind, || self.tuples(request, &context, run, effort))?;
                        (tuples, None)
                    }
                };
                let Some(tuples) = tuples else {
                    still_open.push(request);
                    continue;
                };
                let restriction = self.restriction(request, &context, run, &tuples, found)?;
                let relation = self.search_for(request, tuples, &restriction, run, &mut spent)?;
                let n_hits = relation.counts.hits;
                run.trace.request(restriction.explain(&relation, 1, n_hits));
                for &index in &request.fragments {
                    run.deadline.check()?;
                    let table = TableOf {
                        fragment: &query.fragments[index],
                        choices: &plan.choices[index],
                        is_joined: plan.is_joined[index],
                        is_ordered: ordered.contains(&index),
                    };
                    tables[index] = Some(relation.table(&table, &maker, &mut spent)?);
                }
            }
            effort = if still_open.len() == n_open {
                effort.more()
            } else {
                Effort::Wait
            };
            open = still_open;
        }
        Ok(finish(query, query.pattern.clone(), &tables, &ordered, run))
    }

    pub(super) fn search_for(
        &self,
        request: &Request,
        tuples: Vec<Tuple>,
        restriction: &Restriction,
        run: &Run<'_>,
        spent: &mut Spent,
    ) -> Result<Relation, QueryError> {
        let (engine, options, written) = (&self.engine, &self.options, &request.written);
        let mut relation = run.trace.time(Stage::Embed, || {
            relation::embed(engine, options, &run.deadline, spent, written, tuples)
        })?;
        run.trace.time(Stage::Search, || {
            relation.search(engine, options, &run.deadline, spent, written, restriction)
        })?;
        Ok(relation)
    }

    pub(super) fn table_maker<'a>(
        &'a self,
        query: &'a Extracted,
        run: &'a Run<'_>,
        companions: &Arc<[Companions]>,
    ) -> TableMaker<'a> {
        TableMaker {
            collection: self.engine.collection(),
            options: &self.options,
            position: &query.position,
            read: &query.read,
            companions: companions.clone(),
            token: &run.deadline.token,
            tables: &run.tables,
            keeps_tables: !has_lateral(&query.pattern),
        }
    }

    /// The input values of a request, from the patterns around it; `None` if something that binds
    /// them is still open.
    pub(super) fn tuples(
        &self,
        request: &Request,
        context: &Context<'_>,
        run: &Run<'_>,
        effort: Effort,
    ) -> Result<Option<Vec<Tuple>>, QueryError> {
        let mut tuples = Vec::new();
        let mut unusable = None;
        for alternative in &request.alternatives {
            let Some(inputs) = bindable(request, &alternative.inputs, context, effort)? else {
                return Ok(None);
            };
            let variables = variables_of(&inputs);
            let solutions = if variables.is_empty() {
                vec![Vec::new()]
            } else {
                let pattern = surroundings(&inputs, &variables, context);
                let pattern = context.fill(pattern, run.has_named_graphs());
                let pattern = rewrite::ease(pattern);
                run.distinct(pattern, &variables, self.options.max_inputs)?
                    .ok_or_else(|| RequestError::TooManyInputs {
                        subject: request.written.clone(),
                        property: inputs[0].property,
                        variable: context.query.names.written(&variables[0]),
                        limit: self.options.max_inputs,
                    })?
            };
            if tuples.len() + solutions.len() > MAX_TUPLES {
                return Err(RequestError::TooManyAlternatives {
                    subject: request.written.clone(),
                    limit: MAX_TUPLES,
                }
                .into());
            }
            for solution in solutions {
                let values: Vec<Value> = inputs
                    .iter()
                    .map(|input| match &input.object {
                        InputObject::Constant(term) => Value {
                            property: input.property,
                            variable: None,
                            term: term.clone(),
                        },
                        InputObject::Variable(variable) => {
                            let column = variables
                                .iter()
                                .position(|v| v == variable)
                                .expect("variables_of lists every variable of the inputs");
                            Value {
                                property: input.property,
                                variable: Some(variable.clone()),
                                term: solution[column].clone(),
                            }
                        }
                    })
                    .collect();
                let checked = match Inputs::from_values(&values, &request.written) {
                    Ok(checked) => checked,
                    // What a variable is bound to may be of any kind: such rows find nothing.
                    Err(error) if error.is_about_a_value() => {
                        unusable.get_or_insert(error);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                tuples.push(Tuple {
                    choices: alternative.choices.clone(),
                    key: checked.key(&values),
                    values,
                    inputs: checked,
                });
            }
        }
        match unusable {
            // Of many values some are usable; where none is, the query's author should know.
            Some(error) if tuples.is_empty() => Err(error.into()),
            _ => Ok(Some(tuples)),
        }
    }
}

/// `pattern` of `query` with its tables in place, its rows in order, ready to be evaluated.
pub(super) fn finish(
    query: &Extracted,
    pattern: GraphPattern,
    tables: &[Option<GraphPattern>],
    ordered: &[usize],
    run: &Run<'_>,
) -> GraphPattern {
    let pattern = rewrite::insert_tables(
        pattern,
        &rewrite::Tables {
            of_fragment: tables,
            has_named_graphs: run.has_named_graphs(),
        },
        None,
    );
    let pattern = run.tables.without_repetitions(pattern);
    let pattern = match ordered.first() {
        Some(fragment) => rewrite::Order {
            position: &query.position,
            score: query.fragments[*fragment].output_variable(Property::Score),
        }
        .apply(pattern),
        None => pattern,
    };
    rewrite::ease(pattern)
}

fn has_lateral(pattern: &GraphPattern) -> bool {
    let mut found = false;
    algebra::visit(pattern, &mut |node| {
        found |= matches!(node, GraphPattern::Lateral { .. });
    });
    found
}

/// Most sets of input values of one request along all UNION branches: each takes memory.
const MAX_TUPLES: usize = 100_000;

/// How hard to try to give an input variable a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
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
    fn more(self) -> Self {
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
    context: &Context<'_>,
    effort: Effort,
) -> Result<Option<Vec<Input>>, RequestError> {
    let variables = variables_of(inputs);
    let bound = algebra::bound_variables(
        &surroundings(inputs, &variables, context),
        algebra::Binding::Possible,
    );
    let mut kept = Vec::new();
    for input in inputs {
        match &input.object {
            InputObject::Variable(variable)
                if effort == Effort::Wait && context.is_open_output(variable, request) =>
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
                            variable: context.query.names.written(variable),
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
fn surroundings(inputs: &[Input], variables: &[Variable], context: &Context<'_>) -> GraphPattern {
    let mut wanted: HashSet<Variable> = variables.iter().cloned().collect();
    let mut pattern = algebra::unit();
    for input in inputs {
        let InputObject::Variable(variable) = &input.object else {
            continue;
        };
        if !wanted.contains(variable) {
            continue;
        }
        pattern = algebra::join(pattern, context.binding(input.fragment, &wanted));
        let bound = algebra::bound_variables(&pattern, algebra::Binding::Possible);
        wanted.retain(|variable| !bound.contains(variable));
    }
    pattern
}

/// The variables of `inputs`, each once.
pub(super) fn variables_of(inputs: &[Input]) -> Vec<Variable> {
    let mut variables = Vec::new();
    for input in inputs {
        if let InputObject::Variable(variable) = &input.object
            && !variables.contains(variable)
        {
            variables.push(variable.clone());
        }
    }
    variables
}

/// The fragments whose hits order the rows, if the query has one request: one outside UNIONs or, if it
/// has none, all.
pub(super) fn ordered_fragments(plan: &Plan) -> Vec<usize> {
    let [request] = &plan.requests[..] else {
        return Vec::new();
    };
    let joined = || (request.fragments.iter().copied()).filter(|index| plan.is_joined[*index]);
    match joined().find(|index| plan.choices[*index].is_empty()) {
        Some(index) => vec![index],
        None => joined().collect(),
    }
}

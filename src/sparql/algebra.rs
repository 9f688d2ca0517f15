//! Walking and measuring SPARQL algebra; nothing here knows of the clip relation.

use oxrdf::Variable;
use oxrdf::vocab::xsd;
use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};
use spargebra::term::{GroundTerm, NamedNodePattern, TermPattern, TriplePattern};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

/// The pattern that has one solution, without bindings.
pub(super) fn unit() -> GraphPattern {
    GraphPattern::Bgp {
        patterns: Vec::new(),
    }
}

/// Whether `pattern` is [`unit`].
pub(super) fn is_unit(pattern: &GraphPattern) -> bool {
    matches!(pattern, GraphPattern::Bgp { patterns } if patterns.is_empty())
}

/// The join of two patterns, without needless units.
pub(super) fn join(left: GraphPattern, right: GraphPattern) -> GraphPattern {
    if is_unit(&left) {
        right
    } else if is_unit(&right) {
        left
    } else {
        GraphPattern::Join {
            left: Box::new(left),
            right: Box::new(right),
        }
    }
}

/// The join of any number of patterns.
pub(super) fn join_all(patterns: impl IntoIterator<Item = GraphPattern>) -> GraphPattern {
    patterns.into_iter().fold(unit(), join)
}

/// Adds what a group joins to `parts`, from the left.
pub(super) fn flatten(pattern: GraphPattern, parts: &mut Vec<GraphPattern>) {
    match pattern {
        GraphPattern::Join { left, right } => {
            flatten(*left, parts);
            flatten(*right, parts);
        }
        other => parts.push(other),
    }
}

/// Rebuilds `pattern` with `f` applied to each direct child, those inside EXISTS included. The inside
/// of SERVICE belongs to another endpoint and is left alone.
pub(super) fn map_children<E>(
    pattern: GraphPattern,
    f: &mut dyn FnMut(GraphPattern) -> Result<GraphPattern, E>,
) -> Result<GraphPattern, E> {
    let pattern = map_inner(pattern, f)?;
    map_exists(pattern, f)
}

/// Rebuilds `pattern` with `f` applied to the pattern of each EXISTS in its own expressions.
pub(super) fn map_exists<E>(
    pattern: GraphPattern,
    f: &mut dyn FnMut(GraphPattern) -> Result<GraphPattern, E>,
) -> Result<GraphPattern, E> {
    map_own_expressions(pattern, &mut |e| {
        Ok(match e {
            Expression::Exists(inside) => Expression::Exists(Box::new(f(*inside)?)),
            other => other,
        })
    })
}

/// Rebuilds `pattern` with `f` applied to each direct child, those inside EXISTS left alone.
pub(super) fn map_inner<E>(
    pattern: GraphPattern,
    f: &mut dyn FnMut(GraphPattern) -> Result<GraphPattern, E>,
) -> Result<GraphPattern, E> {
    use GraphPattern as P;
    let mut mapped = |p: Box<P>| f(*p).map(Box::new);
    Ok(match pattern {
        P::Bgp { .. } | P::Path { .. } | P::Values { .. } | P::Service { .. } => pattern,
        P::Join { left, right } => P::Join {
            left: mapped(left)?,
            right: mapped(right)?,
        },
        P::Lateral { left, right } => P::Lateral {
            left: mapped(left)?,
            right: mapped(right)?,
        },
        P::LeftJoin {
            left,
            right,
            expression,
        } => P::LeftJoin {
            left: mapped(left)?,
            right: mapped(right)?,
            expression,
        },
        P::Filter { expr, inner } => P::Filter {
            expr,
            inner: mapped(inner)?,
        },
        P::Union { left, right } => P::Union {
            left: mapped(left)?,
            right: mapped(right)?,
        },
        P::Graph { name, inner } => P::Graph {
            name,
            inner: mapped(inner)?,
        },
        P::Extend {
            inner,
            variable,
            expression,
        } => P::Extend {
            inner: mapped(inner)?,
            variable,
            expression,
        },
        P::Minus { left, right } => P::Minus {
            left: mapped(left)?,
            right: mapped(right)?,
        },
        P::OrderBy { inner, expression } => P::OrderBy {
            inner: mapped(inner)?,
            expression,
        },
        P::Project { inner, variables } => P::Project {
            inner: mapped(inner)?,
            variables,
        },
        P::Distinct { inner } => P::Distinct {
            inner: mapped(inner)?,
        },
        P::Reduced { inner } => P::Reduced {
            inner: mapped(inner)?,
        },
        P::Slice {
            inner,
            start,
            length,
        } => P::Slice {
            inner: mapped(inner)?,
            start,
            length,
        },
        P::Group {
            inner,
            variables,
            aggregates,
        } => P::Group {
            inner: mapped(inner)?,
            variables,
            aggregates,
        },
    })
}

/// Rebuilds `expression` from its leaves upwards with `f` applied to every part.
fn map_expression<E>(
    expression: Expression,
    f: &mut dyn FnMut(Expression) -> Result<Expression, E>,
) -> Result<Expression, E> {
    use Expression as X;
    #[expect(
        clippy::boxed_local,
        reason = "the parts of an expression are boxed, before and after"
    )]
    fn one<E>(e: Box<X>, f: &mut dyn FnMut(X) -> Result<X, E>) -> Result<Box<X>, E> {
        map_expression(*e, f).map(Box::new)
    }
    fn many<E>(es: Vec<X>, f: &mut dyn FnMut(X) -> Result<X, E>) -> Result<Vec<X>, E> {
        es.into_iter().map(|e| map_expression(e, f)).collect()
    }
    let rebuilt = match expression {
        X::NamedNode(_) | X::Literal(_) | X::Variable(_) | X::Bound(_) | X::Exists(_) => expression,
        X::Or(a, b) => X::Or(one(a, f)?, one(b, f)?),
        X::And(a, b) => X::And(one(a, f)?, one(b, f)?),
        X::Equal(a, b) => X::Equal(one(a, f)?, one(b, f)?),
        X::SameTerm(a, b) => X::SameTerm(one(a, f)?, one(b, f)?),
        X::Greater(a, b) => X::Greater(one(a, f)?, one(b, f)?),
        X::GreaterOrEqual(a, b) => X::GreaterOrEqual(one(a, f)?, one(b, f)?),
        X::Less(a, b) => X::Less(one(a, f)?, one(b, f)?),
        X::LessOrEqual(a, b) => X::LessOrEqual(one(a, f)?, one(b, f)?),
        X::In(a, list) => X::In(one(a, f)?, many(list, f)?),
        X::Add(a, b) => X::Add(one(a, f)?, one(b, f)?),
        X::Subtract(a, b) => X::Subtract(one(a, f)?, one(b, f)?),
        X::Multiply(a, b) => X::Multiply(one(a, f)?, one(b, f)?),
        X::Divide(a, b) => X::Divide(one(a, f)?, one(b, f)?),
        X::UnaryPlus(a) => X::UnaryPlus(one(a, f)?),
        X::UnaryMinus(a) => X::UnaryMinus(one(a, f)?),
        X::Not(a) => X::Not(one(a, f)?),
        X::If(a, b, c) => X::If(one(a, f)?, one(b, f)?, one(c, f)?),
        X::Coalesce(list) => X::Coalesce(many(list, f)?),
        X::FunctionCall(name, args) => X::FunctionCall(name, many(args, f)?),
    };
    f(rebuilt)
}

/// Calls `f` on `expression` and each of its parts; the patterns of EXISTS are not entered.
pub(super) fn visit_expression<'a>(expression: &'a Expression, f: &mut dyn FnMut(&'a Expression)) {
    use Expression as X;
    f(expression);
    match expression {
        X::NamedNode(_) | X::Literal(_) | X::Variable(_) | X::Bound(_) | X::Exists(_) => {}
        X::Or(a, b)
        | X::And(a, b)
        | X::Equal(a, b)
        | X::SameTerm(a, b)
        | X::Greater(a, b)
        | X::GreaterOrEqual(a, b)
        | X::Less(a, b)
        | X::LessOrEqual(a, b)
        | X::Add(a, b)
        | X::Subtract(a, b)
        | X::Multiply(a, b)
        | X::Divide(a, b) => {
            visit_expression(a, f);
            visit_expression(b, f);
        }
        X::UnaryPlus(a) | X::UnaryMinus(a) | X::Not(a) => visit_expression(a, f),
        X::In(a, list) => {
            visit_expression(a, f);
            list.iter().for_each(|e| visit_expression(e, f));
        }
        X::If(a, b, c) => {
            visit_expression(a, f);
            visit_expression(b, f);
            visit_expression(c, f);
        }
        X::Coalesce(list) | X::FunctionCall(_, list) => {
            list.iter().for_each(|e| visit_expression(e, f));
        }
    }
}

/// The expressions of the node itself, those of its children not included.
pub(super) fn expressions(pattern: &GraphPattern) -> Vec<&Expression> {
    match pattern {
        GraphPattern::Filter { expr, .. } => vec![expr],
        GraphPattern::LeftJoin { expression, .. } => expression.iter().collect(),
        GraphPattern::Extend { expression, .. } => vec![expression],
        GraphPattern::OrderBy { expression, .. } => expression
            .iter()
            .map(|order| match order {
                OrderExpression::Asc(e) | OrderExpression::Desc(e) => e,
            })
            .collect(),
        GraphPattern::Group { aggregates, .. } => aggregates
            .iter()
            .filter_map(|(_, aggregate)| match aggregate {
                AggregateExpression::CountSolutions { .. } => None,
                AggregateExpression::FunctionCall { expr, .. } => Some(expr),
            })
            .collect(),
        GraphPattern::Bgp { .. }
        | GraphPattern::Path { .. }
        | GraphPattern::Join { .. }
        | GraphPattern::Lateral { .. }
        | GraphPattern::Union { .. }
        | GraphPattern::Graph { .. }
        | GraphPattern::Minus { .. }
        | GraphPattern::Values { .. }
        | GraphPattern::Project { .. }
        | GraphPattern::Distinct { .. }
        | GraphPattern::Reduced { .. }
        | GraphPattern::Slice { .. }
        | GraphPattern::Service { .. } => Vec::new(),
    }
}

/// The patterns of the EXISTS inside the node's own expressions.
pub(super) fn exists_patterns(pattern: &GraphPattern) -> Vec<&GraphPattern> {
    let mut found = Vec::new();
    for expression in expressions(pattern) {
        visit_expression(expression, &mut |part| {
            if let Expression::Exists(pattern) = part {
                found.push(pattern.as_ref());
            }
        });
    }
    found
}

/// The direct child patterns, those of EXISTS and SERVICE not included.
pub(super) fn children(pattern: &GraphPattern) -> Vec<&GraphPattern> {
    match pattern {
        GraphPattern::Bgp { .. }
        | GraphPattern::Path { .. }
        | GraphPattern::Values { .. }
        | GraphPattern::Service { .. } => Vec::new(),
        GraphPattern::Join { left, right }
        | GraphPattern::Lateral { left, right }
        | GraphPattern::LeftJoin { left, right, .. }
        | GraphPattern::Union { left, right }
        | GraphPattern::Minus { left, right } => vec![left, right],
        GraphPattern::Filter { inner, .. }
        | GraphPattern::Graph { inner, .. }
        | GraphPattern::Extend { inner, .. }
        | GraphPattern::OrderBy { inner, .. }
        | GraphPattern::Project { inner, .. }
        | GraphPattern::Distinct { inner }
        | GraphPattern::Reduced { inner }
        | GraphPattern::Slice { inner, .. }
        | GraphPattern::Group { inner, .. } => vec![inner],
    }
}

/// The branches of a UNION, from the left; other patterns are their own only branch.
pub(super) fn branches(pattern: &GraphPattern) -> Vec<&GraphPattern> {
    let mut found = Vec::new();
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Union { left, right } => open.extend([&**right, &**left]),
            branch => found.push(branch),
        }
    }
    found
}

/// [`branches`], taken apart.
pub(super) fn into_branches(pattern: GraphPattern) -> Vec<GraphPattern> {
    let mut found = Vec::new();
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        match pattern {
            GraphPattern::Union { left, right } => open.extend([*right, *left]),
            branch => found.push(branch),
        }
    }
    found
}

/// The UNION of `branches`, as shallow as can be; the unit if there are none.
pub(super) fn union_all(mut branches: Vec<GraphPattern>) -> GraphPattern {
    if branches.len() < 2 {
        return branches.pop().unwrap_or_else(unit);
    }
    let right = branches.split_off(branches.len() / 2);
    GraphPattern::Union {
        left: Box::new(union_all(branches)),
        right: Box::new(union_all(right)),
    }
}

/// Calls `f` on `pattern` and every pattern below it, those of EXISTS included, from the root down.
pub(super) fn visit(pattern: &GraphPattern, f: &mut dyn FnMut(&GraphPattern)) {
    f(pattern);
    for child in children(pattern) {
        visit(child, f);
    }
    for child in exists_patterns(pattern) {
        visit(child, f);
    }
}

/// The variable of a term pattern.
pub(super) fn variable_of(term: &TermPattern) -> Option<&Variable> {
    match term {
        TermPattern::Variable(variable) => Some(variable),
        TermPattern::NamedNode(_)
        | TermPattern::BlankNode(_)
        | TermPattern::Literal(_)
        | TermPattern::Triple(_) => None,
    }
}

/// The variables of a term pattern: itself, or those of a triple term.
fn variables_of_term(term: &TermPattern) -> Vec<Variable> {
    match term {
        TermPattern::Variable(variable) => vec![variable.clone()],
        TermPattern::Triple(triple) => variables_of_triple(triple),
        TermPattern::NamedNode(_) | TermPattern::BlankNode(_) | TermPattern::Literal(_) => {
            Vec::new()
        }
    }
}

fn variables_of_triple(triple: &TriplePattern) -> Vec<Variable> {
    let mut found = variables_of_term(&triple.subject);
    if let NamedNodePattern::Variable(predicate) = &triple.predicate {
        found.push(predicate.clone());
    }
    found.extend(variables_of_term(&triple.object));
    found
}

/// Rebuilds a triple pattern with `f` applied to its terms, those of triple terms included.
fn map_triple(
    triple: TriplePattern,
    term: &dyn Fn(TermPattern) -> TermPattern,
    name: &dyn Fn(NamedNodePattern) -> NamedNodePattern,
) -> TriplePattern {
    TriplePattern {
        subject: map_term(triple.subject, term, name),
        predicate: name(triple.predicate),
        object: map_term(triple.object, term, name),
    }
}

fn map_term(
    pattern: TermPattern,
    term: &dyn Fn(TermPattern) -> TermPattern,
    name: &dyn Fn(NamedNodePattern) -> NamedNodePattern,
) -> TermPattern {
    match pattern {
        TermPattern::Triple(triple) => {
            TermPattern::Triple(Box::new(map_triple(*triple, term, name)))
        }
        other => term(other),
    }
}

/// The variables of an expression, those inside EXISTS included.
pub(super) fn expression_variables(expression: &Expression) -> HashSet<Variable> {
    let mut found = HashSet::new();
    visit_expression(expression, &mut |e| match e {
        Expression::Variable(v) | Expression::Bound(v) => {
            found.insert(v.clone());
        }
        Expression::Exists(pattern) => found.extend(all_variables(pattern)),
        _ => {}
    });
    found
}

/// Every variable that is written anywhere in `pattern`.
pub(super) fn all_variables(pattern: &GraphPattern) -> HashSet<Variable> {
    let mut found = HashSet::new();
    visit(pattern, &mut |node| add_variables(node, &mut found));
    found
}

/// Adds the variables that a node names itself, without those of its children; what a SERVICE is asked is
/// part of it.
pub(super) fn add_variables(node: &GraphPattern, found: &mut HashSet<Variable>) {
    found.extend(own_variables(node));
    // Who visits all nodes enters EXISTS too; doing so here as well would double the work at every level.
    for expression in expressions(node) {
        visit_expression(expression, &mut |part| {
            if let Expression::Variable(v) | Expression::Bound(v) = part {
                found.insert(v.clone());
            }
        });
    }
    if let GraphPattern::Service { inner, .. } = node {
        found.extend(all_variables(inner));
    }
}

/// The variables that a node itself names outside its expressions.
fn own_variables(node: &GraphPattern) -> Vec<Variable> {
    match node {
        GraphPattern::Bgp { patterns } => patterns.iter().flat_map(variables_of_triple).collect(),
        GraphPattern::Path {
            subject, object, ..
        } => [subject, object]
            .into_iter()
            .flat_map(variables_of_term)
            .collect(),
        GraphPattern::Values { variables, .. } | GraphPattern::Project { variables, .. } => {
            variables.clone()
        }
        GraphPattern::Group {
            variables,
            aggregates,
            ..
        } => variables
            .iter()
            .cloned()
            .chain(aggregates.iter().map(|(v, _)| v.clone()))
            .collect(),
        GraphPattern::Graph {
            name: NamedNodePattern::Variable(v),
            ..
        }
        | GraphPattern::Service {
            name: NamedNodePattern::Variable(v),
            ..
        }
        | GraphPattern::Extend { variable: v, .. } => vec![v.clone()],
        GraphPattern::Graph { .. }
        | GraphPattern::Service { .. }
        | GraphPattern::Join { .. }
        | GraphPattern::Lateral { .. }
        | GraphPattern::LeftJoin { .. }
        | GraphPattern::Filter { .. }
        | GraphPattern::Union { .. }
        | GraphPattern::Minus { .. }
        | GraphPattern::OrderBy { .. }
        | GraphPattern::Distinct { .. }
        | GraphPattern::Reduced { .. }
        | GraphPattern::Slice { .. } => Vec::new(),
    }
}

/// Which of the in-scope variables to count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// Bound in every solution. A BIND counts although its expression may fail.
    Certain,
    /// Bound in some solution, perhaps.
    Possible,
}

/// The variables that `pattern` binds.
pub(super) fn bound_variables(pattern: &GraphPattern, binding: Binding) -> HashSet<Variable> {
    use GraphPattern as P;
    match pattern {
        P::Bgp { .. } | P::Path { .. } => own_variables(pattern).into_iter().collect(),
        P::Join { left, right } | P::Lateral { left, right } => {
            let mut found = bound_variables(left, binding);
            found.extend(bound_variables(right, binding));
            found
        }
        P::LeftJoin { left, right, .. } => {
            let mut found = bound_variables(left, binding);
            if binding == Binding::Possible {
                found.extend(bound_variables(right, binding));
            }
            found
        }
        P::Union { left, right } => {
            let mut found = bound_variables(left, binding);
            let other = bound_variables(right, binding);
            match binding {
                Binding::Certain => found.retain(|v| other.contains(v)),
                Binding::Possible => found.extend(other),
            }
            found
        }
        P::Minus { left, .. } => bound_variables(left, binding),
        P::Filter { inner, .. }
        | P::OrderBy { inner, .. }
        | P::Distinct { inner }
        | P::Reduced { inner }
        | P::Slice { inner, .. } => bound_variables(inner, binding),
        P::Graph { inner, .. } | P::Extend { inner, .. } => {
            let mut found = bound_variables(inner, binding);
            found.extend(own_variables(pattern));
            found
        }
        P::Service { inner, .. } => {
            let mut found = bound_variables(inner, binding);
            found.extend(own_variables(pattern));
            found
        }
        P::Values {
            variables,
            bindings,
        } => variables
            .iter()
            .enumerate()
            .filter(|(column, _)| {
                binding == Binding::Possible || bindings.iter().all(|row| row[*column].is_some())
            })
            .map(|(_, v)| v.clone())
            .collect(),
        P::Project { inner, variables } => {
            let mut found = bound_variables(inner, binding);
            found.retain(|v| variables.contains(v));
            found
        }
        P::Group {
            inner,
            variables,
            aggregates,
        } => {
            let mut found = bound_variables(inner, binding);
            found.retain(|v| variables.contains(v));
            found.extend(aggregates.iter().map(|(v, _)| v.clone()));
            found
        }
    }
}

/// Replaces variables everywhere in `pattern`, SERVICE included.
pub(super) fn rename(pattern: GraphPattern, names: &HashMap<Variable, Variable>) -> GraphPattern {
    let new = |v: Variable| names.get(&v).cloned().unwrap_or(v);
    let new_term = |t: TermPattern| match t {
        TermPattern::Variable(v) => TermPattern::Variable(new(v)),
        other => other,
    };
    let new_name = |n: NamedNodePattern| match n {
        NamedNodePattern::Variable(v) => NamedNodePattern::Variable(new(v)),
        named @ NamedNodePattern::NamedNode(_) => named,
    };
    let new_all = |vs: Vec<Variable>| vs.into_iter().map(new).collect::<Vec<_>>();
    let renamed = match pattern {
        GraphPattern::Bgp { patterns } => GraphPattern::Bgp {
            patterns: (patterns.into_iter())
                .map(|triple| map_triple(triple, &new_term, &new_name))
                .collect(),
        },
        GraphPattern::Path {
            subject,
            path,
            object,
        } => GraphPattern::Path {
            subject: map_term(subject, &new_term, &new_name),
            path,
            object: map_term(object, &new_term, &new_name),
        },
        GraphPattern::Values {
            variables,
            bindings,
        } => GraphPattern::Values {
            variables: new_all(variables),
            bindings,
        },
        GraphPattern::Project { inner, variables } => GraphPattern::Project {
            inner,
            variables: new_all(variables),
        },
        GraphPattern::Group {
            inner,
            variables,
            aggregates,
        } => GraphPattern::Group {
            inner,
            variables: new_all(variables),
            aggregates: aggregates.into_iter().map(|(v, a)| (new(v), a)).collect(),
        },
        GraphPattern::Graph { name, inner } => GraphPattern::Graph {
            name: new_name(name),
            inner,
        },
        GraphPattern::Extend {
            inner,
            variable,
            expression,
        } => GraphPattern::Extend {
            inner,
            variable: new(variable),
            expression,
        },
        GraphPattern::Service {
            name,
            inner,
            silent,
        } => {
            return GraphPattern::Service {
                name: new_name(name),
                inner: Box::new(rename(*inner, names)),
                silent,
            };
        }
        other => other,
    };
    let renamed = rename_in_expressions(renamed, names);
    let Ok(renamed) = map_inner(renamed, &mut |child| {
        Ok::<_, Infallible>(rename(child, names))
    });
    renamed
}

/// Replaces variables in the node's own expressions, the insides of EXISTS included.
pub(super) fn rename_in_expressions(
    pattern: GraphPattern,
    names: &HashMap<Variable, Variable>,
) -> GraphPattern {
    let new = |v: Variable| names.get(&v).cloned().unwrap_or(v);
    let Ok(pattern) = map_own_expressions(pattern, &mut |e| {
        Ok::<_, Infallible>(match e {
            Expression::Variable(v) => Expression::Variable(new(v)),
            Expression::Bound(v) => Expression::Bound(new(v)),
            Expression::Exists(inside) => Expression::Exists(Box::new(rename(*inside, names))),
            other => other,
        })
    });
    pattern
}

/// Rebuilds the node's own expressions with `f` applied to every part of them.
fn map_own_expressions<E>(
    pattern: GraphPattern,
    f: &mut dyn FnMut(Expression) -> Result<Expression, E>,
) -> Result<GraphPattern, E> {
    Ok(match pattern {
        GraphPattern::Filter { expr, inner } => GraphPattern::Filter {
            expr: map_expression(expr, f)?,
            inner,
        },
        GraphPattern::LeftJoin {
            left,
            right,
            expression: Some(expression),
        } => GraphPattern::LeftJoin {
            left,
            right,
            expression: Some(map_expression(expression, f)?),
        },
        GraphPattern::Extend {
            inner,
            variable,
            expression,
        } => GraphPattern::Extend {
            inner,
            variable,
            expression: map_expression(expression, f)?,
        },
        GraphPattern::OrderBy { inner, expression } => GraphPattern::OrderBy {
            inner,
            expression: expression
                .into_iter()
                .map(|order| {
                    Ok(match order {
                        OrderExpression::Asc(e) => OrderExpression::Asc(map_expression(e, f)?),
                        OrderExpression::Desc(e) => OrderExpression::Desc(map_expression(e, f)?),
                    })
                })
                .collect::<Result<_, E>>()?,
        },
        GraphPattern::Group {
            inner,
            variables,
            aggregates,
        } => GraphPattern::Group {
            inner,
            variables,
            aggregates: aggregates
                .into_iter()
                .map(|(variable, aggregate)| {
                    Ok((
                        variable,
                        match aggregate {
                            AggregateExpression::FunctionCall {
                                name,
                                expr,
                                distinct,
                            } => AggregateExpression::FunctionCall {
                                name,
                                expr: map_expression(expr, f)?,
                                distinct,
                            },
                            count @ AggregateExpression::CountSolutions { .. } => count,
                        },
                    ))
                })
                .collect::<Result<_, E>>()?,
        },
        other => other,
    })
}

/// `VALUES` with one column.
pub(super) fn values(
    variable: Variable,
    terms: impl IntoIterator<Item = GroundTerm>,
) -> GraphPattern {
    GraphPattern::Values {
        variables: vec![variable],
        bindings: terms.into_iter().map(|term| vec![Some(term)]).collect(),
    }
}

/// The constants to which a filter expression restricts `variable`, if it does:
/// `?v = c`, `sameTerm(?v, c)`, `?v IN (c, …)`, and disjunctions of these; a conjunct suffices.
pub(super) fn constants_of(
    expression: &Expression,
    variable: &Variable,
) -> Option<Vec<GroundTerm>> {
    let is_variable = |e: &Expression| matches!(e, Expression::Variable(v) if v == variable);
    let constant = |e: &Expression| match e {
        Expression::NamedNode(n) => Some(GroundTerm::NamedNode(n.clone())),
        Expression::Literal(l) => Some(GroundTerm::Literal(l.clone())),
        _ => None,
    };
    match expression {
        Expression::Equal(a, b) | Expression::SameTerm(a, b) => {
            let other = if is_variable(a) {
                b
            } else if is_variable(b) {
                a
            } else {
                return None;
            };
            Some(vec![constant(other)?])
        }
        Expression::In(a, list) if is_variable(a) => list.iter().map(constant).collect(),
        Expression::Or(a, b) => {
            let mut found = constants_of(a, variable)?;
            found.extend(constants_of(b, variable)?);
            Some(found)
        }
        Expression::And(a, b) => constants_of(a, variable).or_else(|| constants_of(b, variable)),
        _ => None,
    }
}

/// The number that a filter expression demands `variable` not to be less than, if it does:
/// `?v > n`, `?v >= n` and the same turned round; of conjuncts the strictest.
pub(super) fn lower_bound(expression: &Expression, variable: &Variable) -> Option<f64> {
    let is_variable = |e: &Expression| matches!(e, Expression::Variable(v) if v == variable);
    match expression {
        Expression::Greater(a, b) | Expression::GreaterOrEqual(a, b) if is_variable(a) => number(b),
        Expression::Less(a, b) | Expression::LessOrEqual(a, b) if is_variable(b) => number(a),
        Expression::And(a, b) => {
            let bounds = [a, b].map(|e| lower_bound(e, variable));
            bounds.into_iter().flatten().reduce(f64::max)
        }
        _ => None,
    }
}

/// The value of a numeric literal.
fn number(expression: &Expression) -> Option<f64> {
    let Expression::Literal(literal) = expression else {
        return None;
    };
    let is_number =
        [xsd::INTEGER, xsd::DECIMAL, xsd::DOUBLE, xsd::FLOAT].contains(&literal.datatype());
    let value: f64 = literal.value().parse().ok().filter(|_| is_number)?;
    (!value.is_nan()).then_some(value)
}

//! Going through patterns and expressions, to look at each part or to rebuild it.

use spargebra::algebra::{AggregateExpression, Expression, GraphPattern, OrderExpression};

/// Rebuilds `pattern` with `f` applied to each direct child, those inside EXISTS included. The inside
/// of SERVICE belongs to another endpoint and is left alone.
pub(in crate::sparql) fn map_children<E>(
    pattern: GraphPattern,
    f: &mut dyn FnMut(GraphPattern) -> Result<GraphPattern, E>,
) -> Result<GraphPattern, E> {
    let pattern = map_inner(pattern, f)?;
    map_exists(pattern, f)
}

/// Rebuilds `pattern` with `f` applied to the pattern of each EXISTS in its own expressions.
pub(in crate::sparql) fn map_exists<E>(
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
// Long, for there is an arm for each kind of node.
pub(in crate::sparql) fn map_inner<E>(
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
pub(in crate::sparql) fn visit_expression<'a>(
    expression: &'a Expression,
    f: &mut dyn FnMut(&'a Expression),
) {
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
pub(in crate::sparql) fn expressions(pattern: &GraphPattern) -> Vec<&Expression> {
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
pub(in crate::sparql) fn exists_patterns(pattern: &GraphPattern) -> Vec<&GraphPattern> {
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
pub(in crate::sparql) fn children(pattern: &GraphPattern) -> Vec<&GraphPattern> {
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

/// The direct child patterns, then those of the EXISTS inside the node's own expressions.
pub(in crate::sparql) fn below(pattern: &GraphPattern) -> impl Iterator<Item = &GraphPattern> {
    (children(pattern).into_iter()).chain(exists_patterns(pattern))
}

/// Whether `test` holds for `pattern` or a pattern below it, those of EXISTS included.
pub(in crate::sparql) fn any(pattern: &GraphPattern, test: &dyn Fn(&GraphPattern) -> bool) -> bool {
    test(pattern) || below(pattern).any(|inner| any(inner, test))
}

/// Calls `f` on `pattern` and every pattern below it, those of EXISTS included, from the root down.
pub(in crate::sparql) fn visit(pattern: &GraphPattern, f: &mut dyn FnMut(&GraphPattern)) {
    f(pattern);
    for inner in below(pattern) {
        visit(inner, f);
    }
}

/// Rebuilds the node's own expressions with `f` applied to every part of them.
// Long, for there is an arm for each kind of node.
pub(super) fn map_own_expressions<E>(
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

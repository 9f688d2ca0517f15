//! What a FILTER demands of a variable.

use super::cells;
use oxrdf::Variable;
use spargebra::algebra::Expression;
use spargebra::term::GroundTerm;

/// The constants to which a filter expression restricts `variable`, if it does:
/// `?v = c`, `sameTerm(?v, c)`, `?v IN (c, …)`, and disjunctions of these; a conjunct suffices.
pub(in crate::sparql) fn constants_of(
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
pub(in crate::sparql) fn lower_bound(expression: &Expression, variable: &Variable) -> Option<f64> {
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
    cells::number(literal).filter(|value| !value.is_nan())
}

//! A SELECT query as pages of its answer: the algebra that asks for a part of the rows.

use oxrdf::{Literal, Variable};
use spargebra::algebra::{
    AggregateExpression, Expression, Function, GraphPattern, OrderExpression,
};
use spargebra::{Query, SparqlParser, SparqlSyntaxError};

/// The image query.
pub(super) struct SelectQuery {
    /// As it was given: what is asked first, since endpoints have words of their own.
    pub(super) text: String,
    /// Its pages, or why there are none.
    pub(super) pages: Result<Pages, Unpaged>,
}

/// Why a query has no pages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unpaged {
    #[error(
        "it cannot be asked for in pages, because the query has a LIMIT or OFFSET of its own; take that out of the query"
    )]
    HasSlice {
        /// The query's LIMIT.
        length: Option<usize>,
    },
    #[error(
        "it cannot be asked for in pages, because the query is not plain SPARQL 1.1 ({0}); write it so"
    )]
    NotParsed(String),
    #[error("a DESCRIBE query cannot be asked for in pages; write it as CONSTRUCT")]
    Describe,
}

/// A query of which parts can be asked for: SELECT without LIMIT and OFFSET.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    /// A [`Query::Select`].
    query: Query,
    variables: Vec<Variable>,
    /// What the query itself is ordered by.
    order: Vec<OrderExpression>,
}

/// A part of the rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// Those after the first so many.
    Offset(usize),
    /// Those whose key is not before this one; all without one.
    Key(&'a Variable, Option<&'a str>),
}

/// How the order of a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Whether it stands in a sub-SELECT within, and not beside LIMIT and OFFSET, as SPARQL has it. Virtuoso sorts ten
    /// thousand rows at most where ORDER BY and LIMIT stand together, and as many as there are so.
    pub(super) is_nested: bool,
    /// Whether terms are told apart that SPARQL's order leaves open, such as `"a"@en` and `"a"@de`. Not every endpoint
    /// can order by what tells them apart.
    pub(super) tells_apart: bool,
}

impl Form {
    /// What is asked for first.
    pub(super) const FIRST: Self = Self {
        is_nested: false,
        tells_apart: true,
    };
}

impl Unpaged {
    pub(super) fn not_parsed(error: &SparqlSyntaxError) -> Self {
        let text = error.to_string();
        Self::NotParsed(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl SelectQuery {
    /// # Errors
    /// If the query is of another form than SELECT.
    pub(super) fn new(text: &str) -> anyhow::Result<Self> {
        let pages = match SparqlParser::new().parse_query(text) {
            Ok(query @ Query::Select { .. }) => Pages::new(query),
            Ok(Query::Ask { .. }) => anyhow::bail!(
                "the image query is an ASK query; a SELECT query that binds the IIIF URLs is needed"
            ),
            Ok(Query::Construct { .. } | Query::Describe { .. }) => anyhow::bail!(
                "the image query is a CONSTRUCT or DESCRIBE query; a SELECT query that binds the IIIF URLs is needed, and what RDF is to be kept is asked for with --metadata-query"
            ),
            Err(error) => Err(Unpaged::not_parsed(&error)),
        };
        Ok(Self {
            text: text.to_owned(),
            pages,
        })
    }

    /// Whether an answer of so many rows is all that the query asks for.
    pub(super) fn is_satisfied_by(&self, n_rows: usize) -> bool {
        matches!(&self.pages, Err(Unpaged::HasSlice { length: Some(length) }) if n_rows >= *length)
    }
}

impl Pages {
    /// The pages of `query`.
    ///
    /// # Errors
    /// Why it has none.
    pub(super) fn new(query: Query) -> Result<Self, Unpaged> {
        let Query::Select { pattern, .. } = &query else {
            return Err(Unpaged::Describe);
        };
        if let GraphPattern::Slice { length, .. } = pattern {
            return Err(Unpaged::HasSlice { length: *length });
        }
        let (variables, order) = head(pattern);
        let pages = Self {
            variables: variables.to_vec(),
            order: order.to_vec(),
            query,
        };
        // What the algebra is written as must be read again: then it is plain SPARQL.
        let form = Form {
            is_nested: true,
            ..Form::FIRST
        };
        let page = pages.page(Part::Offset(1), 2, form);
        match SparqlParser::new().parse_query(&page) {
            Ok(_) => Ok(pages),
            Err(error) => Err(Unpaged::not_parsed(&error)),
        }
    }

    /// The variable that the query is ordered by, if that is one alone, ascending and given.
    pub(super) fn key(&self) -> Option<&Variable> {
        match &self.order[..] {
            [OrderExpression::Asc(Expression::Variable(key))] if self.variables.contains(key) => {
                Some(key)
            }
            _ => None,
        }
    }

    /// The query for so many rows of a part, in an order that no two different rows share.
    pub(super) fn page(&self, part: Part<'_>, n_rows: usize, form: Form) -> String {
        let (ordered, start) = match part {
            Part::Offset(start) => (self.ordered(form.tells_apart), start),
            Part::Key(key, from) => (self.since_key(key, from), 0),
        };
        let ordered = match form.is_nested {
            false => ordered,
            true => self.select(GraphPattern::Filter {
                // Keeps DISTINCT and ORDER BY in there when this is written.
                expr: Literal::from(true).into(),
                inner: Box::new(ordered),
            }),
        };
        self.text(GraphPattern::Slice {
            inner: Box::new(ordered),
            start,
            length: Some(n_rows),
        })
    }

    /// The query for the row after `n_rows`, in no other order than its own.
    pub(super) fn one_more(&self, n_rows: usize) -> String {
        self.text(GraphPattern::Slice {
            inner: Box::new(self.pattern().clone()),
            start: n_rows,
            length: Some(1),
        })
    }

    /// The query for the number of rows.
    pub(super) fn count(&self) -> String {
        self.count_of(with_order(self.pattern(), &[]))
    }

    /// The query for the number of rows that are not the same; none if no two of the query are.
    pub(super) fn count_distinct(&self) -> Option<String> {
        match with_order(self.pattern(), &[]) {
            GraphPattern::Distinct { .. } => None,
            rows => Some(self.count_of(GraphPattern::Distinct {
                inner: Box::new(rows),
            })),
        }
    }

    fn count_of(&self, rows: GraphPattern) -> String {
        let mut number = "n".to_owned();
        while self.variables.iter().any(|name| name.as_str() == number) {
            number.push('n');
        }
        let number = Variable::new_unchecked(number);
        let count = AggregateExpression::CountSolutions { distinct: false };
        self.text(GraphPattern::Project {
            inner: Box::new(GraphPattern::Group {
                inner: Box::new(rows),
                variables: Vec::new(),
                aggregates: vec![(number.clone(), count)],
            }),
            variables: vec![number],
        })
    }

    /// The rows in the query's own order, and those that it leaves open in that of all their terms. SPARQL leaves the
    /// order of some terms open (section 15.1), so that these are told apart by their text, language and datatype: one
    /// page may have them in another order than the next.
    fn ordered(&self, tells_apart: bool) -> GraphPattern {
        let mut order = self.order.clone();
        for variable in &self.variables {
            let by = |o: &OrderExpression| match o {
                OrderExpression::Asc(by) | OrderExpression::Desc(by) => by.clone(),
            };
            let by_variable = Expression::from(variable.clone());
            if !order.iter().any(|o| by(o) == by_variable) {
                order.push(OrderExpression::Asc(by_variable));
            }
        }
        let marks = match tells_apart {
            true => &[Function::Str, Function::Lang, Function::Datatype][..],
            false => &[],
        };
        for variable in &self.variables {
            order.extend(marks.iter().map(|mark| {
                let mark = Expression::FunctionCall(mark.clone(), vec![variable.clone().into()]);
                OrderExpression::Asc(mark)
            }));
        }
        with_order(self.pattern(), &order)
    }

    /// The rows whose key is `from` or comes after it, by its text: IRIs themselves cannot be compared in SPARQL.
    fn since_key(&self, key: &Variable, from: Option<&str>) -> GraphPattern {
        let text = Expression::FunctionCall(Function::Str, vec![key.clone().into()]);
        let mut rows = with_order(self.pattern(), &[]);
        if let Some(from) = from {
            let from = Expression::Literal(Literal::new_simple_literal(from));
            rows = GraphPattern::Filter {
                expr: Expression::GreaterOrEqual(Box::new(text.clone()), Box::new(from)),
                inner: Box::new(rows),
            };
        }
        self.select(GraphPattern::OrderBy {
            inner: Box::new(rows),
            expression: vec![OrderExpression::Asc(text)],
        })
    }

    fn select(&self, rows: GraphPattern) -> GraphPattern {
        GraphPattern::Project {
            inner: Box::new(rows),
            variables: self.variables.clone(),
        }
    }

    fn pattern(&self) -> &GraphPattern {
        match &self.query {
            Query::Select { pattern, .. }
            | Query::Construct { pattern, .. }
            | Query::Describe { pattern, .. }
            | Query::Ask { pattern, .. } => pattern,
        }
    }

    fn text(&self, pattern: GraphPattern) -> String {
        Query::Select {
            dataset: self.query.dataset().cloned(),
            pattern,
            // All IRIs are absolute by now.
            base_iri: None,
        }
        .to_string()
    }
}

/// The variables and the order of a SELECT.
fn head(pattern: &GraphPattern) -> (&[Variable], &[OrderExpression]) {
    match pattern {
        GraphPattern::Distinct { inner } | GraphPattern::Reduced { inner } => head(inner),
        GraphPattern::Project { inner, variables } => match &**inner {
            GraphPattern::OrderBy { expression, .. } => (variables, expression),
            _ => (variables, &[]),
        },
        _ => (&[], &[]),
    }
}

/// The SELECT in this order, or in none.
fn with_order(pattern: &GraphPattern, order: &[OrderExpression]) -> GraphPattern {
    match pattern {
        GraphPattern::Distinct { inner } => GraphPattern::Distinct {
            inner: Box::new(with_order(inner, order)),
        },
        // REDUCED may drop a row in one page and not in the next.
        GraphPattern::Reduced { inner } => GraphPattern::Distinct {
            inner: Box::new(with_order(inner, order)),
        },
        GraphPattern::Project { inner, variables } => {
            let rows = match &**inner {
                GraphPattern::OrderBy { inner, .. } => inner,
                _ => inner,
            };
            let rows = match order {
                [] => (**rows).clone(),
                _ => GraphPattern::OrderBy {
                    inner: rows.clone(),
                    expression: order.to_vec(),
                },
            };
            GraphPattern::Project {
                inner: Box::new(rows),
                variables: variables.clone(),
            }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str) -> Pages {
        let query = SparqlParser::new().parse_query(text).unwrap();
        Pages::new(query).unwrap()
    }

    /// The same query, however it is written.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let query = |text: &str| SparqlParser::new().parse_query(text).unwrap();
        assert_eq!(query(text).to_string(), query(expected).to_string());
    }

    #[test]
    fn a_page_is_the_query_in_an_order_that_leaves_nothing_open() {
        let plain = Form {
            is_nested: false,
            tells_apart: false,
        };
        let nested = Form {
            is_nested: true,
            ..plain
        };
        let page = |text: &str, form| pages(text).page(Part::Offset(9), 10, form);
        check(
            &page("SELECT ?b ?a FROM <x:g> { ?a <x:p> ?b }", plain),
            "SELECT ?b ?a FROM <x:g> { ?a <x:p> ?b } ORDER BY ?b ?a OFFSET 9 LIMIT 10",
        );
        check(
            &page(
                "PREFIX x: <x:> SELECT DISTINCT ?a { ?a x:p ?b } ORDER BY DESC(?a)",
                plain,
            ),
            "SELECT DISTINCT ?a { ?a <x:p> ?b } ORDER BY DESC(?a) OFFSET 9 LIMIT 10",
        );
        check(
            &page("SELECT ?a { ?a <x:p> ?b } ORDER BY ?b", nested),
            "SELECT ?a { { SELECT ?a { ?a <x:p> ?b } ORDER BY ?b ?a } FILTER(true) } OFFSET 9 LIMIT 10",
        );
        check(
            &page("SELECT DISTINCT ?a { ?a <x:p> ?b }", Form::FIRST),
            "SELECT DISTINCT ?a { ?a <x:p> ?b } ORDER BY ?a STR(?a) LANG(?a) DATATYPE(?a) OFFSET 9 LIMIT 10",
        );
    }

    #[test]
    fn a_page_by_key_compares_the_text_of_the_key() {
        let pages = pages("SELECT DISTINCT ?a ?b { ?a <x:p> ?b } ORDER BY ?a");
        let key = pages.key().unwrap();
        check(
            &pages.page(Part::Key(key, Some("x:\"1")), 10, Form::FIRST),
            "SELECT ?a ?b { { SELECT DISTINCT ?a ?b { ?a <x:p> ?b } } FILTER(STR(?a) >= \"x:\\\"1\") } ORDER BY STR(?a) LIMIT 10",
        );
        for unordered in [
            "ORDER BY DESC(?a)",
            "ORDER BY ?a ?b",
            "ORDER BY ?b",
            "ORDER BY STR(?a)",
            "",
        ] {
            let text = format!("SELECT ?a {{ ?a <x:p> ?b }} {unordered}");
            assert_eq!(super::tests::pages(&text).key(), None, "{text}");
        }
    }

    #[test]
    fn rows_are_counted_as_they_are_asked_for() {
        let count = pages("SELECT DISTINCT ?n { ?a <x:p> ?n } ORDER BY ?n").count();
        // Not by the name of a variable of the query.
        let expected = "SELECT ?nn WHERE { {SELECT (COUNT(*) AS ?nn) WHERE { { SELECT DISTINCT ?n WHERE { ?a <x:p> ?n . } } }} }";
        assert_eq!(count, expected);
        SparqlParser::new().parse_query(&count).unwrap();
        let distinct = |text: &str| pages(text).count_distinct();
        assert_eq!(distinct("SELECT DISTINCT ?a { ?a <x:p> ?n }"), None);
        let count = distinct("SELECT ?a { ?a <x:p> ?n } ORDER BY ?n").unwrap();
        let expected = "SELECT ?n WHERE { {SELECT (COUNT(*) AS ?n) WHERE { { SELECT DISTINCT ?a WHERE { ?a <x:p> ?n . } } }} }";
        assert_eq!(count, expected);
        SparqlParser::new().parse_query(&count).unwrap();
    }
}

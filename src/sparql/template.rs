//! A SELECT with places for IRIs: each `VALUES ?image { }` without rows is filled in before it is asked.

use crate::sparql::Sparql;
use crate::sparql::algebra::query::{pattern_of_mut, shown};
use crate::sparql::algebra::{self, walk};
use crate::sparql::error::{Malformed, QueryError};
use crate::sparql::limits::cancellation::Cancellation;
use crate::sparql::results::Answer;
use crate::sparql::text;
use oxrdf::{NamedNode, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::GroundTerm;
use std::convert::Infallible;

/// A query that is parsed once and asked about other IRIs each time.
#[derive(Debug, Clone)]
pub struct Template {
    query: Query,
    filled: Variable,
    variables: Vec<Variable>,
}

/// Why a query is no template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It cannot be parsed, or is too large to be evaluated.
    #[error("{0}; correct it there")]
    Malformed(#[from] Malformed),
    /// It has no rows.
    #[error("it is no SELECT query; write SELECT … WHERE {{ VALUES ?{0} {{ }} … }}")]
    NotSelect(String),
    /// Nothing can be filled in.
    #[error(
        "it has no empty VALUES ?{0} {{ }}, in which the service puts what it asks about; write that at the beginning of its WHERE, or of each branch of a UNION"
    )]
    NoPlace(String),
}

impl Template {
    /// Takes the query `text`, whose `VALUES ?variable { }` are the places.
    ///
    /// # Errors
    /// [`TemplateError`] says what the query's author has to change.
    pub fn parse(text: &str, variable: &str) -> Result<Self, TemplateError> {
        let query = text::read(text)?;
        let Query::Select { pattern, .. } = &query else {
            return Err(TemplateError::NotSelect(variable.to_owned()));
        };
        let filled = Variable::new_unchecked(variable);
        if !walk::any(pattern, &|node| is_place(node, &filled)) {
            return Err(TemplateError::NoPlace(variable.to_owned()));
        }
        let variables = shown(pattern).to_vec();
        Ok(Self {
            query,
            filled,
            variables,
        })
    }

    /// What the rows show.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The query about `iris`.
    fn about(&self, iris: &[NamedNode]) -> Query {
        let mut query = self.query.clone();
        let pattern = pattern_of_mut(&mut query);
        let whole = std::mem::replace(pattern, algebra::unit());
        *pattern = filled(whole, &self.filled, iris);
        query
    }
}

impl Sparql {
    /// Asks `template` about `iris`. Blocks, as does reading the answer.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn answer_about(
        &self,
        template: &Template,
        iris: &[NamedNode],
        cancellation: &Cancellation,
    ) -> Result<Answer, QueryError> {
        self.answer_parsed(template.about(iris), cancellation)
    }
}

fn is_place(node: &GraphPattern, variable: &Variable) -> bool {
    matches!(node, GraphPattern::Values { variables, bindings }
        if bindings.is_empty() && variables.as_slice() == std::slice::from_ref(variable))
}

/// `pattern` with `iris` in its places.
fn filled(pattern: GraphPattern, variable: &Variable, iris: &[NamedNode]) -> GraphPattern {
    if is_place(&pattern, variable) {
        let terms = iris.iter().cloned().map(GroundTerm::from);
        return algebra::values(variable.clone(), terms);
    }
    let Ok(pattern) = walk::map_children(pattern, &mut |child| {
        Ok::<_, Infallible>(filled(child, variable, iris))
    });
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Template::parse(text, "image").unwrap_err().to_string()
    }

    #[test]
    fn every_place_is_filled_and_nothing_else() {
        let template = Template::parse(
            "SELECT DISTINCT ?image ?t { { VALUES ?image { } ?image ?p ?t } UNION { { SELECT * { VALUES ?image {} } }
               VALUES ?t { } VALUES (?image ?t) { } FILTER EXISTS { VALUES ?image { } } VALUES ?image { <a:b> } } } LIMIT 5",
            "image",
        )
        .unwrap();
        let iri = NamedNode::new_unchecked("http://example.org/x");
        let query = template.about(std::slice::from_ref(&iri)).to_string();
        assert_eq!(query.matches(&iri.to_string()).count(), 3, "{query}");
        assert_eq!(template.variables().len(), 2);
        // It can be asked about others afterwards.
        let others = template.about(&[]).to_string();
        assert!(!others.contains(&iri.to_string()), "{others}");
    }

    #[test]
    fn what_is_no_template_is_told_with_the_remedy() {
        for (text, words) in [
            (
                "SELECT ?image {",
                vec!["not SPARQL at line 1", "correct it"],
            ),
            (
                "ASK { VALUES ?image { } }",
                vec!["no SELECT", "VALUES ?image { }"],
            ),
            (
                "SELECT * { VALUES ?image { <a:b> } ?image ?p ?o }",
                vec!["no empty VALUES ?image { }", "WHERE"],
            ),
        ] {
            let error = error(text);
            for word in words {
                assert!(error.contains(word), "{word:?} in {error:?}");
            }
        }
    }
}

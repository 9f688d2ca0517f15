//! What is known about images: the operator's *page query* gives it, one field for each of its variables.

pub mod fields;
pub mod image;

use crate::sparql::template::{Template, TemplateError};
use crate::sparql::{Cancellation, QueryError, Sparql};
use fields::{Fields, Value};
use oxrdf::{NamedNode, Term, Variable};
use std::collections::HashMap;

/// The variable with the image.
const IMAGE: &str = "image";

/// The page query that is asked unless the operator has another.
const DEFAULT: &str = include_str!("../../queries/page.rq");

/// A SELECT that tells about images: `?image`, and a field for each of its other variables.
#[derive(Debug, Clone)]
pub struct PageQuery {
    template: Template,
    /// The variables that are fields.
    fields: Vec<Variable>,
}

/// Why a query cannot tell about images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageQueryError {
    /// There is no place for the images.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Nobody could know whose rows these are.
    #[error("its rows do not show the image; add ?image after SELECT")]
    NoImage,
    /// Nothing is told.
    #[error(
        "its rows show the image alone; add variables such as ?title, ?maker or ?date after SELECT"
    )]
    NoField,
}

impl Default for PageQuery {
    fn default() -> Self {
        Self::parse(DEFAULT).expect("a test parses it")
    }
}

impl PageQuery {
    /// Takes the text of a page query.
    ///
    /// # Errors
    /// [`PageQueryError`] says what its author has to change.
    pub fn parse(text: &str) -> Result<Self, PageQueryError> {
        let template = Template::parse(text, IMAGE)?;
        let variables = template.variables();
        let fields: Vec<Variable> = (variables.iter())
            .filter(|variable| variable.as_str() != IMAGE)
            .cloned()
            .collect();
        if fields.len() == variables.len() {
            return Err(PageQueryError::NoImage);
        }
        if fields.is_empty() {
            return Err(PageQueryError::NoField);
        }
        Ok(Self { template, fields })
    }

    /// What is known about each of `images`, by their IRIs; those without any row are not in it. Blocks.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn describe(
        &self,
        sparql: &Sparql,
        images: &[&str],
        cancellation: &Cancellation,
    ) -> Result<HashMap<String, Fields>, QueryError> {
        let iris: Vec<NamedNode> = (images.iter())
            .filter_map(|iri| NamedNode::new(*iri).ok())
            .collect();
        let mut found: HashMap<String, Fields> = HashMap::new();
        let answer = sparql.answer_about(&self.template, &iris, cancellation)?;
        answer.for_each_solution(|solution| {
            let Some(Term::NamedNode(image)) = solution.get(IMAGE) else {
                return;
            };
            let fields = match found.get_mut(image.as_str()) {
                Some(fields) => fields,
                None => found.entry(image.as_str().to_owned()).or_default(),
            };
            for variable in &self.fields {
                if let Some(value) = solution.get(variable).and_then(Value::from_term) {
                    fields.add(variable.as_str(), value);
                }
            }
        })?;
        for fields in found.values_mut() {
            fields.sort_like(self.fields.iter().map(Variable::as_str));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_query_has_all_known_fields() {
        let fields = PageQuery::default().fields;
        let names: Vec<&str> = fields.iter().map(Variable::as_str).collect();
        for name in fields::KNOWN {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_query_shows_the_image_and_something_about_it() {
        for (text, word) in [
            (
                "SELECT ?title { VALUES ?image { } ?image ?p ?title }",
                "add ?image",
            ),
            (
                "SELECT ?image { VALUES ?image { } ?image ?p ?title }",
                "?title",
            ),
            (
                "SELECT ?image ?title { ?image ?p ?title }",
                "empty VALUES ?image { }",
            ),
        ] {
            let error = PageQuery::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}

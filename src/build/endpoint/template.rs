//! A CONSTRUCT query as a SELECT query, whose rows can be had in pages, and the triples that they stand for.

use super::query::{Pages, Unpaged};
use super::sink::{Row, Sink, WriteRow};
use crate::image_id;
use anyhow::{Context, bail};
use oxrdf::{BlankNode, NamedNode, NamedOrBlankNode, Term, Triple, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::{NamedNodePattern, TermPattern, TriplePattern};
use std::io::Write;

/// What is made of each row.
#[derive(Debug, Clone)]
pub(super) struct Template {
    triples: Vec<TriplePattern>,
    variables: Vec<Variable>,
    /// In the order of the query: those without a name in it get another one each time.
    blank_nodes: Vec<BlankNode>,
    /// What tells its blank nodes from those of other queries.
    salt: String,
}

impl Template {
    /// The template of a CONSTRUCT query with this text, and the rows that fill it.
    ///
    /// # Errors
    /// The second, if these rows cannot be had in pages.
    pub(super) fn new(query: Query, text: &str) -> (Self, Result<Pages, Unpaged>) {
        let salt = image_id::text_digest(text);
        let Query::Construct {
            template: triples,
            dataset,
            pattern,
            base_iri,
        } = query
        else {
            let none = Self {
                triples: Vec::new(),
                variables: Vec::new(),
                blank_nodes: Vec::new(),
                salt,
            };
            return (none, Err(Unpaged::Describe));
        };
        let mut template = Self {
            triples,
            variables: Vec::new(),
            blank_nodes: Vec::new(),
            salt,
        };
        let mut variables = Vec::new();
        for triple in &template.triples {
            look(triple, &mut variables, &mut template.blank_nodes);
        }
        let has_blank_nodes = !template.blank_nodes.is_empty();
        variables.sort();
        variables.dedup();
        template.variables = variables;
        if template.variables.is_empty() {
            let reason = "its template has no variable".to_owned();
            return (template, Err(Unpaged::NotParsed(reason)));
        }
        let length = match &pattern {
            GraphPattern::Slice { length, .. } => Some(*length),
            _ => None,
        };
        if let Some(length) = length {
            return (template, Err(Unpaged::HasSlice { length }));
        }
        let inner = match pattern {
            GraphPattern::Project { inner, .. } => inner,
            other => Box::new(other),
        };
        let rows = GraphPattern::Project {
            inner,
            variables: template.variables.clone(),
        };
        // Equal rows stand for equal triples, unless each of them makes blank nodes of its own.
        let pattern = match has_blank_nodes {
            true => rows,
            false => GraphPattern::Distinct {
                inner: Box::new(rows),
            },
        };
        let pages = Pages::new(Query::Select {
            dataset,
            pattern,
            base_iri,
        });
        (template, pages)
    }

    pub(super) fn n_triples(&self) -> usize {
        self.triples.len()
    }

    /// Has the triples of all further rows written as N-Triples; those with unbound variables are none.
    pub(super) fn begin(self, sink: &mut Sink) {
        let columns = self
            .variables
            .iter()
            .map(|v| v.as_str().to_owned())
            .collect();
        // Rows that are the same stand together.
        let mut before: Option<(Row, u64)> = None;
        let write: WriteRow = Box::new(move |row, out| {
            let number = match &mut before {
                Some((before, number)) if before == row => {
                    *number += 1;
                    *number
                }
                _ => before.insert((row.clone(), 1)).1,
            };
            self.write(row, number, out)
        });
        sink.restart(columns, write);
    }

    /// # Errors
    /// If a row has a blank node, which is another one in each page, or what is no IRI.
    fn write(&self, row: &Row, number: u64, out: &mut dyn Write) -> anyhow::Result<()> {
        for term in row.iter().flatten() {
            match term {
                Term::BlankNode(_) => {
                    bail!("there are blank nodes in it, which cannot be joined from page to page")
                }
                Term::NamedNode(iri) => {
                    NamedNode::new(iri.as_str())
                        .with_context(|| format!("<{}> in it is no IRI", iri.as_str()))?;
                }
                Term::Literal(_) | Term::Triple(_) => {}
            }
        }
        let filled = Filled {
            row,
            number,
            template: self,
        };
        for triple in self
            .triples
            .iter()
            .filter_map(|triple| filled.triple(triple))
        {
            writeln!(out, "{triple} .")?;
        }
        Ok(())
    }
}

/// Notes the variables of a pattern, and the blank nodes that it makes.
fn look(triple: &TriplePattern, variables: &mut Vec<Variable>, blank_nodes: &mut Vec<BlankNode>) {
    if let NamedNodePattern::Variable(variable) = &triple.predicate {
        variables.push(variable.clone());
    }
    for term in [&triple.subject, &triple.object] {
        match term {
            TermPattern::Variable(variable) => variables.push(variable.clone()),
            TermPattern::BlankNode(node) if blank_nodes.contains(node) => {}
            TermPattern::BlankNode(node) => blank_nodes.push(node.clone()),
            TermPattern::Triple(triple) => look(triple, variables, blank_nodes),
            TermPattern::NamedNode(_) | TermPattern::Literal(_) => {}
        }
    }
}

/// A row for the variables of a template.
struct Filled<'a> {
    template: &'a Template,
    row: &'a Row,
    /// Among rows that are the same.
    number: u64,
}

impl Filled<'_> {
    fn triple(&self, pattern: &TriplePattern) -> Option<Triple> {
        let subject: NamedOrBlankNode = match self.term(&pattern.subject)? {
            Term::NamedNode(iri) => iri.into(),
            Term::BlankNode(node) => node.into(),
            Term::Literal(_) | Term::Triple(_) => return None,
        };
        let predicate = match &pattern.predicate {
            NamedNodePattern::NamedNode(iri) => iri.clone(),
            NamedNodePattern::Variable(variable) => match self.value(variable)? {
                Term::NamedNode(iri) => iri,
                Term::BlankNode(_) | Term::Literal(_) | Term::Triple(_) => return None,
            },
        };
        Some(Triple::new(subject, predicate, self.term(&pattern.object)?))
    }

    fn term(&self, pattern: &TermPattern) -> Option<Term> {
        Some(match pattern {
            TermPattern::NamedNode(iri) => iri.clone().into(),
            TermPattern::Literal(literal) => literal.clone().into(),
            TermPattern::Variable(variable) => self.value(variable)?,
            TermPattern::BlankNode(node) => self.node(node).into(),
            TermPattern::Triple(triple) => Term::Triple(Box::new(self.triple(triple)?)),
        })
    }

    fn value(&self, variable: &Variable) -> Option<Term> {
        let at = (self.template.variables.iter()).position(|known| known == variable)?;
        self.row.get(at)?.clone()
    }

    /// The blank node that the row makes: the same one in the same row whenever it comes.
    fn node(&self, node: &BlankNode) -> BlankNode {
        let terms = self
            .row
            .iter()
            .map(|term| term.as_ref().map(ToString::to_string));
        let terms: Vec<String> = terms.map(Option::unwrap_or_default).collect();
        let known = &self.template.blank_nodes;
        let place = known.iter().position(|known| known == node);
        let (salt, number) = (&self.template.salt, self.number);
        let place = place.unwrap_or(known.len());
        let name = format!("{salt} {number} {place} {}", terms.join(" "));
        BlankNode::new_unchecked(format!("m{}", image_id::text_digest(&name)))
    }
}

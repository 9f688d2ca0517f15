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
}

impl Template {
    /// The template of a CONSTRUCT query with these parts, and the rows that fill it.
    ///
    /// # Errors
    /// The second, if these rows cannot be had in pages.
    pub(super) fn new(query: Query) -> (Self, Result<Pages, Unpaged>) {
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
            };
            return (none, Err(Unpaged::Describe));
        };
        let mut template = Self {
            triples,
            variables: Vec::new(),
        };
        let mut has_blank_nodes = false;
        let mut variables = Vec::new();
        for triple in &template.triples {
            look(triple, &mut variables, &mut has_blank_nodes);
        }
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
        let mut n_rows = 0u64;
        let write: WriteRow = Box::new(move |row, out| {
            n_rows += 1;
            self.write(row, n_rows, out)
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
            variables: &self.variables,
            row,
            number,
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

/// Notes the variables of a pattern, and whether it makes blank nodes.
fn look(triple: &TriplePattern, variables: &mut Vec<Variable>, has_blank_nodes: &mut bool) {
    if let NamedNodePattern::Variable(variable) = &triple.predicate {
        variables.push(variable.clone());
    }
    for term in [&triple.subject, &triple.object] {
        match term {
            TermPattern::Variable(variable) => variables.push(variable.clone()),
            TermPattern::BlankNode(_) => *has_blank_nodes = true,
            TermPattern::Triple(triple) => look(triple, variables, has_blank_nodes),
            TermPattern::NamedNode(_) | TermPattern::Literal(_) => {}
        }
    }
}

/// A row for the variables of a template.
struct Filled<'a> {
    variables: &'a [Variable],
    row: &'a Row,
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
        let at = self.variables.iter().position(|known| known == variable)?;
        self.row.get(at)?.clone()
    }

    /// The blank node that the row makes: the same one in the same row of the same answer.
    fn node(&self, node: &BlankNode) -> BlankNode {
        let terms = self
            .row
            .iter()
            .map(|term| term.as_ref().map(ToString::to_string));
        let terms: Vec<String> = terms.map(Option::unwrap_or_default).collect();
        let name = format!("{} {} {}", self.number, node.as_str(), terms.join(" "));
        BlankNode::new_unchecked(format!("m{}", image_id::text_digest(&name)))
    }
}

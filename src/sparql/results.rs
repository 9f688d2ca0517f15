//! Answers on the wire: the result formats of SPARQL and RDF.

use super::carried::{self, CarriageReturns, TripleCheck};
use super::deadline::Deadline;
use super::json::JsonSolutions;
use oxigraph::io::{RdfFormat, RdfSerializer};
use oxigraph::model::{Term, Triple, Variable};
use oxigraph::sparql::{QueryEvaluationError, QueryResults, QuerySolution};
use sparesults::{QueryResultsFormat, QueryResultsSerializer};
use std::io::Write;

/// The answer to a query, not yet read to its end.
pub struct Answer {
    results: QueryResults<'static>,
    deadline: Deadline,
}

/// What kind of answer a query has; decides which formats fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// SELECT.
    Solutions,
    /// ASK.
    Boolean,
    /// CONSTRUCT and DESCRIBE.
    Graph,
}

/// Formats for SELECT and ASK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// SPARQL 1.1 Query Results JSON.
    Json,
    /// SPARQL Query Results XML.
    Xml,
    /// SPARQL 1.1 Query Results CSV.
    Csv,
    /// SPARQL 1.1 Query Results TSV.
    Tsv,
}

/// Formats for CONSTRUCT and DESCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// RDF 1.1 Turtle.
    Turtle,
    /// RDF 1.1 N-Triples.
    NTriples,
    /// RDF/XML.
    RdfXml,
    /// JSON-LD 1.0.
    JsonLd,
    /// RDF 1.1 TriG, all triples in the default graph.
    TriG,
    /// RDF 1.1 N-Quads, all triples in the default graph.
    NQuads,
}

/// Why an answer ends early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The receiver is gone.
    #[error("the answer cannot be written")]
    Io(#[from] std::io::Error),
    /// Evaluation failed after the first rows.
    #[error(transparent)]
    Query(#[from] super::QueryError),
}

impl TableFormat {
    /// The media type, without parameters.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        self.engine_format().media_type()
    }

    fn engine_format(self) -> QueryResultsFormat {
        match self {
            Self::Json => QueryResultsFormat::Json,
            Self::Xml => QueryResultsFormat::Xml,
            Self::Csv => QueryResultsFormat::Csv,
            Self::Tsv => QueryResultsFormat::Tsv,
        }
    }
}

impl GraphFormat {
    /// The media type, without parameters.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        self.engine_format().media_type()
    }

    fn engine_format(self) -> RdfFormat {
        match self {
            Self::Turtle => RdfFormat::Turtle,
            Self::NTriples => RdfFormat::NTriples,
            Self::RdfXml => RdfFormat::RdfXml,
            Self::JsonLd => RdfFormat::JsonLd {
                profile: oxigraph::io::JsonLdProfileSet::default(),
            },
            Self::TriG => RdfFormat::TriG,
            Self::NQuads => RdfFormat::NQuads,
        }
    }
}

impl Answer {
    pub(super) fn new(results: QueryResults<'static>, deadline: Deadline) -> Self {
        Self { results, deadline }
    }

    /// SELECT, ASK, or CONSTRUCT and DESCRIBE.
    #[must_use]
    pub fn kind(&self) -> AnswerKind {
        match &self.results {
            QueryResults::Solutions(_) => AnswerKind::Solutions,
            QueryResults::Boolean(_) => AnswerKind::Boolean,
            QueryResults::Graph(_) => AnswerKind::Graph,
        }
    }

    /// The rows as the evaluator gives them, without the time limit.
    #[must_use]
    pub fn into_results(self) -> QueryResults<'static> {
        self.results
    }

    /// Evaluates a SELECT to its end and hands out every solution; nothing for other queries.
    ///
    /// # Errors
    /// [`super::QueryError`] if the evaluation fails or is stopped.
    pub fn for_each_solution(
        self,
        mut f: impl FnMut(&QuerySolution),
    ) -> Result<(), super::QueryError> {
        let QueryResults::Solutions(solutions) = self.results else {
            return Ok(());
        };
        for solution in solutions {
            self.deadline.check()?;
            f(&solution.map_err(|error| self.deadline.explain(error))?);
        }
        self.deadline.check()
    }

    /// Evaluates to the end and writes every row as it comes (a query that was cancelled may end without
    /// an error of its own, hence the last look at the deadline): `table` is used for SELECT and ASK,
    /// `graph` for CONSTRUCT and DESCRIBE.
    ///
    /// # Errors
    /// [`WriteError`] if the writer or the evaluation fails; what was written is then incomplete.
    pub fn write(
        self,
        table: TableFormat,
        graph: GraphFormat,
        out: impl Write,
    ) -> Result<(), WriteError> {
        let deadline = self.deadline;
        let evaluation = |error: QueryEvaluationError| WriteError::Query(deadline.explain(error));
        let serializer = QueryResultsSerializer::from_format(table.engine_format());
        let mut out = match self.results {
            // The serializer leaves IRIs unquoted, also those with a comma, as every IIIF image
            // request has one (sparesults 0.3.5).
            QueryResults::Solutions(solutions) if table == TableFormat::Csv => {
                let variables = solutions.variables().to_vec();
                let mut rows = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(out);
                rows.write_record(variables.iter().map(Variable::as_str))
                    .map_err(std::io::Error::from)?;
                for solution in solutions {
                    deadline.check()?;
                    let solution = solution.map_err(evaluation)?;
                    rows.write_record(variables.iter().map(|v| csv_cell(solution.get(v))))
                        .map_err(std::io::Error::from)?;
                }
                deadline.check()?;
                rows.into_inner().map_err(|error| error.into_error())?
            }
            QueryResults::Solutions(solutions) if table == TableFormat::Json => {
                let mut rows = JsonSolutions::start(out, solutions.variables())?;
                for solution in solutions {
                    deadline.check()?;
                    rows.write(&solution.map_err(evaluation)?)?;
                }
                deadline.check()?;
                rows.finish()?
            }
            QueryResults::Solutions(solutions) if table == TableFormat::Xml => {
                let mut rows = serializer.serialize_solutions_to_writer(
                    CarriageReturns::new(out),
                    solutions.variables().to_vec(),
                )?;
                for solution in solutions {
                    deadline.check()?;
                    let solution = solution.map_err(evaluation)?;
                    carried::check_xml_solution(&solution).map_err(not_in_format)?;
                    rows.serialize(&solution)?;
                }
                deadline.check()?;
                rows.finish()?.into_inner()
            }
            QueryResults::Boolean(value) => serializer.serialize_boolean_to_writer(out, value)?,
            QueryResults::Solutions(solutions) => {
                let mut rows = serializer
                    .serialize_solutions_to_writer(out, solutions.variables().to_vec())?;
                for solution in solutions {
                    deadline.check()?;
                    rows.serialize(&solution.map_err(evaluation)?)?;
                }
                deadline.check()?;
                rows.finish()?
            }
            QueryResults::Graph(triples) => {
                let triples = triples.map(|triple| {
                    deadline.check()?;
                    triple.map_err(evaluation)
                });
                let out = match graph {
                    GraphFormat::RdfXml => {
                        write_triples(triples, graph, CarriageReturns::new(out))?.into_inner()
                    }
                    GraphFormat::Turtle
                    | GraphFormat::NTriples
                    | GraphFormat::JsonLd
                    | GraphFormat::TriG
                    | GraphFormat::NQuads => write_triples(triples, graph, out)?,
                };
                deadline.check()?;
                out
            }
        };
        out.flush()?;
        Ok(())
    }
}

fn write_triples<W: Write>(
    triples: impl Iterator<Item = Result<Triple, WriteError>>,
    format: GraphFormat,
    out: W,
) -> Result<W, WriteError> {
    let mut check = TripleCheck::new(format);
    let mut writer = RdfSerializer::from_format(format.engine_format()).for_writer(out);
    for triple in triples {
        let triple = triple?;
        check.check(&triple).map_err(not_in_format)?;
        writer.serialize_triple(&triple)?;
    }
    Ok(writer.finish()?)
}

fn not_in_format(sentence: String) -> WriteError {
    WriteError::Query(super::QueryError::NotInFormat(sentence))
}

/// A term as SPARQL 1.1 Query Results CSV has it: no quotes, no type, no language.
fn csv_cell(term: Option<&Term>) -> String {
    match term {
        None => String::new(),
        Some(Term::NamedNode(node)) => node.as_str().to_owned(),
        Some(Term::BlankNode(node)) => node.to_string(),
        Some(Term::Literal(literal)) => literal.value().to_owned(),
        Some(term @ Term::Triple(_)) => term.to_string(),
    }
}

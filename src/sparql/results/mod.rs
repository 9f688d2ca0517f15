//! Answers on the wire: the result formats of SPARQL and RDF.

mod carried;
mod json;

use crate::sparql::error::QueryError;
use crate::sparql::limits::Deadline;
use carried::{CarriageReturns, TripleCheck};
use json::JsonSolutions;
use oxigraph::io::{RdfFormat, RdfSerializer};
use oxigraph::model::{Term, Triple, Variable};
use oxigraph::sparql::{QueryResults, QuerySolution};
use sparesults::{QueryResultsFormat, QueryResultsSerializer};
use std::io::{self, Write};

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
    Io(#[from] io::Error),
    /// Evaluation failed after the first rows.
    #[error(transparent)]
    Query(#[from] QueryError),
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
    /// [`QueryError`] if the evaluation fails or is stopped.
    pub fn for_each_solution(self, mut f: impl FnMut(&QuerySolution)) -> Result<(), QueryError> {
        if let QueryResults::Solutions(solutions) = self.results {
            for solution in self.deadline.each(solutions) {
                f(&solution?);
            }
        }
        Ok(())
    }

    /// Evaluates to the end and writes every row as it comes: `table` is used for SELECT and ASK,
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
        let mut out = match self.results {
            QueryResults::Boolean(value) => {
                QueryResultsSerializer::from_format(table.engine_format())
                    .serialize_boolean_to_writer(out, value)?
            }
            QueryResults::Solutions(solutions) => {
                let variables = solutions.variables().to_vec();
                let rows = self.deadline.each(solutions);
                match table {
                    TableFormat::Json => write_json(rows, &variables, out)?,
                    TableFormat::Xml => write_xml(rows, variables, out)?,
                    TableFormat::Csv => write_csv(rows, &variables, out)?,
                    TableFormat::Tsv => write_tsv(rows, variables, out)?,
                }
            }
            QueryResults::Graph(triples) => write_triples(self.deadline.each(triples), graph, out)?,
        };
        out.flush()?;
        Ok(())
    }
}

fn write_json<W: Write>(
    rows: impl Iterator<Item = Result<QuerySolution, QueryError>>,
    variables: &[Variable],
    out: W,
) -> Result<W, WriteError> {
    let mut writer = JsonSolutions::start(out, variables)?;
    for solution in rows {
        writer.write(&solution?)?;
    }
    Ok(writer.finish()?)
}

fn write_xml<W: Write>(
    rows: impl Iterator<Item = Result<QuerySolution, QueryError>>,
    variables: Vec<Variable>,
    out: W,
) -> Result<W, WriteError> {
    let mut writer = QueryResultsSerializer::from_format(QueryResultsFormat::Xml)
        .serialize_solutions_to_writer(CarriageReturns::new(out), variables)?;
    for solution in rows {
        let solution = solution?;
        carried::check_xml_solution(&solution).map_err(not_in_format)?;
        writer.serialize(&solution)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The serializer leaves IRIs unquoted, also those with a comma, as every IIIF image request has one
/// (sparesults 0.3.5).
fn write_csv<W: Write>(
    rows: impl Iterator<Item = Result<QuerySolution, QueryError>>,
    variables: &[Variable],
    out: W,
) -> Result<W, WriteError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    (writer.write_record(variables.iter().map(Variable::as_str))).map_err(io::Error::from)?;
    for solution in rows {
        let solution = solution?;
        let cells = variables.iter().map(|v| csv_cell(solution.get(v)));
        writer.write_record(cells).map_err(io::Error::from)?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

fn write_tsv<W: Write>(
    rows: impl Iterator<Item = Result<QuerySolution, QueryError>>,
    variables: Vec<Variable>,
    out: W,
) -> Result<W, WriteError> {
    let mut writer = QueryResultsSerializer::from_format(QueryResultsFormat::Tsv)
        .serialize_solutions_to_writer(out, variables)?;
    for solution in rows {
        writer.serialize(&solution?)?;
    }
    Ok(writer.finish()?)
}

fn write_triples<W: Write>(
    triples: impl Iterator<Item = Result<Triple, QueryError>>,
    format: GraphFormat,
    out: W,
) -> Result<W, WriteError> {
    match format {
        GraphFormat::RdfXml => {
            let check = TripleCheck::RdfXml { subject: None };
            let out = CarriageReturns::new(out);
            Ok(write_checked(triples, check, format, out)?.into_inner())
        }
        GraphFormat::JsonLd => write_checked(triples, TripleCheck::JsonLd, format, out),
        GraphFormat::Turtle | GraphFormat::NTriples | GraphFormat::TriG | GraphFormat::NQuads => {
            write_checked(triples, TripleCheck::Nothing, format, out)
        }
    }
}

fn write_checked<W: Write>(
    triples: impl Iterator<Item = Result<Triple, QueryError>>,
    mut check: TripleCheck,
    format: GraphFormat,
    out: W,
) -> Result<W, WriteError> {
    let mut writer = RdfSerializer::from_format(format.engine_format()).for_writer(out);
    for triple in triples {
        let triple = triple?;
        check.check(&triple).map_err(not_in_format)?;
        writer.serialize_triple(&triple)?;
    }
    Ok(writer.finish()?)
}

fn not_in_format(sentence: String) -> WriteError {
    WriteError::Query(QueryError::NotInFormat(sentence))
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

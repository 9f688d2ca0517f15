//! SPARQL 1.1 Query Results JSON, written by `serde_json`.
//!
//! The serializer of oxigraph goes through an event for each bracket and through every string character by
//! character, which takes half of the time of an answer with many rows (sparesults 0.3.5).

use oxigraph::sparql::QuerySolution;
use oxrdf::vocab::xsd;
use oxrdf::{Term, Variable};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Writes solutions as they come.
pub(super) struct JsonSolutions<W> {
    out: W,
    /// One solution, so that the writer is given whole ones.
    buffer: Vec<u8>,
    n_written: usize,
}

impl<W: Write> JsonSolutions<W> {
    /// Begins an answer.
    pub(super) fn start(mut out: W, variables: &[Variable]) -> io::Result<Self> {
        let names: Vec<&str> = variables.iter().map(Variable::as_str).collect();
        let names = serde_json::to_string(&names)?;
        write!(
            out,
            r#"{{"head":{{"vars":{names}}},"results":{{"bindings":["#
        )?;
        Ok(Self {
            out,
            buffer: Vec::new(),
            n_written: 0,
        })
    }

    /// Adds a solution.
    pub(super) fn write(&mut self, solution: &QuerySolution) -> io::Result<()> {
        self.buffer.clear();
        if self.n_written > 0 {
            self.buffer.push(b',');
        }
        self.n_written += 1;
        serde_json::to_writer(&mut self.buffer, &JsonSolution(solution))?;
        self.out.write_all(&self.buffer)
    }

    /// Ends the answer.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"]}}")?;
        Ok(self.out)
    }
}

struct JsonSolution<'a>(&'a QuerySolution);

impl Serialize for JsonSolution<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map((self.0.iter()).map(|(name, term)| (name.as_str(), json_of(term))))
    }
}

#[derive(Serialize)]
struct JsonTerm<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    value: &'a str,
    #[serde(rename = "xml:lang", skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datatype: Option<&'a str>,
}

fn json_of(term: &Term) -> JsonTerm<'_> {
    let (kind, value) = match term {
        Term::NamedNode(node) => ("uri", node.as_str()),
        Term::BlankNode(node) => ("bnode", node.as_str()),
        Term::Literal(literal) => ("literal", literal.value()),
    };
    let (language, datatype) = match term {
        Term::Literal(literal) if literal.language().is_some() => (literal.language(), None),
        Term::Literal(literal) if literal.datatype() != xsd::STRING => {
            (None, Some(literal.datatype().as_str()))
        }
        _ => (None, None),
    };
    JsonTerm {
        kind,
        value,
        language,
        datatype,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{BlankNode, Literal, NamedNode};
    use proptest::prelude::*;
    use sparesults::{QueryResultsFormat, QueryResultsSerializer};

    fn term() -> impl Strategy<Value = Option<Term>> {
        let text = || prop_oneof![any::<String>(), "[ -~\\x00-\\x1f]{0,9}"];
        prop_oneof![
            Just(None),
            Just(Some(
                NamedNode::new_unchecked("http://example.org/é?a=1,2").into()
            )),
            Just(Some(BlankNode::new_unchecked("b0").into())),
            text().prop_map(|text| Some(Literal::new_simple_literal(text).into())),
            text().prop_map(|text| {
                Some(Literal::new_language_tagged_literal_unchecked(text, "de-ch").into())
            }),
            any::<f32>().prop_map(|number| Some(Literal::from(number).into())),
        ]
    }

    proptest! {
        /// The same JSON as oxigraph's own serializer writes.
        #[test]
        fn json_is_as_oxigraph_writes_it(
            rows in proptest::collection::vec(proptest::collection::vec(term(), 3), 0..6),
        ) {
            let variables: Vec<Variable> =
                ["a", "b1", "ç"].map(Variable::new_unchecked).to_vec();
            let mut ours = JsonSolutions::start(Vec::new(), &variables).unwrap();
            let mut theirs = QueryResultsSerializer::from_format(QueryResultsFormat::Json)
                .serialize_solutions_to_writer(Vec::new(), variables.clone())
                .unwrap();
            for row in rows {
                let solution = QuerySolution::from((variables.clone(), row));
                ours.write(&solution).unwrap();
                theirs.serialize(&solution).unwrap();
            }
            let read = |json: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&json).unwrap();
            prop_assert_eq!(read(ours.finish().unwrap()), read(theirs.finish().unwrap()));
        }
    }
}

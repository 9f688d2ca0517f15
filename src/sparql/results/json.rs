//! SPARQL 1.2 Query Results JSON, written by `serde_json`.
//!
//! The serializer of oxigraph goes through an event for each bracket and through every string character by
//! character, which takes half of the time of an answer with many rows (sparesults 0.3.5).

use oxigraph::sparql::QuerySolution;
use oxrdf::vocab::xsd;
use oxrdf::{BaseDirection, NamedNode, NamedOrBlankNode, Term, Triple, Variable};
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
    pub(in crate::sparql) fn start(mut out: W, variables: &[Variable]) -> io::Result<Self> {
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
    pub(in crate::sparql) fn write(&mut self, solution: &QuerySolution) -> io::Result<()> {
        self.buffer.clear();
        if self.n_written > 0 {
            self.buffer.push(b',');
        }
        self.n_written += 1;
        serde_json::to_writer(&mut self.buffer, &JsonSolution(solution))?;
        self.out.write_all(&self.buffer)
    }

    /// Ends the answer.
    pub(in crate::sparql) fn finish(mut self) -> io::Result<W> {
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
    value: JsonValue<'a>,
    #[serde(rename = "xml:lang", skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(rename = "its:dir", skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datatype: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonValue<'a> {
    Text(&'a str),
    Triple(Box<JsonTriple<'a>>),
}

#[derive(Serialize)]
struct JsonTriple<'a> {
    subject: JsonTerm<'a>,
    predicate: JsonTerm<'a>,
    object: JsonTerm<'a>,
}

impl<'a> JsonTerm<'a> {
    fn new(kind: &'static str, value: JsonValue<'a>) -> Self {
        Self {
            kind,
            value,
            language: None,
            direction: None,
            datatype: None,
        }
    }
}

fn json_of(term: &Term) -> JsonTerm<'_> {
    match term {
        Term::NamedNode(node) => json_of_iri(node),
        Term::BlankNode(node) => JsonTerm::new("bnode", JsonValue::Text(node.as_str())),
        Term::Triple(triple) => JsonTerm::new("triple", JsonValue::Triple(json_of_triple(triple))),
        Term::Literal(literal) => {
            let is_typed = literal.language().is_none() && literal.datatype() != xsd::STRING;
            JsonTerm {
                language: literal.language(),
                direction: literal.direction().map(|direction| match direction {
                    BaseDirection::Ltr => "ltr",
                    BaseDirection::Rtl => "rtl",
                }),
                datatype: is_typed.then(|| literal.datatype().as_str()),
                ..JsonTerm::new("literal", JsonValue::Text(literal.value()))
            }
        }
    }
}

fn json_of_iri(node: &NamedNode) -> JsonTerm<'_> {
    JsonTerm::new("uri", JsonValue::Text(node.as_str()))
}

fn json_of_triple(triple: &Triple) -> Box<JsonTriple<'_>> {
    Box::new(JsonTriple {
        subject: match &triple.subject {
            NamedOrBlankNode::NamedNode(node) => json_of_iri(node),
            NamedOrBlankNode::BlankNode(node) => {
                JsonTerm::new("bnode", JsonValue::Text(node.as_str()))
            }
        },
        predicate: json_of_iri(&triple.predicate),
        object: json_of(&triple.object),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{BlankNode, Literal};
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
            text().prop_map(|text| {
                let literal = Literal::new_directional_language_tagged_literal_unchecked(
                    text,
                    "ar",
                    BaseDirection::Rtl,
                );
                Some(literal.into())
            }),
        ]
        .prop_recursive(2, 4, 1, |object| {
            object.prop_map(|object| {
                let predicate = NamedNode::new_unchecked("http://example.org/p");
                let object = object.unwrap_or_else(|| predicate.clone().into());
                let triple = Triple::new(BlankNode::new_unchecked("b1"), predicate, object);
                Some(triple.into())
            })
        })
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

//! What the answer formats cannot carry, and carriage returns in XML.
//!
//! The serializers of oxigraph write what XML does not allow, or fail without saying why (sparesults 0.3.5,
//! oxrdfxml 0.2.5, oxjsonld 0.2.7). Each term is therefore looked at before it is written: an answer is
//! what the query found, or a sentence, never something else that looks like it.

use oxigraph::sparql::QuerySolution;
use oxrdf::vocab::rdf;
use oxrdf::{NamedNode, NamedOrBlankNode, Term, Triple};
use std::io::{self, Write};

/// Terms that RDF/XML keeps for its own syntax.
const RDF_XML_SYNTAX: [&str; 9] = [
    "Description",
    "ID",
    "RDF",
    "about",
    "datatype",
    "li",
    "nodeID",
    "parseType",
    "resource",
];

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Namespaces that XML does not let a document declare.
const XML_NAMESPACES: [&str; 2] = [
    "http://www.w3.org/2000/xmlns/",
    "http://www.w3.org/XML/1998/namespace",
];

/// Looks at solutions before they are written as SPARQL Query Results XML.
///
/// # Errors
/// A sentence that names the variable and the way out.
pub(super) fn check_xml_solution(solution: &QuerySolution) -> Result<(), String> {
    for (variable, term) in solution {
        if let Some(c) = not_in_xml(term) {
            return Err(format!(
                "a value of {variable} has the character U+{:04X}, which XML cannot carry; ask for application/sparql-results+json",
                u32::from(c)
            ));
        }
    }
    Ok(())
}

/// Looks at the triples of one answer before they are written.
pub(super) enum TripleCheck {
    RdfXml {
        /// A class is written as an element only where it begins the description of a subject.
        subject: Option<NamedOrBlankNode>,
    },
    JsonLd,
    /// For formats that carry every triple.
    Nothing,
}

impl TripleCheck {
    /// # Errors
    /// A sentence that names what cannot be carried and the way out.
    pub(super) fn check(&mut self, triple: &Triple) -> Result<(), String> {
        match self {
            Self::RdfXml { subject } => {
                let is_first = subject.as_ref() != Some(&triple.subject);
                if is_first {
                    *subject = Some(triple.subject.clone());
                }
                check_rdf_xml(triple, is_first)
            }
            Self::JsonLd if matches!(triple.object, Term::Triple(_)) => Err(format!(
                "a value of {} is a triple term, which JSON-LD cannot carry; ask for text/turtle",
                triple.predicate
            )),
            Self::JsonLd | Self::Nothing => Ok(()),
        }
    }
}

/// `is_first`: whether it begins the description of its subject.
fn check_rdf_xml(triple: &Triple, is_first: bool) -> Result<(), String> {
    if let Some(c) = not_in_xml(&triple.object) {
        return Err(format!(
            "a value of {} has the character U+{:04X}, which XML cannot carry; ask for text/turtle",
            triple.predicate,
            u32::from(c)
        ));
    }
    check_predicates(triple)?;
    match &triple.object {
        Term::NamedNode(class)
            if is_first
                && triple.predicate == rdf::TYPE
                && !is_rdf_xml_syntax(class)
                && !is_element_name(class) =>
        {
            Err(no_element("class", class))
        }
        _ => Ok(()),
    }
}

/// Also of triple terms: their predicates are elements, too.
fn check_predicates(triple: &Triple) -> Result<(), String> {
    let predicate = &triple.predicate;
    if is_rdf_xml_syntax(predicate) || !is_element_name(predicate) {
        return Err(no_element("predicate", predicate));
    }
    match &triple.object {
        Term::Triple(inner) => check_predicates(inner),
        Term::NamedNode(_) | Term::BlankNode(_) | Term::Literal(_) => Ok(()),
    }
}

fn no_element(role: &str, iri: &NamedNode) -> String {
    format!(
        "the {role} {iri} cannot be the name of an XML element, so RDF/XML cannot carry it; ask for text/turtle"
    )
}

fn is_rdf_xml_syntax(iri: &NamedNode) -> bool {
    iri.as_str()
        .strip_prefix(RDF)
        .is_some_and(|name| RDF_XML_SYNTAX.contains(&name))
}

/// Whether an IRI ends in a name without a colon, and the rest is a namespace.
fn is_element_name(iri: &NamedNode) -> bool {
    let iri = iri.as_str();
    let name = match iri.char_indices().rfind(|(_, c)| !is_name_char(*c)) {
        Some((end, c)) => end + c.len_utf8(),
        None => 0,
    };
    let start = iri[name..].find(is_name_start);
    start.is_some_and(|start| !XML_NAMESPACES.contains(&&iri[..name + start]))
}

/// `NameStartChar` of XML 1.0, without the colon.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` of XML 1.0, without the colon.
fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// The first character of a term that XML 1.0 has no way to write, not even as a reference. Only literals
/// can have one: IRIs are checked where they are made.
fn not_in_xml(term: &Term) -> Option<char> {
    match term {
        Term::Literal(literal) => literal.value().chars().find(|c| {
            matches!(c,
                '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
        }),
        Term::Triple(triple) => not_in_xml(&triple.object),
        Term::NamedNode(_) | Term::BlankNode(_) => None,
    }
}

/// Writes carriage returns as references: an XML parser reads raw ones as line feeds.
pub(super) struct CarriageReturns<W>(W);

impl<W: Write> CarriageReturns<W> {
    pub(in crate::sparql) fn new(out: W) -> Self {
        Self(out)
    }

    pub(in crate::sparql) fn into_inner(self) -> W {
        self.0
    }
}

impl<W: Write> Write for CarriageReturns<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (i, part) in bytes.split(|byte| *byte == b'\r').enumerate() {
            if i > 0 {
                self.0.write_all(b"&#13;")?;
            }
            self.0.write_all(part)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_named_by_what_an_iri_ends_in() {
        for (iri, expected) in [
            ("http://e/name", true),
            ("http://e/1a", true),
            ("urn:a", true),
            ("http://e/é", true),
            ("http://e/1", false),
            ("http://e/", false),
            ("http://e/#", false),
            ("http://e/a%20", false),
            ("http://www.w3.org/2000/xmlns/a", false),
        ] {
            let iri = NamedNode::new_unchecked(iri);
            assert_eq!(is_element_name(&iri), expected, "{iri}");
        }
    }
}

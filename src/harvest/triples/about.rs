//! What is said of a document or a canvas, as RDF.

use super::{Writer, term};
use crate::harvest::model::{About, Link, Pair};
use oxrdf::vocab::{rdf, rdfs, xsd};
use oxrdf::{Literal, NamedNode, NamedNodeRef, Term};

impl Writer<'_> {
    pub(super) fn about(&mut self, node: &NamedNode, about: &About, path: &str) {
        self.titles(node, &about.label);
        self.texts(node, term::SUMMARY, &about.summary);
        let pairs = self.pairs(&about.metadata, &format!("{path}\nmetadata"));
        self.list(node, term::METADATA, &pairs, &format!("{path}\nmetadata"));
        for statement in self.pairs(&about.required_statement, &format!("{path}\nstatement")) {
            self.add(node, term::REQUIRED_STATEMENT, &statement);
        }
        for rights in &about.rights {
            // Relative to nothing: what is no IRI is words.
            let rights = match NamedNode::new(rights.trim()) {
                Ok(iri) => Term::from(iri),
                Err(_) => Term::from(Literal::from(rights.as_str())),
            };
            self.add(node, term::RIGHTS, &rights);
        }
        self.links(
            node,
            term::PROVIDER,
            &about.providers,
            &format!("{path}\nprovider"),
        );
        self.links(
            node,
            term::THUMBNAIL,
            &about.thumbnails,
            &format!("{path}\nthumbnail"),
        );
        self.links(
            node,
            term::HOMEPAGE,
            &about.homepages,
            &format!("{path}\nhomepage"),
        );
        self.links(
            node,
            rdfs::SEE_ALSO,
            &about.see_also,
            &format!("{path}\nseeAlso"),
        );
        for link in &about.part_of {
            if let Some(whole) = link.id.as_deref().and_then(|id| self.iri(id)) {
                self.add(node, term::AS_PART_OF, &whole);
                self.add(node, term::IS_PART_OF, &whole);
                self.titles(&whole, &link.label);
            }
        }
        if let Some(date) = &about.nav_date {
            let date = Literal::new_typed_literal(date.as_str(), xsd::DATE_TIME);
            self.add(node, term::NAV_DATE, &date);
        }
    }

    fn pairs(&mut self, pairs: &[Pair], path: &str) -> Vec<NamedNode> {
        let mut nodes = Vec::with_capacity(pairs.len());
        for (number, pair) in pairs.iter().enumerate() {
            let node = self.node(&[path, &number.to_string()]);
            self.texts(&node, rdfs::LABEL, &pair.label);
            self.texts(&node, rdf::VALUE, &pair.value);
            for link in &pair.links {
                if let Some(link) = self.iri(link) {
                    self.add(&node, rdfs::SEE_ALSO, &link);
                }
            }
            nodes.push(node);
        }
        nodes
    }

    fn links(&mut self, node: &NamedNode, to: NamedNodeRef<'_>, links: &[Link], path: &str) {
        for (number, link) in links.iter().enumerate() {
            let own = link.id.as_deref().and_then(|id| self.iri(id));
            let target = own.unwrap_or_else(|| self.node(&[path, &number.to_string()]));
            self.add(node, to, &target);
            self.texts(&target, rdfs::LABEL, &link.label);
            if let Some(format) = &link.format {
                self.add(&target, term::FORMAT, &Literal::from(format.as_str()));
            }
            for homepage in &link.homepages {
                if let Some(homepage) = self.iri(homepage) {
                    self.add(&target, term::HOMEPAGE, &homepage);
                }
            }
        }
    }
}

//! Names for the blank nodes of an answer that depend on what is said of them, since endpoints name them anew each
//! time: an answer that says the same is the same file, and the store does not change.
//!
//! Each node begins with one colour, and gets another that is made of those around it, round after round, until no more
//! nodes are told apart (colour refinement). Nodes that are the same for all that is said are numbered as they come.

use crate::image_id;
use oxrdf::{BlankNode, NamedOrBlankNode, Term, Triple};
use std::collections::{HashMap, HashSet};

/// Rounds at most: a list of more nodes than this, all with the same content, is numbered as it comes.
const MAX_ROUNDS: usize = 64;

/// The names of the blank nodes of an answer.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// `answer` gives each triple of the answer to what it is given, from the first one on, each time; `salt` is for
    /// nodes of other answers to have other names.
    ///
    /// # Errors
    /// Those of `answer`.
    pub(super) fn of<E>(
        salt: &str,
        answer: impl Fn(&mut dyn FnMut(&Triple)) -> Result<(), E>,
    ) -> Result<Self, E> {
        // In the order in which they come.
        let mut places: HashMap<String, usize> = HashMap::new();
        answer(&mut |triple| {
            each_node(triple, &mut |node| {
                let place = places.len();
                places.entry(node.as_str().to_owned()).or_insert(place);
            });
        })?;
        let mut colours = vec![0; places.len()];
        let mut n_colours = 0;
        for _ in 0..MAX_ROUNDS {
            if n_colours == colours.len() {
                break;
            }
            let mut around = vec![0u128; colours.len()];
            answer(&mut |triple| {
                let mut colour_of =
                    |node: &BlankNode| places.get(node.as_str()).map(|at| colours[*at]);
                let mut add = |node: &BlankNode, words: &str| {
                    if let Some(at) = places.get(node.as_str()) {
                        // The order of triples is no matter.
                        around[*at] = around[*at].wrapping_add(image_id::number(words));
                    }
                };
                look(triple, &mut colour_of, &mut add);
            })?;
            let refined: Vec<u128> = (colours.iter().zip(&around))
                .map(|(colour, around)| image_id::number(&format!("{colour:x} {around:x}")))
                .collect();
            let n_refined = refined.iter().collect::<HashSet<_>>().len();
            if n_refined == n_colours {
                break;
            }
            (colours, n_colours) = (refined, n_refined);
        }
        let mut labels: Vec<(String, usize)> = places.into_iter().collect();
        labels.sort_by_key(|(_, place)| *place);
        let mut n_named: HashMap<u128, usize> = HashMap::new();
        let named = labels.into_iter().map(|(label, at)| {
            let number = n_named.entry(colours[at]).or_default();
            *number += 1;
            let name = format!("{salt} {:x} {number}", colours[at]);
            (label, format!("m{}", image_id::text_digest(&name)))
        });
        Ok(Self(named.collect()))
    }

    /// The triple with these names.
    pub(super) fn renamed(&self, triple: Triple) -> Triple {
        let subject = match triple.subject {
            NamedOrBlankNode::BlankNode(node) => self.node(node).into(),
            subject @ NamedOrBlankNode::NamedNode(_) => subject,
        };
        let object = match triple.object {
            Term::BlankNode(node) => self.node(node).into(),
            Term::Triple(triple) => Term::Triple(Box::new(self.renamed(*triple))),
            object @ (Term::NamedNode(_) | Term::Literal(_)) => object,
        };
        Triple::new(subject, triple.predicate, object)
    }

    fn node(&self, node: BlankNode) -> BlankNode {
        match self.0.get(node.as_str()) {
            Some(name) => BlankNode::new_unchecked(name),
            None => node,
        }
    }
}

/// Gives `each` the blank nodes of a triple.
fn each_node(triple: &Triple, each: &mut dyn FnMut(&BlankNode)) {
    if let NamedOrBlankNode::BlankNode(node) = &triple.subject {
        each(node);
    }
    match &triple.object {
        Term::BlankNode(node) => each(node),
        Term::Triple(triple) => each_node(triple, each),
        Term::NamedNode(_) | Term::Literal(_) => {}
    }
}

/// Gives `add` what a triple says of each of its blank nodes, where others are told by their colours.
fn look(
    triple: &Triple,
    colour_of: &mut dyn FnMut(&BlankNode) -> Option<u128>,
    add: &mut dyn FnMut(&BlankNode, &str),
) {
    // Most triples have none, and many words.
    let mut words = None;
    let mut place = 0;
    each_node(triple, &mut |node| {
        let words = words.get_or_insert_with(|| words_of(triple, colour_of));
        // Which of the triple's nodes it is counts, too.
        add(node, &format!("{place} {words}"));
        place += 1;
    });
}

fn words_of(triple: &Triple, colour_of: &mut dyn FnMut(&BlankNode) -> Option<u128>) -> String {
    let mut word = |node: &BlankNode| format!("_:{:x}", colour_of(node).unwrap_or_default());
    let subject = match &triple.subject {
        NamedOrBlankNode::BlankNode(node) => word(node),
        NamedOrBlankNode::NamedNode(iri) => iri.to_string(),
    };
    let object = match &triple.object {
        Term::BlankNode(node) => word(node),
        Term::Triple(triple) => format!("<<{}>>", words_of(triple, colour_of)),
        Term::NamedNode(iri) => iri.to_string(),
        Term::Literal(literal) => literal.to_string(),
    };
    format!("{subject} {} {object}", triple.predicate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdfio::{RdfFormat, RdfParser};
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    /// The lines of an answer in Turtle, its triples in the order of `turn`, with their names.
    fn named(turtle: &str, turn: usize) -> BTreeSet<String> {
        let parser = RdfParser::from_format(RdfFormat::Turtle).rename_blank_nodes();
        let mut triples: Vec<Triple> = (parser.for_slice(turtle))
            .map(|quad| quad.unwrap().into())
            .collect();
        let n_triples = triples.len();
        triples.rotate_left(turn % n_triples);
        let answer = |each: &mut dyn FnMut(&Triple)| {
            triples.iter().for_each(each);
            Ok::<(), Infallible>(())
        };
        let Ok(names) = Names::of("salt", answer);
        let lines = triples
            .iter()
            .map(|triple| names.renamed(triple.clone()).to_string());
        let lines: BTreeSet<String> = lines.collect();
        assert_eq!(lines.len(), n_triples, "no two become one");
        lines
    }

    #[test]
    fn what_is_said_is_what_names_a_node() {
        for turtle in [
            "<x:a> <x:p> [ <x:q> 1 ] , [ <x:q> 2 ] .",
            "<x:a> <x:p> ( 1 2 3 1 2 3 ) . <x:b> <x:p> ( 1 2 3 ) .",
            // Told apart in the second round, and by who speaks of them.
            "<x:a> <x:p> [ <x:q> [ <x:r> 1 ] ] . <x:a> <x:p> [ <x:q> [ <x:r> 2 ] ] .",
            "<x:a> <x:p> [ ] . <x:b> <x:p> [ ] . _:s <x:p> _:s . _:s <x:p> _:t .",
            // A circle, and its parts alike.
            "_:a <x:p> _:b . _:b <x:p> _:c . _:c <x:p> _:a .",
        ] {
            let first = named(turtle, 0);
            let is_circle = turtle.starts_with("_:a");
            for turn in 1..5 {
                let next = named(turtle, turn);
                assert!(is_circle || next == first, "{turtle}: {next:?} {first:?}");
            }
            // Two nodes of which the same is said are two.
            let twins = "<x:a> <x:p> [ <x:q> 1 ] , [ <x:q> 1 ] .";
            assert_eq!(named(twins, 0), named(twins, 0));
        }
        let [one, other] = [1, 2].map(|n| named(&format!("<x:a> <x:p> [ <x:q> {n} ] ."), 0));
        assert!(one.is_disjoint(&other));
    }
}

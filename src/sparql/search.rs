//! A search without SPARQL: the same algebra, through the same door.

use crate::encoder::together::{EmbedError, IsStopped};
use crate::features::nearest::{Hit, Lookup};
use crate::search::rows::Rows;
use crate::sparql::Sparql;
use crate::sparql::algebra::cells::integer;
use crate::sparql::error::{Malformed, QueryError};
use crate::sparql::limits::cancellation::Cancellation;
use crate::sparql::results::Answer;
use crate::vocab::{Property, REQUEST};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oxigraph::model::vocab::rdf;
use oxigraph::model::{Literal, NamedNode, Term, Variable};
use spargebra::Query;
use spargebra::algebra::GraphPattern;
use spargebra::term::{TermPattern, TriplePattern};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What to look for, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// What the images shall look like, in words.
    pub text: Option<String>,
    /// Images that the images shall look like.
    pub image: Vec<QueryImage>,
    /// IIIF URL of an image of the collection that the images shall look like.
    pub similar_to: Option<String>,
    /// What the images shall not look like, in words.
    pub exclude: Option<String>,
    /// Lowest score of a hit.
    pub min_score: f32,
    /// Number of hits.
    pub limit: NonZeroUsize,
}

/// An image that is not of the collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryImage {
    /// The encoded image itself.
    Bytes(Vec<u8>),
    /// Where to fetch it.
    Url(String),
}

/// An image of the collection that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// Cosine similarity in `[-1, 1]`.
    pub score: f32,
    /// 40 hex digits.
    pub image_id: String,
    /// IIIF URL of the image.
    pub url: String,
    /// URL of a picture to show.
    pub link: String,
}

/// The variables of the answer, in this order.
const OUTPUTS: [(Property, &str); 4] = [
    (Property::Score, "score"),
    (Property::ImageId, "imageId"),
    (Property::IiifUrl, "url"),
    (Property::Link, "link"),
];

impl Sparql {
    /// The answer to a search: a table with the columns score, imageId, url and link, best first.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn answer_search(
        &self,
        request: &SearchRequest,
        cancellation: &Cancellation,
    ) -> Result<Answer, QueryError> {
        self.answer_parsed(query(request)?, cancellation)
    }

    /// The hits of a search, best first.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn search(
        &self,
        request: &SearchRequest,
        cancellation: &Cancellation,
    ) -> Result<Vec<SearchHit>, QueryError> {
        let mut hits = Vec::new();
        let answer = self.answer_search(request, cancellation)?;
        answer.for_each_solution(|solution| {
            let text = |name: &str| match solution.get(name) {
                Some(Term::NamedNode(node)) => node.as_str().to_owned(),
                Some(Term::Literal(literal)) => literal.value().to_owned(),
                Some(Term::BlankNode(_) | Term::Triple(_)) | None => String::new(),
            };
            hits.push(SearchHit {
                score: text("score").parse().unwrap_or(f32::NAN),
                image_id: text("imageId"),
                url: text("url"),
                link: text("link"),
            });
        })?;
        Ok(hits)
    }

    /// Those images in `rows` that look like `text`, by the service's own lowest score, best first. Only they are
    /// scored: a limit that the operator has set would rank all images and leave these out.
    ///
    /// # Errors
    /// [`QueryError`] says who must act.
    pub fn search_rows(
        &self,
        text: &str,
        rows: &Rows,
        cancellation: &Cancellation,
    ) -> Result<Vec<Hit>, QueryError> {
        let stopped = cancellation.clone();
        let embedding_is_stopped: IsStopped = Arc::new(move || stopped.is_cancelled());
        let query = (self.engine())
            .embed_text(text, &embedding_is_stopped)
            .map_err(|error| match error {
                EmbedError::Stopped => QueryError::Cancelled,
                error => QueryError::Internal(Box::new(error)),
            })?;
        let lookup = Lookup {
            query: &query,
            min_score: self.options().default_min_score.into(),
            limit: None,
        };
        let is_stopped = || cancellation.is_cancelled();
        let (hits, _) = (self.engine()).search_each(&[lookup], Some(rows), &is_stopped)?;
        Ok(hits.into_iter().flatten().collect())
    }
}

/// `SELECT ?score ?imageId ?url ?link { ?request a clip:Request ; … }`
fn query(request: &SearchRequest) -> Result<Query, QueryError> {
    let variables: Vec<Variable> = OUTPUTS
        .iter()
        .map(|(_, name)| Variable::new_unchecked(*name))
        .collect();
    let outputs = (OUTPUTS.iter().zip(&variables))
        .map(|((property, _), variable)| (*property, variable.clone().into()));
    let subject = Variable::new_unchecked("request");
    let type_triple = (
        rdf::TYPE.into_owned(),
        TermPattern::from(NamedNode::new_unchecked(REQUEST)),
    );
    let properties = (inputs(request)?.into_iter().chain(outputs))
        .map(|(property, object)| (property.iri(), object));
    let patterns = std::iter::once(type_triple)
        .chain(properties)
        .map(|(predicate, object)| TriplePattern {
            subject: subject.clone().into(),
            predicate: predicate.into(),
            object,
        })
        .collect();
    Ok(Query::Select {
        dataset: None,
        pattern: GraphPattern::Project {
            inner: Box::new(GraphPattern::Bgp { patterns }),
            variables,
        },
        base_iri: None,
    })
}

/// What is looked for, as properties of the request.
fn inputs(request: &SearchRequest) -> Result<Vec<(Property, TermPattern)>, Malformed> {
    let iri = |url: &String| {
        NamedNode::new(url)
            .map(TermPattern::from)
            .map_err(|error| Malformed::NotUrl {
                url: url.clone(),
                error,
            })
    };
    let literal = |text: &String| TermPattern::from(Literal::new_simple_literal(text));
    let mut inputs = Vec::new();
    inputs.extend((request.text.iter()).map(|text| (Property::QueryString, literal(text))));
    for image in &request.image {
        inputs.push(match image {
            QueryImage::Bytes(bytes) => (Property::QueryImage, literal(&STANDARD.encode(bytes))),
            QueryImage::Url(url) => (Property::QueryUrl, iri(url)?),
        });
    }
    if let Some(url) = &request.similar_to {
        inputs.push((Property::SimilarTo, iri(url)?));
    }
    inputs.extend((request.exclude.iter()).map(|text| (Property::ExcludeString, literal(text))));
    inputs.push((Property::MinScore, Literal::from(request.min_score).into()));
    inputs.push((Property::Limit, integer(request.limit.get()).into()));
    Ok(inputs)
}

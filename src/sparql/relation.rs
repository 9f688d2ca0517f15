//! The rows of the clip relation: inputs in, scored images out, as tables for the rewritten query.

use super::deadline::Deadline;
use super::embedding_literal;
use super::explain::RequestExplanation;
use super::plan::{Choices, compatible};
use super::request::{Fragment, Inputs, QueryInput, RequestError, Value};
use super::tables::Tables;
use super::{QueryError, SparqlOptions, algebra, rewrite};
use crate::collection::Collection;
use crate::embedding::Embedding;
use crate::engine::{Engine, QueryImageError};
use crate::features::nearest::{Hit, Lookup};
use crate::features::ranking::Ranking;
use crate::fetch::FetchError;
use crate::iiif;
use crate::vocab::{HIT_PREFIX, Property, Role};
use oxrdf::{Literal, NamedNode, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::{GroundTerm, TermPattern};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// One set of input values of a request.
#[derive(Debug, Clone)]
pub(super) struct Tuple {
    pub choices: Choices,
    pub values: Vec<Value>,
    pub inputs: Inputs,
    /// Equal inputs have equal keys.
    pub key: String,
}

/// The hits of a request for all its tuples.
pub(super) struct Relation {
    searches: Vec<Search>,
    pub counts: Counts,
}

/// What embedding and searching a request took.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub texts_encoded: usize,
    pub texts_remembered: usize,
    pub images_encoded: usize,
    pub images_scored: usize,
    pub hits: usize,
}

/// The hits for one set of inputs.
struct Search {
    /// All tuples with these inputs.
    tuples: Vec<Tuple>,
    /// None if an image to be similar to is not in the collection.
    query: Option<Embedding>,
    hits: Vec<RankedHit>,
}

struct RankedHit {
    row: usize,
    score: f32,
    rank: usize,
    /// Numbers the hits of the relation, the best with the highest number.
    position: usize,
}

/// What a query has used of what it may use, see [`SparqlOptions`].
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// Hits found, and rows of tables made of them.
    n_hits: usize,
    n_rows: usize,
    /// Images fetched or decoded.
    n_images: usize,
}

/// The distinct sets of inputs of a request, embedded; the collection is not searched yet.
///
/// # Errors
/// [`RequestError`] for images that are none and inputs that cancel each other.
pub(super) fn embed(
    engine: &Engine,
    options: &SparqlOptions,
    deadline: &Deadline,
    spent: &mut Spent,
    written: &str,
    tuples: Vec<Tuple>,
) -> Result<Relation, QueryError> {
    let mut number_of: HashMap<String, usize> = HashMap::new();
    let mut searches: Vec<Search> = Vec::new();
    for tuple in tuples {
        let number = *number_of.entry(tuple.key.clone()).or_insert(searches.len());
        if number == searches.len() {
            searches.push(Search {
                tuples: Vec::new(),
                query: None,
                hits: Vec::new(),
            });
        }
        searches[number].tuples.push(tuple);
    }
    let inputs = searches.iter().map(Search::inputs);
    let embeddings = Embeddings::of(engine, options, deadline, spent, written, inputs)?;
    for search in &mut searches {
        search.query = embeddings.combine(engine, search.inputs(), written)?;
    }
    Ok(Relation {
        searches,
        counts: embeddings.counts,
    })
}

/// What need not be searched: no solution of the query would show it.
#[derive(Debug, Default)]
pub(super) struct Restriction {
    /// The rows of the images that matter; the others cannot be joined and are not scored, unless a
    /// limit has to rank them all.
    pub candidates: Option<BTreeSet<usize>>,
    /// Hits below this score are filtered out.
    pub floor: Option<f64>,
    /// Why this is so, and what it took to find out.
    pub explanation: RequestExplanation,
}

impl Restriction {
    /// How the request was searched for, once it was.
    pub(super) fn explain(
        self,
        relation: &Relation,
        blocks: usize,
        joined: usize,
    ) -> RequestExplanation {
        let counts = &relation.counts;
        RequestExplanation {
            inputs: relation.searches.len(),
            candidates: self.candidates.map(|rows| rows.len()),
            score_floor: self.floor,
            images_scored: counts.images_scored,
            hits: counts.hits,
            hits_joined: joined,
            blocks,
            texts_encoded: counts.texts_encoded,
            texts_remembered: counts.texts_remembered,
            images_encoded: counts.images_encoded,
            exact: true,
            ..self.explanation
        }
    }
}

impl Relation {
    /// Searches the collection for every set of inputs.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if the hits would not fit in memory.
    pub(super) fn search(
        &mut self,
        engine: &Engine,
        options: &SparqlOptions,
        deadline: &Deadline,
        spent: &mut Spent,
        written: &str,
        restriction: &Restriction,
    ) -> Result<(), QueryError> {
        // Those with a limit rank all images, the others the candidates.
        let (limited, others): (Vec<_>, Vec<_>) = (self.searches.iter_mut())
            .filter(|search| search.query.is_some())
            .partition(|search| search.inputs().limit.or(options.default_limit).is_some());
        for (group, rows) in [(limited, None), (others, restriction.candidates.as_ref())] {
            let mut group = group;
            for searches in group.chunks_mut(LOOKUPS) {
                deadline.check()?;
                let lookups: Vec<Lookup<'_>> = (searches.iter())
                    .filter_map(|search| search.lookup(restriction, options))
                    .collect();
                let n_scored = rows.map_or(engine.collection().len(), BTreeSet::len);
                self.counts.images_scored += n_scored * lookups.len();
                let found = engine.search_each(&lookups, rows);
                for (search, found) in searches.iter_mut().zip(found) {
                    spend(&mut spent.n_hits, found.len(), options, written)?;
                    self.counts.hits += found.len();
                    search.hits = (found.iter().enumerate())
                        .map(|(index, hit)| RankedHit::new(hit, index))
                        .collect();
                }
            }
        }
        number_positions(&mut self.searches);
        Ok(())
    }

    /// The hits of a relation that has one set of inputs; `None` if it has several.
    pub(super) fn ranking(
        &mut self,
        engine: &Engine,
        options: &SparqlOptions,
        restriction: &Restriction,
    ) -> Option<Ranking> {
        let [search] = &self.searches[..] else {
            return None;
        };
        let Some(lookup) = search.lookup(restriction, options) else {
            return Some(Ranking::default());
        };
        let rows = (restriction.candidates.as_ref()).filter(|_| lookup.limit.is_none());
        let ranking = engine.ranking(lookup, rows);
        self.counts.images_scored += rows.map_or(engine.collection().len(), BTreeSet::len);
        self.counts.hits += ranking.len();
        Some(ranking)
    }

    /// Takes some of the `n_hits` hits of the only set of inputs in the place of all, those from number
    /// `start` on.
    pub(super) fn show(&mut self, hits: &[Hit], start: usize, n_hits: usize) {
        let shown = hits.iter().enumerate().map(|(index, hit)| RankedHit {
            position: n_hits - start - index,
            ..RankedHit::new(hit, start + index)
        });
        self.searches[0].hits = shown.collect();
    }
}

impl RankedHit {
    fn new(hit: &Hit, index: usize) -> Self {
        Self {
            row: hit.row,
            score: hit.score,
            rank: index + 1,
            position: 0,
        }
    }
}

fn spend(
    total: &mut usize,
    n: usize,
    options: &SparqlOptions,
    written: &str,
) -> Result<(), RequestError> {
    *total += n;
    if *total > options.max_hits {
        return Err(RequestError::TooManyHits {
            subject: written.to_owned(),
            limit: options.max_hits,
        });
    }
    Ok(())
}

/// Of hits with the same score the lower row comes first, then the earlier inputs.
fn number_positions(searches: &mut [Search]) {
    let mut all: Vec<(usize, &mut RankedHit)> = searches
        .iter_mut()
        .enumerate()
        .flat_map(|(number, search)| search.hits.iter_mut().map(move |hit| (number, hit)))
        .collect();
    all.sort_by(|(a_number, a), (b_number, b)| {
        a.score
            .total_cmp(&b.score)
            .then(b.row.cmp(&a.row))
            .then(b_number.cmp(a_number))
    });
    for (position, (_, hit)) in all.into_iter().enumerate() {
        hit.position = position;
    }
}

/// Inputs that are searched for at once; between these the query may be cancelled.
const LOOKUPS: usize = 64;

impl Search {
    /// What to look for; none if an image to be similar to is not in the collection.
    fn lookup(&self, restriction: &Restriction, options: &SparqlOptions) -> Option<Lookup<'_>> {
        let inputs = self.inputs();
        let min_score = inputs.min_score.unwrap_or(options.default_min_score);
        Some(Lookup {
            query: self.query.as_ref()?,
            min_score: restriction
                .floor
                .map_or(min_score, |floor| floor.max(min_score)),
            limit: inputs.limit.or(options.default_limit),
        })
    }

    /// What was searched for: the same for all tuples.
    fn inputs(&self) -> &Inputs {
        &self.tuples[0].inputs
    }
}

/// Texts that the model is given at once; between batches the query may be cancelled.
const TEXT_BATCH: usize = 64;

/// The embeddings of all inputs of a request, each computed once.
struct Embeddings {
    texts: HashMap<String, Arc<Embedding>>,
    images: HashMap<QueryInput, Embedding>,
    counts: Counts,
}

impl Embeddings {
    fn of<'a>(
        engine: &Engine,
        options: &SparqlOptions,
        deadline: &Deadline,
        spent: &mut Spent,
        written: &str,
        all: impl Iterator<Item = &'a Inputs>,
    ) -> Result<Self, QueryError> {
        let mut texts: BTreeSet<&str> = BTreeSet::new();
        let mut images = HashMap::new();
        for inputs in all {
            texts.extend(inputs.excluded.iter().map(String::as_str));
            for query in &inputs.queries {
                match query {
                    QueryInput::Text(text) => {
                        texts.insert(text);
                    }
                    QueryInput::Url(_) | QueryInput::Image(_) => {
                        if !images.contains_key(query) {
                            deadline.check()?;
                            if spent.n_images == options.max_query_images {
                                return Err(RequestError::TooManyImages {
                                    subject: written.to_owned(),
                                    limit: options.max_query_images,
                                }
                                .into());
                            }
                            spent.n_images += 1;
                            images.insert(query.clone(), embed_image(engine, query, written)?);
                        }
                    }
                    QueryInput::SimilarTo(_) | QueryInput::Embedding(_) => {}
                }
            }
        }
        let unembedded: Vec<&str> = texts.into_iter().collect();
        let mut texts = HashMap::new();
        let mut counts = Counts {
            images_encoded: images.len(),
            ..Counts::default()
        };
        for batch in unembedded.chunks(TEXT_BATCH) {
            deadline.check()?;
            let (embedded, n_encoded) = engine
                .embed_texts(batch)
                .map_err(|error| QueryError::Internal(Box::new(error)))?;
            counts.texts_encoded += n_encoded;
            counts.texts_remembered += batch.len() - n_encoded;
            texts.extend(batch.iter().map(|text| (*text).to_owned()).zip(embedded));
        }
        Ok(Self {
            texts,
            images,
            counts,
        })
    }

    /// The query vector, or none if an image to be similar to is not in the collection.
    fn combine(
        &self,
        engine: &Engine,
        inputs: &Inputs,
        written: &str,
    ) -> Result<Option<Embedding>, RequestError> {
        let mut like: Vec<Embedding> = Vec::new();
        for query in &inputs.queries {
            like.push(match query {
                QueryInput::Text(text) => self.texts[text].as_ref().clone(),
                QueryInput::Url(_) | QueryInput::Image(_) => self.images[query].clone(),
                QueryInput::SimilarTo(url) => match engine.embedding_of(url) {
                    Some(embedding) => embedding,
                    None => return Ok(None),
                },
                QueryInput::Embedding(text) => {
                    let width = engine.collection().features().width();
                    embedding_literal::parse(text, width).ok_or_else(|| {
                        RequestError::BadEmbedding {
                            subject: written.to_owned(),
                            width,
                        }
                    })?
                }
            });
        }
        let unlike: Vec<&Embedding> = inputs
            .excluded
            .iter()
            .map(|text| self.texts[text].as_ref())
            .collect();
        // A single input is used as it is: normalising it again could change its last digits.
        if let ([query], true) = (like.as_slice(), unlike.is_empty()) {
            return Ok(Some(query.clone()));
        }
        Embedding::combine(&like, unlike)
            .map(Some)
            .map_err(|_| RequestError::Cancelled {
                subject: written.to_owned(),
            })
    }
}

fn embed_image(
    engine: &Engine,
    query: &QueryInput,
    written: &str,
) -> Result<Embedding, QueryError> {
    let (property, embedded) = match query {
        QueryInput::Url(url) => (Property::QueryUrl, engine.embed_url(url)),
        QueryInput::Image(text)
        | QueryInput::Text(text)
        | QueryInput::SimilarTo(text)
        | QueryInput::Embedding(text) => (
            Property::QueryImage,
            match crate::data_url::decode(text) {
                Ok(bytes) => engine.embed_image(&bytes),
                Err(error) => {
                    return Err(RequestError::Image {
                        subject: written.to_owned(),
                        property: Property::QueryImage,
                        reason: error.to_string(),
                    }
                    .into());
                }
            },
        ),
    };
    embedded.map_err(|error| match error {
        QueryImageError::Encoder(error) => QueryError::Internal(Box::new(error)),
        QueryImageError::Fetch(FetchError::Stopped) => {
            QueryError::Internal(Box::new(FetchError::Stopped))
        }
        other => RequestError::Image {
            subject: written.to_owned(),
            property,
            reason: other.to_string(),
        }
        .into(),
    })
}

/// A row of so many columns counts as one hit: a request has five outputs.
const COLUMNS: usize = 8;

/// What tables are made with.
pub(super) struct TableMaker<'a> {
    pub collection: &'a Collection,
    pub options: &'a SparqlOptions,
    /// The variable of the column that numbers the hits.
    pub position: &'a Variable,
    /// The variables that need a column.
    pub read: &'a HashSet<Variable>,
    /// Where large tables are kept.
    pub tables: &'a Tables,
}

/// Which table is to be made of a relation.
pub(super) struct TableOf<'a> {
    pub fragment: &'a Fragment,
    /// The UNION branches that the fragment stands in.
    pub choices: &'a Choices,
    /// Whether its rows are joined with those of the query: it does not stand in a MINUS or EXISTS.
    pub is_joined: bool,
    /// Whether there is a column for the position, too.
    pub is_ordered: bool,
}

impl Relation {
    /// The table that stands for a fragment in the rewritten query: one row per hit, with the columns
    /// that the fragment names.
    ///
    /// # Errors
    /// [`RequestError::TooManyHits`] if the tables of the query would not fit in memory.
    pub(super) fn table(
        &self,
        of: &TableOf<'_>,
        maker: &TableMaker<'_>,
        spent: &mut Spent,
    ) -> Result<GraphPattern, RequestError> {
        let &TableOf {
            fragment,
            choices,
            is_joined,
            is_ordered,
        } = of;
        let (inputs, outputs): (Vec<_>, Vec<_>) = fragment
            .columns
            .iter()
            .filter(|(_, object)| {
                algebra::variable_of(object).is_none_or(|variable| maker.read.contains(variable))
            })
            .partition(|(property, _)| property.role() != Role::Output);
        let input_variables = variables_of(&inputs);
        let shows_subject = maker.read.contains(&fragment.subject);
        let mut hit_variables: Vec<Variable> = (shows_subject.then(|| fragment.subject.clone()))
            .into_iter()
            .collect();
        for variable in variables_of(&outputs) {
            if !hit_variables.contains(&variable) {
                hit_variables.push(variable);
            }
        }
        let outputs: Vec<(Property, &TermPattern, Option<usize>)> = (outputs.iter())
            .map(|(property, object)| {
                let variable = algebra::variable_of(object);
                let column = variable.and_then(|v| hit_variables.iter().position(|c| c == v));
                (*property, object, column)
            })
            .collect();
        let mut variables = hit_variables.clone();
        variables.extend(
            input_variables
                .iter()
                .filter(|variable| !hit_variables.contains(variable))
                .cloned(),
        );
        let n_columns = hit_variables.len();
        if is_ordered {
            hit_variables.push(maker.position.clone());
            variables.push(maker.position.clone());
        }
        let echoes = !input_variables.is_empty();
        if echoes {
            hit_variables.push(fragment.inputs_id.clone());
        }
        let mut hit_rows = Vec::new();
        let mut input_rows = Vec::new();
        for (number, search) in self.searches.iter().enumerate() {
            let given: HashSet<Row> = (search.tuples.iter())
                .filter(|tuple| compatible(&tuple.choices, choices))
                .flat_map(|tuple| input_rows_of(&inputs, tuple, &input_variables))
                .collect();
            if given.is_empty() {
                continue;
            }
            spend(
                &mut spent.n_rows,
                search.hits.len() * hit_variables.len().div_ceil(COLUMNS) + given.len(),
                maker.options,
                &fragment.written,
            )?;
            let key = &search.tuples[0].key;
            for hit in &search.hits {
                let mut row: Row = Vec::with_capacity(hit_variables.len());
                if shows_subject || fragment.hit.is_some() {
                    let id = maker.collection.id(hit.row);
                    let subject = NamedNode::new_unchecked(format!("{HIT_PREFIX}{key}/{id}"));
                    if fragment.hit.as_ref().is_some_and(|hit| *hit != subject) {
                        continue;
                    }
                    row.extend(shows_subject.then(|| Some(subject.into())));
                }
                row.resize(n_columns, None);
                if set_outputs(&mut row, &outputs, hit, maker).is_none() {
                    continue;
                }
                row.extend(is_ordered.then(|| Some(integer(hit.position).into())));
                row.extend(echoes.then(|| Some(integer(number).into())));
                hit_rows.push(row);
            }
            if echoes {
                input_rows.extend(given.into_iter().map(|mut row| {
                    row.push(Some(integer(number).into()));
                    row
                }));
            }
        }
        let hits = if is_joined && hit_rows.len() > maker.options.planner.inline_rows {
            maker.tables.place(hit_variables, hit_rows)
        } else {
            rewrite::hashed(hit_variables, hit_rows)
        };
        if !echoes {
            return Ok(hits);
        }
        // Inputs stand in a table of their own: a row per hit with its inputs in full would multiply
        // what may be whole images.
        let mut input_variables = input_variables;
        input_variables.push(fragment.inputs_id.clone());
        Ok(GraphPattern::Project {
            inner: Box::new(algebra::join(
                rewrite::hashed(input_variables, input_rows),
                hits,
            )),
            variables,
        })
    }
}

/// A row of inline data.
type Row = Vec<Option<GroundTerm>>;

fn variables_of(columns: &[&(Property, TermPattern)]) -> Vec<Variable> {
    let mut variables = Vec::new();
    for (_, object) in columns {
        if let Some(variable) = algebra::variable_of(object)
            && !variables.contains(variable)
        {
            variables.push(variable.clone());
        }
    }
    variables
}

/// The rows of one tuple's inputs: one, or as many as an input property has values where the query asks
/// for them by a variable of its own.
fn input_rows_of(
    inputs: &[&(Property, TermPattern)],
    tuple: &Tuple,
    variables: &[Variable],
) -> Vec<Row> {
    let cells = inputs
        .iter()
        .map(|(property, object)| (object, given(tuple, *property, object)));
    fill(vec![None; variables.len()], cells, variables)
}

/// Puts the outputs of a hit into the columns of their variables; none if two of one variable differ, or a
/// constant is another.
fn set_outputs(
    row: &mut Row,
    outputs: &[(Property, &TermPattern, Option<usize>)],
    hit: &RankedHit,
    maker: &TableMaker<'_>,
) -> Option<()> {
    for (property, object, column) in outputs {
        let term = output(*property, hit, maker)?;
        let is_same = match column.map(|column| &mut row[column]) {
            Some(cell @ None) => {
                *cell = Some(term);
                true
            }
            Some(Some(other)) => *other == term,
            None => is_constant(&term, object),
        };
        if !is_same {
            return None;
        }
    }
    Some(())
}

/// The value of an output property; none of a URL that is no IRI.
fn output(property: Property, hit: &RankedHit, maker: &TableMaker<'_>) -> Option<GroundTerm> {
    let url = || maker.collection.url(hit.row);
    Some(match property {
        Property::IiifUrl => NamedNode::new(url()).ok()?.into(),
        Property::Link => {
            let link = iiif::full_image_url(url(), maker.options.link_width_px);
            NamedNode::new(link).ok()?.into()
        }
        Property::Score => Literal::from(hit.score.clamp(-1.0, 1.0)).into(),
        Property::ImageId => Literal::new_simple_literal(maker.collection.id(hit.row)).into(),
        Property::Rank => integer(hit.rank).into(),
        Property::QueryString
        | Property::QueryUrl
        | Property::QueryImage
        | Property::SimilarTo
        | Property::ExcludeString
        | Property::MinScore
        | Property::Limit => return None,
    })
}

fn is_constant(term: &GroundTerm, constant: &TermPattern) -> bool {
    match (term, constant) {
        (GroundTerm::NamedNode(a), TermPattern::NamedNode(b)) => a == b,
        (GroundTerm::Literal(a), TermPattern::Literal(b)) => a == b,
        _ => false,
    }
}

/// `row` with the cells filled in, once for each choice of their terms; none if a constant is not among
/// the terms for its cell.
fn fill<'a>(
    row: Row,
    cells: impl Iterator<Item = (&'a TermPattern, Vec<GroundTerm>)>,
    variables: &[Variable],
) -> Vec<Row> {
    let mut rows = vec![row];
    for (object, terms) in cells {
        match object {
            TermPattern::Variable(variable) => {
                let column = variables
                    .iter()
                    .position(|v| v == variable)
                    .expect("the table has all variables of its columns");
                rows = rows
                    .into_iter()
                    .flat_map(|row| bind(row, column, &terms))
                    .collect();
            }
            constant => {
                if !terms.iter().any(|term| is_constant(term, constant)) {
                    return Vec::new();
                }
            }
        }
    }
    rows
}

/// The values of an input property: that of the very variable if it was bound elsewhere, else all.
fn given(tuple: &Tuple, property: Property, object: &TermPattern) -> Vec<GroundTerm> {
    let of_property = || tuple.values.iter().filter(|v| v.property == property);
    let own = algebra::variable_of(object)
        .and_then(|variable| of_property().find(|value| value.variable.as_ref() == Some(variable)));
    let terms: Vec<&Value> = match own {
        Some(value) => vec![value],
        None => of_property().collect(),
    };
    terms
        .into_iter()
        .filter_map(|value| GroundTerm::try_from(value.term.clone()).ok())
        .collect()
}

/// `row` with each of `terms` in `column`; none where another value stands there already.
fn bind(mut row: Row, column: usize, terms: &[GroundTerm]) -> Vec<Row> {
    if let ([term], None) = (terms, &row[column]) {
        row[column] = Some(term.clone());
        return vec![row];
    }
    terms
        .iter()
        .filter(|term| row[column].as_ref().is_none_or(|bound| bound == *term))
        .map(|term| {
            let mut row = row.clone();
            row[column] = Some(term.clone());
            row
        })
        .collect()
}

fn integer(number: usize) -> Literal {
    Literal::from(i64::try_from(number).unwrap_or(i64::MAX))
}

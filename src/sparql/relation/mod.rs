//! The clip relation: inputs in, scored images out.

pub(super) mod embed;

use crate::embedding::Embedding;
use crate::engine::Engine;
use crate::features::nearest::{Hit, Lookup};
use crate::search::Done;
use crate::search::ranking::Ranking;
use crate::search::rows::Rows;
use crate::sparql::error::QueryError;
use crate::sparql::explain::RequestExplanation;
use crate::sparql::limits::spent::Spent;
use crate::sparql::options::SparqlOptions;
use crate::sparql::query_run::QueryRun;
use crate::sparql::request::inputs::{Inputs, Tuple};

/// The hits of a request for all its tuples.
pub(super) struct Relation {
    pub searches: Vec<Search>,
    pub counts: Counts,
}

/// What embedding and searching a request took.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub texts_encoded: usize,
    pub texts_remembered: usize,
    pub images_encoded: usize,
    /// What the engine did.
    pub done: Done,
    pub hits: usize,
}

/// The hits for one set of inputs.
pub(super) struct Search {
    /// All tuples with these inputs.
    pub tuples: Vec<Tuple>,
    /// None if an image to be similar to is not in the collection.
    query: Option<Embedding>,
    pub hits: Vec<RankedHit>,
}

pub(super) struct RankedHit {
    pub row: usize,
    pub score: f32,
    pub rank: usize,
    /// Numbers the hits of the relation, the best with the highest number.
    pub position: usize,
}

/// What need not be searched: no solution of the query would show it.
#[derive(Debug, Default)]
pub(super) struct Restriction {
    /// The rows of the images that matter; the others cannot be joined and are not scored, unless a
    /// limit has to rank them all.
    pub candidates: Option<Rows>,
    /// Hits below this score are filtered out.
    pub floor: Option<f64>,
    /// Why this is so, and what it took to find out.
    pub explanation: RequestExplanation,
}

impl Restriction {
    /// How the request was searched for, once it was.
    pub(super) fn explain(
        self,
        engine: &Engine,
        relation: &Relation,
        blocks: usize,
        joined: usize,
    ) -> RequestExplanation {
        let counts = &relation.counts;
        RequestExplanation {
            inputs: relation.searches.len(),
            candidates: self.candidates.map(|rows| rows.len()),
            score_floor: self.floor,
            images_scored: counts.done.images_scored,
            hits: counts.hits,
            hits_joined: joined,
            blocks,
            texts_encoded: counts.texts_encoded,
            texts_remembered: counts.texts_remembered,
            images_encoded: counts.images_encoded,
            engine: engine.search_engine().name(),
            exact: counts.done.is_exact,
            expected_recall: counts.done.expected_recall,
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
        run: &QueryRun<'_>,
        spent: &mut Spent,
        written: &str,
        restriction: &Restriction,
    ) -> Result<(), QueryError> {
        let (engine, options, deadline) = (run.engine, run.options, &run.deadline);
        // Those with a limit rank all images, the others the candidates.
        let (limited, others): (Vec<_>, Vec<_>) = (self.searches.iter_mut())
            .filter(|search| search.query.is_some())
            .partition(|search| search.inputs().limit.or(options.default_limit).is_some());
        for (group, rows) in [(limited, None), (others, restriction.candidates.as_ref())] {
            let mut group = group;
            for searches in group.chunks_mut(LOOKUPS) {
                let lookups: Vec<Lookup<'_>> = (searches.iter())
                    .filter_map(|search| search.lookup(restriction, options))
                    .collect();
                let found = engine.search_each(&lookups, rows, &|| deadline.token.is_cancelled());
                deadline.check()?;
                let (found, done) = found?;
                self.counts.done = self.counts.done.and(done);
                for (search, found) in searches.iter_mut().zip(found) {
                    spent.hits(found.len(), options, written)?;
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

    /// The hits, best first: numbers of the search and of its hit.
    pub(super) fn in_order(&self) -> Vec<(usize, usize)> {
        if let [search] = &self.searches[..] {
            return (0..search.hits.len()).map(|hit| (0, hit)).collect();
        }
        let mut order = vec![(0, 0); self.searches.iter().map(|search| search.hits.len()).sum()];
        for (number, search) in self.searches.iter().enumerate() {
            for (index, hit) in search.hits.iter().enumerate() {
                let n = order.len();
                order[n - 1 - hit.position] = (number, index);
            }
        }
        order
    }

    /// The hits of a relation that has one set of inputs; as many as are `enough`, if that is given and there is a quicker
    /// way to them.
    ///
    /// # Errors
    /// [`QueryError`] if there is no time for it, or the features cannot be read any more.
    ///
    /// # Panics
    /// If it has several.
    pub(super) fn ranking(
        &mut self,
        run: &QueryRun<'_>,
        restriction: &Restriction,
        enough: Option<usize>,
    ) -> Result<Ranking, QueryError> {
        let [search] = <&[Search; 1]>::try_from(&self.searches[..])
            .expect("a ranking is of one set of inputs");
        let Some(lookup) = search.lookup(restriction, run.options) else {
            return Ok(Ranking::default());
        };
        let rows = (restriction.candidates.as_ref()).filter(|_| lookup.limit.is_none());
        let is_stopped = || run.deadline.token.is_cancelled();
        let ranking = (run.engine).ranking(lookup, rows, enough, &is_stopped);
        run.deadline.check()?;
        let (ranking, done) = ranking?;
        self.counts.done = self.counts.done.and(done);
        self.counts.hits = ranking.len();
        Ok(ranking)
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

/// Inputs that are searched for at once: their hits are held beside those that are kept.
const LOOKUPS: usize = 64;

impl Search {
    /// What to look for; none if an image to be similar to is not in the collection.
    fn lookup(&self, restriction: &Restriction, options: &SparqlOptions) -> Option<Lookup<'_>> {
        let inputs = self.inputs();
        let min_score = inputs
            .min_score
            .unwrap_or_else(|| options.default_min_score.into());
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

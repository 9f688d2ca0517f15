use super::*;
use crate::embedding::Embedding;
use crate::features::ivf::{self, Recall};
use crate::features::nearest;
use ndarray::Array2;
use proptest::prelude::*;

const WIDTH: usize = 16;

/// Directions around a few others, with equal ones among them.
fn features(angles: &[(u8, u8)]) -> Features {
    let rows: Vec<f32> = (angles.iter())
        .flat_map(|angles| direction(*angles))
        .collect();
    Features::from_unit_rows(Array2::from_shape_vec((angles.len(), WIDTH), rows).unwrap())
}

fn direction((topic, angle): (u8, u8)) -> Vec<f32> {
    let (sin, cos) = (f32::from(angle) / 40.0).sin_cos();
    let mut row = vec![0.0; WIDTH];
    row[usize::from(topic) % (WIDTH - 1)] = cos;
    row[WIDTH - 1] = sin;
    row
}

fn vector(angles: (u8, u8)) -> Embedding {
    Embedding::new(direction(angles)).unwrap()
}

/// A recall by which the nearest lists with so much of the rows are read, for however many hits.
fn reading(share: f64) -> Recall {
    Recall::measured(&[[vec![share; 10], vec![share; 100], vec![share; 1000]]])
}

fn engine(features: &Features, n_lists: usize, share: f64) -> Approximate {
    let ivf = ivf::made(features, n_lists, &reading(share));
    let exact = Exact::new(features.clone());
    Approximate::new(features.clone(), ivf, 0.9, exact)
}

const GOES_ON: &dyn Fn() -> bool = &|| false;

fn angles() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((0..6_u8, 0..30_u8), 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is found are the best of the rows that were looked at, and these lie in the nearest lists; what the lists
    /// cannot answer is exact.
    #[test]
    fn hits_are_the_best_of_the_nearest_lists(
        angles in angles(),
        lookups in proptest::collection::vec(
            ((0..6_u8, 0..30_u8), -1.0..1.0_f64, proptest::option::of(0..60_usize)),
            1..4,
        ),
        n_lists in 1..30_usize,
        share in 0.0..1.0_f64,
        some in proptest::option::of(proptest::collection::btree_set(0..400_usize, 0..400)),
    ) {
        let features = features(&angles);
        let engine = engine(&features, n_lists, share);
        let some: Option<Rows> = some
            .map(|some| some.into_iter().filter(|row| *row < angles.len()).collect());
        for (about, min_score, limit) in lookups {
            let query = vector(about);
            let lookup = Lookup { query: &query, min_score, limit };
            let (found, done) = engine.each(&[lookup], some.as_ref(), GOES_ON).unwrap();
            let rows: Vec<usize> = match engine.probe(&lookup, some.as_ref()) {
                None => {
                    prop_assert!(done.is_exact && done.expected_recall >= 1.0);
                    (0..angles.len()).collect()
                }
                Some(probe) => {
                    prop_assert_eq!((done.is_exact, done.images_scored), (false, probe.n_rows));
                    let wanted = share_of(angles.len(), share);
                    prop_assert!(probe.n_rows >= wanted && probe.n_rows < angles.len());
                    let places = probe.places.into_iter().flatten();
                    places.flat_map(|place| engine.ivf.rows(place..place + 1)).map(|row| row as usize).collect()
                }
            };
            let rows = rows.into_iter()
                .filter(|row| some.as_ref().is_none_or(|some| some.contains(*row)));
            prop_assert_eq!(&found[0], &nearest::of_rows(&features, &query, min_score, limit, rows));
        }
    }

    /// Several lookups at once find what each finds alone, or what exact search does.
    #[test]
    fn each_is_found_as_alone(
        angles in angles(),
        lookups in proptest::collection::vec(((0..6_u8, 0..30_u8), proptest::option::of(1..20_usize)), 0..6),
        share in 0.0..0.4_f64,
    ) {
        let features = features(&angles);
        let engine = engine(&features, 12, share);
        let queries: Vec<Embedding> = lookups.iter().map(|(about, _)| vector(*about)).collect();
        let lookups: Vec<Lookup<'_>> = (queries.iter().zip(&lookups))
            .map(|(query, (_, limit))| Lookup { query, min_score: 0.1, limit: *limit })
            .collect();
        let (together, done) = engine.each(&lookups, None, GOES_ON).unwrap();
        let exact = engine.exact.each(&lookups, None, GOES_ON).unwrap().0;
        prop_assert_eq!(together.len(), lookups.len());
        for (nth, lookup) in lookups.iter().enumerate() {
            let (alone, _) = engine.each(&[*lookup], None, GOES_ON).unwrap();
            prop_assert!(together[nth] == alone[0] || together[nth] == exact[nth]);
        }
        prop_assert!(done.is_exact == (together == exact) || !done.is_exact);
    }

    /// A ranking of which enough is there is in order and says that it is cut; who asks for all has all.
    #[test]
    fn a_ranking_that_is_cut_says_so(
        angles in angles(),
        about in (0..6_u8, 0..30_u8),
        enough in 1..40_usize,
        share in 0.0..1.0_f64,
    ) {
        let features = features(&angles);
        let engine = engine(&features, 9, share);
        let query = vector(about);
        let lookup = Lookup { query: &query, min_score: 0.2, limit: None };
        let all = nearest::at_least(&features, &query, 0.2, None);
        let (mut ranking, done) = engine.ranked(lookup, None, Some(enough), GOES_ON).unwrap();
        prop_assert_eq!(ranking.is_cut(), !done.is_exact);
        let is_cut = ranking.is_cut();
        let n = ranking.len();
        let (_, hits) = ranking.next_block(usize::MAX, GOES_ON).unwrap();
        prop_assert!(hits.iter().all(|hit| all.contains(hit)));
        prop_assert!(hits.is_sorted_by(|a, b| nearest::best_first(a, b).is_lt()));
        prop_assert!((is_cut && n <= enough) || (!is_cut && hits == all));
        let (mut ranking, done) = engine.ranked(lookup, None, None, GOES_ON).unwrap();
        prop_assert!(done.is_exact && !ranking.is_cut());
        prop_assert_eq!(ranking.next_block(usize::MAX, GOES_ON).unwrap().1, &all[..]);
    }
}

#[test]
fn few_rows_and_many_hits_are_left_to_exact_search() {
    let angles: Vec<(u8, u8)> = (0..2000)
        .map(|row: u16| ((row % 6) as u8, (row % 29) as u8))
        .collect();
    let features = features(&angles);
    let engine = engine(&features, 20, 0.05);
    let query = vector((1, 3));
    let exactly = |limit: Option<usize>, rows: Option<Rows>| {
        let lookup = Lookup {
            query: &query,
            min_score: 0.0,
            limit,
        };
        let (_, done) = engine.each(&[lookup], rows.as_ref(), GOES_ON).unwrap();
        done.is_exact
    };
    assert!(!exactly(Some(10), None));
    assert!(exactly(None, None), "all above a score");
    assert!(
        exactly(Some(1500), None),
        "more than the recall is known of"
    );
    assert!(exactly(Some(2000), None), "all");
    // A hundred best of a half are two hundred of all.
    assert!(!exactly(Some(100), Some((0..2000).step_by(2).collect())));
    assert!(exactly(Some(10), Some((0..2000).step_by(400).collect())));
    assert!(exactly(Some(1), Some((0..2000).step_by(400).collect())));
    assert!(engine.name().starts_with("approximate, 20 lists; exact, f"));
}

#[test]
fn a_search_ends_when_it_is_stopped_and_knows_its_model() {
    let features = features(&[(1, 2), (2, 3), (3, 4)]);
    let engine = engine(&features, 2, 0.1);
    let lookup = |query| Lookup {
        query,
        min_score: 0.0,
        limit: Some(1),
    };
    let query = vector((1, 3));
    let stopped = engine.each(&[lookup(&query)], None, &|| true);
    assert_eq!(stopped, Err(SearchError::Stopped));
    let other = Embedding::new(vec![1.0]).unwrap();
    let refused = engine.ranked(lookup(&other), None, None, GOES_ON).err();
    let width = SearchError::Width {
        found: 1,
        expected: WIDTH,
    };
    assert_eq!(refused, Some(width));
}

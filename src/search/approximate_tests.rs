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

/// The rows of what is to be looked at.
fn looked_at(engine: &Approximate, probe: Probe) -> Vec<usize> {
    let places = probe.pieces.into_iter();
    let rows = places.flat_map(|(_, places)| engine.ivf.rows(places));
    rows.map(|row| row as usize).collect()
}

/// With as many numbers as models have, bits let a few of a thousand through wrongly, and few rows are read for the best.
#[test]
fn of_many_numbers_nearly_all_hits_are_found() {
    const MANY: usize = 192;
    let mut random = fastrand::Rng::with_seed(5);
    let rows: Vec<f32> = (0..3000)
        .flat_map(|row| {
            let numbers = (0..MANY)
                .map(|column| random.f32() - 0.5 + f32::from(u8::from(column % 12 == row % 12)));
            let vector = Embedding::new(numbers.collect()).unwrap();
            vector.as_slice().to_vec()
        })
        .collect();
    let features = Features::from_unit_rows(Array2::from_shape_vec((3000, MANY), rows).unwrap());
    let engine = engine(&features, 12, 0.5);
    let (mut n_found, mut n_wanted) = (0, 0);
    for query in (0..3000).step_by(31) {
        let query = Embedding::new(features.row(query).to_vec()).unwrap();
        let lookup = Lookup {
            query: &query,
            min_score: -1.0,
            limit: Some(20),
        };
        let probe = engine.first_probe(&lookup, None).unwrap();
        let looked_at: Rows = looked_at(&engine, probe).into_iter().collect();
        let (wanted, _) = engine
            .exact
            .each(&[lookup], Some(&looked_at), GOES_ON)
            .unwrap();
        let (found, done) = engine.each(&[lookup], None, GOES_ON).unwrap();
        assert!(!done.is_exact);
        assert_eq!(engine.each(&[lookup], None, GOES_ON).unwrap().0, found);
        n_found += found[0]
            .iter()
            .filter(|hit| wanted[0].contains(hit))
            .count();
        n_wanted += wanted[0].len();
    }
    assert!(n_found * 1000 >= n_wanted * 995, "{n_found} of {n_wanted}");
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
            // The recall is the same for any depth: however often it looked, it looked at the same lists.
            let first = engine.first_probe(&lookup, some.as_ref());
            let rows: Vec<usize> = match first.filter(|_| !done.is_exact) {
                None => {
                    prop_assert!(done.is_exact && done.expected_recall >= 1.0);
                    (0..angles.len()).collect()
                }
                Some(probe) => {
                    prop_assert_eq!(done.images_scored % probe.n_rows, 0);
                    prop_assert!(done.expected_recall < 1.0);
                    let wanted = share_of(angles.len(), share);
                    prop_assert!(probe.n_rows >= wanted && probe.n_rows < angles.len());
                    looked_at(&engine, probe)
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
        prop_assert!(!done.is_exact || together == exact);
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
        let hits = ranking.next_block(usize::MAX, GOES_ON).unwrap().1.to_vec();
        let expected = if is_cut {
            // With all that have the score of the last, as blocks never end between equals.
            let first = Lookup { limit: Some(enough), ..lookup };
            let rows = looked_at(&engine, engine.first_probe(&first, None).unwrap());
            let found = nearest::of_rows(&features, &query, 0.2, None, rows);
            let least = found.get(enough - 1).map_or(-1.0, |last| last.score);
            found.into_iter().filter(|hit| hit.score >= least).collect()
        } else {
            all.clone()
        };
        prop_assert_eq!(hits, expected);
        let (mut ranking, done) = engine.ranked(lookup, None, None, GOES_ON).unwrap();
        prop_assert!(done.is_exact && !ranking.is_cut());
        prop_assert_eq!(ranking.next_block(usize::MAX, GOES_ON).unwrap().1, &all[..]);
    }
}

/// Of images that are like the query a filter leaves none: what the nearest lists have of the others are not the best.
#[test]
fn images_that_are_not_like_the_query_are_left_to_exact_search() {
    let angles: Vec<(u8, u8)> = (0..2000_u16)
        .map(|row| ((row % 6) as u8, (row % 29) as u8))
        .collect();
    let features = features(&angles);
    let engine = engine(&features, 150, 0.2);
    let query = vector((1, 3));
    let lookup = Lookup {
        query: &query,
        min_score: -1.0,
        limit: Some(10),
    };
    let by_score = nearest::at_least(&features, &query, -1.0, None);
    for (hits, is_exact) in [(&by_score[1500..], true), (&by_score[..1500], false)] {
        let rows: Rows = hits.iter().map(|hit| hit.row).collect();
        let (found, done) = engine.each(&[lookup], Some(&rows), GOES_ON).unwrap();
        assert_eq!(done.is_exact, is_exact);
        assert_eq!(found[0].len(), 10);
        if is_exact {
            let expected = nearest::of_rows(&features, &query, -1.0, Some(10), rows.iter());
            assert_eq!(found[0], expected);
        }
    }
}

#[test]
fn lists_that_are_changed_are_not_read() {
    let angles: Vec<(u8, u8)> = (0..600_u16)
        .map(|row| ((row % 6) as u8, (row % 29) as u8))
        .collect();
    let features = features(&angles);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("features.ivf");
    let ivf = ivf::made_at(&path, &features, 12, &reading(0.1));
    let engine = Approximate::new(features.clone(), ivf, 0.9, Exact::new(features.clone()));
    let query = vector((1, 3));
    let lookup = Lookup {
        query: &query,
        min_score: -1.0,
        limit: Some(5),
    };
    let is_exact = || {
        let (found, done) = engine.each(&[lookup], None, GOES_ON).unwrap();
        let ranked = Lookup {
            limit: None,
            ..lookup
        };
        let (ranking, of_ranking) = engine.ranked(ranked, None, Some(5), GOES_ON).unwrap();
        assert_eq!(ranking.is_cut(), !done.is_exact);
        assert_eq!(done.is_exact, of_ranking.is_exact);
        if done.is_exact {
            assert_eq!(
                found[0],
                nearest::at_least(&features, &query, -1.0, Some(5))
            );
        }
        done.is_exact
    };
    assert!(!is_exact());
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(2))
        .unwrap();
    assert!(is_exact());
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

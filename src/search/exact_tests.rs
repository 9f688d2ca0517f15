use super::*;
use crate::embedding::Embedding;
use crate::features::int8;
use crate::features::nearest;
use crate::features::nearest::best_first;
use crate::features::npy::{FeaturesIn, SumOf};
use crate::features::score::score;
use crate::search::bounds::slack;
use crate::search::pool::Pool;
use crate::search::tile::Tile;
use ndarray::Array2;
use proptest::prelude::*;

/// Rows of two halves of the plane, with many equal ones among them; `width` at least 2.
fn features(angles: &[u8], width: usize) -> Features {
    let rows: Vec<f32> = angles
        .iter()
        .flat_map(|angle| direction(*angle, width))
        .collect();
    Features::from_unit_rows(Array2::from_shape_vec((angles.len(), width), rows).unwrap())
}

fn direction(angle: u8, width: usize) -> Vec<f32> {
    let (sin, cos) = (f32::from(angle) / 6.0).sin_cos();
    let mut row = vec![0.0; width];
    row[0] = cos;
    row[width - 1] = sin;
    row
}

fn pools() -> [&'static Pool; 2] {
    static POOLS: std::sync::OnceLock<[&'static Pool; 2]> = std::sync::OnceLock::new();
    *POOLS.get_or_init(|| [Pool::with_helpers(0), Pool::with_helpers(3)])
}

/// With and without the features in bytes, alone and with others.
fn engines(features: &Features, block: usize) -> impl Iterator<Item = Exact> {
    let int8 = int8::made(features);
    pools()
        .into_iter()
        .flat_map(move |pool| [None, Some(int8.clone())].map(|int8| (pool, int8)))
        .map(move |(pool, int8)| Exact::with(features.clone(), pool, Some(block)).with_int8(int8))
}

const GOES_ON: &dyn Fn() -> bool = &|| false;

#[test]
fn a_scan_ends_when_it_is_stopped() {
    let features = features(&[0; 1000], 2);
    let query = Embedding::new(vec![1.0, 0.0]).unwrap();
    let lookup = Lookup {
        query: &query,
        min_score: 0.0,
        limit: None,
    };
    for engine in engines(&features, 10) {
        let found = engine.each(&[lookup, lookup], None, &|| true);
        assert_eq!(found, Err(SearchError::Stopped));
        let found = engine.ranked(lookup, None, None, &|| true);
        assert_eq!(found.err(), Some(SearchError::Stopped));
    }
    // Alone, a thread asks before each block.
    let n_asked = std::cell::Cell::new(0);
    let is_stopped = || n_asked.replace(n_asked.get() + 1) == 3;
    let found = Exact::with(features, pools()[0], Some(10)).each(&[lookup], None, &is_stopped);
    assert_eq!(found, Err(SearchError::Stopped));
    assert_eq!(n_asked.get(), 4);
}

#[test]
fn a_vector_of_another_model_is_refused() {
    let features = features(&[1, 2], 2);
    let query = Embedding::new(vec![1.0]).unwrap();
    let lookup = Lookup {
        query: &query,
        min_score: 0.0,
        limit: None,
    };
    let refused = Err(SearchError::Width {
        found: 1,
        expected: 2,
    });
    assert_eq!(Exact::new(features).each(&[lookup], None, GOES_ON), refused);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Several lookups at once find what the plain search finds for each, whatever the blocks and threads; so do they
    /// among some rows.
    #[test]
    fn each_is_found_as_by_the_plain_search(
        angles in proptest::collection::vec(0..40_u8, 1..300),
        width in prop_oneof![Just(2_usize), Just(16), Just(45)],
        lookups in proptest::collection::vec(
            (0..40_u8, -1.0..1.0_f64, proptest::option::of(0..90_usize)),
            0..9,
        ),
        some in proptest::collection::btree_set(0..300_usize, 0..40),
        block in 1..80_usize,
    ) {
        let features = features(&angles, width);
        let queries: Vec<Embedding> = lookups
            .iter()
            .map(|(angle, ..)| Embedding::new(direction(*angle, width)).unwrap())
            .collect();
        let lookups: Vec<Lookup<'_>> = (queries.iter().zip(&lookups))
            .map(|(query, (_, min_score, limit))| Lookup {
                query,
                min_score: *min_score,
                limit: *limit,
            })
            .collect();
        let some: Rows = some.into_iter().filter(|row| *row < angles.len()).collect();
        for engine in engines(&features, block) {
            let (found, done) = engine.each(&lookups, None, GOES_ON).unwrap();
            prop_assert_eq!(done, Done::exactly(angles.len() * lookups.len()));
            let (among, done) = engine.each(&lookups, Some(&some), GOES_ON).unwrap();
            prop_assert_eq!(done, Done::exactly(some.len() * lookups.len()));
            prop_assert_eq!((found.len(), among.len()), (lookups.len(), lookups.len()));
            for ((Lookup { query, min_score, limit }, found), among) in
                lookups.iter().zip(found).zip(among)
            {
                prop_assert_eq!(found, nearest::at_least(&features, query, *min_score, *limit));
                let rows = some.iter();
                prop_assert_eq!(among, nearest::of_rows(&features, query, *min_score, *limit, rows));
            }
        }
    }

    /// Blocks end to end are the sorted hits, and none splits equal scores.
    #[test]
    fn blocks_are_the_sorted_hits(
        angles in proptest::collection::vec(0..12_u8, 1..60),
        sizes in proptest::collection::vec(1..9_usize, 60),
        limit in proptest::option::of(1..50_usize),
        min_score in -1.0..1.0_f64,
    ) {
        let features = features(&angles, 16);
        let query = Embedding::new(direction(3, 16)).unwrap();
        let expected = nearest::at_least(&features, &query, min_score, limit);
        for engine in engines(&features, 7) {
            let lookup = Lookup { query: &query, min_score, limit };
            let (mut ranking, _) = engine.ranked(lookup, None, None, GOES_ON).unwrap();
            prop_assert_eq!(ranking.len(), expected.len());
            let mut found: Vec<Hit> = Vec::new();
            for size in &sizes {
                let (start, block) = ranking.next_block(*size, GOES_ON).unwrap();
                prop_assert_eq!(start, found.len());
                if let (Some(before), Some(first)) = (found.last(), block.first()) {
                    prop_assert!(before.score > first.score);
                }
                prop_assert!(block.len() >= (*size).min(expected.len() - start));
                found.extend(block);
            }
            prop_assert_eq!(found, expected.clone());
        }
    }

    /// An estimate never claims more than is true, whatever the numbers.
    #[test]
    fn estimates_are_as_near_as_they_say(
        rows in proptest::collection::vec(proptest::collection::vec(-1.0..1.0_f32, 70), 1..20),
        queries in proptest::collection::vec(proptest::collection::vec(-1.0..1.0_f32, 70), 1..9),
    ) {
        let unit = |raw: &Vec<f32>| Embedding::new(raw.clone());
        let queries: Vec<Embedding> = queries.iter().filter_map(|raw| unit(raw).ok()).collect();
        let rows: Vec<f32> = (rows.iter().filter_map(|raw| unit(raw).ok()))
            .flat_map(|row| row.as_slice().to_vec())
            .collect();
        let n = rows.len() / 70;
        let features = Features::from_unit_rows(Array2::from_shape_vec((n, 70), rows).unwrap());
        let flat: Vec<f32> = queries.iter().flat_map(|q| q.as_slice().to_vec()).collect();
        let mut tile = Tile::default();
        let estimates = tile.estimates(&features, 0..n, &flat, queries.len());
        for row in 0..n {
            for (number, query) in queries.iter().enumerate() {
                let score = score(&features.row(row), query.as_slice());
                let estimate = estimates[row * queries.len() + number];
                prop_assert!((estimate - score).abs() <= slack(70), "{} {}", estimate, score);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Vectors as models make them: all in one cone, none near another, from a file in half precision.
    #[test]
    fn each_of_a_cone_is_found_as_by_the_plain_search(
        seed in any::<u64>(),
        n in 1..1500_usize,
        width in prop_oneof![Just(3_usize), Just(64), Just(130)],
        common in 0.0..3.0_f32,
        min_score in -0.5..1.0_f64,
        limit in proptest::option::of(0..40_usize),
    ) {
        let mut state = seed | 1;
        let mut vector = || {
            let numbers = (0..width).map(|k| {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let number = u16::try_from(state >> 48).unwrap();
                let number = f32::from(number) / 32_768.0 - 1.0;
                number + if k % 3 == 0 { common } else { 0.0 }
            });
            Embedding::new(numbers.collect())
        };
        let rows: Vec<f32> = (0..n)
            .filter_map(|_| vector().ok())
            .flat_map(|row| row.as_slice().to_vec())
            .collect();
        let Ok(query) = vector() else { return Ok(()) };
        let n = rows.len() / width;
        let features = Features::from_unit_rows(Array2::from_shape_vec((n, width), rows).unwrap());
        let lookup = Lookup { query: &query, min_score, limit };
        let expected = nearest::at_least(&features, &query, min_score, limit);
        for engine in engines(&features, 100) {
            let (found, _) = engine.each(&[lookup], None, GOES_ON).unwrap();
            prop_assert_eq!(&found[0], &expected);
            let (mut ranking, _) = engine.ranked(lookup, None, None, GOES_ON).unwrap();
            let mut found: Vec<Hit> = Vec::new();
            while found.len() < expected.len() {
                found.extend(ranking.next_block(13, GOES_ON).unwrap().1);
            }
            prop_assert_eq!(&found, &expected);
        }
    }
}

/// Files of features: what becomes of answers when something happens to them.
mod files {
    use super::*;
    use crate::features::npy::{self, Precision, header};
    use std::fs::{File, OpenOptions};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn write(path: &Path, rows: &[Vec<f32>], width: usize, precision: Precision) {
        let mut bytes = header(rows.len(), width, precision);
        for row in rows {
            precision.write_row(row, &mut bytes);
        }
        std::fs::write(path, bytes).unwrap();
    }

    /// Some hundred kilobytes: more than a page of memory.
    fn many(angle: u8) -> Vec<Vec<f32>> {
        vec![direction(angle, 64); 2000]
    }

    /// The rows of [`many`] with one angle, mapped.
    fn mapped(path: &Path, angle: u8, precision: Precision) -> Features {
        write(path, &many(angle), 64, precision);
        npy::read(path).unwrap().features
    }

    fn hits(features: &Features) -> Result<Vec<Hit>, SearchError> {
        let query = Embedding::new(direction(0, 64)).unwrap();
        let lookup = Lookup {
            query: &query,
            min_score: -1.0,
            limit: Some(5),
        };
        let (mut hits, _) = Exact::new(features.clone()).each(&[lookup], None, GOES_ON)?;
        Ok(hits.pop().unwrap())
    }

    #[test]
    fn a_file_that_is_replaced_stays_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        let features = mapped(&path, 1, Precision::F16);
        let before = hits(&features).unwrap();
        let new = dir.path().join("new.npy");
        write(&new, &many(2), 64, Precision::F16);
        std::fs::rename(&new, &path).unwrap();
        assert_eq!(hits(&features), Ok(before.clone()));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(hits(&features), Ok(before));
    }

    #[test]
    fn a_file_that_is_cut_ends_searches_and_not_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        for left_bytes in [0, 100_000] {
            let features = mapped(&path, 1, Precision::F32);
            let before = hits(&features).unwrap();
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(left_bytes).unwrap();
            let error = hits(&features).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("features.npy was changed in place"), "{text}");
            // What was cut off may have been anything, whatever is there now.
            let anew = mapped(&path, 1, Precision::F32);
            assert_eq!(hits(&features), Err(error));
            assert_eq!(hits(&anew), Ok(before));
        }
    }

    #[test]
    fn a_file_that_is_written_over_gives_no_mixed_answers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        let features = mapped(&path, 1, Precision::F16);
        hits(&features).unwrap();
        write(&path, &many(2), 64, Precision::F16);
        let later = SystemTime::now() + Duration::from_secs(2);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert!(matches!(hits(&features), Err(SearchError::Changed(_))));
    }

    #[test]
    fn bytes_of_a_file_that_is_written_over_are_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        let features = mapped(&path, 1, Precision::F16);
        let path = dir.path().join("features.i8");
        let int8 = int8::made_at(&path, &features);
        let engine = Exact::new(features.clone()).with_int8(Some(int8));
        assert_eq!(engine.name(), "exact, int8 before f16");
        let query = Embedding::new(direction(0, 64)).unwrap();
        let lookup = Lookup {
            query: &query,
            min_score: -1.0,
            limit: Some(5),
        };
        let found = || engine.each(&[lookup], None, GOES_ON).unwrap().0.pop();
        let before = found();
        let length = std::fs::metadata(&path).unwrap().len();
        // Cut off, and then as long as before, of zeros: no row could be found by these.
        for length in [0, length] {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(length).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(2))
                .unwrap();
            assert_eq!(found(), before);
        }
        assert_eq!(before, Some(hits(&features).unwrap()));
    }

    #[test]
    fn what_is_in_memory_needs_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        for precision in [Precision::F16, Precision::F32, Precision::F64] {
            let before = hits(&mapped(&path, 1, precision)).unwrap();
            let read = npy::read_summed(&path, SumOf::All, FeaturesIn::Memory).unwrap();
            File::create(&path).unwrap();
            assert_eq!(hits(&read.features), Ok(before));
        }
    }

    #[test]
    fn a_mapped_file_has_the_checksum_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("features.npy");
        for precision in [Precision::F16, Precision::F32, Precision::F64] {
            write(&path, &many(3), 64, precision);
            let [mapped, read] = [FeaturesIn::Mapped, FeaturesIn::Memory]
                .map(|place| npy::read_summed(&path, SumOf::All, place).unwrap().sum);
            assert!(mapped.is_some());
            assert_eq!(mapped, read);
        }
    }

    /// The rows as they were read before files were mapped: widened, and divided by their norm.
    fn widened(rows: &[Vec<f32>], precision: Precision) -> Vec<f32> {
        let mut all = Vec::new();
        for row in rows {
            let mut row: Vec<f32> = match precision {
                Precision::F16 => row
                    .iter()
                    .map(|x| half::f16::from_f32(*x).to_f32())
                    .collect(),
                Precision::F32 | Precision::F64 => row.clone(),
            };
            let mut sums = [0f32; 16];
            let (blocks, rest) = row.as_chunks::<16>();
            for block in blocks {
                for lane in 0..16 {
                    sums[lane] += block[lane] * block[lane];
                }
            }
            let rest: f32 = rest.iter().map(|x| x * x).sum();
            let squared = sums.iter().sum::<f32>() + rest;
            if (squared - 1.0).abs() > 1e-6 {
                let norm = match (1e-3..1e3).contains(&squared) {
                    true => f64::from(squared).sqrt(),
                    false => row
                        .iter()
                        .map(|x| f64::from(*x).powi(2))
                        .sum::<f64>()
                        .sqrt(),
                };
                for x in &mut row {
                    #[expect(clippy::cast_possible_truncation, reason = "as it was")]
                    {
                        *x = (f64::from(*x) / norm) as f32;
                    }
                }
            }
            all.extend(row);
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Vectors of any length in a file, tiny and huge ones among them, have the scores that they had when they
        /// were widened before: the same bits.
        #[test]
        fn scores_are_those_of_widened_rows(
            rows in proptest::collection::vec(
                (proptest::collection::vec(-1.0..1.0_f32, 67), -4..5_i32, 0..4_u8),
                1..150,
            ),
            query in proptest::collection::vec(-1.0..1.0_f32, 67),
            min_score in -0.3..0.3_f64,
            limit in proptest::option::of(0..40_usize),
        ) {
            let Ok(query) = Embedding::new(query) else {
                return Ok(());
            };
            let rows: Vec<Vec<f32>> = (rows.into_iter())
                .map(|(row, exponent, kind)| match kind {
                    // What a build writes, and the query itself.
                    0 => Embedding::new(row).map_or(vec![1.0; 67], |row| row.as_slice().to_vec()),
                    1 => query.as_slice().to_vec(),
                    _ => row.iter().map(|x| x * 10f32.powi(exponent)).collect(),
                })
                .collect();
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("features.npy");
            for precision in [Precision::F16, Precision::F32, Precision::F64] {
                write(&path, &rows, 67, precision);
                // Rows without a direction are refused, as before.
                let Ok(read) = npy::read(&path) else {
                    continue;
                };
                let matrix = widened(&rows, precision);
                let matrix = Array2::from_shape_vec((rows.len(), 67), matrix).unwrap();
                let score_of = |row: usize| {
                    score(matrix.row(row).to_slice().unwrap(), query.as_slice())
                };
                let mut expected: Vec<Hit> = (0..rows.len())
                    .map(|row| Hit { row, score: score_of(row) })
                    .filter(|hit| f64::from(hit.score) >= min_score)
                    .collect();
                expected.sort_by(best_first);
                expected.truncate(limit.unwrap_or(usize::MAX));
                let lookup = Lookup { query: &query, min_score, limit };
                for engine in engines(&read.features, 16) {
                    let (found, _) = engine.each(&[lookup; 7], None, GOES_ON).unwrap();
                    for found in found {
                        prop_assert_eq!(&found, &expected);
                    }
                    let (found, _) = engine.each(&[lookup], None, GOES_ON).unwrap();
                    prop_assert_eq!(&found[0], &expected);
                    let (mut ranking, _) = engine.ranked(lookup, None, None, GOES_ON).unwrap();
                    prop_assert_eq!(ranking.next_block(usize::MAX, GOES_ON).unwrap().1, &expected);
                }
            }
        }
    }
}

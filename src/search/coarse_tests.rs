use super::*;
use crate::embedding::Embedding;
use crate::features::Features;
use crate::features::int8::made;
use crate::features::score::score;
use ndarray::Array2;
use proptest::prelude::*;

/// Unit vectors of these, where they have a direction.
fn units(rows: &[Vec<f32>], width: usize) -> Vec<f32> {
    (rows.iter())
        .filter_map(|row| Embedding::new(row[..width].to_vec()).ok())
        .flat_map(|row| row.as_slice().to_vec())
        .collect()
}

#[test]
fn products_of_bytes_stay_in_range() {
    for width in [1, 3, 512, 2048, 100_000] {
        // The most that a sum may come to: all numbers alike.
        let largest = most(width, width as f64);
        let sum = (largest + 0.5) * width as f64 * 127.0;
        assert!(sum <= f64::from(i32::MAX), "{width}: {largest}");
        assert!(largest >= 1.0);
    }
}

#[test]
fn a_dot_product_of_bytes_is_that_of_its_numbers() {
    for (width, n, n_queries) in [
        (1, 3, 1),
        (15, 40, 2),
        (64, 70, 4),
        (130, 33, 7),
        (512, 3, 9),
    ] {
        let code = |k: usize| i8::try_from((k * 89 % 255).cast_signed() - 127).unwrap();
        let query = |k: usize| i16::try_from((k * 7919 % 16383).cast_signed() - 8191).unwrap();
        let codes: Vec<i8> = (0..n * width).map(code).collect();
        let queries: Vec<i16> = (0..n_queries * width).map(query).collect();
        let mut found = vec![0; n * n_queries];
        dots_of_bytes(&codes, &queries, width, &mut found);
        for (index, found) in found.into_iter().enumerate() {
            let (row, nth) = (index / n_queries, index % n_queries);
            let expected: i32 = (0..width)
                .map(|k| i32::from(code(row * width + k)) * i32::from(query(nth * width + k)))
                .sum();
            assert_eq!(found, expected, "{width}, {index}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// An estimate never claims more than is true, whatever the numbers: some far larger than the others among them.
    #[test]
    fn estimates_are_as_near_as_they_say(
        rows in proptest::collection::vec(proptest::collection::vec(-1.0..1.0_f32, 70), 1..40),
        queries in proptest::collection::vec(proptest::collection::vec(-1.0..1.0_f32, 70), 1..5),
        width in 1..70_usize,
        common in -2.0..2.0_f32,
        exponents in proptest::collection::vec(-6..3_i32, 70),
    ) {
        let shaped = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
            let shape = |row: &Vec<f32>| {
                (row.iter().zip(&exponents))
                    .map(|(x, exponent)| (x + common) * 10f32.powi(*exponent))
                    .collect()
            };
            rows.iter().map(shape).collect()
        };
        let rows = units(&shaped(&rows), width);
        let mut queries = units(&shaped(&queries), width);
        // And a row itself.
        queries.extend_from_slice(&rows[..width.min(rows.len())]);
        let (n, n_queries) = (rows.len() / width, queries.len() / width);
        let features = Features::from_unit_rows(Array2::from_shape_vec((n, width), rows).unwrap());
        let coarse = Coarse::new(made(&features), &queries, n_queries);
        let mut room = Room::default();
        coarse.estimate(0..n, &mut room);
        for row in 0..n {
            for (nth, query) in queries.chunks_exact(width).enumerate() {
                let score = score(&features.row(row), query);
                let index = row * n_queries + nth;
                let (estimate, slack) = (room.estimates[index], room.slacks[index]);
                prop_assert!((estimate - score).abs() <= slack, "{} {} {}", estimate, score, slack);
            }
        }
    }
}

/// What the filter is for: of vectors in a cone it leaves few.
#[test]
fn little_is_left_open() {
    let width = 128;
    let mut state = 1u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let rows: Vec<Vec<f32>> = (0..2000)
        .map(|_| {
            (0..width)
                .map(|k| random() + if k < 20 { 1.0 } else { 0.0 })
                .collect()
        })
        .collect();
    let rows = units(&rows, width);
    let query = rows[..width].to_vec();
    let features = Features::from_unit_rows(Array2::from_shape_vec((2000, width), rows).unwrap());
    let coarse = Coarse::new(made(&features), &query, 1);
    let mut room = Room::default();
    coarse.estimate(0..2000, &mut room);
    let widest = room
        .slacks
        .iter()
        .fold(0f32, |widest, slack| widest.max(*slack));
    assert!(widest < 0.01, "{widest}");
}

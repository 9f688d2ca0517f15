use super::*;
use crate::embedding::Embedding;
use ndarray::Array2;
use std::fs;
use std::time::{Duration, SystemTime};

const WIDTH: usize = 24;

/// Vectors around six directions.
fn features(n: usize) -> Features {
    let row = |row: usize| {
        let mut numbers: Vec<f32> = (0..WIDTH)
            .map(|column| f32::from(u8::try_from((row * 31 + column * 17) % 23).unwrap()) / 60.0)
            .collect();
        numbers[row % 6] += 2.0;
        Embedding::new(numbers).unwrap().as_slice().to_vec()
    };
    let rows = (0..n).flat_map(row).collect();
    Features::from_unit_rows(Array2::from_shape_vec((n, WIDTH), rows).unwrap())
}

fn sum() -> Sum {
    Sum::of(b"features.npy")
}

fn some_recall() -> Recall {
    Recall::measured(&[[vec![0.3; 10], vec![0.5; 100], vec![0.9; 1000]]])
}

fn bytes_of(features: &Features, n_lists: usize) -> Vec<u8> {
    let (lists, order) = lists_of(features, n_lists);
    let mut bytes = Vec::new();
    write(features, &sum(), &lists, &order, &some_recall(), &mut bytes).unwrap();
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(bytes: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path(), bytes).unwrap();
        folder
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("features.ivf")
    }

    fn open(&self, features: &Features, sum_of: SumOf) -> Result<Option<Ivf>, DerivedError> {
        Ivf::open(&self.path(), features, &sum(), sum_of, FeaturesIn::Mapped)
    }

    fn refusal(&self, features: &Features, sum_of: SumOf) -> String {
        let text = self.open(features, sum_of).unwrap_err().to_string();
        let path = self.path().display().to_string();
        (text.strip_prefix(&path).unwrap()).trim_start().to_owned()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[test]
fn each_row_is_in_the_list_with_the_nearest_centroid() {
    let features = features(1500);
    let (lists, order) = lists_of(&features, 12);
    assert_eq!((lists.len(), lists.n_rows()), (12, 1500));
    let centroids: Vec<&[f32]> = lists.centroids().chunks_exact(WIDTH).collect();
    let mut n_alone = 0;
    for list in 0..12 {
        let rows = &order[lists.places(list)];
        assert!(rows.is_sorted());
        n_alone += usize::from(rows.iter().all(|row| row % 6 == rows[0] % 6));
        for row in rows {
            let row = features.row(*row as usize);
            let distance = |centroid: &[f32]| {
                let squares = centroid.iter().zip(&*row).map(|(c, x)| (c - x).powi(2));
                squares.sum::<f32>()
            };
            let least = centroids.iter().map(|c| distance(c)).fold(9.0, f32::min);
            assert!(distance(centroids[list]) <= least + 1e-5, "{list}");
        }
    }
    assert!(n_alone >= 3, "{n_alone} lists hold one direction alone");
}

#[test]
fn lists_are_read_by_the_angle_to_their_centroids() {
    let centroids = vec![0.1, 0.0, 0.6, 0.6, 0.0, 0.0, -1.0, 0.0];
    let lists = Lists::new(2, centroids, vec![0, 3, 3, 4, 9]).unwrap();
    assert_eq!(lists.nearest_first(&[1.0, 0.0]), [0, 1, 2, 3]);
    assert_eq!(lists.nearest_first(&[0.0, 1.0]), [1, 0, 2, 3]);
    assert_eq!(lists.nearest_first(&[-1.0, 0.0]), [3, 2, 1, 0]);
    assert_eq!((lists.places(1), lists.places(3)), (3..3, 4..9));
    let features = features(500);
    let (lists, _) = lists_of(&features, 25);
    let query = features.row(77);
    let angle = |list: usize| {
        let centroid = &lists.centroids()[list * WIDTH..][..WIDTH];
        dot(centroid, &query) / dot(centroid, centroid).sqrt()
    };
    let order = lists.nearest_first(&query);
    assert!(order.is_sorted_by(|a, b| angle(*a) >= angle(*b) - 1e-6));
}

#[test]
fn a_file_has_what_was_written() {
    let features = features(300);
    for n_lists in [1, 6, 17, 300, 5000] {
        let (lists, order) = lists_of(&features, n_lists);
        assert_eq!(lists.len(), n_lists.min(300));
        let folder = Folder::with(&bytes_of(&features, n_lists));
        for place in [FeaturesIn::Mapped, FeaturesIn::Memory] {
            let ivf = Ivf::open(&folder.path(), &features, &sum(), SumOf::All, place);
            let ivf = ivf.unwrap().unwrap();
            assert_eq!((ivf.lists(), ivf.recall()), (&lists, &some_recall()));
            assert!(ivf.rows(0..300).eq(order.iter().copied()));
            // With so few numbers no score is further off than it may be.
            let far = errors(&ivf, &features).fold(0f32, f32::max);
            assert!(
                far <= ivf.0.bits.reach() && (far > 0.5) == (n_lists < 300),
                "{far}"
            );
        }
    }
}

/// How far each score is from its estimate, in deviations, with some rows as queries.
fn errors<'a>(ivf: &'a Ivf, features: &'a Features) -> impl Iterator<Item = f32> + 'a {
    (0..features.len()).step_by(37).flat_map(move |query| {
        let query = features.row(query).to_vec();
        let bits = ivf.bit_query(&query);
        let mut estimates = Estimates::default();
        (0..ivf.lists().len()).flat_map(move |list| {
            let places = ivf.lists().places(list);
            ivf.estimate(&bits, list, places.clone(), &mut estimates);
            let scores = ivf
                .rows(places)
                .map(|row| dot(&features.row(row as usize), &query));
            let estimates = estimates.scores.iter().zip(&estimates.highest);
            let reach = ivf.0.bits.reach();
            (scores.zip(estimates))
                .map(|(score, (estimate, highest))| {
                    (score - estimate, (highest - estimate) / reach)
                })
                // Of the centroid itself everything is known.
                .filter(|(_, deviation)| *deviation > 1e-4)
                .map(|(error, deviation)| error.abs() / deviation)
                .collect::<Vec<_>>()
        })
    })
}

#[test]
fn estimates_are_as_far_off_as_is_said() {
    for width in [64, 100, 512, 520] {
        let mut random = fastrand::Rng::with_seed(3);
        let rows = (0..800).flat_map(|_| {
            // Some numbers say far more than others, as with CLIP models.
            let row = (0..width).map(|column| (random.f32() - 0.5) / (1 + column % 40) as f32);
            let row = Embedding::new(row.collect()).unwrap();
            row.as_slice().to_vec()
        });
        let rows = Array2::from_shape_vec((800, width), rows.collect()).unwrap();
        let features = Features::from_unit_rows(rows);
        let folder = Folder::with(&bytes_of(&features, 5));
        let ivf = folder.open(&features, SumOf::All).unwrap().unwrap();
        let errors: Vec<f32> = errors(&ivf, &features).collect();
        let mean_square = errors.iter().map(|e| e * e).sum::<f32>() / errors.len() as f32;
        assert!((0.8..1.25).contains(&mean_square), "{width}: {mean_square}");
        // A query that is a row of the list is as one: its own estimate alone is not that of a random direction.
        let n_far = errors.iter().filter(|e| **e > ivf.0.bits.reach()).count();
        assert!(
            n_far * 200 < errors.len(),
            "{width}: {n_far} of {}",
            errors.len()
        );
    }
}

#[test]
fn a_rotation_keeps_angles() {
    for width in [1, 2, 7, 64, 130] {
        let rotation = Rotation::any(width);
        let vector = |seed| -> Vec<f32> {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..width).map(|_| random.f32() - 0.5).collect()
        };
        let (a, b) = (vector(1), vector(2));
        let (turned_a, turned_b) = (rotation.turn(&a), rotation.turn(&b));
        assert!(
            (dot(&a, &b) - dot(&turned_a, &turned_b)).abs() < 1e-5,
            "{width}"
        );
        let mut together = vec![0.0; 2 * width];
        rotation.turn_all(&[a, b].concat(), &mut together);
        let alone = [turned_a, turned_b].concat();
        assert!(
            together
                .iter()
                .zip(alone)
                .all(|(x, y)| (x - y).abs() < 1e-6)
        );
        assert_eq!(
            Rotation::new(width, rotation.rows().to_vec()),
            Some(rotation)
        );
    }
    assert_eq!(Rotation::new(2, vec![1.0, 0.0, f32::NAN, 1.0]), None);
    assert_eq!(Rotation::new(2, vec![1.0]), None);
}

#[test]
fn no_features_have_no_lists() {
    let none = features(0);
    let folder = Folder::with(&bytes_of(&none, 4));
    let ivf = folder.open(&none, SumOf::All).unwrap().unwrap();
    assert!(ivf.lists().is_empty());
}

#[test]
fn what_does_not_fit_is_refused() {
    let features = features(100);
    let bytes = bytes_of(&features, 6);
    let folder = Folder::with(&bytes);
    let other = Sum::of(b"other");
    let opened = Ivf::open(
        &folder.path(),
        &features,
        &other,
        SumOf::All,
        FeaturesIn::Mapped,
    );
    let text = opened.unwrap_err().to_string();
    assert!(text.ends_with("was made of another features.npy"), "{text}");
    for cut in [0, 7, 90, bytes.len() / 2, bytes.len() - 1] {
        let text = Folder::with(&bytes[..cut]).refusal(&features, SumOf::All);
        assert!(text.starts_with("is damaged ("), "{cut}: {text}");
    }
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        Folder::with(&bytes)
    };
    let starts = Starts::of(100, WIDTH, 6).unwrap();
    for at in [
        starts.centroids,
        starts.rows + 9,
        starts.bits + 200,
        bytes.len() - 1,
    ] {
        let byte = [bytes[at] ^ 4];
        let text = changed(at, &byte).refusal(&features, SumOf::All);
        assert_eq!(text, "is damaged (its checksum is another)", "{at}");
    }
    // What a search would stumble over is noticed even where the checksum takes too long.
    let first_row = &bytes[starts.rows..starts.rows + 4];
    for (at, with, reason) in [
        (
            starts.rows + 4,
            first_row,
            "its lists do not hold each row once",
        ),
        (
            starts.rows,
            &[100, 0, 0, 0][..],
            "its lists do not hold each row once",
        ),
        (
            starts.lists + 8,
            &[101][..],
            "its lists do not follow one after the other",
        ),
        (
            starts.lists,
            &[1][..],
            "its lists do not follow one after the other",
        ),
        (
            starts.centroids,
            &[0, 0, 192, 127][..],
            "its lists do not follow one after the other",
        ),
        (
            starts.rotation,
            &[0, 0, 128, 127][..],
            "its rotation is none",
        ),
        (
            Derived::<3>::HEADER_BYTES,
            &[0, 0, 192, 127][..],
            "its recall is none",
        ),
        (24, &[0xff; 8][..], "it is cut off, or longer than it says"),
        (24, &[7][..], "it is cut off, or longer than it says"),
    ] {
        let text = changed(at, with).refusal(&features, SumOf::UpTo(0));
        assert_eq!(text, format!("is damaged ({reason})"), "{at}");
    }
}

#[test]
fn a_file_that_is_written_over_is_noticed() {
    let features = features(200);
    let folder = Folder::with(&bytes_of(&features, 4));
    let ivf = folder.open(&features, SumOf::All).unwrap().unwrap();
    assert_eq!(ivf.check(), Ok(()));
    let file = fs::File::options().write(true).open(folder.path()).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(2))
        .unwrap();
    assert_eq!(ivf.check(), Err(ChangedFile(folder.path())));
}

#[test]
fn the_least_effort_that_is_enough() {
    // All queries need as much: there is no error to take off, but a recall of 1 is told of all rows alone.
    let needed = vec![[vec![0.01; 10], vec![0.15; 100], vec![1.0; 1000]]; 4];
    let recall = Recall::measured(&needed);
    let effort = |k, wanted| {
        let effort = recall.effort(k, wanted).unwrap();
        (effort.share, (effort.recall * 1000.0).round(), effort.depth)
    };
    assert_eq!(
        effort(3, 0.5),
        (
            0.5f64.powi(7) * std::f64::consts::FRAC_1_SQRT_2 * 2.0,
            999.0,
            10
        )
    );
    assert_eq!(
        effort(11, 0.98),
        (
            0.5f64.powi(3) * std::f64::consts::FRAC_1_SQRT_2 * 2.0,
            999.0,
            100
        )
    );
    assert_eq!(effort(1000, 0.1), (1.0, 1000.0, 1000));
    assert_eq!(effort(10, 0.9999), (1.0, 1000.0, 10));
    assert_eq!(recall.effort(1001, 0.1), None, "it is not known of so many");
    // Half of the queries find nothing: the mean, less its standard error of a quarter.
    let needed = [0.01, 1.0, 0.01, 1.0].map(|share| [vec![share; 10], vec![], vec![]]);
    let effort = Recall::measured(&needed).effort(10, 0.2).unwrap();
    assert_eq!((effort.recall * 1000.0).round(), 250.0);
    let none = Recall::measured(&[]);
    assert_eq!(none.effort(1, 0.1).map(|effort| effort.share), Some(1.0));
}

#[test]
fn the_number_of_lists_is_read_without_their_features() {
    let folder = Folder::with(&bytes_of(&features(50), 7));
    assert_eq!(Ivf::n_lists_in(&folder.path()), Some(7));
    assert_eq!(Ivf::n_lists_in(&folder.path().join("none")), None);
    for other in [&b"CLIPIVF2"[..], &[7; 100]] {
        assert_eq!(Ivf::n_lists_in(&Folder::with(other).path()), None);
    }
}

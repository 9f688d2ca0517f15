use super::*;
use ndarray::Array2;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

const WIDTH: usize = 48;

fn features(n: usize) -> Features {
    let row = |row: usize| {
        let mut numbers = vec![0.6; WIDTH];
        numbers[row % WIDTH] = 1.0 + f32::from(u16::try_from(row % 7).unwrap());
        crate::embedding::Embedding::new(numbers)
            .unwrap()
            .as_slice()
            .to_vec()
    };
    let rows = (0..n).flat_map(row).collect();
    Features::from_unit_rows(Array2::from_shape_vec((n, WIDTH), rows).unwrap())
}

fn sum() -> Sum {
    Sum::of(b"features.npy")
}

fn bytes_of(features: &Features) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(features, &sum(), &mut bytes).unwrap();
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(bytes: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path(), bytes).unwrap();
        folder
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("features.i8")
    }

    fn open(&self, features: &Features, sum_of: SumOf) -> Result<Option<Int8>, DerivedError> {
        Int8::open(&self.path(), features, &sum(), sum_of, FeaturesIn::Mapped)
    }

    fn refusal(&self, features: &Features) -> String {
        let text = self.open(features, SumOf::All).unwrap_err().to_string();
        let path = self.path().display().to_string();
        (text.strip_prefix(&path).unwrap()).trim_start().to_owned()
    }
}

#[test]
fn a_row_is_its_bytes_and_a_short_rest() {
    // More rows than one processor rounds at a time.
    let features = features(3000);
    let folder = Folder::with(&bytes_of(&features));
    for place in [FeaturesIn::Mapped, FeaturesIn::Memory] {
        let int8 = Int8::open(&folder.path(), &features, &sum(), SumOf::All, place);
        let int8 = int8.unwrap().unwrap();
        for row in 0..3000 {
            let (scale, rest) = int8.scale_and_rest(row);
            let codes = int8.codes(row..row + 1);
            let numbers = features.row(row);
            let squares = (numbers.iter().zip(codes).zip(int8.centre()))
                .map(|((x, code), c)| (x - c - scale * f32::from(*code)).powi(2));
            let found = squares.sum::<f32>().sqrt();
            assert!(
                found <= rest * 1.0001 && rest < 0.03,
                "{row}: {found}, {rest}"
            );
        }
    }
}

#[test]
fn the_bytes_depend_on_the_features_alone() {
    assert_eq!(bytes_of(&features(5000)), bytes_of(&features(5000)));
    let none = features(0);
    let folder = Folder::with(&bytes_of(&none));
    assert!(folder.open(&none, SumOf::All).unwrap().is_some());
}

#[test]
fn where_there_is_no_file_there_is_nothing() {
    let folder = Folder(tempfile::tempdir().unwrap());
    assert!(folder.open(&features(2), SumOf::All).unwrap().is_none());
}

#[test]
fn what_does_not_fit_is_refused() {
    let features = features(100);
    let bytes = bytes_of(&features);
    let other = Folder::with(&bytes);
    let opened = Int8::open(
        &other.path(),
        &features,
        &Sum::of(b"other"),
        SumOf::All,
        FeaturesIn::Mapped,
    );
    let text = opened.unwrap_err().to_string();
    assert!(text.ends_with("was made of another features.npy"), "{text}");
    assert_eq!(
        Folder::with(&bytes).refusal(&super::tests::features(99)),
        "is damaged (it has not as many numbers as its features)"
    );
    for cut in [0, 7, 80, bytes.len() / 2, bytes.len() - 1] {
        let text = Folder::with(&bytes[..cut]).refusal(&features);
        assert!(text.starts_with("is damaged ("), "{cut}: {text}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        Folder::with(&longer).refusal(&features),
        "is damaged (it is cut off, or longer than it says)"
    );
    // A single bit, anywhere but in what is compared before.
    for place in [
        Derived::<2>::HEADER_BYTES,
        Derived::<2>::HEADER_BYTES + 500,
        bytes.len() - 100,
        bytes.len() - 1,
    ] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        assert_eq!(
            Folder::with(&damaged).refusal(&features),
            "is damaged (its checksum is another)",
            "{place}"
        );
    }
    let folder = Folder::with(&bytes);
    // A checksum that takes long is left to `inspect`.
    assert!(folder.open(&features, SumOf::UpTo(10)).unwrap().is_some());
}

#[test]
fn a_file_that_is_written_over_is_noticed() {
    let features = features(500);
    let folder = Folder::with(&bytes_of(&features));
    let int8 = folder.open(&features, SumOf::All).unwrap().unwrap();
    assert_eq!(int8.check(), Ok(()));
    let file = fs::File::options().write(true).open(folder.path()).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(2))
        .unwrap();
    assert_eq!(int8.check(), Err(ChangedFile(folder.path())));
}

//! Opening data directories: ours, the published ones, and broken ones.

use clip_search::collection::Collection;
use clip_search::collection::report::{self, Counts, SizeCounts};
use clip_search::collection::sizes::{
    ApiVersion, ImageService, ImageSize, Largest, Measured, Profile,
};
use clip_search::data_dir::SIZES;
use clip_search::features::npy::{self, Precision};
use clip_search::iiif::tiles::Spelling;
use clip_search::image_id::image_id;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn url(n: usize) -> String {
    format!("https://example.org/iiif/{n}")
}

/// A data directory with these files.
fn directory(features: &[u8], ids: &str, images: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("features")).unwrap();
    fs::write(dir.path().join("features/features.npy"), features).unwrap();
    fs::write(dir.path().join("features/imageIds.csv"), ids).unwrap();
    fs::write(dir.path().join("images.csv"), images).unwrap();
    dir
}

fn matrix(n_rows: usize, width: usize, precision: Precision) -> Vec<u8> {
    let mut bytes = npy::header(n_rows, width, precision);
    let mut row = vec![0f32; width];
    for n in 0..n_rows {
        row.fill(0.0);
        row[n % width] = 0.8;
        row[(n / width + n + 1) % width] = 0.6;
        precision.write_row(&row, &mut bytes);
    }
    bytes
}

fn ids(rows: impl IntoIterator<Item = usize>) -> String {
    let ids: String = rows
        .into_iter()
        .map(|n| format!("{}\n", image_id(&url(n))))
        .collect();
    format!("image_id\n{ids}")
}

fn images(rows: impl IntoIterator<Item = usize>) -> String {
    let rows: String = rows
        .into_iter()
        .map(|n| format!("{},{}\n", url(n), image_id(&url(n))))
        .collect();
    format!("iiif_url,localIdentifier\n{rows}")
}

#[test]
fn the_published_collection_opens() {
    let dir = directory(
        &matrix(27_958, 512, Precision::F16),
        &ids((0..27_958).rev()),
        &images(0..28_115),
    );
    let size = fs::metadata(dir.path().join("features/features.npy"))
        .unwrap()
        .len();
    assert_eq!(size, 28_629_120);
    let collection = Collection::open(dir.path()).unwrap();
    assert_eq!(
        (collection.len(), collection.features().width()),
        (27_958, 512)
    );
    for row in [0, 1, 27_957] {
        let url = url(27_957 - row);
        assert_eq!(collection.url(row), url);
        assert_eq!(collection.row_of_url(&url), Some(row));
        assert_eq!(collection.row_of_id(&image_id(&url)), Some(row));
        let norm: f32 = collection.features().row(row).iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-6, "{norm}");
    }
    let report = report::inspect(dir.path(), None);
    assert_eq!(
        report.counts,
        Some(Counts {
            images: 28_115,
            vectors: 27_958,
            without_vector: 157,
            width: 512,
            precision: Precision::F16,
            has_int8: false,
            has_lists: false,
            iiif_column: "iiif_url".to_owned(),
            sizes: None,
        })
    );
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(report.problems[0].starts_with("157 rows of images.csv have no vector"));
}

#[test]
fn the_url_column_is_found() {
    let row = |n| {
        format!(
            "{n},{},https://example.org/work,{}\n",
            url(n),
            image_id(&url(n))
        )
    };
    let sparql = format!("n,image,work,localIdentifier\n{}{}", row(0), row(1));
    let bom = format!("\u{feff}{}", images(0..2));
    let quoted = format!(
        "localIdentifier,t,iiif_url\n{},\"a, \"\"b\"\"\nc\",\"{}\"\n{},,{}\n",
        image_id(&url(0)),
        url(0),
        image_id(&url(1)),
        url(1)
    );
    // Early collections: no ids, and a comma too many in each row.
    let early = format!("iiif_url,s\n{},x,\n{},x,\n", url(0), url(1));
    let twice = images([0, 0, 1, 1]);
    for (text, column) in [
        (&sparql, None),
        (&sparql, Some("image")),
        (&bom, None),
        (&quoted, None),
        (&early, None),
        (&twice, None),
    ] {
        let dir = directory(&matrix(2, 4, Precision::F32), &ids([1, 0]), text);
        let collection = Collection::open_with_column(dir.path(), column).unwrap();
        assert_eq!(
            [collection.url(0), collection.url(1)],
            [url(1), url(0)],
            "{text}"
        );
    }
}

#[test]
fn broken_collections_are_explained() {
    let good = matrix(2, 4, Precision::F32);
    let mut zero = good.clone();
    let start = zero.len() - 16;
    zero[start..].fill(0);
    let other = format!("a,b,localIdentifier\nx,y,{}\n", image_id(&url(0)));
    for (features, ids, images, column, expected) in [
        (
            &good[..good.len() - 1],
            ids(0..2),
            images(0..2),
            None,
            "has 159 bytes, but its header promises 160",
        ),
        (
            &zero,
            ids(0..2),
            images(0..2),
            None,
            "features.npy: row 1 (counted from 0) has zero length",
        ),
        (
            &good,
            ids(0..3),
            images(0..3),
            None,
            "imageIds.csv has 3 ids, but",
        ),
        (
            &good,
            ids([0, 0]),
            images(0..2),
            None,
            "imageIds.csv, line 3: the id",
        ),
        (
            &good,
            ids(0..2),
            images(0..1),
            None,
            "imageIds.csv, line 3: ",
        ),
        (
            &good,
            ids(0..2),
            images(0..1),
            None,
            "images.csv has no URL for the id",
        ),
        (
            &good,
            "id\nx\n".into(),
            images(0..2),
            None,
            "no column image_id; its columns are id",
        ),
        (
            &good,
            ids(0..2),
            "a,b\n".into(),
            None,
            "no column iiif_url; its columns are a, b",
        ),
        (
            &good,
            ids(0..2),
            other,
            None,
            "no column holds URLs whose image id is in localIdentifier; name the column with --iiif-column, one of a, b, localIdentifier",
        ),
        (
            &good,
            ids(0..2),
            images(0..2),
            Some("url"),
            "no column url; its columns are iiif_url, localIdentifier",
        ),
        (&good, ids(0..2), String::new(), None, "no column iiif_url"),
    ] {
        let dir = directory(features, &ids, &images);
        let error = Collection::open_with_column(dir.path(), column)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}\n{expected}");
        let report = report::inspect(dir.path(), column);
        assert_eq!((report.counts, report.problems.len()), (None, 1));
    }
    for name in [
        "images.csv",
        "features/features.npy",
        "features/imageIds.csv",
    ] {
        let dir = directory(&good, &ids(0..2), &images(0..2));
        fs::remove_file(dir.path().join(name)).unwrap();
        let error = Collection::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{name} is missing; run `clip-search build` first")));
    }
    assert!(Collection::open(Path::new("/no/such/directory")).is_err());
}

#[test]
fn inspect_counts_what_is_odd() {
    let mut features = npy::header(2, 2, Precision::F32);
    Precision::F32.write_row(&[3.0, 4.0, 1.0, 0.0], &mut features);
    // Of a form that no build writes, and of that of all others.
    for foreign in ["a".to_owned(), image_id("elsewhere")] {
        let images = format!(
            "iiif_url,localIdentifier\n{},{foreign}\n{},{}\n",
            url(0),
            url(1),
            image_id(&url(1))
        );
        let dir = directory(
            &features,
            &format!("image_id\n{foreign}\n{}\n", image_id(&url(1))),
            &images,
        );
        let problems = report::inspect(dir.path(), None).problems;
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("1 vectors were not of unit length"));
        assert!(problems[1].starts_with("1 images have an id that is not the BLAKE2b id"));
    }
}

/// A data directory of three images with this `sizes.csv`; `{0}` to `{2}` stand for their ids.
fn with_sizes(text: &str) -> TempDir {
    let dir = directory(&matrix(3, 4, Precision::F32), &ids(0..3), &images(0..3));
    let text = (0..3).fold(text.to_owned(), |text, n| {
        text.replace(&format!("{{{n}}}"), &image_id(&url(n)))
    });
    fs::write(dir.path().join(SIZES), text).unwrap();
    dir
}

const SIZES_HEADER: &str = "image_id,width,height,version,profile,measured\n";

#[test]
fn the_size_of_an_image_is_known_by_its_row() {
    let dir = with_sizes(&format!(
        "{SIZES_HEADER}{{0}},4000,3000,3,level2,info\n{{1}},,,,,\n{{2}},640,480,,,delivered\n"
    ));
    let collection = Collection::open(dir.path()).unwrap();
    let service = ImageService {
        version: ApiVersion::V3,
        profile: Some(Profile::Level2),
    };
    let expected = [
        ImageSize::new(4000, 3000, Measured::Info, Some(service)),
        None,
        ImageSize::new(640, 480, Measured::Delivered, None),
    ];
    assert_eq!([0, 1, 2].map(|row| collection.size(row)), expected);
    let report = report::inspect(dir.path(), None);
    let counts = SizeCounts {
        info: 1,
        delivered: 1,
        unknown: 1,
    };
    assert_eq!(report.counts.unwrap().sizes, Some(counts));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn the_largest_picture_is_known_by_its_row() {
    let header = "image_id,width,height,version,profile,measured,max_width,max_height,request\n";
    let dir = with_sizes(&format!(
        "{header}{{0}},4000,3000,3,level2,info,800,600,\n{{1}},4000,3000,3,level0,info,251,188,full-wh\n{{2}},640,480,,,delivered\n"
    ));
    let collection = Collection::open(dir.path()).unwrap();
    let [largest, file, none] = [0, 1, 2].map(|row| collection.size(row).unwrap().largest);
    let sides = |largest: Option<Largest>| {
        largest.map(|largest| (largest.width.get(), largest.height.get(), largest.file))
    };
    assert_eq!(sides(largest), Some((800, 600, None)));
    assert_eq!(
        sides(file),
        Some((251, 188, Some(Spelling::FullWidthAndHeight)))
    );
    assert_eq!(sides(none), None);
    let report = report::inspect(dir.path(), None);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn sizes_that_do_not_fit_are_told_and_cost_nothing_else() {
    let rows = "{0},,,,,\n{1},,,,,\n{2},,,,,\n";
    for (text, reason) in [
        (String::new(), "sizes.csv has no column image_id"),
        (rows.to_owned(), "has no column image_id"),
        (
            "image_id,width,height\n".to_owned() + rows,
            "has no column version",
        ),
        (
            format!("{SIZES_HEADER}{{0}},,,,,\n{{1}},,,,,\n"),
            "has sizes of 2 images, and imageIds.csv has 3 ids",
        ),
        (
            format!("{SIZES_HEADER}{rows}{{0}},,,,,\n"),
            "has sizes of 4 images, and imageIds.csv has 3 ids",
        ),
        (
            format!("{SIZES_HEADER}{{1}},,,,,\n{{0}},,,,,\n{{2}},,,,,\n"),
            "sizes.csv, line 2: the id is",
        ),
        (
            format!("{SIZES_HEADER}{{0}},,,,,\n{{1}},0,3,,,info\n{{2}},,,,,\n"),
            "sizes.csv, line 3: no image has 0 x 3 pixels",
        ),
        (
            format!("{SIZES_HEADER}{{0}},,,,,\n{{1}},4000\n{{2}},,,,,\n"),
            "sizes.csv, line 3: \"\" is no size",
        ),
        (
            format!("{SIZES_HEADER}{{0}},3,3,7,level1,info\n{{1}},,,,,\n{{2}},,,,,\n"),
            "line 2: \"7\" is no version",
        ),
        (
            "image_id,width,height,version,profile,measured,max_width,max_height,request\n\
             {0},3,3,,,info,0,3,\n{1},,,,,\n{2},,,,,\n"
                .to_owned(),
            "line 2: \"0\" is no size",
        ),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n".to_owned(),
            "sizes.csv is a Git LFS pointer",
        ),
    ] {
        let dir = with_sizes(&text);
        let collection = Collection::open(dir.path()).unwrap();
        assert_eq!([0, 1, 2].map(|row| collection.size(row)), [None; 3]);
        let report = report::inspect(dir.path(), None);
        assert_eq!(report.counts.unwrap().sizes, None, "{text}");
        let [problem] = report.problems.as_slice() else {
            panic!("{:?}", report.problems);
        };
        for words in [reason, "until `clip-search build` is run again"] {
            assert!(problem.contains(words), "{problem}");
        }
    }
}

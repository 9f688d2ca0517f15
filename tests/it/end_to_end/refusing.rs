//! What keeps a command from its work is said in one sentence, with exit code 1.

use crate::process::run;
use crate::world::{World, text_of};
use clip_search::features::npy::{self, Precision};
use std::fs;
use std::net::TcpListener;
use tempfile::TempDir;

#[test]
fn only_a_sparql_query_is_explained() {
    let ended = run(&mut crate::process::clip_search(&[
        "query",
        "--text",
        "a boat",
        "--explain",
    ]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--explain"), "{}", ended.stderr);
}

#[test]
fn what_keeps_the_service_from_starting_is_said_in_one_sentence() {
    let world = World::shared();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = TempDir::new().unwrap();
    let wide = text_of(&dir.path().join("wide"));
    of_another_model(&world, &wide);
    let nowhere = text_of(&dir.path().join("nowhere"));
    let nowhere = nowhere.as_str();
    let csv = world.path("in.csv");
    let damaged = text_of(&dir.path().join("damaged"));
    fs::create_dir(&damaged).unwrap();
    fs::write(format!("{damaged}/CURRENT"), "nonsense").unwrap();
    let no_page_query = text_of(&dir.path().join("page.rq"));
    fs::write(&no_page_query, "SELECT ?image ?title { ?image ?p ?title }").unwrap();
    for (arguments, parts) in [
        (
            &["serve", "--host", "127.0.0.1", "--port", &port][..],
            &[
                &*format!("127.0.0.1:{port} cannot be listened on"),
                "--port",
            ][..],
        ),
        (
            &["serve", "--data-dir", &wide],
            &[
                &wide,
                "vectors of width 16",
                "gives 20",
                "--model",
                "build it again",
            ],
        ),
        (
            &["serve", "--data-dir", nowhere],
            &[nowhere, "clip-search build"],
        ),
        (
            &["serve", "--store", nowhere],
            &[
                "there is no metadata store at",
                nowhere,
                "clip-search load --store",
            ],
        ),
        (
            &["serve", "--store", &damaged],
            &[&damaged, "cannot be opened"],
        ),
        (
            &["serve", "--onnxruntime", nowhere],
            &[nowhere, "libonnxruntime", "tools/setup"],
        ),
        (
            &["serve", "--model", nowhere],
            &[nowhere, "there is no model folder"],
        ),
        (
            &["serve", "--page-query", nowhere],
            &[nowhere, "cannot be read", "--page-query"],
        ),
        (
            &["serve", "--page-query", &no_page_query],
            &[
                &no_page_query,
                "--page-query",
                "no empty VALUES ?image { }",
                "write that",
            ],
        ),
        (
            &["serve", "--allow-fetch", "10.0.0.0/99"],
            &["--allow-fetch", "10.0.0.0/99"],
        ),
        (
            &["query", "--text", "a lake", "--data-dir", nowhere],
            &[nowhere, "clip-search build"],
        ),
        (
            &["query", "@/no/such/query.rq"],
            &[
                "the query /no/such/query.rq cannot be read: No such file",
                "check the path given with @FILE",
            ],
        ),
        (
            &["query", "--image", "/no/such.jpg"],
            &[
                "the image /no/such.jpg cannot be read: No such file",
                "check the path given with --image",
            ],
        ),
        (
            &["demo", "--files", nowhere, "--dir", "demo"],
            &[
                nowhere,
                "cannot be read",
                "check the path given with --files",
            ],
        ),
        (&["iiif-serve", nowhere], &["there is no folder", nowhere]),
        (
            &[
                "build",
                "--mode",
                "CSV",
                "--csv-file",
                nowhere,
                "--data-dir",
                &wide,
            ],
            &[nowhere, "check the path given with --csv-file"],
        ),
        // What costs nothing is said first: the model is fetched, or looked for, after it.
        (
            &[
                "build",
                "--mode",
                "CSV",
                "--csv-file",
                nowhere,
                "--model",
                nowhere,
            ],
            &[nowhere, "check the path given with --csv-file"],
        ),
        (
            &[
                "build",
                "--mode",
                "CSV",
                "--csv-file",
                &csv,
                "--iiif-column",
                "nothing",
                "--model",
                nowhere,
            ],
            &["nothing", "iiif_url"],
        ),
        (
            &[
                "build", "--mode", "FOLDER", "--folder", nowhere, "--model", nowhere,
            ],
            &[nowhere, "check the path given with --folder"],
        ),
        (
            &[
                "build",
                "--mode",
                "MANIFEST",
                "--manifest",
                nowhere,
                "--model",
                nowhere,
            ],
            &[nowhere, "--manifest"],
        ),
        (
            &[
                "build",
                "--mode",
                "CSV",
                "--csv-file",
                &csv,
                "--model",
                nowhere,
            ],
            &[nowhere, "there is no model folder"],
        ),
        (
            &[
                "build",
                "--mode",
                "CSV",
                "--csv-file",
                &csv,
                "--onnxruntime",
                nowhere,
            ],
            &[nowhere, "libonnxruntime", "tools/setup"],
        ),
    ] {
        let sentence = run(&mut world.clip_search(arguments)).sentence(1);
        for part in parts {
            assert!(sentence.contains(part), "{arguments:?}: {sentence}");
        }
    }
    // A cause is told once.
    let load = [
        "load",
        "--store",
        &text_of(&dir.path().join("store")),
        "/no/such.ttl",
    ];
    let sentence = run(&mut world.clip_search(&load)).sentence(1);
    assert_eq!(sentence.matches("No such file").count(), 1, "{sentence}");
    let mut command = world.clip_search(&["serve"]);
    let sentence = run(command.env("ORT_DYLIB_PATH", nowhere)).sentence(1);
    assert!(
        sentence.contains(&format!("ORT_DYLIB_PATH names {nowhere}")),
        "{sentence}"
    );
}

/// The collection of `world`, as if a model of width 16 had made it.
fn of_another_model(world: &World, data: &str) {
    fs::create_dir_all(format!("{data}/features")).unwrap();
    for file in ["images.csv", "features/imageIds.csv"] {
        fs::copy(
            format!("{}/{file}", world.path("data")),
            format!("{data}/{file}"),
        )
        .unwrap();
    }
    let mut bytes = npy::header(12, 16, Precision::F32);
    for _ in 0..12 {
        Precision::F32.write_row(&[0.25; 16], &mut bytes);
    }
    fs::write(format!("{data}/features/features.npy"), bytes).unwrap();
}

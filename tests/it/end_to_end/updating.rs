//! `update`: a build that is run again from what it left behind.

use crate::process::{Ended, clip_search, run};
use crate::world::{World, get, model, text_of};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn command(name: &str, arguments: &[&str], folder: &Path) -> Ended {
    let model = model();
    let command = [&[name, "--model", &model], arguments].concat();
    run(clip_search(&command).current_dir(folder))
}

#[test]
fn a_build_is_run_again_with_what_it_was_told() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let table = get(&format!("{}/images.csv", world.iiif)).1;
    let lines: Vec<&str> = table.lines().collect();
    let write = |lines: &[&str]| {
        let table = lines.join("\n").replacen("iiif_url", "picture", 1);
        fs::write(dir.path().join("in.csv"), table).unwrap();
    };
    write(&lines[..8]);
    #[rustfmt::skip]
    command("build", &[
        "--mode", "CSV", "--csv-file", "in.csv", "--data-dir", "data", "--iiif-column", "picture",
        "--precision", "f16", "--header", "Authorization: s3cret", "--hub-token", "s3cret",
        "--contact", "curator@example.org", "--max-prune", "0", "--image-info", "no",
    ], dir.path()).ok();
    let source = fs::read_to_string(dir.path().join("data/source.json")).unwrap();
    assert!(!source.contains("s3cret"), "{source}");
    let recorded: Value = serde_json::from_str(&source).unwrap();
    let csv = fs::canonicalize(dir.path()).unwrap().join("in.csv");
    assert_eq!(recorded["source"]["mode"], "CSV");
    assert_eq!(
        fs::canonicalize(recorded["source"]["file"].as_str().unwrap()).unwrap(),
        csv
    );
    assert!(Path::new(recorded["source"]["file"].as_str().unwrap()).is_absolute());
    assert_eq!(recorded["options"]["precision"], "f16");
    assert_eq!(recorded["options"]["max_prune"], "0");
    assert_eq!(
        recorded["options"]["asked"]["contact"],
        "curator@example.org"
    );
    assert_eq!(recorded["last_run"]["encoded"], 7);

    // From elsewhere, with no word of what to build.
    write(&lines);
    let elsewhere = TempDir::new().unwrap();
    let data = text_of(&dir.path().join("data"));
    let summary = command("update", &["--data-dir", &data], elsewhere.path()).ok();
    assert_eq!(
        summary,
        "12 rows, 0 skipped, 12 images: 5 encoded, 7 from earlier runs, 0 failed\n"
    );
    let images = fs::read_to_string(dir.path().join("data/images.csv")).unwrap();
    assert!(images.starts_with("picture,"), "{images}");
    let text = run(&mut clip_search(&["inspect", "--data-dir", &data])).ok();
    assert!(text.contains("vectors     12 of width 20 in f16"), "{text}");
    let shown = format!(
        "source        CSV {}",
        recorded["source"]["file"].as_str().unwrap()
    );
    assert!(text.contains(&shown), "{text}");
    assert!(
        text.contains("Z: 12 rows, 0 skipped, 12 images: 5 encoded"),
        "{text}"
    );
    let json = run(&mut clip_search(&[
        "inspect",
        "--data-dir",
        &data,
        "--json",
    ]))
    .ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["source"]["source"]["mode"], "CSV");
    assert_eq!(json["source"]["last_run"]["reused"], 7);

    // The last build comes first.
    let counts = |run: &Value| {
        ["images", "added", "changed", "removed", "failed"].map(|name| run[name].clone())
    };
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(
        runs.iter().map(counts).collect::<Vec<_>>(),
        [[12, 5, 0, 0, 0], [7, 7, 0, 0, 0]]
    );
    assert_eq!(runs[0]["ended"], json["source"]["last_run"]["ended"]);
    assert!(runs[1]["bytes"].as_u64().unwrap() > 7 * 500, "{runs:?}");
    let table: Vec<Vec<&str>> = (text
        .lines()
        .skip_while(|line| !line.contains("last builds"))
        .take(3))
    .map(|line| {
        line.trim_start_matches("  last builds")
            .split_whitespace()
            .collect()
    })
    .collect();
    assert_eq!(table[0][..3], ["ended", "mode", "exit"]);
    assert_eq!(table[1][1..8], ["CSV", "0", "12", "5", "0", "0", "0"]);
    assert_eq!(table[2][1..8], ["CSV", "0", "7", "7", "0", "0", "0"]);

    // Its limit holds, and one run may have another.
    write(&lines[..12]);
    let sentence = command("update", &["--data-dir", &data], elsewhere.path()).sentence(1);
    assert!(
        sentence.starts_with("1 of the 12 images") && sentence.contains("`--max-prune 1`"),
        "{sentence}"
    );
    let keep = ["--data-dir", &data, "--prune", "no"];
    let summary = command("update", &keep, elsewhere.path()).ok();
    assert!(
        summary.ends_with("; 1 that are not in the input any more kept\n"),
        "{summary}"
    );
    let let_go = ["--data-dir", &data, "--max-prune", "1", "--prune", "yes"];
    let summary = command("update", &let_go, elsewhere.path()).ok();
    assert!(
        summary.ends_with("; 1 that are not in the input any more removed\n"),
        "{summary}"
    );

    // What is wrong with the list of builds is told, and is no failure.
    let inspect = ["inspect", "--data-dir", &data, "--json"];
    let inspect = || serde_json::from_str::<Value>(&run(&mut clip_search(&inspect)).ok()).unwrap();
    let json = inspect();
    let removed: Vec<u64> = (json["runs"].as_array().unwrap().iter())
        .map(|run| run["removed"].as_u64().unwrap())
        .collect();
    assert_eq!(removed, [1, 0, 0, 0]);
    fs::write(dir.path().join("data/runs.json"), "{").unwrap();
    let problems = inspect()["problems"].to_string();
    assert!(problems.contains("runs.json is damaged"), "{problems}");
    let ended = run(
        clip_search(&["update", "--model", &model(), "--data-dir", &data]).env("CLIP_LOG", "warn"),
    );
    assert!(
        ended.stderr.contains("runs.json is damaged"),
        "{}",
        ended.stderr
    );
    ended.ok();
    let json = inspect();
    assert_eq!(json["runs"].as_array().unwrap().len(), 1);
    assert_eq!(json["problems"].as_array().unwrap().len(), 0, "{json}");
}

#[test]
fn what_cannot_be_run_again_is_told() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let update = |data: &str| command("update", &["--data-dir", data], dir.path());
    let sentence = update("nowhere").sentence(1);
    assert!(
        sentence.contains("nowhere has no source.json")
            && sentence.contains("`clip-search build --mode … --data-dir nowhere`"),
        "{sentence}"
    );
    assert!(!dir.path().join("nowhere").exists());
    fs::copy(world.path("in.csv"), dir.path().join("in.csv")).unwrap();
    let arguments = [
        "--mode",
        "CSV",
        "--csv-file",
        "in.csv",
        "--data-dir",
        "data",
    ];
    command("build", &arguments, dir.path()).ok();
    fs::rename(dir.path().join("in.csv"), dir.path().join("away.csv")).unwrap();
    let sentence = update("data").sentence(1);
    assert!(
        sentence.contains("in.csv, from which data was built, is gone; put it back")
            && sentence.contains("`clip-search build --mode CSV … --data-dir data`"),
        "{sentence}"
    );
    fs::rename(dir.path().join("away.csv"), dir.path().join("in.csv")).unwrap();
    let path = dir.path().join("data/source.json");
    let whole = fs::read_to_string(&path).unwrap();
    for (damaged, reason) in [
        ("{".to_owned(), "EOF"),
        (whole.replace("\"format\": 1", "\"format\": 7"), "form 7"),
        (
            whole.replace("\"CSV\"", "\"TELEPATHY\""),
            "unknown variant `TELEPATHY`",
        ),
    ] {
        fs::write(&path, damaged).unwrap();
        let sentence = update("data").sentence(1);
        assert!(
            sentence.contains("source.json is damaged or of another version")
                && sentence.contains(reason),
            "{sentence}"
        );
        // It is told, and keeps nobody from serving.
        let text =
            run(clip_search(&["inspect", "--data-dir", "data"]).current_dir(dir.path())).ok();
        assert!(
            text.contains("problem: ") && text.contains("source.json is damaged"),
            "{text}"
        );
    }
}

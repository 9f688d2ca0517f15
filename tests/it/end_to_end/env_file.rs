//! `.env` in the working directory: what it may say, whom a mistake in it stops, and what is told.

use crate::process::{Ended, clip_search, run};
use crate::world::World;
use std::fs;
use tempfile::TempDir;

/// Runs `clip-search` in a folder with this `.env`.
fn run_with(world: &World, env_file: &str, arguments: &[&str]) -> Ended {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(".env"), env_file).unwrap();
    run(world.clip_search(arguments).current_dir(dir.path()))
}

const FOREIGN: &str = "# another project\nPASSWORD=s3cret\" and more\nPORT=eighty\n";

#[test]
fn a_mistake_stops_only_what_takes_settings_and_no_value_is_told() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store").to_str().unwrap().to_owned();
    let metadata = world.path("metadata.ttl");
    let told =
        "/.env, line 2: the value of PASSWORD cannot be understood; put all of it in double quotes";
    for arguments in [
        &["inspect"][..],
        &["load", "--store", &store, &metadata],
        &["iiif-serve", "--help"],
    ] {
        let ended = run_with(&world, FOREIGN, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stdout.is_empty(), "{arguments:?}");
        let is_help = arguments.contains(&"--help");
        assert!(
            is_help || (ended.stderr.starts_with("warning: ") && ended.stderr.contains(told)),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
    let csv = world.path("in.csv");
    for arguments in [
        &["query", "ASK {}"][..],
        &["build", "--mode", "CSV", "--csv-file", &csv],
    ] {
        let ended = run_with(&world, FOREIGN, arguments);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
        let sentence = ended.sentence(1);
        assert!(sentence.contains(told), "{sentence}");
    }
    // The command line may be wrong because of the file, which is told before.
    let ended = run_with(&world, "CLIP_STORE\n", &["query"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("/.env, line 1: this is no NAME=value"),
        "{}",
        ended.stderr
    );
}

#[test]
fn values_may_have_spaces_and_the_environment_wins() {
    let world = World::shared();
    let text = "CLIP_DATA_DIRECTORY=my own data # here\nCLIP_DATA_DIRECTORY=second\n";
    let ended = run_with(&world, text, &["inspect"]);
    let data = world.path("data");
    assert!(
        ended.stdout.starts_with(&format!("collection    {data}\n")),
        "{}",
        ended.stdout
    );
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(".env"), text).unwrap();
    // Found from a folder below, too.
    fs::create_dir(dir.path().join("below")).unwrap();
    let mut command = world.clip_search(&["inspect"]);
    let command = command
        .env_remove("CLIP_DATA_DIRECTORY")
        .current_dir(dir.path().join("below"));
    let ended = run(command);
    assert!(
        ended.stdout.starts_with("collection    my own data\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.stderr, "");
}

/// What a flag may not be is told with the setting that it comes from.
#[test]
fn a_wrong_value_is_told_with_its_setting_and_its_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".env"), "CLIP_MAX_HITS=many\n").unwrap();
    let refused = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = clip_search(arguments);
        command.current_dir(dir.path()).envs(variable);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        ended.stderr
    };
    let told = refused(&["serve"], None);
    assert!(told.contains("CLIP_MAX_HITS has this value in "), "{told}");
    assert!(told.contains(".env"), "{told}");
    let told = refused(&["serve"], Some(("CLIP_MAX_HITS", "few")));
    assert!(
        told.contains("CLIP_MAX_HITS has this value in the environment"),
        "{told}"
    );
    let told = refused(&["serve", "--max-hits", "none"], None);
    assert!(!told.contains("CLIP_MAX_HITS has"), "{told}");
}

//! Standard output that is closed (`… | head -1`) ends nothing loudly; a full one is told in a sentence.

use crate::process::{Running, run_into};
use crate::world::{World, get, text_of};
use std::fs::File;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A device without room.
fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

#[test]
fn every_command_that_prints_may_find_its_output_closed_or_full() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    let at = |name: &str| text_of(&dir.path().join(name));
    let (csv, metadata) = (world.path("in.csv"), world.path("metadata.ttl"));
    let ask = "SELECT * { ?s ?p ?o } LIMIT 3";
    let (data, store) = (at("data"), at("store"));
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["build", "--help"],
        &["inspect"],
        &["inspect", "--json"],
        &["query", ask],
        &["query", ask, "--format", "json"],
        &["query", ask, "--explain"],
        &["load", "--store", &store, &metadata, &metadata],
        &[
            "build",
            "--mode",
            "CSV",
            "--csv-file",
            &csv,
            "--data-dir",
            &data,
        ],
    ] {
        let ended = run_into(&mut world.clip_search(arguments), closed(), None);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr, "", "{arguments:?}");
        if cfg!(target_os = "linux") {
            let ended = run_into(&mut world.clip_search(arguments), full(), None);
            let sentence = ended.sentence(1);
            assert!(
                sentence.starts_with("standard output cannot be written: No space left"),
                "{arguments:?}: {sentence}"
            );
        }
    }
    // The work was done all the same.
    let ended = run_into(
        &mut world.clip_search(&["inspect", "--data-dir", &data, "--store", &store]),
        Stdio::null(),
        None,
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_error_changes_nothing() {
    let world = World::shared();
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(".env"), "what is this\n").unwrap();
    for (arguments, code) in [
        (&["query", "ASK {}"][..], 0),
        (&["inspect"], 0),
        (&["query", "no query"], 1),
        (&["query", "@/no/such.rq"], 1),
        (&["no-such-command"], 2),
    ] {
        let mut command = world.clip_search(arguments);
        command.env("CLIP_LOG", "debug");
        if arguments[0] == "inspect" {
            command.current_dir(dir.path());
        }
        let ended = run_into(&mut command, Stdio::null(), Some(full()));
        assert_eq!(ended.code, Some(code), "{arguments:?}");
    }
}

#[test]
fn a_server_serves_whoever_reads_its_first_line() {
    let world = World::shared();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let serve = ["serve", "--host", "127.0.0.1", "--port", &port];
    let mut command = world.clip_search(&serve);
    let mut server = Running::start_into(&mut command, Some(closed()), None);
    let url = format!("127.0.0.1:{port}");
    let started = Instant::now();
    while std::net::TcpStream::connect(&url).is_err() {
        assert!(server.is_running(), "the server ended");
        assert!(started.elapsed() < Duration::from_secs(60), "it hangs");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(get(&format!("http://{url}/health")).0, 200);
    if cfg!(target_os = "linux") {
        let serve = ["serve", "--host", "127.0.0.1", "--port", "0"];
        let ended = run_into(&mut world.clip_search(&serve), full(), None);
        let sentence = ended.sentence(1);
        assert!(sentence.contains("No space left"), "{sentence}");
    }
}

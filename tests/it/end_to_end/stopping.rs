//! Signals: a build keeps its work, a service finishes what it has begun.

use crate::build::{Fixture, files};
use crate::process::{Running, clip_search, run};
use crate::world::{World, get, hits, model, repository, text_of};
use std::io::{Read, Write};
use std::net::TcpListener;
use tokio::sync::Semaphore;

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_build_keeps_its_work() {
    let mut fixture = Fixture::new(30).await;
    let csv = text_of(&fixture.csv(30));
    let model = model();
    let build = |data: &std::path::Path| {
        let mut command = clip_search(&["build", "--mode", "CSV", "--threads", "2"]);
        command
            .args(["--csv-file", &csv, "--model", &model, "--data-dir"])
            .arg(data);
        command
    };
    let (whole, data) = (fixture.path("whole"), fixture.path("data"));
    run(&mut build(&whole)).ok();

    for signal in ["INT", "TERM"] {
        // Twenty images come, the others are waited for.
        fixture.let_through(20);
        let child = Running::start(&mut build(&data));
        for _ in 0..=20 {
            fixture.requests.recv().await;
        }
        child.signal(signal);
        let ended = tokio::task::spawn_blocking(|| child.end()).await.unwrap();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        assert!(
            ended
                .stdout
                .ends_with("; interrupted, run the same command again to go on\n"),
            "{}",
            ended.stdout
        );
        assert!(!data.join("images.csv").exists());
        fixture.let_through(Semaphore::MAX_PERMITS);
        let n_done = number_before(&ended.stdout, " encoded");
        assert!(n_done <= 20, "{}", ended.stdout);
        let summary = run(&mut build(&data)).ok();
        assert_eq!(number_before(&summary, " from earlier runs"), n_done);
        assert_eq!(files(&data), files(&whole), "{signal}");
        std::fs::remove_dir_all(&data).unwrap();
    }
}

fn number_before(text: &str, words: &str) -> usize {
    let before = text.split(words).next().unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_stopped_service_answers_what_it_was_asked() {
    let world = World::shared();
    for signal in ["TERM", "INT"] {
        let serve = [
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--allow-fetch",
            "127.0.0.1",
        ];
        let (mut service, base) = Running::server(&mut world.clip_search(&serve));
        // A query that waits for an image until it is let go on.
        let images = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ship.jpg", images.local_addr().unwrap());
        let query = format!("{base}/query?limit=1&url={url}");
        let client = std::thread::spawn(move || get(&query));
        let (mut request, _) = images.accept().unwrap();
        service.signal(signal);
        // It accepts no more, but still runs.
        let address = base.strip_prefix("http://").unwrap();
        while std::net::TcpStream::connect(address).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(service.is_running());
        let picture = std::fs::read(repository("examples/pictures/ship-at-sea.jpg")).unwrap();
        let mut head = [0; 4];
        request.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"GET ", "the service waits for this image");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            picture.len()
        );
        request.write_all(head.as_bytes()).unwrap();
        request.write_all(&picture).unwrap();
        let (status, body) = client.join().unwrap();
        assert_eq!(status, 200, "{body}");
        assert_eq!(hits(&body)[0].0, world.image("ship-at-sea"));
        let ended = service.end();
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.stderr);
    }
}

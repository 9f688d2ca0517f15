//! What a build meets that nobody wishes for: full disks, folders that cannot be written, damaged journals, clocks
//! that jump, other builds. It ends with the bytes of an undisturbed one, or with one sentence and nothing lost.
//!
//! Builds that are killed are in `build.rs`.

use crate::build::{Fixture, files, real_build, run};
use crate::process::{self, Running, program};
use crate::support::{self, Numbers};
use crate::world::text_of;
use clip_search::collection::Collection;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Runs `script` with a file system of its own at `disk`, which is gone when it ends. `$1` is the disk, `$2` a folder
/// that stays, and the others are the command that builds: `build CSV NAME` runs it.
fn on_a_disk_of_its_own(script: &str, fixture: &Fixture, kept: &Path) {
    let disk = fixture.path("disk");
    fs::create_dir_all(&disk).unwrap();
    fs::create_dir_all(kept).unwrap();
    let build = real_build("f32", Path::new("TABLE"), &disk.join("data"));
    let prelude = r#"
        set -eu
        disk=$1 kept=$2; shift 2
        build() { # keeps exit code, standard error and the data directory under NAME
            mkdir "$kept/$2"; code=0
            csv=$1; name=$2
            eval "$command" >"$kept/$name/stdout" 2>"$kept/$name/stderr" || code=$?
            echo $code >"$kept/$name/code"
            cp -r "$disk/data" "$kept/$name/data"
        }
        command=
        for word; do
            [ "$word" = TABLE ] && command="$command \"\$csv\"" || command="$command '$word'"
        done
        mount -t tmpfs -o size=64m tmpfs "$disk"
    "#;
    let mut command = program("unshare");
    for (name, value) in build.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .args(["-rm", "sh", "-c", &format!("{prelude}{script}"), "sh"])
        .args([&disk, kept])
        .arg(build.get_program())
        .args(build.get_args());
    process::run(&mut command).ok();
}

/// Exit code and standard error of the build that was kept under `name`.
fn ended(kept: &Path, name: &str) -> (i32, String) {
    let read = |file: &str| fs::read_to_string(kept.join(name).join(file)).unwrap();
    (read("code").trim().parse().unwrap(), read("stderr"))
}

/// What a folder takes of a disk, which counts in pages of 4 KiB.
fn kib(dir: &Path) -> u64 {
    let pages = |path: PathBuf| fs::metadata(path).unwrap().len().div_ceil(4096);
    all(dir).into_iter().map(pages).sum::<u64>() * 4
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_a_build_and_costs_nothing() {
    if !support::namespaces() {
        return;
    }
    let fixture = Fixture::new(30).await;
    let few = fixture.csv_named("few.csv", 5);
    let all = fixture.csv_named("all.csv", 30);
    process::run(&mut real_build("f32", &all, &fixture.path("whole"))).ok();
    process::run(&mut real_build("f32", &few, &fixture.path("part"))).ok();
    let (whole, part) = (files(&fixture.path("whole")), files(&fixture.path("part")));
    let news_kib = kib(&fixture.path("whole")) - kib(&fixture.path("part"));
    // Full at the first file, among the downloads, and at each of the files that are drafted beside the old ones.
    let mut rooms_kib = vec![0, 8, news_kib / 2];
    rooms_kib.extend((0..5).map(|n| (news_kib + 12 * n).saturating_sub(16)));
    rooms_kib.push(news_kib + 200);
    let (mut n_full, n_disks) = (0, rooms_kib.len());
    for room_kib in rooms_kib {
        let kept = fixture.path(&format!("kept-{room_kib}"));
        let script = format!(
            r#"
            build '{few}' before
            used=$(df -k "$disk" | awk 'END {{ print $3 }}')
            mount -o remount,size=$((used + {room_kib}))k "$disk"
            build '{all}' full
            mount -o remount,size=64m "$disk"
            build '{all}' after
            "#,
            few = few.display(),
            all = all.display(),
        );
        on_a_disk_of_its_own(&script, &fixture, &kept);
        assert_eq!(ended(&kept, "before").0, 0);
        assert!(files(&kept.join("before/data")) == part);
        let (code, told) = ended(&kept, "full");
        let left = kept.join("full/data");
        if code == 0 {
            assert!(files(&left) == whole, "{room_kib} KiB");
        } else {
            n_full += 1;
            assert_eq!(code, 1, "{told}");
            assert!(told.contains("No space left on device"), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            assert_eq!(Collection::open(&left).unwrap().len(), 5, "{room_kib} KiB");
            let mut left = files(&left);
            left.insert("failures.csv", part["failures.csv"].clone());
            assert!(left == part, "{room_kib} KiB: as it was");
        }
        assert_eq!(ended(&kept, "after").0, 0);
        assert!(files(&kept.join("after/data")) == whole, "{room_kib} KiB");
    }
    assert!((4..n_disks).contains(&n_full), "{n_full} disks were full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told() {
    if !support::namespaces() {
        return;
    }
    let fixture = Fixture::new(4).await;
    let (few, all) = (
        fixture.csv_named("few.csv", 2),
        fixture.csv_named("all.csv", 4),
    );
    let kept = fixture.path("kept");
    let script = format!(
        r#"
        mkdir "$disk/data"
        mount -o remount,ro "$disk"
        build '{few}' empty
        mount -o remount,rw "$disk"
        build '{few}' before
        mount -o remount,ro "$disk"
        build '{all}' refused
        mount -o remount,rw "$disk"
        build '{all}' after
        "#,
        few = few.display(),
        all = all.display(),
    );
    on_a_disk_of_its_own(&script, &fixture, &kept);
    for name in ["empty", "refused"] {
        let (code, told) = ended(&kept, name);
        assert_eq!((code, told.lines().count()), (1, 1), "{told}");
        let data = text_of(&fixture.path("disk/data"));
        assert!(
            told.contains(&data) && told.contains("Read-only file system"),
            "{told}"
        );
    }
    assert_eq!(
        files(&kept.join("refused/data")),
        files(&kept.join("before/data"))
    );
    assert_eq!(ended(&kept, "after").0, 0);
    assert_eq!(Collection::open(&kept.join("after/data")).unwrap().len(), 4);
}

/// What may become of a file: cut, zeros at its end or all over it, anything, and what is longer than it was.
fn damages(whole: &[u8], numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let mut noise = |n: usize| -> Vec<u8> {
        (0..n)
            .map(|_| u8::try_from(numbers.below(256)).unwrap())
            .collect()
    };
    let middle = whole.len() / 2 + 3;
    let mut damages = vec![
        Vec::new(),
        vec![0; whole.len()],
        noise(whole.len()),
        noise(5000),
        whole[..middle].to_vec(),
        [&whole[..middle], &vec![0; whole.len() - middle]].concat(),
        [&whole[..middle], &noise(whole.len() - middle)].concat(),
        [&noise(64), &whole[64..]].concat(),
        [whole, &vec![0; 4096]].concat(),
        [whole, &noise(777)].concat(),
        // A byte too many, from where on nothing stands in its place.
        [&whole[..middle], &[0], &whole[middle..]].concat(),
    ];
    for _ in 0..8 {
        let mut damaged = whole.to_vec();
        let at = numbers.below(damaged.len());
        let end = damaged.len().min(at + 1 + numbers.below(100));
        for byte in &mut damaged[at..end] {
            *byte ^= u8::try_from(1 + numbers.below(255)).unwrap();
        }
        damages.push(damaged);
    }
    damages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_costs_work_and_no_byte() {
    let fixture = Fixture::new(9).await;
    let csv = fixture.csv(9);
    run(fixture.options(&csv, "data")).await.unwrap();
    let expected = files(&fixture.path("data"));
    let mut numbers = Numbers(11);
    for name in ["features/build.journal", "features/sizes.journal"] {
        let path = fixture.path("data").join(name);
        let whole = fs::read(&path).unwrap();
        for (n, damaged) in damages(&whole, &mut numbers).into_iter().enumerate() {
            fs::write(&path, damaged).unwrap();
            let summary = run(fixture.options(&csv, "data")).await.unwrap();
            assert_eq!(summary.encoded + summary.reused, 9, "{name}, damage {n}");
            assert!(
                files(&fixture.path("data")) == expected,
                "{name}, damage {n}"
            );
            // What it lost it has again.
            let summary = run(fixture.options(&csv, "data")).await.unwrap();
            assert_eq!(summary.reused, 9, "{name}, damage {n}");
        }
    }
    // Something else than a file is told, and stays.
    let path = fixture.path("data/features/build.journal");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let sentence = format!(
        "{:#}",
        run(fixture.options(&csv, "data")).await.unwrap_err()
    );
    assert!(
        sentence.contains("build.journal cannot be used"),
        "{sentence}"
    );
    assert!(files(&fixture.path("data")) == expected);
}

/// All files below `dir`.
fn all(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => all(&path),
            false => vec![path],
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_clock_matters() {
    let mut fixture = Fixture::new(8).await;
    let csv = fixture.csv_named("all.csv", 8);
    run(fixture.options(&csv, "whole")).await.unwrap();
    let expected = files(&fixture.path("whole"));
    run(fixture.options(&fixture.csv(5), "data")).await.unwrap();
    let day = Duration::from_secs(86_400);
    let times = [
        SystemTime::UNIX_EPOCH,
        SystemTime::UNIX_EPOCH + day * 365 * 100,
        SystemTime::now() + day,
        SystemTime::now() - day * 365,
    ];
    // In turn, so that those that depend on each other are of different times, in both directions.
    for first in 0..times.len() {
        for (n, path) in all(&fixture.path("data")).into_iter().enumerate() {
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(times[(first + n) % times.len()]).unwrap();
        }
        let input = File::options().append(true).open(&csv).unwrap();
        input.set_modified(times[first]).unwrap();
        while fixture.requests.try_recv().is_ok() {}
        let summary = run(fixture.options(&csv, "data")).await.unwrap();
        let known = if first == 0 { 5 } else { 8 };
        assert_eq!(summary.reused, known, "in round {first}");
        assert!(files(&fixture.path("data")) == expected, "in round {first}");
        if first > 0 {
            assert!(
                fixture.requests.try_recv().is_err(),
                "nothing is asked again"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_build_is_told_who_is_first_and_a_dead_one_is_nobody() {
    let mut fixture = Fixture::new(3).await;
    let csv = fixture.csv(3);
    fixture.let_through(0);
    let build = || -> Command { real_build("f32", &csv, &fixture.path("data")) };
    let first = Running::start(&mut build());
    let mut command = build();
    // It has the lock when it asks for a picture.
    fixture.requests.recv().await.unwrap();
    let sentence = process::run(&mut command).sentence(1);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let owner = format!("(process {} on {})", first.id(), host.trim());
    assert!(sentence.contains("another build works on"), "{sentence}");
    assert!(sentence.contains(&owner), "{sentence}");
    // SIGKILL: its name is left, its lock is not.
    drop(first);
    let lock = fixture.path("data/build.lock");
    assert!(fs::read_to_string(&lock).unwrap().starts_with("process "));
    fixture.let_through(100);
    process::run(&mut command).ok();
    assert_eq!(fs::read_to_string(&lock).unwrap(), "");
}

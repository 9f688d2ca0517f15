//! Nothing leaves this machine that nobody asked for: the real program, watched by strace while it works.
//!
//! ONNX Runtime's library looks up a host of its vendor and keeps files below the home folder unless it is told
//! not to. Libraries hide such calls from everything but the kernel, so the kernel's calls are what is looked at.

use crate::process::{Running, program, run};
use crate::support;
use crate::world::{World, get, send, text_of};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The calls that reach other machines or programs, and those that make or change files.
const WATCHED: &str = "trace=%network,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,\
                       link,linkat,symlink,symlinkat,truncate";

/// Where a library that resolves a name looks first.
const LOOKUPS: [&str; 5] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
];

/// How long a service is watched. ONNX Runtime 1.32 writes its files as soon as it is loaded and looks up its
/// vendor's host some nine seconds later, and again every few seconds.
const WATCH: Duration = Duration::from_secs(12);

/// A home that is empty, a place to work, and what the watched program did.
struct Watch {
    dir: TempDir,
}

impl Watch {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for name in ["home", "data"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        // As the kernel names it.
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// `clip-search` as `world` runs it, under strace, without a home that it knows and without any word about
    /// telemetry in its environment.
    fn command(&self, world: &World, arguments: &[&str]) -> Command {
        let watched = world.clip_search(arguments);
        let mut command = program("strace");
        command
            .args(["-f", "-qq", "-s", "4096", "-e", WATCHED, "-o"])
            .arg(self.path("calls"))
            .arg(watched.get_program())
            .args(watched.get_args());
        for (name, value) in watched.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let home = self.path("home");
        for name in [
            "HOME",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
        ] {
            command.env(name, &home);
        }
        command
            .env_remove("ORT_DISABLE_TELEMETRY")
            .current_dir(&home);
        command
    }

    /// The number of the process that strace began with.
    fn first_process(&self) -> String {
        let calls = fs::read_to_string(self.path("calls")).unwrap();
        calls.split_whitespace().next().unwrap().to_owned()
    }

    /// What was done that nobody asked for; empty if all is well. Files may be written in the data and in `own`.
    fn offences(&self, own: &[&Path]) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap();
        assert!(
            calls.contains("libonnxruntime") || calls.contains("openat"),
            "strace saw nothing"
        );
        let mut offences: Vec<String> = calls
            .lines()
            .filter(|call| is_offence(call, &[&[&*self.path("data")], own].concat()))
            .map(str::to_owned)
            .collect();
        let left = fs::read_dir(self.path("home")).unwrap();
        offences.extend(
            left.map(|entry| format!("left in the home folder: {:?}", entry.unwrap().path())),
        );
        offences
    }
}

/// A process that is asked to end when the test does.
struct Watched(String);

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", "TERM", &self.0]).status();
    }
}

/// Whether a line of strace tells of a lookup, of another machine, or of a file written outside `folders`.
fn is_offence(call: &str, folders: &[&Path]) -> bool {
    let path = call.split('"').nth(1).unwrap_or_default();
    if LOOKUPS.contains(&path) {
        return true;
    }
    if call.contains("sa_family=") {
        let is_loopback = call.contains("inet_addr(\"127.") || call.contains("\"::1\"");
        // An unspecified address only ends a connection.
        return !is_loopback && !call.contains("sa_family=AF_UNSPEC");
    }
    let name = call.split_whitespace().nth(1).unwrap_or_default();
    let name = name.split('(').next().unwrap_or_default();
    let writes = match name {
        "open" | "openat" | "openat2" => ["O_WRONLY", "O_RDWR", "O_CREAT"]
            .iter()
            .any(|flag| call.contains(flag)),
        "creat" | "mkdir" | "mkdirat" | "mknod" | "mknodat" | "rename" | "renameat"
        | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" | "truncate" => true,
        _ => false,
    };
    // A link is written where its second name lies.
    let written = match name {
        "link" | "linkat" => call.split('"').nth(3).unwrap_or_default(),
        _ => path,
    };
    // Threads are given their names through their files.
    let is_own = path == "/dev/null" || path.starts_with("/proc/self/task/");
    writes
        && !is_own
        && !folders
            .iter()
            .any(|folder| Path::new(written).starts_with(folder))
}

#[test]
fn offences_are_told_from_what_a_service_does() {
    let data = Path::new("/tmp/x/data");
    for (call, expected) in [
        (
            r#"7 connect(9, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.2")}, 16) = 0"#,
            true,
        ),
        (
            r#"7 connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0"#,
            false,
        ),
        (
            r#"7 connect(9, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT"#,
            true,
        ),
        (
            r#"7 sendto(9, "x", 1, 0, {sa_family=AF_INET6, inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28) = 1"#,
            true,
        ),
        (
            r#"7 openat(AT_FDCWD, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 4"#,
            true,
        ),
        (
            r#"7 openat(AT_FDCWD, "/usr/lib/libc.so.6", O_RDONLY|O_CLOEXEC) = 4"#,
            false,
        ),
        (
            r#"7 openat(AT_FDCWD, "/tmp/x/data/a", O_RDWR|O_CREAT, 0666) = 4"#,
            false,
        ),
        (
            r#"7 openat(AT_FDCWD, "/root/.cache/a", O_RDWR|O_CREAT, 0666) = 4"#,
            true,
        ),
        (r#"7 mkdir("/root/.cache", 0777) = 0"#, true),
        (r#"7 link("/tmp/x/store/a", "/tmp/x/data/a") = 0"#, false),
        (r#"7 link("/tmp/x/data/a", "/tmp/x/store/a") = 0"#, true),
        (r#"7 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4"#, false),
    ] {
        assert_eq!(is_offence(call, &[data]), expected, "{call}");
    }
}

#[test]
fn nobody_is_called_and_no_file_is_written_outside_the_data() {
    if !support::strace() {
        return;
    }
    let world = World::shared();
    let data = |watch: &Watch| text_of(&watch.path("data"));

    let build = Watch::new();
    let csv = world.path("in.csv");
    let arguments = [
        "build",
        "--mode",
        "CSV",
        "--csv-file",
        &csv,
        "--data-dir",
        &data(&build),
    ];
    run(&mut build.command(&world, &arguments)).ok();
    assert_eq!(build.offences(&[]), Vec::<String>::new());

    let query = Watch::new();
    let texts = data(&query);
    let arguments = ["query", "--text", "a lake", "--text-cache", &texts];
    run(&mut query.command(&world, &arguments)).ok();
    assert_eq!(query.offences(&[]), Vec::<String>::new());

    let inspect = Watch::new();
    run(&mut inspect.command(&world, &["inspect"])).ok();
    assert_eq!(inspect.offences(&[]), Vec::<String>::new());

    let serve = Watch::new();
    let texts = data(&serve);
    #[rustfmt::skip]
    let arguments = ["serve", "--host", "127.0.0.1", "--port", "0", "--text-cache", &texts];
    let (service, base) = Running::server(&mut serve.command(&world, &arguments));
    let watched = Watched(serve.first_process());
    assert_eq!(get(&format!("{base}/query?str=a%20lake")).0, 200);
    let ask = b"PREFIX clip: <https://service.swissartresearch.net/clip/>
        SELECT * { ?r a clip:Request ; clip:queryString \"a boat\" ; clip:score ?s }";
    assert_eq!(
        send(&format!("{base}/sparql"), "application/sparql-query", ask).0,
        200
    );
    std::thread::sleep(WATCH);
    // It has its own names for the files of the store.
    let views = fs::canonicalize(world.path("store"))
        .unwrap()
        .join(".views");
    assert_eq!(serve.offences(&[&views]), Vec::<String>::new());
    drop(watched);
    service.end().ok();
}

//! Running programs: bounded in time, and ended when the test ends, also by a panic.

use clap::CommandFactory;
use clip_search::cli::Cli;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything here takes, so that only what hangs is cut off.
const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);

/// `clip-search` with these arguments, and none of the settings of whoever runs the tests.
pub(crate) fn clip_search(arguments: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_clip-search"));
    for subcommand in Cli::command().get_subcommands() {
        let names = subcommand.get_arguments().filter_map(clap::Arg::get_env);
        for name in names.filter(|name| *name != "ORT_DYLIB_PATH") {
            command.env_remove(name);
        }
    }
    // The program looks for ONNX Runtime in its working directory, which is another than here.
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join(".onnxruntime");
    #[expect(
        clippy::disallowed_methods,
        reason = "tests read the one setting that says where ONNX Runtime lies"
    )]
    if std::env::var_os("ORT_DYLIB_PATH").is_none_or(|path| path.is_empty()) && local.is_dir() {
        command.env("ORT_DYLIB_PATH", local);
    }
    command.env("CLIP_LOG", "error").args(arguments);
    command
}

/// A program that finds loopback servers, whatever proxy is set, and no `.env` of the checkout.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .current_dir(std::env::temp_dir());
    command
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The standard output of a program that did well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The one sentence on standard error of a program that ended with `code`.
    #[track_caller]
    pub(crate) fn sentence(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        let sentence = self.stderr.strip_prefix("error: ").map(str::trim_end);
        let sentence = sentence.unwrap_or_else(|| panic!("{}", self.stderr));
        assert!(!sentence.contains('\n'), "{sentence}");
        sentence.to_owned()
    }
}

/// Runs `command` to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ended {
    Running::start(command).end()
}

/// Runs `command` to its end with standard output, and standard error if `stderr` says so, elsewhere.
#[track_caller]
pub(crate) fn run_into(command: &mut Command, stdout: Stdio, stderr: Option<Stdio>) -> Ended {
    Running::start_into(command, Some(stdout), stderr).end()
}

/// A program at work. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    output: TempDir,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_into(command, None, None)
    }

    pub(crate) fn start_into(
        command: &mut Command,
        stdout: Option<Stdio>,
        stderr: Option<Stdio>,
    ) -> Self {
        // Files, unlike pipes, take whatever comes while nobody reads.
        let output = tempfile::tempdir().unwrap();
        let file = |name| Stdio::from(File::create(output.path().join(name)).unwrap());
        let (own_stdout, own_stderr) = (file("stdout"), file("stderr"));
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.unwrap_or(own_stdout))
            .stderr(stderr.unwrap_or(own_stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, output }
    }

    /// Starts a server that prints its URL in its first line, and gives the URL, without a path.
    #[track_caller]
    pub(crate) fn server(command: &mut Command) -> (Self, String) {
        let mut server = Self::start(command);
        let started = Instant::now();
        loop {
            let stdout = server.text("stdout");
            if let Some((line, _)) = stdout.split_once('\n') {
                let url = line.split_whitespace().find(|w| w.starts_with("http://"));
                let url: url::Url = url.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
                return (server, url.origin().ascii_serialization());
            }
            let stderr = server.text("stderr");
            assert!(server.is_running(), "{command:?} ended: {stderr}");
            assert!(started.elapsed() < LIMIT, "{command:?} hangs: {stderr}");
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal called `name` to this one process.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success(), "{name} cannot be sent");
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let started = Instant::now();
        while self.is_running() {
            let stderr = self.text("stderr");
            assert!(started.elapsed() < LIMIT, "hangs: {stderr}");
            std::thread::sleep(POLL);
        }
        Ended {
            code: self.child.wait().unwrap().code(),
            stdout: self.text("stdout"),
            stderr: self.text("stderr"),
        }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let bytes = fs::read(self.output.path().join(name)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The binary `clip-search`: parse, start tracing, run the command, exit code.

use clip_search::cli::Cli;
use clip_search::encoder::runtime::NO_TELEMETRY;
use clip_search::env_file::EnvFile;
use clip_search::print::{note, sentence};
use clip_search::sparql::text::guard::STACK_SIZE;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: clip_search::memory::Counting = clip_search::memory::Counting;

fn main() -> ExitCode {
    // Before anything reads the environment, clap included.
    let env_file = EnvFile::nearest().unwrap_or_default();
    apply(&env_file);
    keep_quiet();
    let cli = Cli::of_process(&env_file);
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // It would tell, on standard error, that standard error cannot be written, and panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            EnvFilter::try_from_env("CLIP_LOG")
                .unwrap_or_else(|_| EnvFilter::new("warn,clip_search=info")),
        )
        .init();
    if let Some(mistake) = env_file.mistakes.first() {
        if cli.command.takes_settings() {
            note(format_args!("error: {mistake}"));
            return ExitCode::FAILURE;
        }
        note(format_args!("warning: {mistake}"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Queries are evaluated on these threads and recurse as deep as they are nested. The memory
        // is reserved, not used.
        .thread_stack_size(STACK_SIZE)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            note(format_args!("error: no threads can be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let command = runtime.spawn(clip_search::command::run(cli.command));
    let code = match runtime.block_on(command) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            note(format_args!("error: {}", sentence(&error)));
            ExitCode::FAILURE
        }
        Err(panic) => {
            note(format_args!("error: the program has a fault: {panic}"));
            ExitCode::FAILURE
        }
    };
    // A query that was cut off may run for a while; nobody waits for its answer.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

/// Nothing leaves this machine that nobody asked for: ONNX Runtime looks for this when it is loaded.
fn keep_quiet() {
    let (name, value) = NO_TELEMETRY;
    #[expect(unsafe_code, reason = "the one way to set a variable of this process")]
    // SAFETY: main has started no thread yet, so that nobody reads the environment meanwhile.
    unsafe {
        std::env::set_var(name, value);
    }
}

/// Sets what the environment does not set already.
#[expect(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "the settings of .env become those of the environment before anything reads them"
)]
fn apply(env_file: &EnvFile) {
    for (name, value) in &env_file.settings {
        if std::env::var_os(name).is_none() {
            // SAFETY: `main` calls this before it starts a thread, so nobody else reads the environment.
            unsafe { std::env::set_var(name, value) };
        }
    }
}

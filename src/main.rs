//! The binary `clip-search`: parse, start tracing, run the command, exit code.

use clip_search::cli::Cli;
use clip_search::encoder::runtime::NO_TELEMETRY;
use clip_search::sparql::guard::STACK_SIZE;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: clip_search::memory::Counting = clip_search::memory::Counting;

fn main() -> ExitCode {
    // Before anything reads the environment, clap included.
    let env_file = dotenvy::dotenv();
    keep_quiet();
    let cli = Cli::of_process();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            EnvFilter::try_from_env("CLIP_LOG")
                .unwrap_or_else(|_| EnvFilter::new("warn,clip_search=info")),
        )
        .init();
    if let Err(error) = &env_file
        && !error.not_found()
    {
        eprintln!("error: the file .env cannot be read: {error}");
        return ExitCode::FAILURE;
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
            eprintln!("error: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let command = runtime.spawn(clip_search::command::run(cli.command));
    let code = match runtime.block_on(command) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Err(panic) => {
            eprintln!("error: the program has a fault: {panic}");
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

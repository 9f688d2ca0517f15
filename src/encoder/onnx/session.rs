//! ONNX Runtime itself: the library, loaded once per process, and sessions that threads share.

use super::EncoderOptions;
use super::idle::Idle;
use super::threads::Threads;
use crate::encoder::model::ModelError;
use crate::encoder::runtime::{self, Refusal, RuntimeError};
use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType};
use std::borrow::Cow;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A loaded ONNX file, once or, when it is made ready for many runs, in several copies. Runs take turns at each: the
/// binding does not allow runs of one at the same time.
#[derive(Clone)]
pub(super) struct SharedSession {
    pub(super) file: PathBuf,
    pub(super) inputs: Arc<[Port]>,
    pub(super) outputs: Arc<[Port]>,
    /// Loads another copy.
    open: Open,
    /// Most copies.
    most_copies: usize,
    /// Those that are loaded.
    n_copies: Arc<Mutex<usize>>,
    idle: Arc<Idle>,
    /// Microseconds of all runs together.
    run_time_us: Arc<AtomicU64>,
}

type Open = Arc<dyn Fn() -> Result<Session, ModelError> + Send + Sync>;

/// An input or output of the model.
pub(super) struct Port {
    pub(super) name: String,
    /// `None` if it is no tensor.
    pub(super) element: Option<TensorElementType>,
    /// Negative where any size is taken.
    pub(super) shape: Vec<i64>,
}

impl From<&Outlet> for Port {
    fn from(outlet: &Outlet) -> Self {
        Self {
            name: outlet.name().to_owned(),
            element: outlet.dtype().tensor_type(),
            shape: outlet
                .dtype()
                .tensor_shape()
                .map_or_else(Vec::new, |shape| shape.to_vec()),
        }
    }
}

/// One named input of a run.
pub(super) type NamedInput<'v> = (Cow<'v, str>, SessionInputValue<'v>);

impl SharedSession {
    /// Loads `file` once, with what `provider` says, if that is given.
    pub(super) fn load(
        file: &Path,
        options: &EncoderOptions,
        threads: Threads,
        provider: Option<&ExecutionProviderDispatch>,
    ) -> Result<Self, ModelError> {
        let environment = environment(options.runtime_library.as_deref())?;
        let (of, provider, spinning) = (file.to_owned(), provider.cloned(), options.spinning);
        let open: Open = Arc::new(move || {
            Session::builder(&environment)
                .and_then(|builder| Ok(builder.with_intra_threads(threads.per_copy)?))
                .and_then(|builder| Ok(builder.with_intra_op_spinning(spinning)?))
                .and_then(|builder| match &provider {
                    Some(provider) => {
                        let provider = provider.clone().error_on_failure();
                        Ok(builder.with_execution_providers([provider])?)
                    }
                    None => Ok(builder),
                })
                .and_then(|mut builder| builder.commit_from_file(&of))
                .map_err(|source| ModelError::Session {
                    file: of.clone(),
                    source: Box::new(source),
                })
        });
        let first = open()?;
        Ok(Self {
            file: file.to_owned(),
            inputs: first.inputs().iter().map(Port::from).collect(),
            outputs: first.outputs().iter().map(Port::from).collect(),
            open,
            most_copies: threads.n_copies,
            n_copies: Arc::new(Mutex::new(1)),
            idle: Arc::new(Idle::new(first)),
            run_time_us: Arc::default(),
        })
    }

    /// Loads further copies, as far as there may be some and so many runs have a use for them.
    pub(super) fn make_ready(&self, n_runs: usize) {
        let mut n_copies = self.lock_copies();
        let n_missing = n_runs.min(self.most_copies).saturating_sub(*n_copies);
        std::thread::scope(|scope| {
            let loading: Vec<_> = (0..n_missing).map(|_| scope.spawn(&*self.open)).collect();
            for copy in loading {
                match copy.join().expect("loading does not panic") {
                    Ok(session) => {
                        self.idle.add(session);
                        *n_copies += 1;
                    }
                    // What is there does the work, only slower.
                    Err(error) => tracing::warn!(
                        "a further copy of the model, for more images at a time, cannot be loaded: {error}"
                    ),
                }
            }
        });
    }

    /// Copies that are loaded.
    pub(super) fn n_copies(&self) -> usize {
        *self.lock_copies()
    }

    fn lock_copies(&self) -> MutexGuard<'_, usize> {
        self.n_copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the model and hands over its output of that name.
    pub(super) fn run(
        &self,
        inputs: Vec<NamedInput<'_>>,
        output: &str,
    ) -> Result<DynValue, ort::Error> {
        let mut taken = self.idle.take();
        let begun = Instant::now();
        let mut outputs = taken.session().run(inputs)?;
        let run_time_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        (self.run_time_us).fetch_add(run_time_us, Ordering::Relaxed);
        outputs
            .remove(output)
            .ok_or_else(|| ort::Error::new(format!("the run gave no output {output}")))
    }

    /// What all runs took together.
    pub(super) fn run_time(&self) -> Duration {
        Duration::from_micros(self.run_time_us.load(Ordering::Relaxed))
    }

    pub(super) fn not_clip(&self, problem: String) -> ModelError {
        ModelError::NotClip {
            file: self.file.clone(),
            problem,
        }
    }
}

/// One environment per process is what ONNX Runtime allows; the first library that loads stays.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

pub(super) fn environment(named: Option<&Path>) -> Result<Environment, RuntimeError> {
    let mut loaded = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    runtime::check_no_telemetry()?;
    let mut refusals = Vec::new();
    for library in runtime::candidates(named)? {
        match load(&library) {
            Ok(environment) => {
                tracing::debug!(library = %library.display(), "loaded ONNX Runtime");
                return Ok(loaded.insert(environment).clone());
            }
            // That the system has none is the normal case, not a fault to tell.
            Err(_) if runtime::is_bare_name(&library) => {}
            Err(reason) => refusals.push(Refusal { library, reason }),
        }
    }
    if refusals.is_empty() {
        Err(RuntimeError::NotFound)
    } else {
        Err(RuntimeError::NotUsable(refusals))
    }
}

fn load(library: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(library).map_err(|error| match &error {
        // The loader's own words are one level down.
        ort::LoadDynamicError::Dlopen { error, .. } => error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string),
        other => other.to_string(),
    })?;
    builder
        .with_name("clip-search")
        .with_telemetry(false)
        .build()
        .map_err(|error| error.to_string())
}

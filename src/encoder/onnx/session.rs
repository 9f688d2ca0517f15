//! ONNX Runtime itself: the library, loaded once per process, and sessions that threads share.

use crate::encoder::model::ModelError;
use crate::encoder::runtime::{self, Refusal, RuntimeError};
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType};
use std::borrow::Cow;
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A loaded ONNX file. Runs take turns: ONNX Runtime uses all its threads for one run anyway, and
/// the binding does not allow runs at the same time.
#[derive(Clone)]
pub(super) struct SharedSession {
    pub(super) file: PathBuf,
    pub(super) inputs: Arc<[Port]>,
    pub(super) outputs: Arc<[Port]>,
    session: Arc<Mutex<Session>>,
}

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
    pub(super) fn load(
        file: &Path,
        library: Option<&Path>,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, ModelError> {
        let environment = environment(library)?;
        // ONNX Runtime counts the machine's cores; this counts those that a container may use.
        let threads = threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get);
        let session = Session::builder(&environment)
            .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
            .and_then(|mut builder| builder.commit_from_file(file))
            .map_err(|source| ModelError::Session {
                file: file.to_owned(),
                source: Box::new(source),
            })?;
        Ok(Self {
            file: file.to_owned(),
            inputs: session.inputs().iter().map(Port::from).collect(),
            outputs: session.outputs().iter().map(Port::from).collect(),
            session: Arc::new(Mutex::new(session)),
        })
    }

    /// Runs the model and hands over its output of that name.
    pub(super) fn run(
        &self,
        inputs: Vec<NamedInput<'_>>,
        output: &str,
    ) -> Result<DynValue, ort::Error> {
        // A run that panicked left no state behind that a later run would read.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outputs = session.run(inputs)?;
        outputs
            .remove(output)
            .ok_or_else(|| ort::Error::new(format!("the run gave no output {output}")))
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

fn environment(named: Option<&Path>) -> Result<Environment, RuntimeError> {
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

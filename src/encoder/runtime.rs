//! Where the ONNX Runtime library may lie; it is loaded at run time, so that the build needs none.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why no ONNX Runtime is loaded: the operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The named file or folder does not hold the library.
    #[error("ORT_DYLIB_PATH names {}, where there is no {LIBRARY}; correct it, or unset it and run tools/setup", .0.display())]
    NotThere(PathBuf),
    /// Nowhere on this machine.
    #[error(
        "ONNX Runtime ({LIBRARY}) is not installed: looked beside the program, in .onnxruntime/ and among the system's libraries; run tools/setup, or set ORT_DYLIB_PATH to the library"
    )]
    NotFound,
    /// Found, but none can be used.
    #[error("ONNX Runtime cannot be loaded ({}); run tools/setup, or set ORT_DYLIB_PATH to a newer library", joined(.0))]
    NotUsable(Vec<Refusal>),
    /// Loaded now, it would call its vendor.
    #[error(
        "ONNX Runtime is not loaded, since it would report to its vendor; set ORT_DISABLE_TELEMETRY=1 before the program starts"
    )]
    WouldReport,
}

/// A variable of the environment, and its value, without which [`super::onnx::ClipEncoder::open`] loads no
/// ONNX Runtime. The program sets it first of all; other programs, before they start a thread.
///
/// Since 1.32 the library itself sends telemetry on all systems: from the moment when it is loaded it looks
/// up its vendor's host, and it keeps a device id and a queue below `~/.cache`. Switching that off through
/// its programming interface comes too late.
pub const NO_TELEMETRY: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// Whether this process has [`NO_TELEMETRY`] in its environment.
///
/// # Errors
/// [`RuntimeError::WouldReport`] if not.
pub fn check_no_telemetry() -> Result<(), RuntimeError> {
    let (name, wanted) = NO_TELEMETRY;
    #[expect(
        clippy::disallowed_methods,
        reason = "no setting of ours: what the library will find is what counts"
    )]
    let found = std::env::var_os(name);
    match found {
        Some(value) if value == wanted => Ok(()),
        Some(_) | None => Err(RuntimeError::WouldReport),
    }
}

/// A library that was found and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The library.
    pub library: PathBuf,
    /// The loader's words.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.library.display(), self.reason)
    }
}

fn joined(refusals: &[Refusal]) -> String {
    let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// The library's file name; releases append their version to it.
const LIBRARY: &str = if cfg!(target_os = "windows") {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// Folder that the set-up command fills, in a checkout or in the working directory.
const LOCAL_FOLDER: &str = ".onnxruntime";

/// Where distributions and administrators put libraries that carry only a versioned name, which the
/// dynamic loader does not find under [`LIBRARY`].
const SYSTEM_FOLDERS: [&str; 6] = [
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/opt/onnxruntime/lib",
];

/// The libraries to try, in this order: `named` (the value of `ORT_DYLIB_PATH`: a file, or a folder
/// that holds it) and then nothing else; beside the program; `.onnxruntime/` in the working
/// directory and in the folders above the program; the system's.
///
/// # Errors
/// [`RuntimeError::NotThere`] if `named` is given and holds no library.
pub fn candidates(named: Option<&Path>) -> Result<Vec<PathBuf>, RuntimeError> {
    if let Some(named) = named {
        if named.is_file() {
            return Ok(vec![absolute(named)]);
        }
        let found = libraries_under(named);
        return match found.is_empty() {
            false => Ok(found),
            true => Err(RuntimeError::NotThere(named.to_owned())),
        };
    }
    let program = std::env::current_exe().ok();
    let above: Vec<&Path> = program.iter().flat_map(|p| p.ancestors().skip(1)).collect();
    let here = std::env::current_dir().ok();
    let beside = above.iter().take(1).flat_map(|folder| libraries_in(folder));
    let local = here
        .as_deref()
        .into_iter()
        .chain(above.iter().copied())
        .flat_map(|folder| libraries_under(&folder.join(LOCAL_FOLDER)));
    let system = [LIBRARY, "libonnxruntime.so.1"]
        .into_iter()
        .map(PathBuf::from)
        .chain(
            SYSTEM_FOLDERS
                .iter()
                .flat_map(|f| libraries_in(Path::new(f))),
        );
    let mut seen = std::collections::HashSet::new();
    Ok(beside
        .chain(local)
        .chain(system)
        .filter(|library| seen.insert(library.clone()))
        .collect())
}

/// Whether `candidate` is a bare name, which the dynamic loader looks up in its own folders.
#[must_use]
pub fn is_bare_name(candidate: &Path) -> bool {
    candidate.components().count() == 1
}

/// The libraries in `folder` and where the release archive, the wheel and `pip --target` have them.
fn libraries_under(folder: &Path) -> Vec<PathBuf> {
    ["", "lib", "capi", "onnxruntime/capi"]
        .iter()
        .flat_map(|place| libraries_in(&folder.join(place)))
        .collect()
}

/// The libraries in `folder`: the plain name, then versioned names, newest first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let version = version_of(&entry.file_name().to_string_lossy())?;
            Some((version, absolute(&entry.path())))
        })
        .filter(|(_, path)| path.is_file())
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The version in `libonnxruntime.so.1.32.0` or `libonnxruntime.1.32.0.dylib`; the plain name
/// counts as newest, since that is the one that an administrator points at a choice.
fn version_of(name: &str) -> Option<Vec<u32>> {
    if name == LIBRARY {
        return Some(vec![u32::MAX]);
    }
    let (stem, end) = LIBRARY.split_once('.')?;
    let numbers = name.strip_prefix(stem)?.strip_prefix('.')?;
    let numbers = numbers
        .strip_prefix(end)
        .and_then(|rest| rest.strip_prefix('.'))
        .or_else(|| numbers.strip_suffix(end)?.strip_suffix('.'))?;
    numbers.split('.').map(|n| n.parse().ok()).collect()
}

/// A relative path would be looked up beside the program by the binding.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn versioned_names_are_found_newest_first_and_others_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let capi = folder.path().join("onnxruntime/capi");
        std::fs::create_dir_all(&capi).unwrap();
        for name in [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.32.0",
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.so.old",
        ] {
            std::fs::write(capi.join(name), "").unwrap();
        }
        let names = |paths: Vec<PathBuf>| -> Vec<String> {
            paths
                .iter()
                .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
                .collect()
        };
        let found = candidates(Some(folder.path())).unwrap();
        assert_eq!(
            names(found),
            ["libonnxruntime.so.1.32.0", "libonnxruntime.so.1.9.0"]
        );

        std::fs::write(capi.join("libonnxruntime.so"), "").unwrap();
        let found = candidates(Some(folder.path())).unwrap();
        assert_eq!(names(found)[0], "libonnxruntime.so");
    }

    #[test]
    fn a_named_library_is_the_only_candidate() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("custom-build.so");
        assert_eq!(
            candidates(Some(&file)),
            Err(RuntimeError::NotThere(file.clone()))
        );
        std::fs::write(&file, "").unwrap();
        assert_eq!(candidates(Some(&file)), Ok(vec![file]));
    }

    #[test]
    fn the_system_comes_last_under_both_names() {
        let all = candidates(None).unwrap();
        let plain = all.iter().position(|c| c == Path::new("libonnxruntime.so"));
        let soname = all
            .iter()
            .position(|c| c == Path::new("libonnxruntime.so.1"));
        assert!(plain.unwrap() < soname.unwrap());
    }
}

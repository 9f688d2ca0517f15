//! A model given by its name is fetched from a model hub into the cache that other tools share.

mod verify;

use super::model::Precision;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use indicatif::ProgressBar;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use verify::{strong, verify};

/// How the hub is reached; the values of its usual environment variables.
#[derive(Debug, Clone, Default)]
pub struct HubOptions {
    /// `HF_ENDPOINT`: a mirror. `https://huggingface.co` if not given.
    pub endpoint: Option<String>,
    /// `HF_TOKEN`; the token that `hf auth login` stored if not given.
    pub token: Option<String>,
    /// `HF_HOME`: the folder of the cache. `~/.cache/huggingface` if not given.
    pub home: Option<PathBuf>,
    /// `HF_HUB_OFFLINE`: use what the cache has, and never the network.
    pub offline: bool,
    /// Which of the model's files are wanted; the most exact ones that the hub has if not given.
    pub precision: Option<Precision>,
    /// Whether progress bars are drawn; log lines otherwise.
    pub progress: bool,
}

/// Why a model cannot be had: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// Neither a folder nor a name.
    #[error(
        "there is no model folder {0}, nor is it a hub name such as openai/clip-vit-base-patch32"
    )]
    NotAName(String),
    /// There is no home directory to put the cache in.
    #[error("there is no home directory for the model cache; set HF_HOME to a folder")]
    NoHome,
    /// Offline, and the cache has not all of it.
    #[error("{repository} is not in the model cache {} and HF_HUB_OFFLINE is set; unset it once to fetch the model", .cache.display())]
    Offline {
        /// Owner and name on the hub.
        repository: String,
        /// The cache's folder.
        cache: PathBuf,
    },
    /// The hub has not this file.
    #[error(
        "{endpoint} has no {file} in {repository}; choose a repository with an ONNX export of a CLIP model"
    )]
    NotFound {
        /// The hub.
        endpoint: String,
        /// Owner and name on the hub.
        repository: String,
        /// Path within the repository.
        file: String,
    },
    /// The hub will not give this file.
    #[error(
        "{endpoint} refuses {repository} (HTTP {status}): the name is wrong, or it is private or gated; set HF_TOKEN to a token that may read it"
    )]
    Refused {
        /// The hub.
        endpoint: String,
        /// Owner and name on the hub.
        repository: String,
        /// HTTP status.
        status: u16,
    },
    /// The hub cannot be reached, or breaks off again and again.
    #[error(
        "{file} of {repository} cannot be fetched from {endpoint}; what has arrived is kept, run again to go on"
    )]
    Fetch {
        /// The hub.
        endpoint: String,
        /// Owner and name on the hub.
        repository: String,
        /// Path within the repository.
        file: String,
        /// The last attempt's error.
        #[source]
        source: ApiError,
    },
    /// The hub's answer is none that a hub gives.
    #[error("{endpoint} does not answer like a model hub ({problem}); check HF_ENDPOINT")]
    NotAHub {
        /// The hub.
        endpoint: String,
        /// What is wrong.
        problem: String,
    },
    /// What arrived is not what the hub announced.
    #[error(
        "{file} of {repository} arrived corrupt ({problem}) and was removed; run again, or check the mirror if HF_ENDPOINT names one"
    )]
    Corrupt {
        /// Owner and name on the hub.
        repository: String,
        /// Path within the repository.
        file: String,
        /// Expected and found.
        problem: String,
    },
    /// The cache cannot be written or read.
    #[error("the model cache {} cannot be used", .path.display())]
    Cache {
        /// File or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Names under which CLIP is known, and the repositories with their ONNX exports.
const ONNX_EXPORTS: [(&str, &str); 3] = [
    (
        "openai/clip-vit-base-patch32",
        "Xenova/clip-vit-base-patch32",
    ),
    (
        "openai/clip-vit-base-patch16",
        "Xenova/clip-vit-base-patch16",
    ),
    (
        "openai/clip-vit-large-patch14",
        "Xenova/clip-vit-large-patch14",
    ),
];

const REQUIRED: [&str; 3] = ["config.json", "preprocessor_config.json", "tokenizer.json"];

const ATTEMPTS: u32 = 5;

/// The folder of `model`: itself, if it is a folder; otherwise its copy in the cache, fetched if need
/// be. Fetches resume where they broke off, and every file is checked against the hub's checksum.
///
/// # Errors
/// [`HubError`] names the model, the file and the remedy.
pub fn resolve(model: &str, options: &HubOptions) -> Result<PathBuf, HubError> {
    if Path::new(model).is_dir() {
        return Ok(PathBuf::from(model));
    }
    let repository = repository(model).ok_or_else(|| HubError::NotAName(model.to_owned()))?;
    let cache = cache_folder(options)?;
    let hub = Hub::new(repository, cache, options)?;
    if let Some(folder) = hub.cached(options.precision, options.offline) {
        return Ok(folder);
    }
    if options.offline {
        return Err(HubError::Offline {
            repository: hub.repository,
            cache: hub.cache.path().clone(),
        });
    }
    hub.fetch_model(options.precision)
}

/// `owner/name`, mapped to the repository with the ONNX export where that is another one.
fn repository(model: &str) -> Option<String> {
    let known = ONNX_EXPORTS.iter().find(|(name, _)| *name == model);
    if let Some((_, export)) = known {
        return Some((*export).to_owned());
    }
    let (owner, name) = model.split_once('/')?;
    let valid = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    (valid(owner) && valid(name)).then(|| model.to_owned())
}

fn cache_folder(options: &HubOptions) -> Result<PathBuf, HubError> {
    let home = match &options.home {
        Some(home) => home.clone(),
        None => std::env::home_dir()
            .ok_or(HubError::NoHome)?
            .join(".cache/huggingface"),
    };
    let home =
        std::path::absolute(&home).map_err(|source| HubError::Cache { path: home, source })?;
    Ok(home.join("hub"))
}

/// One repository of the hub and its cache.
struct Hub {
    endpoint: String,
    repository: String,
    cache: Cache,
    api: Api,
    progress: bool,
}

/// A repository at one commit, so that files of two versions never mix.
struct Snapshot {
    repo: Repo,
    remote: ApiRepo,
    folder: PathBuf,
}

impl Hub {
    fn new(repository: String, cache: PathBuf, options: &HubOptions) -> Result<Self, HubError> {
        let endpoint = options
            .endpoint
            .as_deref()
            .unwrap_or("https://huggingface.co");
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let cache = Cache::new(cache);
        let mut builder = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(endpoint.clone())
            .with_user_agent("clip-search", env!("CARGO_PKG_VERSION"))
            // Its own retries restart at the wrong place of a file that was resumed; ours re-read
            // the length of what has arrived.
            .with_retries(0);
        if let Some(token) = &options.token {
            builder = builder.with_token(Some(token.trim().to_owned()));
        }
        let api = builder.build().map_err(|source| HubError::Fetch {
            endpoint: endpoint.clone(),
            repository: repository.clone(),
            file: "the repository".to_owned(),
            source,
        })?;
        Ok(Self {
            endpoint,
            repository,
            cache,
            api,
            progress: options.progress,
        })
    }

    /// The cached copy, if it is complete. Offline, any precision is good enough where none is asked
    /// for; otherwise the most exact one must be there, or the hub is asked whether it has it.
    fn cached(&self, precision: Option<Precision>, offline: bool) -> Option<PathBuf> {
        let local = self.cache.model(self.repository.clone());
        let folder = local.get(REQUIRED[0])?.parent()?.to_owned();
        let complete = REQUIRED.iter().all(|file| folder.join(file).is_file());
        let available = super::model::files::available(&folder);
        let wanted = precision.or((!offline).then_some(Precision::F32));
        let has_onnx = available
            .iter()
            .any(|(found, _)| wanted.is_none_or(|wanted| wanted == *found));
        (complete && has_onnx).then_some(folder)
    }

    fn fetch_model(&self, precision: Option<Precision>) -> Result<PathBuf, HubError> {
        let main = Repo::new(self.repository.clone(), RepoType::Model);
        let url = self.api.repo(main.clone()).url(REQUIRED[0]);
        let commit = match self.metadata(&url, REQUIRED[0])? {
            Some(metadata) => metadata.commit_hash().to_owned(),
            None => return Err(self.not_found(REQUIRED[0])),
        };
        let repo = Repo::with_revision(self.repository.clone(), RepoType::Model, commit.clone());
        let snapshot = Snapshot {
            remote: self.api.repo(repo.clone()),
            folder: self.cache.repo(repo.clone()).pointer_path(&commit),
            repo,
        };
        for file in REQUIRED {
            if !self.fetch(&snapshot, file)? {
                return Err(self.not_found(file));
            }
        }
        self.fetch(&snapshot, "tokenizer_config.json")?;
        self.fetch_onnx(&snapshot, precision)?;
        // Only a complete snapshot is the one that `main` stands for.
        self.cache
            .repo(main)
            .create_ref(&commit)
            .map_err(|source| HubError::Cache {
                path: self.cache.path().clone(),
                source,
            })?;
        Ok(snapshot.folder)
    }

    /// The first precision that the repository has, in the places where exports lie.
    fn fetch_onnx(
        &self,
        snapshot: &Snapshot,
        precision: Option<Precision>,
    ) -> Result<(), HubError> {
        let wanted = precision.map_or_else(|| Precision::ALL.to_vec(), |p| vec![p]);
        let suffixes = wanted.into_iter().flat_map(Precision::suffixes);
        for suffix in suffixes {
            for place in ["onnx/", ""] {
                let file = |stem: &str| format!("{place}{stem}{suffix}.onnx");
                let separate = self.fetch_weights(snapshot, &file("text_model"))?
                    && self.fetch_weights(snapshot, &file("vision_model"))?;
                if separate || self.fetch_weights(snapshot, &file("model"))? {
                    return Ok(());
                }
            }
        }
        let suffix = precision.map_or("", |precision| precision.suffixes()[0]);
        Err(self.not_found(&format!("onnx/text_model{suffix}.onnx")))
    }

    /// An ONNX file and, for large models, the weights beside it.
    fn fetch_weights(&self, snapshot: &Snapshot, file: &str) -> Result<bool, HubError> {
        let there = self.fetch(snapshot, file)?;
        if there {
            self.fetch(snapshot, &format!("{file}_data"))?;
        }
        Ok(there)
    }

    /// Brings `file` into the snapshot, checked; `false` if the hub has no such file.
    fn fetch(&self, snapshot: &Snapshot, file: &str) -> Result<bool, HubError> {
        let Some(metadata) = self.metadata(&snapshot.remote.url(file), file)? else {
            return Ok(false);
        };
        let blob = self
            .cache
            .repo(snapshot.repo.clone())
            .blob_path(metadata.etag());
        let pointer = snapshot.folder.join(file);
        if !pointer.exists() {
            // A link whose target is gone would be in the way.
            let _ = std::fs::remove_file(&pointer);
            self.download(snapshot, file, &blob, metadata.size())?;
        }
        if let Err(problem) = verify(&pointer, metadata.size(), metadata.etag()) {
            for path in [&pointer, &blob] {
                let _ = std::fs::remove_file(path);
            }
            return Err(HubError::Corrupt {
                repository: self.repository.clone(),
                file: file.to_owned(),
                problem,
            });
        }
        Ok(true)
    }

    fn download(
        &self,
        snapshot: &Snapshot,
        file: &str,
        blob: &Path,
        size_bytes: usize,
    ) -> Result<(), HubError> {
        let part = blob.with_extension("part");
        if !self.progress {
            tracing::info!(model = self.repository, file, size_bytes, "fetching");
        }
        self.retry(file, || {
            // A part that has all bytes was never renamed; asking for what follows it is an error.
            let arrived = std::fs::metadata(&part).map_or(0, |metadata| metadata.len());
            if usize::try_from(arrived).is_ok_and(|arrived| arrived >= size_bytes) {
                let _ = std::fs::remove_file(&part);
            }
            if self.progress {
                snapshot
                    .remote
                    .download_with_progress(file, ProgressBar::new(0))
            } else {
                snapshot.remote.download_with_progress(file, ())
            }
        })?;
        Ok(())
    }

    /// Size, checksum and commit of a file; `None` if the hub has no such file.
    fn metadata(
        &self,
        url: &str,
        file: &str,
    ) -> Result<Option<hf_hub::api::sync::Metadata>, HubError> {
        let metadata = match self.retry(file, || self.api.metadata(url)) {
            Err(HubError::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        // Both become file names in the cache.
        let is_name = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        for value in [strong(metadata.etag()), metadata.commit_hash()] {
            if !is_name(value) {
                return Err(HubError::NotAHub {
                    endpoint: self.endpoint.clone(),
                    problem: format!("ETag or X-Repo-Commit is {value:?}"),
                });
            }
        }
        Ok(Some(metadata))
    }

    /// Calls `request` until it succeeds, for faults that pass: broken connections, busy servers.
    fn retry<T>(
        &self,
        file: &str,
        request: impl Fn() -> Result<T, ApiError>,
    ) -> Result<T, HubError> {
        let mut attempt = 1;
        loop {
            // The client library asserts where a hub behaves oddly.
            let answer =
                catch_unwind(AssertUnwindSafe(&request)).map_err(|_| HubError::NotAHub {
                    endpoint: self.endpoint.clone(),
                    problem: "the client gave up".to_owned(),
                })?;
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let status = status(&error);
            if let ApiError::MissingHeader(_) | ApiError::InvalidHeader(_) = error {
                return Err(HubError::NotAHub {
                    endpoint: self.endpoint.clone(),
                    problem: error.to_string(),
                });
            }
            match status {
                Some(404) => return Err(self.not_found(file)),
                Some(status @ (401 | 403)) => {
                    return Err(HubError::Refused {
                        endpoint: self.endpoint.clone(),
                        repository: self.repository.clone(),
                        status,
                    });
                }
                _ => {}
            }
            let passes = status.is_none_or(|status| status == 429 || status >= 500);
            if attempt == ATTEMPTS || !passes {
                return Err(HubError::Fetch {
                    endpoint: self.endpoint.clone(),
                    repository: self.repository.clone(),
                    file: file.to_owned(),
                    source: error,
                });
            }
            tracing::warn!(model = self.repository, file, attempt, %error, "fetching again");
            std::thread::sleep(Duration::from_millis(100 << attempt));
            attempt += 1;
        }
    }

    fn not_found(&self, file: &str) -> HubError {
        HubError::NotFound {
            endpoint: self.endpoint.clone(),
            repository: self.repository.clone(),
            file: file.to_owned(),
        }
    }
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mapped_or_used_as_they_are_and_paths_are_no_names() {
        let cases = [
            (
                "openai/clip-vit-base-patch32",
                Some("Xenova/clip-vit-base-patch32"),
            ),
            (
                "Xenova/clip-vit-base-patch32",
                Some("Xenova/clip-vit-base-patch32"),
            ),
            ("my-org/my_model.v2", Some("my-org/my_model.v2")),
            ("models/clip/base", None),
            ("./models", None),
            ("../models", None),
            ("/models/clip", None),
            ("clip", None),
            ("", None),
            ("owner/", None),
            ("owner/na me", None),
        ];
        for (model, expected) in cases {
            assert_eq!(repository(model).as_deref(), expected, "{model}");
        }
    }
}

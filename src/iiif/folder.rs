//! The images of a folder as `clip-search iiif-serve` serves them: which files those are, and what they are called.

use crate::collection::sizes::{ApiVersion, ImageService, Profile};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// Endings of the files that are served.
pub const ENDINGS: [&str; 12] = [
    "jpg", "jpeg", "png", "gif", "webp", "tif", "tiff", "bmp", "ico", "pnm", "ppm", "tga",
];

/// The service that each image has.
pub const SERVICE: ImageService = ImageService {
    version: ApiVersion::V3,
    profile: Some(Profile::Level1),
};

/// What a folder holds, in the order of the bytes of the paths.
#[derive(Debug, Default)]
pub struct Listing {
    /// Images, and what may be some and cannot be served.
    pub entries: Vec<Entry>,
    /// What is no image.
    pub left_out: LeftOut,
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path below the folder.
    pub below: PathBuf,
    /// Whether it is an image that can be served.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An image, with the id that it is served under.
    Image(String),
    /// Not to be served, and why.
    Lost(String),
}

/// How much of a folder is no image.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Files of other kinds by their endings, which are in lower case and empty where there is none.
    pub endings: BTreeMap<String, usize>,
    /// Files and folders whose names begin with a dot.
    pub n_hidden: usize,
    /// Links to folders. They may lead in circles.
    pub n_folder_links: usize,
}

/// The images in `dir` and below.
///
/// Links to files are followed where those lie in `dir`, links to folders are not. The folder `except` is passed over.
///
/// # Errors
/// If `dir` itself cannot be read; a folder in it that cannot be read is an entry.
pub fn list(dir: &Path, except: Option<&Path>) -> io::Result<Listing> {
    let dir = dir.canonicalize()?;
    let except = except.and_then(|path| path.canonicalize().ok());
    let mut listing = Listing::default();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let is_root = below.as_os_str().is_empty();
        match list_one(&dir, &below, except.as_deref(), &mut listing, &mut folders) {
            Err(error) if is_root => return Err(error),
            Err(error) => listing.entries.push(Entry {
                below,
                kind: Kind::Lost(format!("the folder cannot be read: {}", told(&error))),
            }),
            Ok(()) => {}
        }
    }
    let bytes = |entry: &Entry| entry.below.as_os_str().as_encoded_bytes().to_vec();
    listing.entries.sort_by_cached_key(bytes);
    Ok(listing)
}

/// What is in `dir/below` itself; the folders in it are added to `folders`.
fn list_one(
    dir: &Path,
    below: &Path,
    except: Option<&Path>,
    listing: &mut Listing,
    folders: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(dir.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let path = below.join(&name);
        if is_hidden(&name) {
            listing.left_out.n_hidden += 1;
            continue;
        }
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            // It went away while the folder was read.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                let kind = Kind::Lost(format!("cannot be looked at: {}", told(&error)));
                listing.entries.push(Entry { below: path, kind });
                continue;
            }
        };
        let is_folder_link = || fs::metadata(entry.path()).is_ok_and(|target| target.is_dir());
        if kind.is_dir() {
            if except != Some(&dir.join(&path)) {
                folders.push(path);
            }
        } else if kind.is_symlink() && is_folder_link() {
            listing.left_out.n_folder_links += 1;
        } else if is_image(&path) {
            let kind = image(dir, &path, kind);
            listing.entries.push(Entry { below: path, kind });
        } else {
            let ending = path.extension().unwrap_or_default().to_string_lossy();
            let endings = &mut listing.left_out.endings;
            *endings.entry(ending.to_lowercase()).or_default() += 1;
        }
    }
    Ok(())
}

/// Whether the file `dir/below`, which is of this type and has the name of an image, can be served.
fn image(dir: &Path, below: &Path, file_type: FileType) -> Kind {
    let lost = |reason: &str| Kind::Lost(reason.to_owned());
    if !file_type.is_symlink() {
        return match file_type.is_file() {
            true => named(below),
            false => lost("no file, though it has the name of one"),
        };
    }
    match dir.join(below).canonicalize() {
        Err(error) => Kind::Lost(format!("a link that leads nowhere: {error}")),
        Ok(target) if !target.starts_with(dir) => lost(
            "a link to a file outside of the folder, which is not served; put the file itself there",
        ),
        Ok(target) if !target.is_file() => lost("a link to what is no file"),
        Ok(_) => named(below),
    }
}

/// The system's words, and what helps.
fn told(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("{error}; allow this user to read it"),
        _ => error.to_string(),
    }
}

fn named(below: &Path) -> Kind {
    match id(below) {
        Some(id) => Kind::Image(id),
        None => Kind::Lost(format!(
            "its path is not UTF-8 ({}), so that no URL can name it; rename it",
            below.as_os_str().as_encoded_bytes().escape_ascii()
        )),
    }
}

/// The id of the image at `below`: its path with `/` between the names, whatever the system has. `None` if that is
/// not UTF-8.
fn id(below: &Path) -> Option<String> {
    let names: Option<Vec<&str>> = below.iter().map(OsStr::to_str).collect();
    Some(names?.join("/"))
}

/// The file in `dir` that is served under `id`: not hidden, with the ending of an image, and in `dir` also where
/// links lead to it. Any text may be tried.
#[must_use]
pub fn file(dir: &Path, id: &str) -> Option<PathBuf> {
    let below = Path::new(id);
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(name) => !is_hidden(name),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            false
        }
    };
    if !below.components().all(is_plain) || !is_image(below) || id.contains('\0') {
        return None;
    }
    let dir = dir.canonicalize().ok()?;
    let path = dir.join(below).canonicalize().ok()?;
    (path.starts_with(dir) && path.is_file()).then_some(path)
}

/// The IIIF URL of the image `id` of a service at `base`, which has no slash at its end: the id is one segment of
/// the path, everything in it but the unreserved characters of RFC 3986 encoded (`/` as `%2F`).
#[must_use]
pub fn iiif_url(base: &str, id: &str) -> String {
    let mut url = format!("{base}/");
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// The title of the image `id`: the name of its file without the ending.
#[must_use]
pub fn title(id: &str) -> &str {
    let stem = Path::new(id).file_stem().and_then(OsStr::to_str);
    stem.unwrap_or(id)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| (ENDINGS.iter()).any(|known| ending.eq_ignore_ascii_case(known)))
}

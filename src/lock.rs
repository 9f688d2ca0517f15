//! A lock file: one process at a time, and whoever comes second is told which one has it.
//!
//! The system keeps the lock and frees it when its process ends, however that ends: a lock of a dead process on this
//! host keeps nobody out. The file's text names the owner for people. On a network file system the server keeps the
//! locks of all hosts, unless it is mounted so that each host has its own; then the text alone tells of the others.

use anyhow::{Context, bail};
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;

/// A lock that this process has, until dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever finds a name in the file knows that its owner did not come to this line.
        let _ = self.0.set_len(0);
        // Closing is not enough while a process that is just being started has a copy of the file.
        let _ = self.0.unlock();
    }
}

/// Keeps other processes from the same lock. `taken` makes a sentence of the owner, who is ` (process 7 on HOST)`, or
/// nothing where the file does not say.
///
/// # Errors
/// `taken` if another process has it; else what keeps the file from being opened or locked.
pub(crate) fn exclusive(path: &Path, taken: impl FnOnce(&str) -> String) -> anyhow::Result<Lock> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| {
            format!(
                "{} cannot be written; the folder must have room and be writable for this program",
                path.display()
            )
        })?;
    let locked = file.try_lock();
    let owner = Owner::read(path);
    let of_other_host = owner.as_ref().is_some_and(|owner| owner.host != host());
    match locked {
        Ok(()) if of_other_host && has_locks_of_its_own(path) => {}
        Ok(()) => {
            let lock = Lock(file);
            // For people alone: a disk that is full is told by what needs it.
            let _ = lock.0.set_len(0);
            let _ = writeln!(&lock.0, "process {} on {}", std::process::id(), host());
            return Ok(lock);
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
        }
    }
    let told = owner.map_or_else(String::new, |owner| {
        format!(" (process {} on {})", owner.process, owner.host)
    });
    let sentence = taken(&told);
    if of_other_host {
        // A host that crashed may keep its lock at the server, and its name in the file.
        bail!(
            "{sentence}; if that process does not run any more, delete {}",
            path.display()
        );
    }
    bail!(sentence)
}

/// Who has a lock, or had it when it was killed.
#[derive(Debug, PartialEq)]
struct Owner {
    process: String,
    host: String,
}

impl Owner {
    fn read(path: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(path).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (process, host) = text.trim().strip_prefix("process ")?.split_once(" on ")?;
        let is_plain = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            (1..=255).contains(&text.len()) && text.chars().all(plain)
        };
        (is_plain(process) && is_plain(host)).then(|| Self {
            process: process.to_owned(),
            host: host.to_owned(),
        })
    }
}

/// The name of this host, as far as the system tells.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs::read_to_string("/etc/hostname"))
        .unwrap_or_default();
    match name.trim() {
        "" => "this-host".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether other hosts do not see the locks of this one on the file system of `path`.
fn has_locks_of_its_own(path: &Path) -> bool {
    let (Ok(mounts), Ok(path)) = (
        fs::read_to_string("/proc/self/mountinfo"),
        fs::canonicalize(path),
    ) else {
        return false;
    };
    is_mounted_with_own_locks(&mounts, &path)
}

/// `mounts` is the text of `/proc/self/mountinfo` (proc(5)): the mount point is the fifth word of a line; kind and
/// options of the file system come after a lone `-`.
fn is_mounted_with_own_locks(mounts: &str, path: &Path) -> bool {
    let mounted = mounts.lines().filter_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&point).then_some((point.len(), system))
    });
    // Of two at one place the later one is seen.
    let Some((_, system)) = mounted.max_by_key(|(length, _)| *length) else {
        return false;
    };
    let mut words = system.split(' ');
    let kind = words.next().unwrap_or_default();
    let own: &[&str] = match kind {
        "nfs" | "nfs4" => &["nolock", "local_lock=all", "local_lock=flock"],
        "lustre" => &["localflock"],
        "cifs" | "smb3" => &["nobrl"],
        _ => &[],
    };
    let options = words.nth(1).unwrap_or_default();
    options.split(',').any(|option| own.contains(&option))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(path: &Path) -> String {
        let sentence = |owner: &str| format!("in use{owner}; wait");
        exclusive(path, sentence).unwrap_err().to_string()
    }

    #[test]
    fn who_comes_second_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = exclusive(&path, |_| String::new()).unwrap();
        let me = std::process::id();
        assert_eq!(
            taken(&path),
            format!("in use (process {me} on {}); wait", host())
        );
        // Held from another host.
        fs::write(&path, "process 7 on far.example.org\n").unwrap();
        assert_eq!(
            taken(&path),
            format!(
                "in use (process 7 on far.example.org); wait; if that process does not run any more, delete {}",
                path.display()
            )
        );
        for unknown in [
            "",
            "process 7",
            "\0\0\0\0",
            "process 7 on a\nb",
            "process 7 on ",
        ] {
            fs::write(&path, unknown).unwrap();
            assert_eq!(taken(&path), "in use; wait", "{unknown:?}");
        }
        drop(lock);
        assert_eq!(fs::read(&path).unwrap(), b"", "left on purpose");
    }

    #[test]
    fn what_a_dead_process_left_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        for left in [
            format!("process 4194305 on {}\n", host()),
            "process 7 on far.example.org\n".to_owned(),
            "\0\0\0".to_owned(),
        ] {
            fs::write(&path, left).unwrap();
            exclusive(&path, |_| String::new()).unwrap();
        }
    }

    #[test]
    fn mounts_that_keep_locks_to_themselves_are_known() {
        let mounts = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:44 / /far rw,relatime shared:9 - nfs4 srv:/a rw,vers=4.2,local_lock=none,addr=10.0.0.1
41 22 0:45 / /far/own rw shared:9 - nfs srv:/b rw,vers=3,nolock,local_lock=all,addr=10.0.0.1
42 22 0:46 / /my\\040data rw - lustre srv:/c rw,localflock
43 22 0:47 / /lustre rw - lustre srv:/c rw,flock
44 22 0:47 / /hidden rw - nfs srv:/d rw,nolock
45 22 0:48 / /hidden rw - tmpfs tmpfs rw
";
        for (path, expected) in [
            ("/home/nolock/build.lock", false),
            ("/far/build.lock", false),
            ("/farther/build.lock", false),
            ("/far/own/build.lock", true),
            ("/far/owner/build.lock", false),
            ("/my data/build.lock", true),
            ("/lustre/build.lock", false),
            ("/hidden/build.lock", false),
        ] {
            let found = is_mounted_with_own_locks(mounts, Path::new(path));
            assert_eq!(found, expected, "{path}");
        }
        assert!(!is_mounted_with_own_locks("", Path::new("/a")));
    }
}

//! What is in a folder as the table of a build.

use super::super::failures::Stage;
use super::super::table::{self, LostRow, Table, shorten};
use super::Files;
use crate::iiif::folder::{self, Entry, Kind, LeftOut};
use crate::iiif::stamp::Stamp;
use csv::ByteRecord;
use oxsdatatypes::{DateTime, DayTimeDuration};
use std::path::Path;
use std::sync::Arc;

/// A row of the input.
#[derive(Debug)]
pub(super) enum Row {
    /// An image: the id that it is served under, which is its path, and what its file is like.
    File {
        id: String,
        stamp: Stamp,
    },
    Lost(LostRow),
}

/// The columns after that with the IIIF URL.
const COLUMNS: [&str; 4] = ["title", "path", "size_bytes", "modified"];

/// Endings that are told.
const MAX_ENDINGS: usize = 10;

impl Row {
    pub(super) fn of(dir: &Path, entry: Entry) -> Self {
        let path = dir.join(&entry.below);
        let lost = |reason: String| {
            Self::Lost(LostRow {
                url: path.to_string_lossy().into_owned(),
                stage: Stage::Read,
                reason,
            })
        };
        match entry.kind {
            Kind::Lost(reason) => lost(reason),
            Kind::Image(id) => match path.metadata() {
                Ok(metadata) => Self::File {
                    id,
                    stamp: Stamp::of(&metadata),
                },
                Err(error) => lost(format!("cannot be read: {error}")),
            },
        }
    }

    fn record(&self, base: &str) -> anyhow::Result<ByteRecord> {
        match self {
            Self::File { id, stamp } => Ok(ByteRecord::from(vec![
                folder::iiif_url(base, id),
                folder::title(id).to_owned(),
                id.clone(),
                stamp.size_bytes.to_string(),
                rfc3339(stamp.modified_ns).unwrap_or_default(),
            ])),
            Self::Lost(lost) => Err(lost.clone().into()),
        }
    }
}

/// `files` as the table `name`, with the IIIF URLs below `base` under the name `url_column`.
pub(super) fn table(files: &Arc<Files>, name: &str, url_column: &str, base: &str) -> Table {
    let url_column = table::bare(url_column).to_owned();
    let columns = std::iter::once(url_column).chain(COLUMNS.map(str::to_owned));
    let (files, base) = (files.clone(), base.to_owned());
    Table {
        name: name.to_owned(),
        columns: columns.collect(),
        rows: Box::new((0..files.rows.len()).map(move |at| files.rows[at].record(&base))),
        may_be_cut: false,
        remedy_if_empty: "put images into it",
    }
}

/// One line on what is no image; `None` if there is nothing of the kind.
pub(super) fn left_out(left_out: &LeftOut) -> Option<String> {
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let n_files = left_out.endings.values().sum();
    let files = count(n_files, "file that is no image", "files that are no images")
        .map(|files| format!("{files} ({})", endings(left_out)));
    let hidden = count(
        left_out.n_hidden,
        "file or folder whose name begins with a dot",
        "files and folders whose names begin with a dot",
    );
    let links = count(
        left_out.n_folder_links,
        "link to a folder",
        "links to folders",
    );
    let parts: Vec<String> = [files, hidden, links].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("left out of the folder: {}", parts.join(", ")))
}

/// How many files there are of each ending, most first.
fn endings(left_out: &LeftOut) -> String {
    let mut endings: Vec<(&String, &usize)> = left_out.endings.iter().collect();
    endings.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let n_others: usize = endings.iter().skip(MAX_ENDINGS).map(|(_, n)| **n).sum();
    let told = endings
        .iter()
        .take(MAX_ENDINGS)
        .map(|(ending, n)| match ending.as_str() {
            "" => format!("{n} without an ending"),
            ending => format!("{n} .{}", shorten(ending, 20)),
        });
    let others = (n_others > 0).then(|| format!("{n_others} others"));
    told.chain(others).collect::<Vec<_>>().join(", ")
}

/// The time as `2026-11-27T09:30:00Z`, in whole seconds.
fn rfc3339(since_1970_ns: i128) -> Option<String> {
    let epoch: DateTime = "1970-01-01T00:00:00Z".parse().ok()?;
    let seconds = i64::try_from(since_1970_ns.div_euclid(1_000_000_000)).ok()?;
    let time = epoch.checked_add_day_time_duration(DayTimeDuration::new(seconds))?;
    Some(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_whole_seconds() {
        for (ns, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_700_000_000_999_999_999, "2023-11-14T22:13:20Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(ns).as_deref(), Some(expected));
        }
        assert_eq!(rfc3339(i128::MAX), None);
    }

    #[test]
    fn what_is_left_out_is_one_line() {
        assert_eq!(left_out(&LeftOut::default()), None);
        let mut some = LeftOut {
            n_hidden: 1,
            n_folder_links: 2,
            ..LeftOut::default()
        };
        some.endings.extend([
            ("".to_owned(), 1),
            ("pdf".to_owned(), 2),
            ("txt".to_owned(), 3),
        ]);
        assert_eq!(
            left_out(&some).unwrap(),
            "left out of the folder: 6 files that are no images (3 .txt, 2 .pdf, 1 without an ending), 1 file or folder whose name begins with a dot, 2 links to folders"
        );
        let many = LeftOut {
            endings: (0..15).map(|n| (n.to_string(), 1)).collect(),
            ..LeftOut::default()
        };
        assert!(left_out(&many).unwrap().ends_with("5 others)"));
    }
}

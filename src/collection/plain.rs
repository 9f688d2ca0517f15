//! `imageIds.csv` and `images.csv` as builds write them, with image ids and without quotes, read by all processors.
//!
//! Whatever is otherwise, wrong or only unusual, is left to [`super::tables`], which reads any table and says what is
//! wrong, line by line. What both can read gives the same collection.

use super::ids::{self, Ids};
use super::pieces::{pieces, summed_in_parallel};
use super::tables::Listed;
use super::urls::{Part, Urls};
use crate::data_dir::{ID_COLUMN, IMAGE_IDS_COLUMN, URL_COLUMN};
use crate::features::sum::Sum;
use crate::image_id;
use crate::parallel::in_parallel;
use memchr::{memchr, memchr_iter};
use std::hash::RandomState;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Rows whose URLs are put together at a time; a multiple of the block that [`super::names::Names`] has.
const ROWS: usize = 1 << 16;

/// Digits of an image id.
const DIGITS: usize = 40;

/// Reads the images of a collection, and the checksum of the file of the ids; `None` if the files are not plain. Ids that
/// are not those of their URLs are counted if that is asked for, which takes longer than all else.
pub(super) fn read(
    ids_path: &Path,
    images_path: &Path,
    iiif_column: Option<&str>,
    counts_foreign_ids: bool,
) -> Option<(Listed, Sum)> {
    let (ids, ids_sum) = read_ids(&std::fs::read(ids_path).ok()?)?;
    let table = std::fs::read(images_path).ok()?;
    let images = Table::of(&table, iiif_column)?;
    let (places, n_images) = images.places(&ids)?;
    let n_foreign_ids = AtomicUsize::new(0);
    let hash = RandomState::new();
    let parts = Mutex::new(Vec::new());
    in_parallel(ids.len().div_ceil(ROWS), |index| {
        let mut part = Part::new(&hash);
        for row in index * ROWS..ids.len().min((index + 1) * ROWS) {
            let cell = &table[places[row].range()?];
            let url = std::str::from_utf8(cell).ok()?.trim();
            if url.is_empty() {
                return None;
            }
            if counts_foreign_ids && !ids.is_digest(row, &image_id::digest(url)) {
                n_foreign_ids.fetch_add(1, Ordering::Relaxed);
            }
            part.push(url);
        }
        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push((index, part));
        Some(())
    })?;
    let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.sort_by_key(|(index, _)| *index);
    let listed = Listed {
        ids,
        urls: Urls::of(parts.into_iter().map(|(_, part)| part)),
        column: images.url_column_name,
        n_images,
        n_foreign_ids: n_foreign_ids.into_inner(),
    };
    Some((listed, ids_sum))
}

fn read_ids(file: &[u8]) -> Option<(Ids, Sum)> {
    let rows = file.strip_prefix(IMAGE_IDS_COLUMN.as_bytes())?;
    let line_end: &[u8] = if rows.starts_with(b"\r") {
        b"\r\n"
    } else {
        b"\n"
    };
    let rows = rows.strip_prefix(line_end)?;
    let rows = rows.strip_suffix(line_end).unwrap_or(rows);
    let width = DIGITS + line_end.len();
    let mut digests = vec![[0; 20]; (rows.len() + line_end.len()) / width];
    if digests.len() * width != rows.len() + line_end.len() {
        return None;
    }
    let blocks: Vec<_> = digests.chunks_mut(ROWS).map(Mutex::new).collect();
    let sum = summed_in_parallel(file, blocks.len(), |index| {
        let mut block = blocks[index].lock().unwrap_or_else(PoisonError::into_inner);
        for (row, digest) in (index * ROWS..).zip(block.iter_mut()) {
            let (id, end) = rows[row * width..rows.len().min((row + 1) * width)].split_at(DIGITS);
            if !end.is_empty() && end != line_end {
                return None;
            }
            *digest = ids::digest(id)?;
        }
        Some(())
    })?;
    drop(blocks);
    let ids = Ids::of_digests(digests);
    (!ids.has_duplicates()).then_some((ids, sum))
}

/// `images.csv`.
struct Table<'a> {
    rows: Range<usize>,
    bytes: &'a [u8],
    id_column: usize,
    url_column: usize,
    url_column_name: String,
    has_returns: bool,
}

/// Where a cell is in its file: the byte that it begins with above 24 bits of its length, so that the smaller place is
/// the earlier one.
struct Place(AtomicU64);

const LENGTH_BITS: u32 = 24;

impl Place {
    fn is_also_at(&self, begin: usize, length: usize) -> Option<()> {
        if length >> LENGTH_BITS != 0 {
            return None;
        }
        let place = (begin as u64) << LENGTH_BITS | length as u64;
        self.0.fetch_min(place, Ordering::Relaxed);
        Some(())
    }

    /// The first of those places that were told.
    fn range(&self) -> Option<Range<usize>> {
        let place = self.0.load(Ordering::Relaxed);
        let begin = (place >> LENGTH_BITS) as usize;
        let length = (place & ((1 << LENGTH_BITS) - 1)) as usize;
        (place != u64::MAX).then_some(begin..begin + length)
    }
}

impl<'a> Table<'a> {
    fn of(bytes: &'a [u8], iiif_column: Option<&str>) -> Option<Self> {
        if memchr(b'"', bytes).is_some() {
            return None;
        }
        let head_end = memchr(b'\n', bytes)?;
        let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
        let head = head.strip_suffix('\r').unwrap_or(head);
        if head.contains('\r') {
            return None;
        }
        let column = |wanted: &str| head.split(',').position(|name| name.trim() == wanted);
        let wanted = iiif_column.unwrap_or(URL_COLUMN);
        Some(Self {
            rows: head_end + 1..bytes.len(),
            id_column: column(ID_COLUMN)?,
            url_column: column(wanted)?,
            url_column_name: wanted.to_owned(),
            has_returns: memchr(b'\r', bytes).is_some(),
            bytes,
        })
    }

    /// Where the URL of each id is, and the number of images.
    fn places(&self, ids: &Ids) -> Option<(Vec<Place>, usize)> {
        let mut places = Vec::new();
        places.resize_with(ids.len(), || Place(AtomicU64::new(u64::MAX)));
        let n_images = AtomicUsize::new(0);
        let pieces = pieces(self.bytes, self.rows.clone());
        in_parallel(pieces.len(), |index| {
            let piece = pieces[index].clone();
            n_images.fetch_add(self.look_at(piece, ids, &places)?, Ordering::Relaxed);
            Some(())
        })?;
        Some((places, n_images.into_inner()))
    }

    fn look_at(&self, piece: Range<usize>, ids: &Ids, places: &[Place]) -> Option<usize> {
        let mut n_images = 0;
        // As a rule, images are in the order of the ids, and some have none.
        let mut next_row = 0;
        let mut begin = piece.start;
        while begin < piece.end {
            let end =
                memchr(b'\n', &self.bytes[begin..piece.end]).map_or(piece.end, |at| begin + at);
            let line = &self.bytes[begin..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if self.has_returns && line.contains(&b'\r') {
                return None;
            }
            if !line.is_empty() {
                n_images += 1;
                let [id, url] = self.cells(line);
                if let Some(row) = row_of(&line[id], next_row, ids)? {
                    next_row = row + 1;
                    if !line[url.clone()].trim_ascii().is_empty() {
                        places[row].is_also_at(begin + url.start, url.len())?;
                    }
                }
            }
            begin = end + 1;
        }
        Some(n_images)
    }

    /// Where in `line` the id and the URL are; cells that it is too short for are empty.
    fn cells(&self, line: &[u8]) -> [Range<usize>; 2] {
        let mut cells = [0..0, 0..0];
        let mut begin = 0;
        let ends = memchr_iter(b',', line).chain([line.len()]);
        for (column, end) in ends
            .enumerate()
            .take(self.id_column.max(self.url_column) + 1)
        {
            for (cell, wanted) in cells.iter_mut().zip([self.id_column, self.url_column]) {
                if column == wanted {
                    *cell = begin..end;
                }
            }
            begin = end + 1;
        }
        cells
    }
}

/// The row of an id, which is most likely `likely`. `Some(None)` if there is none, `None` if the cell is no text.
fn row_of(cell: &[u8], likely: usize, ids: &Ids) -> Option<Option<usize>> {
    let digest = match ids::digest(cell) {
        Some(digest) => digest,
        None => match ids::digest(std::str::from_utf8(cell).ok()?.trim().as_bytes()) {
            Some(digest) => digest,
            None => return Some(None),
        },
    };
    Some(match ids.is_digest(likely, &digest) {
        true => Some(likely),
        false => ids.row_of_digest(&digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::tables::IdList;
    use crate::image_id::image_id;
    use proptest::prelude::*;
    use std::fs;

    /// The collection that is read from two files with this content: in this way, and in the other.
    fn both(ids: &str, images: &str) -> (Option<Listed>, Option<Listed>) {
        let dir = tempfile::tempdir().unwrap();
        let (ids_path, images_path) = (dir.path().join("ids"), dir.path().join("images"));
        fs::write(&ids_path, ids).unwrap();
        fs::write(&images_path, images).unwrap();
        let list = IdList::read(&ids_path);
        let other = list.and_then(|list| list.with_images(&ids_path, &images_path, None));
        let plain = read(&ids_path, &images_path, None, true);
        (plain.map(|(listed, _)| listed), other.ok())
    }

    fn parts(listed: &Listed) -> (Vec<(String, String, bool)>, &str, usize, usize) {
        let rows = (0..listed.ids.len()).map(|row| {
            let (id, url) = (listed.ids.get(row), listed.urls.get(row));
            (id, url, listed.urls.has_iri(row))
        });
        let (column, n_images) = (listed.column.as_str(), listed.n_images);
        (rows.collect(), column, n_images, listed.n_foreign_ids)
    }

    fn ids_of<'a>(urls: impl IntoIterator<Item = &'a str>, line_end: &str) -> String {
        let lines = urls.into_iter().map(|url| image_id(url) + line_end);
        format!("image_id{line_end}{}", lines.collect::<String>())
    }

    #[test]
    fn what_builds_write_is_plain() {
        for line_end in ["\n", "\r\n"] {
            let urls = ["http://h/a", "http://h/b c", "http://h/d"];
            let ids = ids_of(urls, line_end);
            let mut images = format!("iiif_url,title,localIdentifier{line_end}");
            for url in ["http://h/none", urls[0], urls[1], urls[2], "http://h/last"] {
                images += &format!("{url},Ä,{}{line_end}", image_id(url));
            }
            let (plain, other) = both(&ids, &images);
            let (plain, other) = (plain.unwrap(), other.unwrap());
            assert_eq!(parts(&plain), parts(&other));
            assert_eq!(plain.urls.get(1), "http://h/b%20c");
            assert_eq!((plain.n_images, plain.n_foreign_ids), (5, 0));
            // Without an end of the last line.
            let (plain, _) = both(ids.trim_end(), images.trim_end());
            assert_eq!(parts(&plain.unwrap()), parts(&other));
        }
    }

    #[test]
    fn what_is_wrong_is_left_to_the_other_way() {
        let urls = ["http://h/a", "http://h/b"];
        let ids = ids_of(urls, "\n");
        let row = |url: &str| format!("{},{url}\n", image_id(url));
        let images = format!("localIdentifier,iiif_url\n{}{}", row(urls[0]), row(urls[1]));
        assert!(both(&ids, &images).0.is_some());
        for (ids, images) in [
            (ids_of([urls[0], urls[0]], "\n"), images.clone()),
            (ids.replace("image_id", "id"), images.clone()),
            (format!("{ids}zz\n"), images.clone()),
            (ids.to_uppercase(), images.clone()),
            (ids.clone(), images.replace("http://h/b", " ")),
            (ids.clone(), images.replace("http://h/b", "\"http://h/b\"")),
            (ids.clone(), images.replace("http://h/b", "http://h/\rb")),
            (ids.clone(), images.replace("iiif_url", "url")),
            (ids.clone(), row(urls[0])),
            (ids.clone(), String::new()),
        ] {
            assert!(both(&ids, &images).0.is_none(), "{ids}\n{images}");
        }
    }

    proptest! {
        /// Whatever both can read is the same collection, and the other way reads all that this one does.
        #[test]
        fn both_ways_read_the_same(
            cells in prop::collection::vec(
                ("(http://h/[a-c]{1,2}( |ä|%4)?|http://g:80/a/[a-c]|x y)", 0usize..9, any::<bool>()),
                1..40,
            ),
            head in prop::sample::select(vec![
                "localIdentifier,iiif_url", "title,iiif_url,localIdentifier", " iiif_url , localIdentifier",
            ]),
            line_end in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            let mut ids: Vec<&str> = Vec::new();
            let mut images = format!("{head}{line_end}");
            for (url, kind, is_built) in &cells {
                let id = match kind {
                    0 => String::new(),
                    1 => image_id(url).to_uppercase(),
                    2 => format!(" {} ", image_id(url)),
                    _ => image_id(url),
                };
                if *is_built && *kind > 1 && !ids.contains(&url.as_str()) {
                    ids.push(url);
                }
                let written = if *kind == 4 { "" } else { url };
                let row: Vec<&str> = head.split(',')
                    .map(|name| match name.trim() {
                        "iiif_url" => written,
                        "localIdentifier" => &id,
                        _ => "ein Titel",
                    })
                    .collect();
                images += &match kind {
                    5 => line_end.to_owned(),
                    6 => format!("{id}{line_end}"),
                    7 => format!("{},too,long{line_end}", row.join(",")),
                    _ => row.join(",") + line_end,
                };
            }
            let n_ids = ids.len().max(1);
            ids.rotate_left(cells.len() % n_ids);
            let is_empty = ids.is_empty();
            let (plain, other) = both(&ids_of(ids, line_end), &images);
            if let Some(plain) = &plain {
                prop_assert_eq!(Some(parts(plain)), other.as_ref().map(parts), "{}", images);
            } else {
                // Nothing here is unusual but what is missing.
                prop_assert!(is_empty || other.is_none(), "{}", images);
            }
        }
    }
}

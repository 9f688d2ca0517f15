//! Writing `features.i8`.

use super::MAGIC;
use super::quantise::{Centre, Rounded, round};
use crate::features::sum::Sum;
use crate::features::{Features, derived};
use crate::parallel::in_pieces;
use std::io::{self, Write};
use std::ops::Range;

/// Rows that one processor rounds at a time.
const ROWS: usize = 1024;

/// So many such pieces are in memory at a time: 16 MiB of vectors with 512 numbers.
const PIECES: usize = 32;

/// Writes the file of `features`, whose own file has the checksum `features_sum`. The same features give the same bytes,
/// whatever the processors.
///
/// # Errors
/// Those of `out`, and if the features were changed while they were read.
pub fn write(features: &Features, features_sum: &Sum, out: &mut impl Write) -> io::Result<()> {
    derived::write(MAGIC, features, &[], features_sum, out, |out| {
        write_codes(features, out)
    })
}

/// Writes the centre and the rows in bytes.
fn write_codes(features: &Features, out: &mut impl Write) -> io::Result<()> {
    let n = features.len();
    let centre = Centre::of(features).0;
    for x in &centre {
        out.write_all(&x.to_le_bytes())?;
    }
    let mut all_rounded: Vec<Rounded> = Vec::with_capacity(n);
    for start in (0..n).step_by(ROWS * PIECES) {
        let end = n.min(start + ROWS * PIECES);
        let of_piece = |rows| rounded(features, &centre, rows);
        for (codes, more) in in_pieces(start..end, ROWS, of_piece) {
            out.write_all(bytemuck::cast_slice(&codes))?;
            all_rounded.extend(more);
        }
    }
    for number in
        (all_rounded.iter().map(|row| row.scale)).chain(all_rounded.iter().map(|row| row.rest))
    {
        out.write_all(&number.to_le_bytes())?;
    }
    Ok(())
}

/// These rows, rounded.
fn rounded(features: &Features, centre: &[f32], rows: Range<usize>) -> (Vec<i8>, Vec<Rounded>) {
    let width = features.width();
    let mut codes = vec![0; rows.len() * width];
    let mut row = vec![0f32; width];
    let mut rounded = Vec::with_capacity(rows.len());
    for (nth, number) in rows.enumerate() {
        features.read_row(number, &mut row);
        rounded.push(round(
            &row,
            centre,
            &mut codes[nth * width..(nth + 1) * width],
        ));
    }
    (codes, rounded)
}

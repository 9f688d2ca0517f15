//! Writing the bits of `features.ivf`.

use super::bits::{Rest, signs, words};
use super::rotation::Rotation;
use super::{LINE, Lists, Starts};
use crate::features::Features;
use crate::parallel::in_pieces;
use std::io::{self, Write};
use std::ops::Range;

/// Rows that one processor turns at a time.
const ROWS: usize = 1024;

/// So many such pieces are in memory at a time.
const PIECES: usize = 32;

/// Writes the rows in `order`, list by list: their numbers, their bits, and what else is kept of them.
pub(super) fn write_rows(
    features: &Features,
    lists: &Lists,
    order: &[u32],
    rotation: &Rotation,
    out: &mut impl Write,
) -> io::Result<()> {
    let n = features.len();
    for row in order {
        out.write_all(&row.to_le_bytes())?;
    }
    let starts = Starts::of(n, features.width(), lists.len()).ok_or(io::ErrorKind::FileTooLarge)?;
    out.write_all(&[0; LINE][..starts.bits - starts.rows - n * 4])?;
    let list_of_place = |place: usize| lists.starts().partition_point(|start| *start <= place) - 1;
    let mut rests: Vec<Rest> = Vec::with_capacity(n);
    for start in (0..n).step_by(ROWS * PIECES) {
        let places = start..n.min(start + ROWS * PIECES);
        let of_piece = |places: Range<usize>| {
            let first = list_of_place(places.start);
            encoded(
                features,
                lists,
                first,
                &order[places.clone()],
                places,
                rotation,
            )
        };
        for (bits, more) in in_pieces(places, ROWS, of_piece) {
            for word in bits {
                out.write_all(&word.to_le_bytes())?;
            }
            rests.extend(more);
        }
    }
    let factors = rests.iter().map(|rest| rest.factor);
    for number in factors.chain(rests.iter().map(|rest| rest.deviation)) {
        out.write_all(&number.to_le_bytes())?;
    }
    Ok(())
}

/// The `rows` at these places, the first of which is in the list `first`.
fn encoded(
    features: &Features,
    lists: &Lists,
    first: usize,
    rows: &[u32],
    places: Range<usize>,
    rotation: &Rotation,
) -> (Vec<u64>, Vec<Rest>) {
    let width = features.width();
    if width == 0 {
        return (Vec::new(), vec![Rest::default(); rows.len()]);
    }
    let mut rests = vec![0f32; rows.len() * width];
    let mut list = first;
    let each = rows.iter().zip(rests.chunks_exact_mut(width.max(1)));
    for (place, (row, rest)) in places.zip(each) {
        while lists.places(list).end <= place {
            list += 1;
        }
        features.read_row(*row as usize, rest);
        for (x, c) in rest.iter_mut().zip(lists.centroid(list)) {
            *x -= c;
        }
    }
    let mut turned = vec![0f32; rests.len()];
    rotation.turn_all(&rests, &mut turned);
    let words = words(width);
    let mut bits = vec![0u64; rows.len() * words];
    let each = turned.chunks_exact(width.max(1));
    let kept = (each.zip(bits.chunks_exact_mut(words.max(1))))
        .map(|(turned, bits)| signs(turned, bits))
        .collect();
    (bits, kept)
}

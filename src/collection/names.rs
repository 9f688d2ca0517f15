//! Many texts that begin alike, in little memory.

/// Texts by row. A block of them shares what they have in common with its first: of the others, the number of bytes
/// that are the same is kept, and the rest. URLs of a museum take a third of their length so, and one is put together
/// from two pieces.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Where each block begins.
    blocks: Vec<usize>,
    /// Of each text the number of bytes that it shares, the number of those that follow, and these.
    bytes: Vec<u8>,
    n: usize,
}

/// Texts of a block. Larger ones save little more, and take longer to step through.
const BLOCK: usize = 16;

impl Names {
    pub(super) fn len(&self) -> usize {
        self.n
    }

    pub(super) fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        let n_shared = if self.n.is_multiple_of(BLOCK) {
            self.blocks.push(self.bytes.len());
            0
        } else {
            let (_, head) = self.entry(self.n - self.n % BLOCK);
            n_shared_bytes(head, text)
        };
        let rest = &text[n_shared..];
        write_number(&mut self.bytes, n_shared);
        write_number(&mut self.bytes, rest.len());
        self.bytes.extend_from_slice(rest);
        self.n += 1;
    }

    /// Adds all of `others` after these, which have to fill their blocks.
    pub(super) fn append(&mut self, others: &Self) {
        assert!(self.n.is_multiple_of(BLOCK), "blocks are whole");
        let begin = self.bytes.len();
        let blocks = others.blocks.iter().map(|at| begin + at);
        self.blocks.extend(blocks);
        self.bytes.extend_from_slice(&others.bytes);
        self.n += others.n;
    }

    /// Gives back what was reserved for more.
    pub(super) fn shrink(&mut self) {
        self.blocks.shrink_to_fit();
        self.bytes.shrink_to_fit();
    }

    pub(super) fn get(&self, row: usize) -> String {
        let (shared, rest) = self.pieces(row);
        let mut text = Vec::with_capacity(shared.len() + rest.len());
        text.extend_from_slice(shared);
        text.extend_from_slice(rest);
        String::from_utf8(text).expect("the pieces of a text make the text")
    }

    pub(super) fn is(&self, row: usize, text: &str) -> bool {
        let (shared, rest) = self.pieces(row);
        let text = text.as_bytes();
        text.len() == shared.len() + rest.len() && text.starts_with(shared) && text.ends_with(rest)
    }

    fn pieces(&self, row: usize) -> (&[u8], &[u8]) {
        let (n_shared, rest) = self.entry(row);
        if n_shared == 0 {
            return (&[], rest);
        }
        let (_, head) = self.entry(row - row % BLOCK);
        (&head[..n_shared], rest)
    }

    /// What the text shares with the first of its block, in bytes, and the rest.
    fn entry(&self, row: usize) -> (usize, &[u8]) {
        let mut bytes = &self.bytes[self.blocks[row / BLOCK]..];
        let mut next = || {
            let n_shared = read_number(&mut bytes);
            let n_rest = read_number(&mut bytes);
            let (rest, others) = bytes.split_at(n_rest);
            bytes = others;
            (n_shared, rest)
        };
        for _ in 0..row % BLOCK {
            next();
        }
        next()
    }
}

/// How many bytes both begin with.
pub(super) fn n_shared_bytes(a: &[u8], b: &[u8]) -> usize {
    // Eight at a time, which is most of a URL.
    let eights = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let n = 8 * eights.take_while(|(a, b)| a == b).count();
    let rest = a[n..].iter().zip(&b[n..]);
    n + rest.take_while(|(a, b)| a == b).count()
}

/// Seven bits a byte, the lowest first; all bytes but the last have their highest bit set.
fn write_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(0x80 | number.to_le_bytes()[0]);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read_number(bytes: &mut &[u8]) -> usize {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a number ends");
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back(
            texts in prop::collection::vec("(http://h/(a|ä|é){0,3}|.{0,3})(x{0,300}|.{0,20})", 0..70),
            cut in 0usize..5,
        ) {
            let mut names = Names::default();
            let mut rest = Names::default();
            let cut = (cut * BLOCK).min(texts.len() / BLOCK * BLOCK);
            for (row, text) in texts.iter().enumerate() {
                if row < cut { &mut names } else { &mut rest }.push(text);
            }
            names.append(&rest);
            names.shrink();
            prop_assert_eq!(names.len(), texts.len());
            for (row, text) in texts.iter().enumerate() {
                prop_assert_eq!(&names.get(row), text);
                for other in &texts {
                    prop_assert_eq!(names.is(row, other), text == other);
                }
            }
        }
    }

    #[test]
    fn what_urls_have_in_common_is_kept_once() {
        let mut names = Names::default();
        let url = |n: usize| format!("https://iiif.example.org/image/iiif/2/collection%2F{n:08}");
        for n in 0..10_000 {
            names.push(&url(n));
        }
        assert!(names.bytes.len() < 10_000 * url(0).len() / 4);
    }
}

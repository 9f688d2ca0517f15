//! Checksums of the files of the features: BLAKE2b with 256 bits, as `b2sum -l 256` prints them.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use std::io::{Read, Write};

/// A checksum, as 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Sum(String);

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Sum {
    /// Of all of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut summing = Summing::default();
        summing.update(bytes);
        summing.finish()
    }
}

/// The checksum of the bytes that have come so far.
#[derive(Debug, Default)]
pub struct Summing(Blake2b<U32>);

impl Summing {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all.
    #[must_use]
    pub fn finish(self) -> Sum {
        Sum(crate::image_id::hex(&self.0.finalize()))
    }
}

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sums what is read through it, if it is to.
#[derive(Debug)]
pub(crate) struct SummingReader<R> {
    pub(crate) inner: R,
    pub(crate) summing: Option<Summing>,
}

impl<R: Read> Read for SummingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if let Some(summing) = &mut self.summing {
            summing.update(&buffer[..n]);
        }
        Ok(n)
    }
}

/// Writes, and sums what is written.
pub(crate) struct SummingWriter<'a, W>(pub(crate) W, pub(crate) &'a mut Summing);

impl<W: Write> Write for SummingWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.0.write(bytes)?;
        self.1.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_b2sum() {
        let mut summing = Summing::default();
        summing.update(b"image");
        summing.update(b"_id\n");
        assert_eq!(
            summing.finish().to_string(),
            "cd8bc1b7531b19ed37a85cc973a4a4a28698e386edbbfaa42d8927f62d38845b"
        );
    }
}

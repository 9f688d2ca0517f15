//! Text to token ids, as the model's own `tokenizer.json` says.

use super::EncoderError;
use super::model::ModelError;
use std::path::Path;

/// Lower-casing, white space, Unicode form and vocabulary all come from `tokenizer.json`.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    context_length: usize,
    empty: Vec<u32>,
}

impl Tokenizer {
    /// Reads the tokenizer in `file`; texts will have at most `context_length` tokens.
    ///
    /// # Errors
    /// [`ModelError`] if it cannot be read or does not mark start and end of text.
    pub fn open(file: &Path, context_length: usize) -> Result<Self, ModelError> {
        let unusable = |source| ModelError::Tokenizer {
            file: file.to_owned(),
            source,
        };
        let mut inner = tokenizers::Tokenizer::from_file(file).map_err(unusable)?;
        // Some exports store a padding or truncation rule. Texts run at their true length here, and
        // truncation keeps the end of text, below.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(unusable)?;
        let empty = inner.encode_fast("", true).map_err(unusable)?;
        let empty = empty.get_ids().to_vec();
        if empty.len() != 2 {
            return Err(ModelError::NoEndOfText {
                file: file.to_owned(),
            });
        }
        Ok(Self {
            inner,
            context_length,
            empty,
        })
    }

    /// The tokens of `text`: start of text, its tokens, end of text. A text that is too long loses
    /// its last tokens, never the end of text, at which the model reads its answer.
    ///
    /// # Shapes
    /// - returns: `[n]` with `2 <= n <= context_length`.
    ///
    /// # Errors
    /// [`EncoderError::Tokenize`] if the tokenizer fails.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, EncoderError> {
        let encoding = self
            .inner
            .encode_fast(text, true)
            .map_err(EncoderError::Tokenize)?;
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > self.context_length {
            ids.truncate(self.context_length);
            if let Some(last) = ids.last_mut() {
                *last = self.end_of_text();
            }
        }
        Ok(ids)
    }

    /// The tokens of the empty text: start of text, end of text.
    #[must_use]
    pub fn empty_ids(&self) -> &[u32] {
        &self.empty
    }

    /// The id that ends every text.
    #[must_use]
    pub fn end_of_text(&self) -> u32 {
        self.empty[1]
    }
}

//! Text packed eight bytes to a word, written once before it is published.

use super::raw::Words;

/// A text on the heap: its first word and its bytes, packed in one word of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRef(pub u64);

impl TextRef {
    /// No text.
    pub const NONE: TextRef = TextRef(0);

    const LENGTH_BITS: u32 = 22;

    /// A text of `bytes` bytes from word `at`.
    pub fn new(at: usize, bytes: usize) -> Self {
        debug_assert!(bytes < 1 << Self::LENGTH_BITS);
        TextRef((at as u64) << Self::LENGTH_BITS | bytes as u64)
    }

    /// First word.
    pub fn at(self) -> usize {
        (self.0 >> Self::LENGTH_BITS) as usize
    }

    /// Bytes.
    pub fn bytes(self) -> usize {
        (self.0 & ((1 << Self::LENGTH_BITS) - 1)) as usize
    }

    /// The text; None when a damaged region gives something else.
    pub fn read(self, words: Words, most: usize) -> Option<String> {
        if self == Self::NONE {
            Some(String::new())
        } else {
            read(words, self.at(), self.bytes(), most)
        }
    }

    /// True when the text is exactly `wanted`, without copying it.
    #[inline]
    pub fn equals(self, words: Words, wanted: &[u8]) -> bool {
        if self.bytes() != wanted.len() {
            return false;
        }
        let Some(slice) = words.slice(self.at(), wanted.len().div_ceil(8)) else {
            return false;
        };
        slice
            .iter()
            .zip(wanted.chunks(8))
            .all(|(word, chunk)| word.load(crate::base::sync::Ordering::Relaxed) == pack(chunk))
    }
}

/// The beginning of `text` that is at most `most` bytes, cut between characters.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Words that a text of `bytes` bytes takes.
pub fn words_for(bytes: usize) -> usize {
    bytes.div_ceil(8)
}

/// Writes `text` from word `at`.
pub fn write(words: Words, at: usize, text: &[u8]) {
    for (index, chunk) in text.chunks(8).enumerate() {
        words.store(at + index, pack(chunk));
    }
}

/// Reads `bytes` bytes from word `at`; None when that is no text or longer than `most`.
pub fn read(words: Words, at: usize, bytes: usize, most: usize) -> Option<String> {
    if bytes > most {
        return None;
    }
    let slice = words.slice(at, words_for(bytes))?;
    let mut text = Vec::with_capacity(slice.len() * 8);
    for word in slice {
        text.extend_from_slice(
            &word
                .load(crate::base::sync::Ordering::Relaxed)
                .to_le_bytes(),
        );
    }
    text.truncate(bytes);
    String::from_utf8(text).ok()
}

/// Up to eight bytes in one word.
#[inline(always)]
pub fn pack(chunk: &[u8]) -> u64 {
    match <[u8; 8]>::try_from(chunk) {
        Ok(whole) => u64::from_le_bytes(whole),
        Err(_) => chunk
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::region::raw::Mapping;

    #[test]
    fn text_of_every_length_comes_back() {
        let memory = Mapping::heap(64);
        let words = memory.words();
        for bytes in 0..100 {
            let text: String = "aé€z".chars().cycle().take(bytes).collect();
            write(words, 3, text.as_bytes());
            let found = TextRef::new(3, text.len());
            assert_eq!(found.read(words, 1000).as_deref(), Some(text.as_str()));
            assert!(found.equals(words, text.as_bytes()));
            assert!(!found.equals(words, format!("{text}x").as_bytes()));
        }
    }

    #[test]
    fn a_text_outside_the_region_is_refused() {
        let memory = Mapping::heap(4);
        assert_eq!(TextRef::new(3, 9).read(memory.words(), 100), None);
        assert!(!TextRef::new(3, 9).equals(memory.words(), b"123456789"));
    }
}

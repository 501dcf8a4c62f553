//! Hashes of content.

use std::io;
use std::path::Path;

use crate::model::ContentHash;

/// A hash of fields: each with its length, so that no two lists of fields are written alike.
#[derive(Clone, Debug, Default)]
pub struct Fields(blake3::Hasher);

impl Fields {
    /// Adds a field.
    pub fn put(&mut self, field: &[u8]) {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    /// Of all of them.
    #[must_use]
    pub fn finish(&self) -> ContentHash {
        short(self.0.finalize())
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Fields {
    fn from_iter<I: IntoIterator<Item = T>>(fields: I) -> Self {
        let mut all = Self::default();
        fields.into_iter().for_each(|field| all.put(field.as_ref()));
        all
    }
}

/// A text as a hash.
#[must_use]
pub fn hash(text: &str) -> ContentHash {
    short(blake3::hash(text.as_bytes()))
}

/// The content of a file as a hash.
///
/// # Errors
///
/// What the file system says.
pub fn hash_file(file: impl AsRef<Path>) -> io::Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs_err::File::open(file.as_ref())?)?;
    Ok(short(hasher.finalize()))
}

fn short(hash: blake3::Hash) -> ContentHash {
    let mut short = [0; 16];
    short.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    ContentHash(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_read_alike_in_a_row_are_told_apart() {
        let of = |fields: &[&str]| fields.iter().collect::<Fields>().finish();
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&[]), of(&[""]));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }
}

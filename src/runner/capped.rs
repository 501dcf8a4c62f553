//! Text of any length in bounded memory: its beginning and its end, and a note of what was cut between them.

use std::collections::VecDeque;

/// Keeps the first and the last part of what it is given.
#[derive(Clone, Debug)]
pub struct Capped {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut: u64,
}

impl Capped {
    /// Keeps at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { half: limit / 2, head: Vec::new(), tail: VecDeque::new(), cut: 0 }
    }

    /// Takes more.
    pub fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.half.saturating_sub(self.head.len())));
        self.head.extend_from_slice(first);
        let lost = rest.len().saturating_sub(self.half);
        let rest = rest.get(lost..).unwrap_or_default();
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..excess);
        self.tail.extend(rest);
        self.cut += (lost + excess) as u64;
    }

    /// Was nothing given?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// What was kept, with a note of what was not.
    #[must_use]
    pub fn to_text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.cut == 0 {
            let whole = [self.head.as_slice(), &tail].concat();
            return String::from_utf8_lossy(&whole).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        format!("{head}\n[… {} bytes cut …]\n{tail}", self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn beginning_and_end_are_kept_whatever_the_pieces(
            pieces in proptest::collection::vec(proptest::collection::vec(b'a'..=b'z', 0..20), 0..20),
            limit in 2usize..60,
        ) {
            let mut capped = Capped::new(limit);
            pieces.iter().for_each(|piece| capped.push(piece));
            let (whole, half) = (pieces.concat(), limit / 2);
            let text = String::from_utf8(whole.clone()).unwrap();
            if whole.len() <= 2 * half {
                prop_assert_eq!(capped.to_text(), text);
            } else {
                let cut = whole.len() - 2 * half;
                let wanted = format!("{}\n[… {cut} bytes cut …]\n{}", &text[..half], &text[text.len() - half..]);
                prop_assert_eq!(capped.to_text(), wanted);
            }
        }
    }
}

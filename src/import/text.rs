//! Bytes as text, and what is common to names, durations and failure texts of every format.

use std::borrow::Cow;
use std::time::Duration;

use super::results::Unreadable;

/// A failure's text is cut to so many bytes.
pub(super) const MOST_TEXT: usize = 16 << 10;

/// A name is cut to so many bytes.
const MOST_NAME: usize = 1 << 10;

/// The text of output that may contain anything. A mark of its byte order is obeyed; what is no text is U+FFFD.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match utf16(bytes) {
        Some(text) => Cow::Owned(text),
        None => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    }
}

/// The text of a document that says how it is encoded: UTF-8, UTF-16, or Latin-1 by its XML declaration.
pub(super) fn strict(bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    if let Some(text) = utf16(bytes) {
        return Ok(Cow::Owned(text));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if declares_latin(bytes) => Ok(bytes.iter().copied().map(char::from).collect()),
        Err(error) => {
            let why = "these bytes are not UTF-8, and the document does not say what else they are";
            Err(Unreadable::at(bytes, error.valid_up_to(), why))
        }
    }
}

/// UTF-16, by its mark or by the zeros around a document's first character.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (body, is_little) = match bytes {
        [0xff, 0xfe, body @ ..] => (body, true),
        [0xfe, 0xff, body @ ..] => (body, false),
        [b'<' | b'{', 0, _, 0, ..] => (bytes, true),
        [0, b'<' | b'{', 0, _, ..] => (bytes, false),
        _ => return None,
    };
    let (pairs, rest) = body.as_chunks::<2>();
    let units = pairs.iter().map(|pair| if is_little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
    let mut text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Some(text)
}

/// Does the XML declaration name an encoding of which every byte is a character?
fn declares_latin(bytes: &[u8]) -> bool {
    let Some(declaration) = bytes.strip_prefix(b"<?xml").and_then(|rest| rest.split(|byte| *byte == b'>').next())
    else {
        return false;
    };
    let words = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    ["iso-8859-1\"", "iso-8859-1'", "latin1", "latin-1", "windows-1252", "us-ascii"]
        .iter()
        .any(|name| words.contains(name))
}

/// A name as a key can hold it: without blanks around it and without what is no character of a name, never endless.
/// `None` where nothing is left.
pub(super) fn name(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.len() > MOST_NAME {
        // Names that begin alike stay two.
        let hash = blake3::hash(text.as_bytes()).to_hex();
        let hash = hash.get(..16).unwrap_or_default();
        return Some(format!("{}… {hash}", beginning(text, MOST_NAME).replace('\0', "\u{fffd}")));
    }
    Some(text.replace('\0', "\u{fffd}"))
}

/// Adds a name to a path. Whatever lies deeper than two levels becomes one name, so that no path is endless.
pub(super) fn deepen(path: &mut Vec<String>, inner: Option<String>) {
    let Some(inner) = inner else { return };
    match path.as_mut_slice() {
        [_, last] => *last = name(&format!("{last}::{inner}")).unwrap_or(inner),
        _ => path.push(inner),
    }
}

/// The longest beginning of so many bytes that cuts no character.
fn beginning(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Adds to a text up to the limit.
pub(super) fn add(text: &mut String, more: &str) {
    let free = MOST_TEXT.saturating_sub(text.len());
    text.push_str(beginning(more, free));
}

/// A duration in seconds as files write it: `0.25`, `1,234.5`. What is negative, endless or no number is not known.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    // Surefire wrote its numbers as the country does.
    let plain = if text.contains('.') { text.replace(',', "") } else { text.replace(',', ".") };
    of_seconds(plain.parse().ok()?)
}

/// A duration of so many seconds, where a test can have taken them.
pub(super) fn of_seconds(seconds: f64) -> Option<Duration> {
    const YEAR: Duration = Duration::from_secs(366 * 86_400);
    Duration::try_from_secs_f64(seconds).ok().filter(|took| *took <= YEAR)
}

/// Lines with their offsets, without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_seen() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2], mark: &[u8]| {
            [mark, &text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()].concat()
        };
        let xml = "<?xml version='1.0' encoding='UTF-16'?><a>é</a>";
        for bytes in [
            utf16(xml, u16::to_le_bytes, &[0xff, 0xfe]),
            utf16(xml, u16::to_be_bytes, &[0xfe, 0xff]),
            utf16(xml, u16::to_le_bytes, &[]),
            utf16(xml, u16::to_be_bytes, &[]),
            [b"\xef\xbb\xbf", xml.as_bytes()].concat(),
        ] {
            assert_eq!(strict(&bytes).as_deref(), Ok(xml));
            assert_eq!(lossy(&bytes), xml);
        }
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>";
        assert!(strict(latin).unwrap().ends_with("<a>é</a>"));
        let wrong = strict(b"<a>\n<b>\xe9</b></a>").unwrap_err();
        assert_eq!((wrong.line, wrong.column), (Some(2), Some(4)));
        assert_eq!(lossy(b"a\xe9b"), "a\u{fffd}b");
    }

    #[test]
    fn durations_are_read_or_not_known() {
        for (text, millis) in
            [("0.25", 250), (" 1 ", 1000), ("1,234.5", 1_234_500), ("0,5", 500), ("1e-3", 1), ("0", 0)]
        {
            assert_eq!(seconds(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "NaN", "inf", "-inf", "-1", "1e400", "1e15", "0x10", "ten", "1.2.3"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_never_endless_and_stay_different() {
        let long = "é".repeat(1 << 20);
        let (one, other) = (name(&format!("{long}a")).unwrap(), name(&format!("{long}b")).unwrap());
        assert!(one.len() < 3 << 10 && one != other);
        assert_eq!(name(" a\0b "), Some("a\u{fffd}b".to_owned()));
        assert_eq!(name(" \t\n"), None);
    }

    #[test]
    fn a_text_is_cut_at_its_limit_and_never_within_a_character() {
        let mut text = String::new();
        add(&mut text, &"a".repeat(MOST_TEXT - 1));
        add(&mut text, "é");
        assert_eq!(text.len(), MOST_TEXT - 1);
    }
}

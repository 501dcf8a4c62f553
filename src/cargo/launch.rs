//! The other side of the build: this executable in the place of a target's runner, or of rustdoc.
//!
//! A record is a list of NUL-ended fields (neither arguments nor environments can hold a NUL), appended in one write.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

/// The first argument that makes this executable a runner: `__launch DIR TRIPLE BINARY ARGS…`.
pub const ROLE: &str = "__launch";

/// The name that makes this executable a rustdoc, in a directory that has [`RECORDS`] in it.
pub const RUSTDOC_NAME: &str = if cfg!(windows) { "rustdoc.exe" } else { "rustdoc" };

/// The file that the records are appended to.
pub const RECORDS: &str = "launches";

/// Beside the shim: where the real rustdoc is, for what is not a test.
pub const REAL_RUSTDOC: &str = "real-rustdoc";

/// What was to be launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A test binary.
    Binary,
    /// rustdoc, to test a crate's documentation.
    Rustdoc,
}

/// How cargo would have launched something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchRecord {
    /// What.
    pub role: Role,
    /// For which target triple; empty where cargo does not say.
    pub triple: String,
    /// Where.
    pub cwd: PathBuf,
    /// The program (empty for rustdoc) and its arguments.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Is this executable being called in the place of another? Then do that, and leave with the code that is returned.
#[must_use]
pub fn stand_in(argv: &[OsString]) -> Option<u8> {
    let first = argv.first()?;
    if argv.get(1).is_some_and(|arg| arg == ROLE) {
        let (dir, triple) = (argv.get(2)?, argv.get(3)?);
        return Some(note(Path::new(dir), Role::Binary, triple, argv.get(4..)?));
    }
    let shim = Path::new(first);
    if shim.file_name().is_some_and(|name| name == RUSTDOC_NAME) {
        let dir = shim.parent().filter(|dir| dir.join(RECORDS).is_file())?;
        if argv.iter().any(|arg| arg == "--test") {
            let mut noted = vec![OsString::new()];
            noted.extend(argv.get(1..)?.iter().cloned());
            return Some(note(dir, Role::Rustdoc, OsStr::new(""), &noted));
        }
        return Some(real_rustdoc(dir, argv.get(1..)?));
    }
    None
}

fn note(dir: &Path, role: Role, triple: &OsStr, argv: &[OsString]) -> u8 {
    let Ok(cwd) = std::env::current_dir() else { return 70 };
    let triple = triple.to_string_lossy().into_owned();
    let record = LaunchRecord { role, triple, cwd, argv: argv.to_vec(), env: std::env::vars_os().collect() };
    let appended = fs::OpenOptions::new()
        .append(true)
        .open(dir.join(RECORDS))
        .and_then(|mut file| file.write_all(&record.to_bytes()));
    // cargo then says that the "test" failed, and the record is missed by whoever reads them.
    if appended.is_ok() { 0 } else { 70 }
}

fn real_rustdoc(dir: &Path, args: &[OsString]) -> u8 {
    let real = fs::read_to_string(dir.join(REAL_RUSTDOC)).unwrap_or_else(|_| "rustdoc".to_owned());
    let status = std::process::Command::new(real.trim_end()).args(args).status();
    status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok()).unwrap_or(101)
}

/// Reads the records of a build.
pub fn read(dir: &Path) -> io::Result<Vec<LaunchRecord>> {
    let bytes = fs::read(dir.join(RECORDS))?;
    parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a launch record is cut short"))
}

/// Records as bytes.
#[must_use]
pub fn to_fields(launches: &[LaunchRecord]) -> Vec<u8> {
    launches.iter().flat_map(LaunchRecord::to_bytes).collect()
}

/// Records out of such bytes, if they are whole.
#[must_use]
pub fn from_fields(bytes: &[u8]) -> Option<Vec<LaunchRecord>> {
    parse(bytes)
}

impl LaunchRecord {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 * 1024);
        let mut field = |text: &[u8]| {
            bytes.extend_from_slice(text);
            bytes.push(0);
        };
        field(match self.role {
            Role::Binary => b"binary",
            Role::Rustdoc => b"rustdoc",
        });
        field(self.triple.as_bytes());
        field(&to_bytes(self.cwd.as_os_str()));
        field(self.argv.len().to_string().as_bytes());
        self.argv.iter().for_each(|arg| field(&to_bytes(arg)));
        field(self.env.len().to_string().as_bytes());
        for (name, value) in &self.env {
            field(&to_bytes(name));
            field(&to_bytes(value));
        }
        bytes
    }
}

fn parse(bytes: &[u8]) -> Option<Vec<LaunchRecord>> {
    let mut fields = bytes.split(|byte| *byte == 0).peekable();
    let mut records = Vec::new();
    // Every field is ended, so that the text after the last one is empty.
    while fields.peek().is_some_and(|field| !field.is_empty()) {
        let role = match fields.next()? {
            b"binary" => Role::Binary,
            b"rustdoc" => Role::Rustdoc,
            _ => return None,
        };
        let triple = String::from_utf8(fields.next()?.to_vec()).ok()?;
        let cwd = PathBuf::from(from_bytes(fields.next()?));
        let count = number(fields.next()?)?;
        let argv = (0..count).map(|_| fields.next().map(from_bytes)).collect::<Option<Vec<_>>>()?;
        let count = number(fields.next()?)?;
        let env = (0..count)
            .map(|_| Some((from_bytes(fields.next()?), from_bytes(fields.next()?))))
            .collect::<Option<Vec<_>>>()?;
        fields.peek()?;
        records.push(LaunchRecord { role, triple, cwd, argv, env });
    }
    Some(records)
}

fn number(field: &[u8]) -> Option<usize> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(unix)]
fn to_bytes(text: &OsStr) -> std::borrow::Cow<'_, [u8]> {
    use std::os::unix::ffi::OsStrExt;
    text.as_bytes().into()
}

#[cfg(unix)]
fn from_bytes(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn to_bytes(text: &OsStr) -> std::borrow::Cow<'_, [u8]> {
    text.to_string_lossy().into_owned().into_bytes().into()
}

#[cfg(not(unix))]
fn from_bytes(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = OsString> {
        proptest::collection::vec(1u8..=255, 0..12)
            .prop_map(|bytes| from_bytes(String::from_utf8_lossy(&bytes).as_bytes()))
    }

    fn record() -> impl Strategy<Value = LaunchRecord> {
        let role = prop_oneof![Just(Role::Binary), Just(Role::Rustdoc)];
        let env = proptest::collection::vec((text(), text()), 0..5);
        (role, text(), proptest::collection::vec(text(), 0..5), env).prop_map(|(role, cwd, argv, env)| LaunchRecord {
            role,
            triple: "a-b-c".to_owned(),
            cwd: cwd.into(),
            argv,
            env,
        })
    }

    proptest! {
        #[test]
        fn records_are_written_and_read_back(records in proptest::collection::vec(record(), 0..4)) {
            let bytes: Vec<u8> = records.iter().flat_map(LaunchRecord::to_bytes).collect();
            prop_assert_eq!(parse(&bytes), Some(records));
        }

        #[test]
        fn a_record_cut_short_is_no_record(record in record(), cut in 1usize..200) {
            let bytes = record.to_bytes();
            let kept = bytes.len().saturating_sub(cut);
            prop_assume!(kept > 0);
            prop_assert_eq!(parse(&bytes[..kept]), None);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn only_the_two_roles_stand_in() {
        let argv = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(stand_in(&argv(&["cargo-gate", "gate", "test"])), None);
        assert_eq!(stand_in(&argv(&["/nowhere/rustdoc", "--test"])), None);
        assert_eq!(stand_in(&argv(&[])), None);
    }
}

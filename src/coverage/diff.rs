//! Reads a unified diff, as `git diff -U0` writes it: which lines of which files are new.

use std::ops::RangeInclusive;

use camino::Utf8PathBuf;

use super::lines::joined;
use crate::sys::git;

/// A file that a diff changed, and its new lines as the new file counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path; of a renamed one the new one.
    pub path: Utf8PathBuf,
    /// Where it was before, if it was elsewhere.
    pub renamed_from: Option<Utf8PathBuf>,
    /// What else is to be said of it.
    pub kind: ChangeKind,
    /// The lines that are new or changed, in order, and apart.
    pub lines: Vec<RangeInclusive<u32>>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is another than before.
    #[default]
    Modified,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It is no text.
    Binary,
}

/// A diff that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the diff: {why}")]
pub struct DiffError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Reads a diff between two states. What it holds may be any bytes; paths that are no UTF-8 are read as well as can be.
///
/// # Errors
///
/// Where it is not what it should be.
pub fn parse(diff: &[u8]) -> Result<Vec<ChangedFile>, DiffError> {
    let mut reader = Reader::default();
    let mut length = 0;
    for line in diff.strip_suffix(b"\n").unwrap_or(diff).split(|byte| *byte == b'\n') {
        length += 1;
        reader.read(line).map_err(|why| DiffError { line: length, why })?;
    }
    if reader.hunk.is_some() {
        return Err(DiffError { line: length, why: "it ends within a hunk" });
    }
    reader.end_file();
    Ok(reader.files)
}

/// What is left of a hunk.
#[derive(Clone, Copy, Debug)]
struct Hunk {
    old: u32,
    new: u32,
    /// The next line of the new file.
    at: u32,
}

#[derive(Default)]
struct Reader {
    files: Vec<ChangedFile>,
    file: Option<ChangedFile>,
    hunk: Option<Hunk>,
}

impl Reader {
    fn read(&mut self, line: &[u8]) -> Result<(), &'static str> {
        match self.hunk {
            Some(hunk) => self.read_in_hunk(line, hunk),
            None => self.read_head(line),
        }
    }

    /// Inside a hunk the counts say how far it goes, whatever its lines look like.
    fn read_in_hunk(&mut self, line: &[u8], mut hunk: Hunk) -> Result<(), &'static str> {
        const TOO_MANY: &str = "more lines than the hunk announced";
        let file = self.file.get_or_insert_default();
        match line.first() {
            Some(b'+') => {
                file.lines.push(hunk.at..=hunk.at);
                hunk.new = hunk.new.checked_sub(1).ok_or(TOO_MANY)?;
                hunk.at = hunk.at.saturating_add(1);
            }
            Some(b'-') => hunk.old = hunk.old.checked_sub(1).ok_or(TOO_MANY)?,
            // Some programs strip the blank of an empty line.
            Some(b' ' | b'\r') | None => {
                hunk.old = hunk.old.checked_sub(1).ok_or(TOO_MANY)?;
                hunk.new = hunk.new.checked_sub(1).ok_or(TOO_MANY)?;
                hunk.at = hunk.at.saturating_add(1);
            }
            // "\ No newline at end of file".
            Some(b'\\') => {}
            Some(_) => return Err("it belongs to no hunk"),
        }
        self.hunk = Some(hunk).filter(|hunk| hunk.old > 0 || hunk.new > 0);
        Ok(())
    }

    fn read_head(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"@@@") || line.starts_with(b"diff --cc ") || line.starts_with(b"diff --combined ") {
            return Err("it is a merge's diff: two states are compared here");
        }
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.end_file();
            // Both names are the same unless a line further on says otherwise.
            self.file = Some(ChangedFile { path: same_name(names).unwrap_or_default(), ..ChangedFile::default() });
        } else if let Some(name) = line.strip_prefix(b"--- ") {
            // Without git's own line before it a file begins here.
            if self.file.as_ref().is_none_or(|file| !file.lines.is_empty()) {
                self.end_file();
                self.file = Some(ChangedFile::default());
            }
            if name.starts_with(b"/dev/null") {
                self.set_kind(ChangeKind::Added);
            } else if let (Some(file), true) = (&mut self.file, name.len() > 1) {
                file.renamed_from = path(name, b"a/");
            }
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            let Some(file) = &mut self.file else { return Err("`+++` without `---` before it") };
            let old = file.renamed_from.take();
            if name.starts_with(b"/dev/null") {
                file.kind = ChangeKind::Deleted;
                file.path = old.unwrap_or_else(|| file.path.clone());
            } else {
                file.path = path(name, b"b/").ok_or("it names no file")?;
                file.renamed_from = old.filter(|old| *old != file.path);
            }
        } else if let Some(hunk) = line.strip_prefix(b"@@ ") {
            if self.file.is_none() {
                return Err("a hunk without a file");
            }
            self.hunk =
                Some(hunk_of(hunk).ok_or("it is no head of a hunk")?).filter(|hunk| hunk.old > 0 || hunk.new > 0);
        } else if let Some(name) = line.strip_prefix(b"rename from ") {
            if let Some(file) = &mut self.file {
                file.renamed_from = path(name, b"");
            }
        } else if let Some(name) = line.strip_prefix(b"rename to ").or_else(|| line.strip_prefix(b"copy to ")) {
            if let (Some(file), Some(path)) = (&mut self.file, path(name, b"")) {
                file.path = path;
            }
        } else if line.starts_with(b"new file mode ") {
            self.set_kind(ChangeKind::Added);
        } else if line.starts_with(b"deleted file mode ") {
            self.set_kind(ChangeKind::Deleted);
        } else if line.starts_with(b"Binary files ") || line.starts_with(b"GIT binary patch") {
            self.set_kind(ChangeKind::Binary);
        }
        // Modes, indexes, similarity, the letters of a binary patch, a commit's message: nothing of use.
        Ok(())
    }

    fn set_kind(&mut self, kind: ChangeKind) {
        if let Some(file) = &mut self.file {
            file.kind = kind;
        }
    }

    fn end_file(&mut self) {
        if let Some(mut file) = self.file.take().filter(|file| !file.path.as_str().is_empty()) {
            file.lines = joined(file.lines);
            self.files.push(file);
        }
    }
}

/// `-1,2 +3,4 @@ …`; a count that is left out is 1.
fn hunk_of(head: &[u8]) -> Option<Hunk> {
    let head = std::str::from_utf8(head.split(|byte| *byte == b'@').next()?).ok()?;
    let (old, new) = head.trim().split_once(' ')?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let (_, old_count) = range(old.strip_prefix('-')?)?;
    let (start, new_count) = range(new.strip_prefix('+')?)?;
    Some(Hunk { old: old_count, new: new_count, at: start })
}

/// A path as git writes it: after a prefix, in quotes if it holds anything odd, and with a tab behind it if it has
/// blanks.
fn path(written: &[u8], prefix: &[u8]) -> Option<Utf8PathBuf> {
    let bytes = match written.first() {
        Some(b'"') => git::unquoted(written)?,
        _ => written.split(|byte| *byte == b'\t').next()?.to_vec(),
    };
    let bytes = bytes.strip_prefix(prefix).unwrap_or(&bytes);
    (!bytes.is_empty()).then(|| Utf8PathBuf::from(String::from_utf8_lossy(bytes).into_owned()))
}

/// The name in `a/NAME b/NAME`, where both are the same. What has another name says so on lines of its own.
fn same_name(names: &[u8]) -> Option<Utf8PathBuf> {
    if names.starts_with(b"\"") {
        return path(names, b"a/");
    }
    let middle = names.len() / 2;
    let (old, new) = (names.get(..middle)?, names.get(middle + 1..)?);
    (old.strip_prefix(b"a/")? == new.strip_prefix(b"b/")?).then(|| path(old, b"a/")).flatten()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::super::lines::written;
    use super::*;

    fn told(diff: &str) -> Vec<String> {
        let tell = |file: ChangedFile| {
            let from = file.renamed_from.map(|from| format!(" from {from}")).unwrap_or_default();
            format!("{:?} {}{from}: {}", file.kind, file.path, written(&file.lines))
        };
        parse(diff.as_bytes()).unwrap().into_iter().map(tell).collect()
    }

    #[test]
    fn new_lines_are_found_whatever_they_look_like() {
        let diff = "\
diff --git a/src/a.rs b/src/a.rs
index 1..2 100644
--- a/src/a.rs
+++ b/src/a.rs
@@ -3,0 +4,2 @@ fn f() {
+++ b/src/trap.rs
+@@ -1 +1 @@
@@ -9,2 +12 @@
--- a/src/trap.rs
-gone
+new
@@ -20 +22,0 @@
-gone
diff --git a/src/b.rs b/src/b.rs
--- a/src/b.rs
+++ b/src/b.rs
@@ -1,3 +1,4 @@
 one

+two
 three
\\ No newline at end of file
";
        assert_eq!(told(diff), ["Modified src/a.rs: 4-5, 12", "Modified src/b.rs: 3"]);
    }

    #[test]
    fn renamed_new_deleted_binary_and_quoted_files_are_told_apart() {
        let diff = "\
diff --git a/old.rs b/new.rs
similarity index 100%
rename from old.rs
rename to new.rs
diff --git a/p/q.rs b/p/r.rs
similarity index 90%
rename from p/q.rs
rename to p/r.rs
--- a/p/q.rs
+++ b/p/r.rs
@@ -1 +1 @@
-x
+y
diff --git a/fresh.rs b/fresh.rs
new file mode 100644
--- /dev/null
+++ b/fresh.rs
@@ -0,0 +1,2 @@
+x
+y
diff --git a/empty.rs b/empty.rs
new file mode 100644
diff --git a/gone.rs b/gone.rs
deleted file mode 100644
--- a/gone.rs
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/logo.png b/logo.png
Binary files a/logo.png and b/logo.png differ
diff --git \"a/\\303\\274 \\\"x\\\".rs\" \"b/\\303\\274 \\\"x\\\".rs\"
--- \"a/\\303\\274 \\\"x\\\".rs\"
+++ \"b/\\303\\274 \\\"x\\\".rs\"
@@ -0,0 +7 @@
+x
diff --git a/with blank.rs b/with blank.rs
--- a/with blank.rs\t
+++ b/with blank.rs\t
@@ -1 +1 @@
-x
+y
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
";
        assert_eq!(
            told(diff),
            [
                "Modified new.rs from old.rs: ",
                "Modified p/r.rs from p/q.rs: 1",
                "Added fresh.rs: 1-2",
                "Added empty.rs: ",
                "Deleted gone.rs: ",
                "Binary logo.png: ",
                "Modified ü \"x\".rs: 7",
                "Modified with blank.rs: 1",
                "Modified run.sh: ",
            ]
        );
    }

    #[test]
    fn a_diff_without_git_is_read_too() {
        let diff = "--- src/a.rs\t2026-01-31 12:00:00\n+++ src/a.rs\t2026-01-31 12:01:00\n@@ -1 +1 @@\n-x\n+y\n--- b.rs\n+++ b.rs\n@@ -0,0 +2 @@\n+y\n";
        assert_eq!(told(diff), ["Modified src/a.rs: 1", "Modified b.rs: 2"]);
        assert!(told("").is_empty());
    }

    #[test]
    fn what_does_not_add_up_is_said_with_its_line() {
        let head = "--- a/x\n+++ b/x\n";
        for (diff, line, why) in [
            (format!("{head}@@ -1 +1 @@\n-x\n"), 4, "it ends within a hunk"),
            (format!("{head}@@ -1,2 +1 @@\n-x\nx\n"), 5, "it belongs to no hunk"),
            (format!("{head}@@ -1,2 +1 @@\n-x\n+x"), 5, "it ends within a hunk"),
            (format!("{head}@@ -1 +1 @@\n-x\n-y\n"), 5, "more lines than the hunk announced"),
            (format!("{head}@@ -1 @@\n"), 3, "it is no head of a hunk"),
            (format!("{head}@@ -1 +99999999999 @@\n"), 3, "it is no head of a hunk"),
            ("@@ -1 +1 @@\n".to_owned(), 1, "a hunk without a file"),
            ("+++ b/x\n".to_owned(), 1, "`+++` without `---` before it"),
            ("diff --cc x\n".to_owned(), 1, "it is a merge's diff: two states are compared here"),
        ] {
            let error = parse(diff.as_bytes()).unwrap_err();
            assert_eq!((error.line, error.why), (line, why), "{diff}");
        }
    }

    /// The lines of `new` that `git diff -U0` shows, by a repository of its own.
    #[test]
    fn what_git_writes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(args);
            for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                command.env_remove(variable);
            }
            let output = command.current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
        git(&["init", "-q"]);
        write("ä b.rs", "1\n2\n3\n");
        write("moved.rs", "a\nb\nc\nd\ne\nf\ng\nh\n");
        write("gone.rs", "x\n");
        write("none", "");
        git(&["add", "."]);
        git(&["commit", "-qm", "one"]);
        write("ä b.rs", "1\ntwo\n3\nfour");
        fs_err::remove_file(folder.path().join("gone.rs")).unwrap();
        fs_err::rename(folder.path().join("moved.rs"), folder.path().join("to.rs")).unwrap();
        write("to.rs", "a\nb\nc\nd\ne\nf\ng\nH\n");
        write("image", "\0\u{1}\n");
        git(&["add", "-A"]);
        let args = ["diff", "--no-ext-diff", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "-M", "--cached"];
        for context in ["-U0", "-U3"] {
            let diff = git(&[&args[..], &[context]].concat());
            let mut told = told(&diff);
            told.sort();
            let want =
                ["Binary image: ", "Deleted gone.rs: ", "Modified to.rs from moved.rs: 8", "Modified ä b.rs: 2, 4"];
            assert_eq!(told, want, "{diff}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            lines in "((diff --git |--- |\\+\\+\\+ |@@ -|\\+|-| |rename from |\"|\\\\|new file mode )[ab0-9/,+@ \"\\\\]{0,12}\n){0,10}",
        ) {
            let _ = (parse(&bytes), parse(lines.as_bytes()));
        }
    }
}

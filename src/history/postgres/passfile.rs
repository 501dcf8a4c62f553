//! The file of passwords as libpq reads it: `host:port:database:user:password`, a line each, the first that fits.

use std::path::PathBuf;

use super::address::Lookup;

/// Whose password is looked for.
#[derive(Debug)]
pub(super) struct Wanted<'w> {
    pub(super) host: &'w str,
    pub(super) port: u16,
    pub(super) database: &'w str,
    pub(super) user: &'w str,
}

/// The user's own directory.
pub(super) fn home(env: Lookup<'_>) -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    env(name).map(PathBuf::from)
}

/// The password in `PGPASSFILE`, or in `~/.pgpass`. The error says why the file is not read.
pub(super) fn look_up(env: Lookup<'_>, wanted: &Wanted<'_>) -> Result<Option<String>, String> {
    let file = match env("PGPASSFILE") {
        Some(file) => PathBuf::from(file),
        None if cfg!(windows) => match env("APPDATA") {
            Some(folder) => PathBuf::from(folder).join("postgresql").join("pgpass.conf"),
            None => return Ok(None),
        },
        None => match home(env) {
            Some(home) => home.join(".pgpass"),
            None => return Ok(None),
        },
    };
    if !file.is_file() {
        return Ok(None);
    }
    if may_be_read_by_others(&file) {
        return Err(format!("`{}` is not read: others may read it too (chmod 600)", file.display()));
    }
    let text = fs_err::read_to_string(&file).map_err(|error| error.to_string())?;
    Ok(text.lines().find_map(|line| password_of(line, wanted)))
}

#[cfg(unix)]
fn may_be_read_by_others(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn may_be_read_by_others(_: &std::path::Path) -> bool {
    false
}

/// The password of a line, where it is the one that is wanted.
fn password_of(line: &str, wanted: &Wanted<'_>) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    let port = wanted.port.to_string();
    for value in [wanted.host, &port, wanted.database, wanted.user] {
        let (field, behind) = split_field(rest);
        if field != value && !rest.starts_with("*:") {
            return None;
        }
        rest = behind?;
    }
    // No colon ends a password.
    Some(unescaped(rest)).filter(|password| !password.is_empty())
}

/// A field as it is meant, and what follows its colon.
fn split_field(text: &str) -> (String, Option<&str>) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => {
                let (field, behind) = text.split_at(at);
                return (unescaped(field), behind.strip_prefix(':'));
            }
            _ => {}
        }
    }
    (unescaped(text), None)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_where_all_its_fields_fit() {
        let wanted = Wanted { host: "db.example", port: 5432, database: "gate", user: "ci" };
        for (line, password) in [
            ("db.example:5432:gate:ci:s3cret", Some("s3cret")),
            ("*:*:*:*:s3cret", Some("s3cret")),
            ("*:*:*:ci:s3:cr\\:e\\\\t", Some("s3:cr:e\\t")),
            ("db.example:5433:gate:ci:no", None),
            ("other:*:*:*:no", None),
            ("*:*:*:*:", None),
            ("*:*:*:*", None),
            ("\\*:*:*:*:no", None),
            ("# *:*:*:*:no", None),
            ("#:*:*:*:no", None),
            ("", None),
            (":::", None),
        ] {
            assert_eq!(password_of(line, &wanted).as_deref(), password, "{line}");
        }
        let odd = Wanted { host: "a:b", port: 1, database: "", user: "" };
        assert_eq!(password_of("a\\:b:1:::x", &odd).as_deref(), Some("x"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".pgpass");
        fs_err::write(&file, "# ours\nother:*:*:*:no\n*:*:*:*:s3cret\n").unwrap();
        let env = |name: &str| (name == "HOME").then(|| folder.path().to_str().unwrap().to_owned());
        let wanted = Wanted { host: "db", port: 1, database: "gate", user: "ci" };
        let mode = |mode| fs_err::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        let warning = look_up(&env, &wanted).unwrap_err();
        assert!(warning.contains("chmod 600") && !warning.contains("s3cret"), "{warning}");
        mode(0o600);
        assert_eq!(look_up(&env, &wanted).unwrap().as_deref(), Some("s3cret"));
        let elsewhere = |name: &str| (name == "PGPASSFILE").then(|| "/nowhere".to_owned());
        assert_eq!(look_up(&elsewhere, &wanted).unwrap(), None);
    }
}

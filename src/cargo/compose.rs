//! cargo's command line, composed: a pure function. Running it is [`super::build`]'s.

use std::ffi::OsString;
use std::path::Path;

use super::launch;

/// What goes into cargo's command line.
#[derive(Clone, Debug)]
pub struct Composition<'a> {
    /// This executable.
    pub own_exe: &'a Path,
    /// Where launches are recorded.
    pub dir: &'a Path,
    /// The triples to put ourselves in as runner.
    pub triples: &'a [String],
    /// The user's cargo flags, unchanged.
    pub user: &'a [OsString],
    /// Filters and what follows `--`.
    pub filters: &'a [OsString],
    /// libtest's own arguments.
    pub libtest: &'a [OsString],
    /// The rustdoc shim, unless it goes by the environment.
    pub rustdoc: Option<&'a Path>,
    /// What cargo may do with the terminal; `None` leaves everything to the user's own settings.
    pub terminal: Option<Terminal>,
}

/// cargo writes into a pipe of ours, so it is told what the terminal behind it can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Colours?
    pub color: bool,
    /// The progress bar's width, where there is to be one.
    pub progress: Option<u16>,
}

/// The arguments of the one `cargo test` that builds and records.
#[must_use]
pub fn cargo_test(parts: &Composition<'_>) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["test".into(), "--message-format=json-render-diagnostics".into()];
    let mut config = |text: String| args.extend(["--config".into(), OsString::from(text)]);
    for triple in parts.triples {
        let words = [quoted(parts.own_exe), quoted_text(launch::ROLE), quoted(parts.dir), quoted_text(triple)];
        config(format!("target.{}.runner=[{}]", quoted_text(triple), words.join(",")));
    }
    if let Some(rustdoc) = parts.rustdoc {
        config(format!("build.rustdoc={}", quoted(rustdoc)));
    }
    if let Some(terminal) = parts.terminal {
        if let Some(width) = terminal.progress {
            config("term.progress.when=\"always\"".to_owned());
            config(format!("term.progress.width={width}"));
        }
        args.extend(["--color".into(), if terminal.color { "always" } else { "never" }.into()]);
    }
    args.extend(parts.user.iter().cloned());
    // A filter that looks like a flag is one only after `--`; before it, cargo takes a single one.
    args.push("--".into());
    args.extend(parts.filters.iter().cloned());
    args.extend(parts.libtest.iter().cloned());
    args
}

fn quoted(path: &Path) -> String {
    quoted_text(&path.to_string_lossy())
}

fn quoted_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_composed_in_cargos_order() {
        let os = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let args = cargo_test(&Composition {
            own_exe: Path::new("/bin/cargo-gate"),
            dir: Path::new("/tmp/a b"),
            triples: &["x86_64-unknown-linux-gnu".to_owned()],
            user: &os(&["-p", "app", "--release"]),
            filters: &os(&["first", "second"]),
            libtest: &os(&["--ignored"]),
            rustdoc: Some(Path::new("/tmp/a b/rustdoc")),
            terminal: Some(Terminal { color: true, progress: Some(80) }),
        });
        let wanted = [
            "test",
            "--message-format=json-render-diagnostics",
            "--config",
            r#"target."x86_64-unknown-linux-gnu".runner=["/bin/cargo-gate","__launch","/tmp/a b","x86_64-unknown-linux-gnu"]"#,
            "--config",
            r#"build.rustdoc="/tmp/a b/rustdoc""#,
            "--config",
            "term.progress.when=\"always\"",
            "--config",
            "term.progress.width=80",
            "--color",
            "always",
            "-p",
            "app",
            "--release",
            "--",
            "first",
            "second",
            "--ignored",
        ];
        assert_eq!(args, os(&wanted));
    }
}

//! cargo's command line, composed: a pure function. Running it is [`super::build`]'s.

use std::ffi::OsString;
use std::path::Path;

use super::launch;
use super::user_config::{Form, UserConfig};

/// What goes into cargo's command line.
#[derive(Clone, Debug)]
pub struct Composition<'a> {
    /// This executable.
    pub own_exe: &'a Path,
    /// Where launches are recorded.
    pub dir: &'a Path,
    /// The triples to put ourselves in as runner, and where that is said.
    pub runners: &'a [(String, Place)],
    /// The user's cargo flags, unchanged.
    pub user: &'a [OsString],
    /// What follows `--`: filters and libtest's arguments.
    pub passed_on: &'a [OsString],
    /// The rustdoc shim, unless it goes by the environment.
    pub rustdoc: Option<&'a Path>,
    /// What cargo may do with the terminal; `None` leaves everything to the user's own settings.
    pub terminal: Option<Terminal>,
}

/// Where cargo is told of a runner, so that it holds against whatever the user's configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the environment, which beats files: cargo would refuse to merge a flag with a file's other form.
    Variable,
    /// In a flag behind the user's own, in the same form.
    Flag(Form),
}

impl Place {
    /// Where a triple's runner is to be said. The environment splits at spaces.
    #[must_use]
    pub fn of(triple: &str, user: &UserConfig, own_exe: &Path, dir: &Path) -> Self {
        let has_space = |path: &Path| path.to_str().is_none_or(|text| text.contains(char::is_whitespace));
        match user.flagged.get(triple) {
            Some(form) => Self::Flag(*form),
            None if has_space(own_exe) || has_space(dir) => Self::Flag(Form::List),
            None => Self::Variable,
        }
    }
}

/// The variable that names a triple's runner.
#[must_use]
pub fn runner_variable(triple: &str) -> OsString {
    format!("CARGO_TARGET_{}_RUNNER", triple.to_uppercase().replace('-', "_")).into()
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
    let config = |args: &mut Vec<OsString>, text: String| args.extend(["--config".into(), OsString::from(text)]);
    if let Some(terminal) = parts.terminal {
        if let Some(width) = terminal.progress {
            config(&mut args, "term.progress.when=\"always\"".to_owned());
            config(&mut args, format!("term.progress.width={width}"));
        }
        args.extend(["--color".into(), if terminal.color { "always" } else { "never" }.into()]);
    }
    args.extend(parts.user.iter().cloned());
    // Behind the user's: of two flags the last one holds.
    for (triple, place) in parts.runners {
        let value = match place {
            Place::Variable => continue,
            Place::Flag(Form::Text) => quoted_text(&words(parts, triple).join(" ")),
            Place::Flag(Form::List) => format!("[{}]", words(parts, triple).map(|word| quoted_text(&word)).join(",")),
        };
        config(&mut args, format!("target.{}.runner={value}", quoted_text(triple)));
    }
    if let Some(rustdoc) = parts.rustdoc {
        config(&mut args, format!("build.rustdoc={}", quoted(rustdoc)));
    }
    args.push("--".into());
    args.extend(parts.passed_on.iter().cloned());
    args
}

/// The variables that go with the command line.
#[must_use]
pub fn variables(parts: &Composition<'_>) -> Vec<(OsString, OsString)> {
    let by_variable = parts.runners.iter().filter(|(_, place)| *place == Place::Variable);
    by_variable.map(|(triple, _)| (runner_variable(triple), words(parts, triple).join(" ").into())).collect()
}

/// Ourselves as a runner.
fn words(parts: &Composition<'_>, triple: &str) -> [String; 4] {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    [text(parts.own_exe), launch::ROLE.to_owned(), text(parts.dir), triple.to_owned()]
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
    fn a_runner_is_said_where_it_holds() {
        let mut user = UserConfig::default();
        let (plain, spaced) = (Path::new("/bin/cargo-gate"), Path::new("/tmp/a b"));
        let of = |user: &UserConfig, dir| Place::of("t", user, plain, dir);
        assert_eq!(of(&user, Path::new("/tmp/a")), Place::Variable);
        assert_eq!(of(&user, spaced), Place::Flag(Form::List));
        user.flagged.insert("t".to_owned(), Form::Text);
        assert_eq!(of(&user, spaced), Place::Flag(Form::Text));
    }

    #[test]
    fn the_command_line_is_composed_in_cargos_order() {
        let os = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let runners = [
            ("x86_64-unknown-linux-gnu".to_owned(), Place::Flag(Form::List)),
            ("wasm32-wasip1".to_owned(), Place::Flag(Form::Text)),
            ("riscv64gc-unknown-linux-gnu".to_owned(), Place::Variable),
        ];
        let composition = Composition {
            own_exe: Path::new("/bin/cargo-gate"),
            dir: Path::new("/tmp/a b"),
            runners: &runners,
            user: &os(&["-p", "app", "--release"]),
            passed_on: &os(&["first", "second", "--ignored"]),
            rustdoc: Some(Path::new("/tmp/a b/rustdoc")),
            terminal: Some(Terminal { color: true, progress: Some(80) }),
        };
        let wanted = [
            "test",
            "--message-format=json-render-diagnostics",
            "--config",
            "term.progress.when=\"always\"",
            "--config",
            "term.progress.width=80",
            "--color",
            "always",
            "-p",
            "app",
            "--release",
            "--config",
            r#"target."x86_64-unknown-linux-gnu".runner=["/bin/cargo-gate","__launch","/tmp/a b","x86_64-unknown-linux-gnu"]"#,
            "--config",
            r#"target."wasm32-wasip1".runner="/bin/cargo-gate __launch /tmp/a b wasm32-wasip1""#,
            "--config",
            r#"build.rustdoc="/tmp/a b/rustdoc""#,
            "--",
            "first",
            "second",
            "--ignored",
        ];
        assert_eq!(cargo_test(&composition), os(&wanted));
        let variable = "/bin/cargo-gate __launch /tmp/a b riscv64gc-unknown-linux-gnu";
        let name = "CARGO_TARGET_RISCV64GC_UNKNOWN_LINUX_GNU_RUNNER";
        assert_eq!(variables(&composition), [(name.into(), variable.into())]);
    }
}

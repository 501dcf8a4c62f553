//! What the user's cargo configuration says of targets, runners and rustdoc: a runner of theirs would be replaced by
//! ours without a word, so it is found and put in front of the binary again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cargo_config2::{Config, EnvConfigValue, ResolveOptions};
use cargo_metadata::cargo_platform::{Cfg, Platform};
use fs_err as fs;

use crate::sys::process::is_variable;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserConfig {
    /// The triples that the build is for: at least the host's.
    pub triples: Vec<String>,
    /// The user's runner of each triple that has one: a program and its arguments.
    pub runners: BTreeMap<String, Vec<OsString>>,
    /// The triples whose runner a `--config` flag names, and in what form.
    pub flagged: BTreeMap<String, Form>,
    /// The user's rustdoc, where the configuration names one.
    pub rustdoc: Option<OsString>,
    /// What `[env]` sets, by name.
    pub env: BTreeMap<String, Variable>,
}

/// A variable of `[env]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// What it is set to.
    pub value: OsString,
    /// Even where the environment says something else?
    pub force: bool,
}

impl UserConfig {
    /// An environment with what `[env]` sets, as cargo hands it on where it sets nothing of its own.
    #[must_use]
    pub fn environment(&self, given: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
        let is_given = |name: &str| given.iter().any(|(known, _)| is_variable(known, name));
        let set = self.env.iter().filter(|(name, variable)| variable.force || !is_given(name));
        let set: Vec<(&String, &Variable)> = set.collect();
        let stays = |(known, _): &&(OsString, OsString)| !set.iter().any(|(name, _)| is_variable(known, name));
        let set = set.iter().map(|(name, variable)| (OsString::from(name), variable.value.clone()));
        given.iter().filter(stays).cloned().chain(set).collect()
    }
}

/// How a runner is written: cargo merges no text with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One text, split at spaces.
    Text,
    /// A list of words.
    List,
}

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// The directory cargo is started in.
    pub cwd: &'a Path,
    /// The host's triple.
    pub host: &'a str,
    /// The values of `--target`.
    pub targets: &'a [String],
    /// The values of `--config`, in order.
    pub config_flags: &'a [String],
    /// cargo, for what must be asked.
    pub cargo: &'a OsString,
    /// The environment that it is started with.
    pub env: &'a [(OsString, OsString)],
}

/// The configuration cannot be read; cargo will say so in its own words.
#[derive(Debug, thiserror::Error)]
#[error("cannot read cargo's configuration: {0}")]
pub struct Unreadable(#[from] cargo_config2::Error);

/// Looks through files, environment and `--config` flags, the last of which beat the others.
pub fn look_up(lookup: &Lookup<'_>) -> Result<UserConfig, Unreadable> {
    let env = lookup.env.iter().cloned();
    let options = ResolveOptions::default().host_triple(lookup.host).cargo(lookup.cargo.clone()).env(env);
    let config = Config::load_with_options(lookup.cwd, options)?;
    let flags: Vec<toml::Table> = lookup.config_flags.iter().filter_map(|flag| read_flag(lookup.cwd, flag)).collect();

    let mut found = UserConfig { triples: triples(lookup, &config, &flags)?, ..UserConfig::default() };
    for triple in &found.triples {
        let form = flags.iter().rev().find_map(|flag| form_of_flag(flag, triple));
        found.flagged.extend(form.map(|form| (triple.clone(), form)));
        let runner = match flags.iter().rev().find_map(|flag| runner_of_flag(lookup, flag, triple)) {
            Some(runner) => Some(runner),
            None => config.runner(triple.as_str())?.map(|runner| {
                let mut words = vec![runner.path.into_os_string()];
                words.extend(runner.args);
                words
            }),
        };
        found.runners.extend(runner.filter(|words| !words.is_empty()).map(|runner| (triple.clone(), runner)));
    }
    let of_flag = flags.iter().rev().find_map(|flag| flag.get("build")?.get("rustdoc")?.as_str().map(OsString::from));
    found.env = variables(lookup, &config);
    found.rustdoc = of_flag.or_else(|| Some(config.build.rustdoc.as_ref()?.clone().into_os_string()));
    Ok(found)
}

/// What `[env]` sets: in files, and in flags, which beat them.
fn variables(lookup: &Lookup<'_>, config: &Config) -> BTreeMap<String, Variable> {
    let of_file = |(name, set): (&String, &EnvConfigValue)| {
        (name.clone(), Variable { value: set.value.clone(), force: set.force })
    };
    let mut env: BTreeMap<String, Variable> = config.env.iter().map(of_file).collect();
    for flag in lookup.config_flags {
        // A path in a file is meant from the directory that its own lies in.
        let file = Some(lookup.cwd.join(flag)).filter(|path| path.is_file());
        let from = file.as_deref().and_then(|file| file.ancestors().nth(2)).unwrap_or(lookup.cwd);
        let table = read_flag(lookup.cwd, flag);
        let set = table.as_ref().and_then(|table| table.get("env")?.as_table());
        let of_flag = |(name, set): (&String, &toml::Value)| {
            let says = |what: &str| set.get(what).and_then(toml::Value::as_bool).unwrap_or_default();
            let value = set.get("value").unwrap_or(set).as_str()?;
            let value = if says("relative") { from.join(value).into_os_string() } else { value.into() };
            Some((name.clone(), Variable { value, force: says("force") }))
        };
        env.extend(set.into_iter().flatten().filter_map(of_flag));
    }
    env
}

fn triples(lookup: &Lookup<'_>, config: &Config, flags: &[toml::Table]) -> Result<Vec<String>, Unreadable> {
    let mut triples = vec![lookup.host.to_owned()];
    let mut add = |triple: String| {
        if !triples.contains(&triple) {
            triples.push(triple);
        }
    };
    if lookup.targets.is_empty() {
        for flag in flags {
            for target in strings(flag.get("build").and_then(|build| build.get("target"))) {
                add(target);
            }
        }
        for target in config.build_target_for_config::<[&str; 0], &str>([])? {
            add(target.triple().to_owned());
        }
    }
    for target in lookup.targets {
        // A custom target's name is its file's.
        let name = target
            .strip_suffix(".json")
            .map_or(target.as_str(), |path| Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path));
        add(if name == "host-tuple" { lookup.host.to_owned() } else { name.to_owned() });
    }
    Ok(triples)
}

/// `--config` takes a file's path or `KEY=VALUE` as TOML.
fn read_flag(cwd: &Path, flag: &str) -> Option<toml::Table> {
    let path: PathBuf = cwd.join(flag);
    let text = if path.is_file() { fs::read_to_string(path).ok()? } else { flag.to_owned() };
    text.parse().ok()
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    match value {
        Some(toml::Value::String(one)) => vec![one.clone()],
        Some(toml::Value::Array(many)) => many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn form_of_flag(flag: &toml::Table, triple: &str) -> Option<Form> {
    let runner = flag.get("target")?.get(triple)?.get("runner")?;
    Some(if runner.is_array() { Form::List } else { Form::Text })
}

fn runner_of_flag(lookup: &Lookup<'_>, flag: &toml::Table, triple: &str) -> Option<Vec<OsString>> {
    let targets = flag.get("target")?.as_table()?;
    let words = |target: &toml::Value| -> Option<Vec<OsString>> {
        Some(match target.get("runner")? {
            toml::Value::String(line) => line.split_whitespace().map(OsString::from).collect(),
            list => strings(Some(list)).into_iter().map(OsString::from).collect(),
        })
    };
    if let Some(runner) = targets.get(triple).and_then(words) {
        return Some(runner);
    }
    targets.iter().filter(|(name, _)| name.starts_with("cfg(")).find_map(|(name, target)| {
        let platform = Platform::from_str(name).ok()?;
        platform.matches(triple, &cfgs_of(lookup, triple)).then(|| words(target))?
    })
}

fn cfgs_of(lookup: &Lookup<'_>, triple: &str) -> Vec<Cfg> {
    let named = lookup.env.iter().find(|(name, _)| name == "RUSTC").map(|(_, rustc)| rustc.clone());
    let mut command = std::process::Command::new(named.unwrap_or_else(|| "rustc".into()));
    command.args(["--print", "cfg", "--target", triple]).current_dir(lookup.cwd).envs(lookup.env.iter().cloned());
    let Ok(output) = command.output() else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| Cfg::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "x86_64-unknown-linux-gnu";

    fn find(cwd: &Path, targets: &[&str], flags: &[&str]) -> UserConfig {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (targets, config_flags) = (owned(targets), owned(flags));
        let cargo = OsString::from("cargo");
        let env = crate::sys::process::own_environment();
        let (targets, config_flags) = (&targets, &config_flags);
        look_up(&Lookup { cwd, host: HOST, targets, config_flags, cargo: &cargo, env: &env }).unwrap()
    }

    #[test]
    fn a_runner_is_found_by_triple_by_cfg_and_in_flags() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join(".cargo");
        fs::create_dir(&config).unwrap();
        let runner = |words: &[&str]| Some(words.iter().map(OsString::from).collect::<Vec<_>>());
        let of = |found: UserConfig| found.runners.get(HOST).cloned();

        assert_eq!(of(find(dir.path(), &[], &[])), None);
        fs::write(config.join("config.toml"), "[target.'cfg(unix)']\nrunner = 'wrap -v'\n").unwrap();
        assert_eq!(of(find(dir.path(), &[], &[])), runner(&["wrap", "-v"]));
        fs::write(config.join("config.toml"), format!("[target.{HOST}]\nrunner = ['wr ap', 'x y']\n")).unwrap();
        let found = of(find(dir.path(), &[], &[])).unwrap();
        assert_eq!(found[1..], runner(&["x y"]).unwrap());
        let flag = format!("target.{HOST}.runner='other -q'");
        assert_eq!(of(find(dir.path(), &[], &[&flag])), runner(&["other", "-q"]));
        assert_eq!(find(dir.path(), &[], &[&flag]).flagged, [(HOST.to_owned(), Form::Text)].into());
        let list = format!("target.{HOST}.runner=['other']");
        assert_eq!(find(dir.path(), &[], &[&flag, &list]).flagged, [(HOST.to_owned(), Form::List)].into());
        let flag = "target.'cfg(target_os = \"linux\")'.runner=['third']";
        assert_eq!(find(dir.path(), &[], &[flag]).flagged, BTreeMap::new());
        assert_eq!(of(find(dir.path(), &[], &[flag])), runner(&["third"]));
        fs::write(dir.path().join("extra.toml"), format!("[target.{HOST}]\nrunner = 'fourth'\n")).unwrap();
        assert_eq!(of(find(dir.path(), &[], &["extra.toml"])), runner(&["fourth"]));
    }

    #[test]
    fn what_is_configured_for_the_environment_gives_way_to_it_unless_it_is_forced() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".cargo")).unwrap();
        let text = "[env]\nGIVEN = 'c'\nFORCED = { value = 'c', force = true }\nNEW = 'c'\nPLACE = { value = 'x', relative = true }\n";
        fs::write(dir.path().join(".cargo/config.toml"), text).unwrap();
        let given = [("GIVEN", "g"), ("FORCED", "g"), ("OTHER", "g")].map(|(name, value)| (name.into(), value.into()));
        let with = |flags: &[&str]| -> BTreeMap<String, String> {
            let all = find(dir.path(), &[], flags).environment(&given).into_iter();
            all.map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap())).collect()
        };
        let place = dir.path().join("x").display().to_string();
        let wanted = [("FORCED", "c"), ("GIVEN", "g"), ("NEW", "c"), ("OTHER", "g"), ("PLACE", &place)];
        assert_eq!(with(&[]), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let flagged = with(&["env.NEW='f'", "env.GIVEN={value='f',force=true}"]);
        assert_eq!((flagged["NEW"].as_str(), flagged["GIVEN"].as_str()), ("f", "f"));
    }

    #[test]
    fn the_triples_are_the_hosts_and_those_that_were_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path(), &[], &[]).triples, [HOST]);
        assert_eq!(find(dir.path(), &["wasm32-wasip1", "my/own.json"], &[]).triples, [HOST, "wasm32-wasip1", "own"]);
        assert_eq!(find(dir.path(), &[], &["build.target='wasm32-wasip1'"]).triples, [HOST, "wasm32-wasip1"]);
        assert_eq!(find(dir.path(), &[], &["build.rustdoc='my-doc'"]).rustdoc, Some("my-doc".into()));
    }
}

//! What shells offer when Tab is pressed, asked of the shells themselves; and man pages, asked of a reader of them.

use std::fs;

use cargo_gate::cli;
use cargo_gate::config::settings;

use crate::support::Fixture;

/// A folder with the completions of a shell in this file.
fn completions(shell: &str, file: &str) -> Fixture {
    let fixture = Fixture::bare();
    let printed = fixture.gate(["completions", shell]).run();
    fixture.write(file, &printed.assert_code(0).stdout());
    fixture
}

/// The names that begin so.
fn commands(beginning: &str) -> Vec<String> {
    let definition = cli::command(&settings::flag_help());
    let names = definition.get_subcommands().map(|command| command.get_name().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(beginning)).collect();
    names.sort_unstable();
    assert!(names.contains(&"coverage".to_owned()));
    names
}

#[test]
fn bash_offers_commands_flags_and_words_also_behind_cargo() {
    let fixture = completions("bash", "gate.bash");
    // What is there for cargo before stays: here it offers one word.
    let asks = r#"
_cargo() { COMPREPLY=("of-cargo:$2"); }
complete -F _cargo cargo
source ./gate.bash
ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "$(complete -p "$1" | sed 's/.* -F \([^ ]*\) .*/\1/')" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
    echo
}
ask cargo-gate c
ask cargo gate c
ask cargo gate history sh
ask cargo gate test --retr
ask cargo gate test --isolation ''
ask cargo buil
"#;
    let ended = fixture.command("bash").args(["--norc", "-c", asks]).run();
    let commands = commands("c").join(" ");
    let expected = [&commands, &commands, "show", "--retries", "process shared", "of-cargo:buil"];
    let offered: Vec<String> = ended.assert_code(0).stdout().lines().map(|line| line.trim().to_owned()).collect();
    assert_eq!(offered, expected, "{ended}");
    fixture.command("bash").args(["-n", "gate.bash"]).run().assert_code(0);
}

#[test]
#[ignore = "needs fish: .ci/run installs it"]
fn fish_offers_commands_flags_and_words_also_behind_cargo() {
    let fixture = completions("fish", "gate.fish");
    let offered = |line: &str| -> Vec<String> {
        let ask = format!("source gate.fish; complete --do-complete '{line}'");
        let ended = fixture.command("fish").args(["--no-config", "-c", &ask]).run();
        ended.assert_code(0).stdout().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    for called in ["cargo-gate", "cargo gate"] {
        assert_eq!(offered(&format!("{called} c")), commands("c"));
        assert_eq!(offered(&format!("{called} history sh")), ["show"]);
        assert_eq!(offered(&format!("{called} test --retr")), ["--retries"]);
        assert_eq!(offered(&format!("{called} test --isolation ")), ["process", "shared"]);
    }
}

#[test]
#[ignore = "needs zsh: .ci/run installs it"]
fn zsh_offers_commands_and_flags_also_behind_cargo() {
    let fixture = completions("zsh", "site/_cargo-gate");
    // cargo's own, as rustup installs it, as far as it matters here: it calls the function of a subcommand it lacks.
    let of_cargo = "#compdef cargo\n_arguments -C '1:command:(build)' '*::args:->args'\n\
                    [[ $state == args ]] && _call_function ret _cargo-${words[1]}\n";
    fixture.write("site/_cargo", of_cargo);
    let asks = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=''; fpath=(./site \$fpath); autoload -U compinit; compinit -u -D; bindkey '^I' list-choices; print REA''DY"
zpty -r -m shell ready '*READY*' || exit 1
ask() {
    zpty -n -w shell "$1"$'\t'
    zpty -r -m shell offered "*$2*" && print -r -- "offered $2" || exit 1
    zpty -n -w shell $'\x15'
}
ask 'cargo-gate c' coverage
ask 'cargo gate d' doctor
ask 'cargo gate history s' stats
ask 'cargo gate test --retr' retries
"#;
    let ended = fixture.command("zsh").args(["-f", "-c", asks]).run();
    let offered = ["coverage", "doctor", "stats", "retries"].map(|word| format!("offered {word}"));
    assert_eq!(ended.assert_code(0).stdout().lines().collect::<Vec<_>>(), offered, "{ended}");
    fixture.command("zsh").args(["-n", "site/_cargo-gate"]).run().assert_code(0);
}

#[test]
fn every_shell_and_every_command_has_its_text() {
    let fixture = Fixture::bare();
    for (shell, before, after) in [
        ("bash", "cargo__gate,", ")"),
        ("zsh", "(", ")\n"),
        ("fish", "\"__fish_cargo_gate_needs_command\" -f -a \"", "\""),
        ("powershell", "'cargo-gate;", "' {"),
        ("elvish", "&'cargo-gate;", "'= {"),
    ] {
        let printed = fixture.gate(["completions", shell]).run().assert_code(0).stdout();
        for command in commands("") {
            assert!(printed.contains(&format!("{before}{command}{after}")), "{shell}: {command}");
        }
    }
    let pages = fixture.root().join("man");
    fixture.gate(["man", "man"]).run().assert_code(0);
    let mut files: Vec<String> =
        fs::read_dir(&pages).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    files.sort_unstable();
    assert!(files.contains(&"cargo-gate.1".to_owned()) && files.contains(&"cargo-gate-history-list.1".to_owned()));
    for command in commands("") {
        assert!(files.contains(&format!("cargo-gate-{command}.1")), "{command}");
    }
    let whole = fixture.gate(["man"]).run().assert_code(0).stdout();
    assert_eq!(whole, fs::read_to_string(pages.join("cargo-gate.1")).unwrap());
}

#[test]
#[ignore = "needs mandoc: .ci/run installs it"]
fn a_reader_of_man_pages_finds_no_mistake() {
    let fixture = Fixture::bare();
    fixture.gate(["man", "man"]).run().assert_code(0);
    for page in fs::read_dir(fixture.root().join("man")).unwrap() {
        let page = page.unwrap().path();
        // Milder levels mind the style of the generator.
        fixture.command("mandoc").args(["-T", "lint", "-W", "error"]).arg(&page).run().assert_code(0);
    }
}

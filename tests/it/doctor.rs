//! `cargo gate doctor`: which tools are missing, and how to get them. The tools here are stand-ins in a folder of the
//! test's own, so that some can be missing; nothing is fetched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ended, Fixture, Invocation, coverage_tools};

/// A machine on which little is installed.
struct Machine {
    fixture: Fixture,
    /// All that is on the path.
    bin: PathBuf,
    /// The root of the toolchain.
    sysroot: PathBuf,
}

const TOOLCHAIN: &str = "1.95.0-of-this-test";

impl Machine {
    /// cargo and rustc are there, and the rustup that they came by.
    fn new() -> Self {
        let fixture = Fixture::bare();
        fixture.write("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n").write("src/lib.rs", "");
        let bin = fixture.scratch().join("bin");
        let sysroot = fixture.scratch().join("toolchains").join(TOOLCHAIN);
        fs::create_dir_all(sysroot.join("lib/rustlib/here/bin")).unwrap();
        let machine = Self { fixture, bin, sysroot };
        let real = std::env::var("CARGO").unwrap();
        // What it installs is a file that says its version; other subcommands are the real one's.
        machine.script(
            "cargo",
            &format!(
                "echo \"cargo $*\" >>\"$GATE_FIXTURE_DIR/calls\"\n\
                 if [ \"$1\" = install ]; then\n\
                 \x20 [ -e \"$GATE_FIXTURE_DIR/offline\" ] && {{ echo 'error: no network' >&2; exit 101; }}\n\
                 \x20 echo 'Installing' >&2; echo 'words on stdout'\n\
                 \x20 /bin/mkdir -p \"$CARGO_HOME/bin\"\n\
                 \x20 printf '#!/bin/sh\\necho cargo-llvm-cov 0.9.1\\n' >\"$CARGO_HOME/bin/cargo-llvm-cov\"\n\
                 \x20 /bin/chmod +x \"$CARGO_HOME/bin/cargo-llvm-cov\"\n\
                 \x20 exit\n\
                 fi\n\
                 exec '{real}' \"$@\""
            ),
        );
        machine.rustc("1.95.0");
        let tools = machine.sysroot.join("lib/rustlib/here/bin");
        machine.script(
            "rustup",
            &format!(
                "echo \"rustup $*\" >>\"$GATE_FIXTURE_DIR/calls\"\n\
                 case $1 in\n\
                 toolchain) echo '{TOOLCHAIN} (active, default)' ;;\n\
                 component) for tool in llvm-cov llvm-profdata; do\n\
                 \x20 printf '#!/bin/sh\\necho \"  LLVM version 22.1.2-rust-1.95.0-stable\"\\n' >'{tools}'/$tool\n\
                 \x20 /bin/chmod +x '{tools}'/$tool\n\
                 done ;;\n\
                 esac",
                tools = tools.display()
            ),
        );
        machine
    }

    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.bin.join(name);
        fs::create_dir_all(&self.bin).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn rustc(&self, version: &str) {
        let (sysroot, host) = (self.sysroot.display(), "x86_64-unknown-linux-gnu");
        self.script(
            "rustc",
            &format!(
                "case $* in\n\
                 *sysroot*) echo '{sysroot}' ;;\n\
                 *target-libdir*) echo '{sysroot}/lib/rustlib/here/lib' ;;\n\
                 *) printf 'rustc {version} (1 2)\\nbinary: rustc\\nhost: {host}\\nrelease: {version}\\nLLVM version: 22.1.2\\n' ;;\n\
                 esac"
            ),
        );
    }

    fn doctor<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Invocation {
        let home = self.fixture.scratch().join("home");
        let rustc = self.bin.join("rustc");
        let doctor = self.fixture.gate(["doctor"].into_iter().chain(args));
        doctor.env("CARGO", self.bin.join("cargo")).env("PATH", &self.bin).env("CARGO_HOME", home).env("RUSTC", rustc)
    }

    fn states(&self) -> Vec<String> {
        let document = self.doctor(["--format", "json"]).run().json();
        states(&document)
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.fixture.scratch().join("calls")).unwrap_or_default()
    }
}

fn states(document: &Value) -> Vec<String> {
    let tools = document["tools"].as_array().unwrap();
    tools.iter().map(|tool| format!("{} {}", tool["tool"].as_str().unwrap(), tool["state"].as_str().unwrap())).collect()
}

#[test]
fn what_is_missing_is_named_with_the_command_that_gets_it() {
    let machine = Machine::new();
    let text = machine.doctor([]).run();
    text.assert_code(96);
    for line in [
        "ok       cargo           1.",
        "ok       rustc           1.95.0     compiles them\n",
        "absent   git             missing    says which commit is tested, and which lines changed\n",
        "not needed here; get it with the system's package manager\n",
        "lacking  cargo-llvm-cov  missing    measures coverage\n",
        "get it with `cargo install --locked cargo-llvm-cov`\n",
        "get it with `rustup component add llvm-tools-preview --toolchain 1.95.0-of-this-test`\n",
        "Lacking: cargo-llvm-cov, llvm-tools. `cargo gate doctor --install` gets it.\n",
    ] {
        text.assert_stdout_has(line);
    }
    let document = machine.doctor(["--format", "json"]).run().assert_code(96).json();
    assert_eq!((&document["verdict"], &document["exit_code"]), (&"fail".into(), &96.into()));
    let missing = ["cargo ready", "rustc ready", "git missing", "cargo-llvm-cov missing", "llvm-tools missing"];
    assert_eq!(states(&document), missing);
    let needed: Vec<&Value> = document["tools"].as_array().unwrap().iter().map(|tool| &tool["needed"]).collect();
    assert_eq!(needed, [true, true, false, true, true]);
    // Looking installs nothing.
    assert!(!machine.calls().contains("install") && !machine.calls().contains("component"), "{}", machine.calls());
}

#[test]
fn what_is_missing_is_installed_and_looked_at_again() {
    let machine = Machine::new();
    let installed = machine.doctor(["--install", "--format", "json"]).run();
    installed.assert_code(0).assert_stderr_has("running cargo install --locked cargo-llvm-cov\n");
    installed.assert_stderr_has("Installing\n").assert_stderr_has("words on stdout\n");
    // Machine output is ours alone.
    assert_eq!(states(&installed.json())[3..], ["cargo-llvm-cov ready", "llvm-tools ready"]);
    assert!(machine.calls().contains("rustup component add llvm-tools-preview --toolchain 1.95.0-of-this-test\n"));
    let again = machine.doctor(["--install"]).run();
    again.assert_code(0).assert_stdout_has("Everything that is needed is there.\n");
    assert_eq!(machine.calls().matches("cargo install").count(), 1, "{}", machine.calls());
}

#[test]
fn an_installation_that_fails_says_so() {
    let machine = Machine::new();
    fs::write(machine.fixture.scratch().join("offline"), "").unwrap();
    let offline = "`cargo install --locked cargo-llvm-cov` did not install cargo-llvm-cov";
    let told_so = machine.doctor(["--install"]).run();
    told_so.assert_code(96).assert_stderr_has("error: no network\n").assert_stderr_has(offline);
    told_so.assert_stderr_has("cargo is told to stay offline (CARGO_NET_OFFLINE)");
    told_so.assert_stdout_has("Lacking: cargo-llvm-cov. ");
    let online = machine.doctor(["--install"]).without_env("CARGO_NET_OFFLINE").run();
    online.assert_code(96).assert_stderr_has("it needs the network");
}

#[test]
fn without_rustup_it_says_what_else_will_do() {
    let machine = Machine::new();
    fs::remove_file(machine.bin.join("rustup")).unwrap();
    let text = machine.doctor(["--install"]).run();
    text.assert_code(96).assert_stderr_has("llvm-tools: rustup, which would install it, is not there");
    text.assert_stdout_has("let LLVM_COV and LLVM_PROFDATA name its tools\n")
        .assert_stdout_has("Lacking: llvm-tools.\n");
    let tool = machine.script("llvm-of-the-system", "echo 'Debian LLVM version 22.1.0'; echo '  LLVM version 22.1.0'");
    let named = |path: &Path| machine.doctor([]).env("LLVM_COV", path).env("LLVM_PROFDATA", path).run();
    named(&tool).assert_code(0).assert_stdout_has("ok       llvm-tools      22.1.0 ");
    let old = machine.script("old-llvm", "echo '  LLVM version 14.0.6'");
    named(&old)
        .assert_code(96)
        .assert_stdout_has("of LLVM 14.0.6, which cannot read what rustc writes with LLVM 22.1.2");
    let none = machine.bin.join("none");
    named(&none)
        .assert_code(96)
        .assert_stdout_has("LLVM_PROFDATA names `")
        .assert_stdout_has("`, which is no such tool");
}

#[test]
fn another_toolchain_than_rustups_is_told_apart() {
    let machine = Machine::new();
    machine.script("rustup", "echo 'stable-of-another-kind (default)'");
    let text = machine.doctor([]).run();
    text.assert_code(96).assert_stdout_has("the toolchain in use is none of rustup's");
}

#[test]
fn what_is_too_old_is_missing() {
    let machine = Machine::new();
    machine.doctor(["--install"]).run().assert_code(0);
    machine.rustc("1.84.1");
    let old = machine.doctor([]).run();
    old.assert_code(96).assert_stdout_has("lacking  rustc           1.84.1 is too old");
    machine.rustc("1.85.0");
    let llvm_cov = machine.fixture.scratch().join("home/bin/cargo-llvm-cov");
    assert!(llvm_cov.exists());
    fs::write(&llvm_cov, "#!/bin/sh\necho cargo-llvm-cov 0.6.24\n").unwrap();
    assert_eq!(machine.states()[3], "cargo-llvm-cov too-old");
    fs::write(&llvm_cov, "#!/bin/sh\necho 'error: it broke' >&2; exit 1\n").unwrap();
    machine.doctor([]).run().assert_code(96).assert_stdout_has("lacking  cargo-llvm-cov  it broke");
}

#[test]
fn the_configuration_decides_what_is_needed() {
    let machine = Machine::new();
    machine.fixture.write("gate.toml", "enabled = false\n");
    let off: Ended = machine.doctor([]).run();
    off.assert_code(0).assert_stdout_has("The gate is switched off");
    machine.doctor(["--install"]).run().assert_code(0);
    machine.fixture.write("gate.toml", "[default.coverage]\nbaseline-ref = \"origin/main\"\n");
    let compares = machine.doctor(["--install"]).run();
    compares.assert_code(96).assert_stdout_has("lacking  git ").assert_stdout_has("Lacking: git.\n");
    machine.fixture.write("gate.toml", "[default.coverage]\nflour = 1\n");
    machine.doctor([]).run().assert_code(96).assert_stderr_has("flour");
}

#[test]
fn it_is_of_use_outside_of_a_workspace() {
    let machine = Machine::new();
    let outside = machine.fixture.scratch();
    machine.doctor([]).in_dir(&outside).run().assert_code(96).assert_stdout_has("lacking  llvm-tools ");
    let without_cargo = machine.doctor([]).in_dir(&outside).env("CARGO", "/no/such/cargo").run();
    without_cargo.assert_code(96).assert_stdout_has("lacking  cargo           missing");
}

#[test]
#[ignore = "gets what is missing by the network"]
fn this_machine_has_what_tests_of_coverage_need_or_gets_it() {
    coverage_tools::obtain();
    let found = Fixture::bare().gate(["doctor", "--format", "json"]).run();
    assert_eq!(states(&found.assert_code(0).json())[3..], ["cargo-llvm-cov ready", "llvm-tools ready"]);
}

//! Examples for each command, in the order of the help.

/// A line to type, and what it does.
type Example = (&'static str, &'static str);

/// By the words after `cargo gate`.
pub(super) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "test",
        &[
            ("cargo gate test", "Test the workspace, and say why the gate is red."),
            ("cargo gate test -p app --retries 2", "What passes on a retry is flaky, and said so."),
            ("cargo gate test --failed", "Only what failed in the last run."),
            ("cargo gate test --repeat 50 --until-fail --select 'app/test:db::*'", "Hunt a flaky test."),
        ],
    ),
    (
        "coverage",
        &[
            ("cargo gate coverage --floor 80", "Measure, and ask for 80 percent and no less than before."),
            ("cargo gate coverage --patch-floor 90 --base main", "Ask it of the lines that changed since main."),
        ],
    ),
    (
        "shards",
        &[
            ("cargo gate shards 4 --out plan.json", "Cut the tests into four parts that take equally long."),
            ("cargo gate shards 4 --out plan.json --archive tests.tar.gz", "The same, for machines that do not build."),
        ],
    ),
    ("join", &[("cargo gate join shards", "One verdict of all shards that left a folder below `shards`.")]),
    (
        "run",
        &[
            ("cargo gate run", "Run the whole gate of the configuration."),
            ("cargo gate run --dry-run", "Show what would run, and why or why not."),
            ("cargo gate run --only lint --keep-going", "The lints, all of them."),
        ],
    ),
    (
        "report",
        &[
            ("cargo gate report", "What the history says, on one screen."),
            ("cargo gate report --open", "The same as a page."),
            ("cargo gate report --format junit --output junit.xml", "The latest run for another tool."),
        ],
    ),
    ("flaky", &[("cargo gate flaky --fail-above 5", "Which tests are flaky; red when there are more than five.")]),
    ("explain", &[("cargo gate explain db::reconnects", "All that is known of one test.")]),
    (
        "order",
        &[
            ("cargo gate order -n 10", "What the next run begins with, and why."),
            ("cargo gate order --backtest", "How early failures would have come."),
        ],
    ),
    ("history list", &[("cargo gate history list --branch main", "The runs of a branch, newest first.")]),
    ("history show", &[("cargo gate history show last", "The latest run, and its failing tests.")]),
    ("history stats", &[("cargo gate history stats", "Counters, sizes, and figures of each suite.")]),
    ("history add", &[("cargo gate history add --suite nightly --verdict pass", "Record a run of something else.")]),
    ("history prune", &[("cargo gate history prune --max-age 90d --dry-run", "What would go.")]),
    ("history undo", &[("cargo gate history undo last", "As if the latest run had never been.")]),
    ("history import", &[("cargo gate history import results/junit.xml", "Record the results of another tool.")]),
    ("history export", &[("cargo gate history export --output runs.ndjson.gz", "Take the runs elsewhere.")]),
    ("history merge", &[("cargo gate history merge runs.ndjson.gz", "Take them in.")]),
    (
        "history push",
        &[("cargo gate history push", "Send what was recorded while the shared history could not be reached.")],
    ),
    (
        "status",
        &[
            ("cargo gate status", "What is in force and on record."),
            ("cargo gate status --within 24h --commit HEAD", "Did this commit pass within a day?"),
        ],
    ),
    ("baseline show", &[("cargo gate baseline show", "Every baseline, and why it was moved by hand.")]),
    ("baseline set", &[("cargo gate baseline set 77.5 --reason moved", "Move one; lowering needs a reason.")]),
    ("baseline reset", &[("cargo gate baseline reset --reason toolchain", "Begin anew.")]),
    ("verdict", &[("cargo gate verdict target/gate/test-report.md", "Leave as the run did that wrote it.")]),
    ("init", &[("cargo gate init", "Write a first configuration that fits the workspace.")]),
    ("doctor", &[("cargo gate doctor --install", "Get the tools that are missing.")]),
    ("config show", &[("cargo gate config show", "Every setting, and where its value comes from.")]),
    ("config schema", &[("cargo gate config schema > gate.schema.json", "For an editor that completes TOML by it.")]),
    ("schema", &[("cargo gate schema test", "The shape of what `cargo gate test --format json` prints.")]),
    (
        "completions",
        &[("cargo gate completions fish > cargo-gate.fish", "Completions for fish; the same for four other shells.")],
    ),
    ("man", &[("cargo gate man ~/.local/share/man/man1", "Install the man pages.")]),
];

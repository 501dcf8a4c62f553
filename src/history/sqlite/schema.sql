-- Format 1 of the history. A later format is a further step in schema.rs; this one never changes.

CREATE TABLE contexts (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    features TEXT NOT NULL,
    profile TEXT NOT NULL,
    UNIQUE (target, features, profile)
);

-- One row a run. A pruned run keeps its row: the windows of tests refer to it by `seq`, and its name must not be
-- merged in a second time.
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    start_ns INTEGER NOT NULL,
    context INTEGER NOT NULL REFERENCES contexts,
    state TEXT NOT NULL,
    run_trigger TEXT NOT NULL,
    host TEXT NOT NULL,
    toolchain TEXT NOT NULL,
    commit_id TEXT,
    branch TEXT,
    dirty INTEGER,
    ci_link TEXT,
    input_key BLOB,
    instrumented INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    boot_id TEXT,
    tests INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    errored INTEGER NOT NULL DEFAULT 0,
    timeout INTEGER NOT NULL DEFAULT 0,
    flaky INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    not_run INTEGER NOT NULL DEFAULT 0,
    duration_us INTEGER,
    verdict TEXT,
    codes TEXT,
    reasons TEXT,
    plan_digest BLOB,
    judged INTEGER NOT NULL DEFAULT 0,
    pruned INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_start ON runs (start_ns, id);

CREATE TABLE binaries (
    id INTEGER PRIMARY KEY,
    package TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (package, kind, name)
);

CREATE TABLE tests (
    id INTEGER PRIMARY KEY,
    binary_id INTEGER NOT NULL REFERENCES binaries,
    name TEXT NOT NULL,
    UNIQUE (binary_id, name)
);

-- By far the most rows: one a test and run, about 17 bytes each. `outcome` is 0 for passed (which takes no byte),
-- `us` the duration, `extra` whatever is out of the ordinary. There is no index by test: summaries are for that.
CREATE TABLE cases (
    run INTEGER NOT NULL,
    test INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    us INTEGER,
    extra BLOB,
    PRIMARY KEY (run, test)
) WITHOUT ROWID;

CREATE TABLE failures (
    run INTEGER NOT NULL,
    test INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, test, attempt)
) WITHOUT ROWID;

-- The content of the binaries of each run: all cases of one binary in one run share it.
CREATE TABLE contents (
    run INTEGER NOT NULL,
    binary_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (run, binary_id)
) WITHOUT ROWID;

-- The files of the binaries as they were last recorded.
CREATE TABLE stamps (
    context INTEGER NOT NULL,
    binary_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    hash BLOB,
    run INTEGER NOT NULL,
    PRIMARY KEY (context, binary_id)
) WITHOUT ROWID;

CREATE TABLE summaries (
    context INTEGER NOT NULL,
    test INTEGER NOT NULL,
    folded BLOB NOT NULL,
    PRIMARY KEY (context, test)
) WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE deferrals (
    input_key BLOB PRIMARY KEY,
    count INTEGER NOT NULL,
    last_ns INTEGER NOT NULL
) WITHOUT ROWID;

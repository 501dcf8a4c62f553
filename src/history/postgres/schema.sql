-- Format 1 of the history in PostgreSQL. A later format is a further step in schema.rs; this one never changes.
-- What has a name is found by the digest of its name: names may be longer than what fits into an index.

CREATE TABLE contexts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    target text NOT NULL,
    features text NOT NULL,
    profile text NOT NULL
);

-- One row a run. A pruned run keeps its row: the windows of tests refer to it by `seq`, and its name must not be
-- taken in a second time.
CREATE TABLE runs (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    start_ns bigint NOT NULL,
    context bigint NOT NULL REFERENCES contexts,
    state text NOT NULL,
    suite text NOT NULL,
    version text,
    run_trigger text NOT NULL,
    host text NOT NULL,
    toolchain text NOT NULL,
    commit_id text,
    branch text,
    dirty boolean,
    ci_link text,
    input_key bytea,
    instrumented boolean NOT NULL,
    whole boolean NOT NULL,
    shard text,
    pid bigint NOT NULL,
    boot_id text,
    tests bigint NOT NULL DEFAULT 0,
    passed bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    errored bigint NOT NULL DEFAULT 0,
    timeout bigint NOT NULL DEFAULT 0,
    flaky bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    not_run bigint NOT NULL DEFAULT 0,
    duration_us bigint,
    verdict text,
    codes text,
    reasons text,
    plan_digest bytea,
    pruned boolean NOT NULL DEFAULT false
);
CREATE INDEX runs_by_start ON runs (start_ns, id);
CREATE INDEX runs_of_context ON runs (context, start_ns, id);

CREATE TABLE coverage (
    run bigint PRIMARY KEY,
    lines_covered bigint NOT NULL,
    lines_total bigint NOT NULL,
    regions_covered bigint NOT NULL,
    regions_total bigint NOT NULL,
    functions_covered bigint NOT NULL,
    functions_total bigint NOT NULL,
    branches_covered bigint NOT NULL,
    branches_total bigint NOT NULL,
    counting text NOT NULL,
    is_whole boolean NOT NULL,
    may_be_baseline boolean NOT NULL
);

CREATE TABLE binaries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    package text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL
);

CREATE TABLE tests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    binary_id bigint NOT NULL REFERENCES binaries,
    name text NOT NULL
);

-- By far the most rows: one a test and run. `outcome` is 0 for passed, `us` the duration, `extra` whatever is out of
-- the ordinary. There is no index by test: summaries are for that.
CREATE TABLE cases (
    run bigint NOT NULL,
    test bigint NOT NULL,
    us bigint,
    outcome smallint NOT NULL,
    extra bytea,
    PRIMARY KEY (run, test)
);

CREATE TABLE failures (
    run bigint NOT NULL,
    test bigint NOT NULL,
    attempt bigint NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (run, test, attempt)
);

-- The content of the binaries of each run: all cases of one binary in one run share it.
CREATE TABLE contents (
    run bigint NOT NULL,
    binary_id bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (run, binary_id)
);

-- The files of the binaries as they were last recorded.
CREATE TABLE stamps (
    context bigint NOT NULL,
    binary_id bigint NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    hash bytea,
    run bigint NOT NULL,
    PRIMARY KEY (context, binary_id)
);

-- `last_run` is the latest run that `folded` knows of. Each run rewrites the rows of its tests, in place where the
-- page has room for that.
CREATE TABLE summaries (
    context bigint NOT NULL,
    test bigint NOT NULL,
    last_run bigint,
    folded bytea NOT NULL,
    PRIMARY KEY (context, test)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1);

CREATE TABLE counters (
    name text PRIMARY KEY,
    value bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO counters (name, value) VALUES ('runs', 0), ('pass', 0), ('fail', 0), ('tool_error', 0), ('deferred', 0);

CREATE TABLE deferrals (
    input_key bytea PRIMARY KEY,
    count bigint NOT NULL,
    last_ns bigint NOT NULL
);

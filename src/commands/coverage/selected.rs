//! Which tests a run takes in, beside those of a run without any choice.

use crate::cli::{CargoFlags, TestArgs};
use crate::commands::test::Asked;
use crate::coverage::circumstances::Selected;

/// Of a run: a choice in `test.args` is one like the user's.
pub(super) fn of_run(test: &TestArgs, asked: &Asked) -> Selected {
    let is_usual = |flag: &str| asked.settings().test.args.iter().any(|word| word == flag);
    // Without doctests, `--tests` is what is measured anyway.
    let leaves_out_doctests = asked.build.flags.tests && asked.measures_doctests();
    choose(test, &asked.build.flags, leaves_out_doctests, is_usual("--all-targets"))
}

/// Of what ran elsewhere: as the user says.
pub(super) fn of_flags(test: &TestArgs) -> Selected {
    choose(test, &test.build.flags, test.build.flags.tests, false)
}

fn choose(test: &TestArgs, flags: &CargoFlags, leaves_out_doctests: bool, has_all_targets: bool) -> Selected {
    let names = [&flags.package, &flags.exclude, &flags.bin, &flags.example, &flags.test, &flags.bench];
    let kinds = [flags.lib, flags.bins, flags.examples, flags.benches, flags.doc, leaves_out_doctests];
    let libtest = &test.libtest;
    let filters = [&test.filters, &libtest.filters, &libtest.skip];
    if libtest.ignored
        || !test.select.is_empty()
        || kinds.contains(&true)
        || names.iter().any(|names| !names.is_empty())
        || filters.iter().any(|filters| !filters.is_empty())
    {
        Selected::Part
    } else if libtest.include_ignored || (flags.all_targets && !has_all_targets) {
        Selected::More
    } else {
        Selected::Whole
    }
}

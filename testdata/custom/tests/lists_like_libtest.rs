//! A harness in the manner of libtest-mimic: it lists, filters and reports as libtest does.

use std::env;
use std::process::ExitCode;

struct Case {
    name: &'static str,
    ignored: bool,
    run: fn() -> Result<(), &'static str>,
}

const CASES: [Case; 4] = [
    Case { name: "data::first", ignored: false, run: || Ok(()) },
    Case { name: "data::second", ignored: false, run: || Err("the second file is not like the first") },
    Case { name: "data::third", ignored: true, run: || Err("nobody should run this one unasked") },
    Case { name: "fourth", ignored: false, run: || Ok(()) },
];

/// The flags it understands, all of them libtest's.
#[derive(Default)]
struct Flags {
    list: bool,
    exact: bool,
    ignored: bool,
    include_ignored: bool,
    skip: Vec<String>,
    filters: Vec<String>,
}

impl Flags {
    fn from_env() -> Result<Self, String> {
        let mut flags = Self::default();
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => flags.list = true,
                "--exact" => flags.exact = true,
                "--ignored" => flags.ignored = true,
                "--include-ignored" => flags.include_ignored = true,
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--show-output" => {}
                "--skip" => flags.skip.extend(args.next()),
                "--format" | "--test-threads" | "--color" | "-Z" => drop(args.next()),
                _ if arg.starts_with("--") && arg.contains('=') => {}
                _ if arg.starts_with('-') => return Err(format!("unknown flag {arg}")),
                _ => flags.filters.push(arg),
            }
        }
        Ok(flags)
    }

    fn select(&self, case: &Case) -> bool {
        let matches = |filter: &String| if self.exact { case.name == filter } else { case.name.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skip.iter().any(matches)
            && (!self.ignored || case.ignored)
    }
}

fn main() -> ExitCode {
    custom::note_start("lists_like_libtest");
    let flags = match Flags::from_env() {
        Ok(flags) => flags,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let selected: Vec<&Case> = CASES.iter().filter(|case| flags.select(case)).collect();
    if flags.list {
        selected.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", selected.len());
    let (mut passed, mut ignored, mut failures) = (0, 0, Vec::new());
    for case in &selected {
        if case.ignored && !flags.ignored && !flags.include_ignored {
            println!("test {} ... ignored", case.name);
            ignored += 1;
            continue;
        }
        match (case.run)() {
            Ok(()) => {
                println!("test {} ... ok", case.name);
                passed += 1;
            }
            Err(why) => {
                println!("test {} ... FAILED", case.name);
                failures.push((case.name, why));
            }
        }
    }
    if !failures.is_empty() {
        println!("\nfailures:\n");
        failures.iter().for_each(|(name, why)| println!("---- {name} ----\n{why}\n"));
        println!("\nfailures:");
        failures.iter().for_each(|(name, _)| println!("    {name}"));
    }
    println!(
        "\ntest result: {}. {passed} passed; {} failed; {ignored} ignored; 0 measured; {} filtered out; finished in 0.00s\n",
        if failures.is_empty() { "ok" } else { "FAILED" },
        failures.len(),
        CASES.len() - selected.len(),
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

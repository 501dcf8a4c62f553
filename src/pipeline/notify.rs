//! Who is told of what happened: the command of `[notify]`, with the result on its stdin.
//!
//! That it could not be told is no verdict on the code, so it is a sentence and nothing else.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::config::Notice;
use crate::exit_code::ExitCode;
use crate::model::{Ending, Judgement, Word, write_duration};
use crate::sys::process::{Finished, Launch, own_environment, run_with_input};
use crate::sys::signals::Signals;

/// How long the command may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The variable that tells the command what happened.
const VARIABLE: &str = "CARGO_GATE_NOTICES";

/// What is worth telling of a run: how it was judged, and whether a test turned flaky. Nothing of what the user did: an
/// interrupt, a command line that makes no sense.
#[must_use]
pub fn happened(judgement: &Judgement, turned_flaky: bool) -> Vec<Notice> {
    let code = judgement.exit_code();
    if matches!(code, ExitCode::Interrupted | ExitCode::Usage) {
        return Vec::new();
    }
    let fail = judgement.verdict.is_failure() && code != ExitCode::Pass;
    let exhausted = judgement.codes.contains(&ExitCode::NeverExecuted);
    let all = [(fail, Notice::Fail), (exhausted, Notice::Exhausted), (turned_flaky, Notice::FlakyNew)];
    all.into_iter().filter(|(happened, _)| *happened).map(|(_, notice)| notice).collect()
}

/// Of what happened what somebody asked to be told, each once.
#[must_use]
pub fn due(on: &[Notice], happened: &[Notice]) -> Vec<Notice> {
    Notice::ALL.iter().copied().filter(|notice| on.contains(notice) && happened.contains(notice)).collect()
}

/// Hands the result to the command, and waits for its end. `CARGO_GATE_NOTICES` names what happened.
///
/// # Errors
///
/// A sentence that says why nobody was told.
pub fn send(command: &[String], notices: &[Notice], json: &[u8], cwd: &Path, signals: &Signals) -> Result<(), String> {
    send_within(LIMIT, command, notices, json, cwd, signals)
}

fn send_within(
    limit: Duration,
    command: &[String],
    notices: &[Notice],
    json: &[u8],
    cwd: &Path,
    signals: &Signals,
) -> Result<(), String> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    let words: Vec<&str> = notices.iter().map(|notice| notice.word()).collect();
    let mut env = own_environment();
    env.push((VARIABLE.into(), words.join(",").into()));
    let launch =
        Launch { program: program.into(), args: args.iter().map(Into::into).collect(), cwd: cwd.to_owned(), env };
    let finished = match run_with_input(&launch, json.to_vec(), Instant::now() + limit, signals) {
        Ok(finished) => finished,
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            return Err(format!("nobody was told: `{program}` was ended, as was asked for"));
        }
        Err(error) => return Err(format!("nobody was told: `{program}` cannot be started: {error}")),
    };
    let what = match (finished.timed_out, finished.ending) {
        (false, Ending::Exited(0)) => return Ok(()),
        (true, _) => format!("did not end within {}, and was killed", write_duration(limit)),
        (false, ending) => ending.to_string(),
    };
    let said = last_line(&finished).map(|line| format!("; it said last: {line}")).unwrap_or_default();
    Err(format!("perhaps nobody was told: `{program}` {what}{said}"))
}

/// The last line that says anything; an error's rather than a result's.
fn last_line(finished: &Finished) -> Option<String> {
    [&finished.stderr, &finished.stdout].into_iter().find_map(|output| {
        let text = String::from_utf8_lossy(output);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        Some(line.chars().take(200).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reason, Verdict};

    fn judged(verdict: Verdict, codes: &[ExitCode]) -> Judgement {
        Judgement { verdict, codes: codes.to_vec(), reasons: vec![Reason::new("x", "x")] }
    }

    #[test]
    fn what_is_worth_telling_is_a_gate_that_shut_and_a_test_that_turned_flaky() {
        use ExitCode::{
            BuildFailed, CoverageFailed, Deferred, Interrupted, NeverExecuted, NoTests, Pass, StepFailed, TestsFailed,
            Usage,
        };
        let (fail, exhausted) = (Notice::Fail, Notice::Exhausted);
        for (verdict, codes, want) in [
            (Verdict::Pass, &[Pass][..], &[][..]),
            (Verdict::Nothing, &[NoTests], &[]),
            (Verdict::Deferred, &[Deferred], &[]),
            (Verdict::Fail, &[Usage], &[]),
            (Verdict::Fail, &[Interrupted, TestsFailed], &[]),
            (Verdict::Fail, &[TestsFailed], &[fail]),
            (Verdict::Fail, &[CoverageFailed], &[fail]),
            (Verdict::Fail, &[StepFailed], &[fail]),
            (Verdict::Fail, &[BuildFailed], &[fail]),
            (Verdict::ToolError, &[NeverExecuted], &[fail, exhausted]),
            (Verdict::Fail, &[TestsFailed, NeverExecuted], &[fail, exhausted]),
        ] {
            assert_eq!(happened(&judged(verdict, codes), false), want, "{codes:?}");
        }
        let flaky = Notice::FlakyNew;
        assert_eq!(happened(&judged(Verdict::Pass, &[Pass]), true), [flaky]);
        assert_eq!(happened(&judged(Verdict::Fail, &[TestsFailed]), true), [fail, flaky]);
        assert_eq!(happened(&judged(Verdict::Fail, &[Interrupted]), true), []);
    }

    #[test]
    fn only_what_was_asked_for_is_told_and_once() {
        let (fail, flaky) = (Notice::Fail, Notice::FlakyNew);
        assert_eq!(due(&[flaky, fail], &[fail, fail, flaky]), [fail, flaky]);
        assert_eq!(due(&[flaky], &[fail]), []);
        assert_eq!(due(&[], &[fail]), []);
    }

    #[cfg(unix)]
    fn sh(script: &str) -> [String; 3] {
        ["sh", "-c", script].map(str::to_owned)
    }

    #[cfg(unix)]
    fn sent(limit: Duration, script: &str) -> Result<(), String> {
        let (json, notices) = (br#"{"verdict":"fail"}"#, [Notice::Fail, Notice::FlakyNew]);
        send_within(limit, &sh(script), &notices, json, &std::env::temp_dir(), &Signals::none())
    }

    #[cfg(unix)]
    #[test]
    fn the_command_gets_the_result_and_what_happened() {
        let long = Duration::from_secs(20);
        let says = |script: &str| sent(long, script).unwrap_err();
        let told = says("cat; echo \" $CARGO_GATE_NOTICES\"; exit 3");
        assert_eq!(
            told,
            r#"perhaps nobody was told: `sh` exited with 3; it said last: {"verdict":"fail"} fail,flaky-new"#
        );
        assert_eq!(sent(long, "echo chatter"), Ok(()));
        assert_eq!(sent(long, "exec <&-"), Ok(()), "who does not read is told as well");
        assert!(says("echo no route >&2; echo result; exit 1").ends_with("; it said last: no route"));
        assert_eq!(send(&[], &[], b"", Path::new("."), &Signals::none()), Ok(()), "nobody is to be told");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_hangs_is_killed_with_all_it_started() {
        let told = sent(Duration::from_millis(300), "echo dialling; sleep 60 & wait").unwrap_err();
        assert_eq!(
            told,
            "perhaps nobody was told: `sh` did not end within 300ms, and was killed; it said last: dialling"
        );
    }

    #[test]
    fn a_command_that_is_not_there_is_a_sentence() {
        let command = ["no-such-program-anywhere".to_owned()];
        let told = send(&command, &[Notice::Fail], b"{}", &std::env::temp_dir(), &Signals::none()).unwrap_err();
        assert!(told.starts_with("nobody was told: `no-such-program-anywhere` cannot be started: "), "{told}");
    }
}

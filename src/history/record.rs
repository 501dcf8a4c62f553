//! What is known of a run when it starts: who set it off, where, and what CI says of it.
//!
//! Pure functions of the environment as a lookup; what the machine says comes in as values.

use jiff::Timestamp;

use crate::config::without_user;
use crate::model::{Context, RunHead, RunId, Shard, WORKSPACE_SUITE};
use crate::sys::git::Checkout;
use crate::sys::host;

/// A variable of the environment, by name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the command line and the build say of a run that starts.
#[derive(Clone, Debug)]
pub struct Start {
    /// When.
    pub at: Timestamp,
    /// Makes the run's name unique within its millisecond.
    pub random: u32,
    /// Under what its test keys are meant.
    pub context: Context,
    /// `--trigger`.
    pub trigger: Option<String>,
    /// `rustc -V`'s one line.
    pub toolchain: String,
    /// Is it instrumented?
    pub instrumented: bool,
    /// Does it take in every test of the workspace?
    pub full: bool,
    /// Which part of the plan does it take, where that is cut?
    pub shard: Option<Shard>,
}

/// The head of a run as far as it is known at its start: git is read beside the tests, see [`add_checkout`].
#[must_use]
pub fn head(start: Start, env: Lookup<'_>) -> RunHead {
    let ci = ci(env);
    RunHead {
        id: RunId::new(start.at, start.random),
        start: start.at,
        context: start.context,
        suite: WORKSPACE_SUITE.to_owned(),
        version: None,
        trigger: trigger(start.trigger, env),
        host: host::name(),
        toolchain: start.toolchain,
        commit: None,
        branch: ci.branch,
        dirty: None,
        ci_link: ci.link,
        input_key: None,
        instrumented: start.instrumented,
        full: start.full,
        shard: start.shard,
        pid: std::process::id(),
        boot_id: host::boot_id().map(str::to_owned),
    }
}

/// The head of a run that came to nothing: of what it would have been nothing is known.
#[must_use]
pub fn head_of_nothing(at: Timestamp, random: u32, env: Lookup<'_>) -> RunHead {
    let context = Context { target: String::new(), features: String::new(), profile: String::new() };
    let (trigger, toolchain) = (None, String::new());
    head(Start { at, random, context, trigger, toolchain, instrumented: false, full: false, shard: None }, env)
}

/// Adds what git says. A branch that CI named stays: its checkouts are detached, or of a merge that is on no branch.
pub fn add_checkout(head: &mut RunHead, checkout: &Checkout) {
    head.commit.clone_from(&checkout.commit);
    head.dirty = Some(checkout.is_dirty());
    if head.branch.is_none() {
        head.branch.clone_from(&checkout.branch);
    }
}

/// What set a run off: the flag, `CARGO_GATE_TRIGGER`, `ci` where there is CI, else `manual`.
fn trigger(flag: Option<String>, env: Lookup<'_>) -> String {
    let word = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    flag.and_then(word)
        .or_else(|| env("CARGO_GATE_TRIGGER").and_then(word))
        .unwrap_or_else(|| if is_ci(env) { "ci".to_owned() } else { "manual".to_owned() })
}

/// Does the environment say that this is CI?
#[must_use]
pub fn is_ci(env: Lookup<'_>) -> bool {
    let is_on = |name| env(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    ["CI", "TF_BUILD", "JENKINS_URL"].into_iter().any(is_on)
}

/// What CI says of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ci {
    /// Where it shows the run.
    pub link: Option<String>,
    /// Of which branch it is: of a pull request the one that is to be merged.
    pub branch: Option<String>,
}

/// What GitHub, GitLab, Buildkite, CircleCI, Azure Pipelines or Jenkins says.
#[must_use]
pub fn ci(env: Lookup<'_>) -> Ci {
    let var = |name: &str| env(name).filter(|value| !value.is_empty());
    let ci = if var("GITHUB_ACTIONS").is_some() {
        github(&var)
    } else if var("GITLAB_CI").is_some() {
        let branch = var("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME").or_else(|| var("CI_COMMIT_BRANCH"));
        Ci { link: var("CI_JOB_URL").or_else(|| var("CI_PIPELINE_URL")), branch }
    } else if var("BUILDKITE").is_some() {
        let job = |url| match var("BUILDKITE_JOB_ID") {
            Some(job) => format!("{url}#{job}"),
            None => url,
        };
        // Of a tag the variable repeats the tag.
        let branch = var("BUILDKITE_BRANCH").filter(|_| var("BUILDKITE_TAG").is_none());
        Ci { link: var("BUILDKITE_BUILD_URL").map(job), branch }
    } else if var("CIRCLECI").is_some() {
        Ci { link: var("CIRCLE_BUILD_URL"), branch: var("CIRCLE_BRANCH") }
    } else if var("TF_BUILD").is_some() {
        azure(&var)
    } else if var("JENKINS_URL").is_some() {
        let branch = var("CHANGE_BRANCH")
            .or_else(|| var("BRANCH_NAME"))
            .or_else(|| var("GIT_BRANCH").map(|branch| branch.trim_start_matches("origin/").to_owned()));
        Ci { link: var("BUILD_URL"), branch }
    } else {
        Ci::default()
    };
    Ci { link: ci.link.map(|link| without_user(&link)), ..ci }
}

fn github(var: &dyn Fn(&str) -> Option<String>) -> Ci {
    let link = || {
        let server = var("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
        let (repository, run) = (var("GITHUB_REPOSITORY")?, var("GITHUB_RUN_ID")?);
        let attempt = var("GITHUB_RUN_ATTEMPT").filter(|attempt| attempt != "1");
        let attempt = attempt.map(|attempt| format!("/attempts/{attempt}")).unwrap_or_default();
        Some(format!("{server}/{repository}/actions/runs/{run}{attempt}"))
    };
    let is_branch = var("GITHUB_REF_TYPE").is_none_or(|kind| kind == "branch");
    let branch = var("GITHUB_HEAD_REF").or_else(|| var("GITHUB_REF_NAME").filter(|_| is_branch));
    Ci { link: link(), branch }
}

fn azure(var: &dyn Fn(&str) -> Option<String>) -> Ci {
    let link = || {
        let (server, project) = (var("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")?, var("SYSTEM_TEAMPROJECT")?);
        let server = server.trim_end_matches('/');
        let project = project.replace(' ', "%20");
        Some(format!("{server}/{project}/_build/results?buildId={}", var("BUILD_BUILDID")?))
    };
    let branch = var("SYSTEM_PULLREQUEST_SOURCEBRANCH").or_else(|| var("BUILD_SOURCEBRANCH"));
    let branch = branch.and_then(|name| match name.strip_prefix("refs/heads/") {
        Some(branch) => Some(branch.to_owned()),
        None if name.starts_with("refs/") => None,
        None => Some(name),
    });
    Ci { link: link(), branch }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables = &'static [(&'static str, &'static str)];

    fn ci_of(variables: Variables) -> (String, String) {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let Ci { link, branch } = ci(&env);
        (link.unwrap_or_default(), branch.unwrap_or_default())
    }

    #[test]
    fn each_ci_names_its_link_and_branch() {
        let cases: [(Variables, &str, &str); 9] = [
            (
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_REPOSITORY", "o/r"),
                    ("GITHUB_RUN_ID", "7"),
                    ("GITHUB_RUN_ATTEMPT", "2"),
                    ("GITHUB_HEAD_REF", "topic"),
                    ("GITHUB_REF_NAME", "12/merge"),
                ],
                "https://github.com/o/r/actions/runs/7/attempts/2",
                "topic",
            ),
            (&[("GITHUB_ACTIONS", "true"), ("GITHUB_HEAD_REF", ""), ("GITHUB_REF_NAME", "main")], "", "main"),
            (&[("GITHUB_ACTIONS", "true"), ("GITHUB_REF_TYPE", "tag"), ("GITHUB_REF_NAME", "v1")], "", ""),
            (
                &[("GITLAB_CI", "true"), ("CI_JOB_URL", "https://u:p@gitlab/j/1"), ("CI_COMMIT_BRANCH", "main")],
                "https://gitlab/j/1",
                "main",
            ),
            (
                &[
                    ("BUILDKITE", "true"),
                    ("BUILDKITE_BUILD_URL", "https://b/1"),
                    ("BUILDKITE_JOB_ID", "x"),
                    ("BUILDKITE_BRANCH", "main"),
                ],
                "https://b/1#x",
                "main",
            ),
            (&[("CIRCLECI", "true"), ("CIRCLE_BUILD_URL", "https://c/1"), ("CIRCLE_BRANCH", "b")], "https://c/1", "b"),
            (
                &[
                    ("TF_BUILD", "True"),
                    ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "https://dev.azure.com/o/"),
                    ("SYSTEM_TEAMPROJECT", "my project"),
                    ("BUILD_BUILDID", "9"),
                    ("BUILD_SOURCEBRANCH", "refs/heads/feature/x"),
                ],
                "https://dev.azure.com/o/my%20project/_build/results?buildId=9",
                "feature/x",
            ),
            (
                &[("JENKINS_URL", "https://j"), ("BUILD_URL", "https://j/1"), ("GIT_BRANCH", "origin/main")],
                "https://j/1",
                "main",
            ),
            (&[("BUILD_URL", "https://nobody")], "", ""),
        ];
        for (variables, link, branch) in cases {
            assert_eq!(ci_of(variables), (link.to_owned(), branch.to_owned()), "{variables:?}");
        }
    }

    #[test]
    fn the_trigger_is_the_flag_then_the_variable_then_ci() {
        let of = |flag: Option<&str>, variables: &[(&str, &str)]| {
            let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            trigger(flag.map(str::to_owned), &env)
        };
        let both = [("CARGO_GATE_TRIGGER", "schedule"), ("CI", "true")];
        assert_eq!(of(Some("pre-push"), &both), "pre-push");
        assert_eq!(of(None, &both), "schedule");
        assert_eq!(of(None, &[("CI", "true")]), "ci");
        assert_eq!(of(None, &[("CI", "false")]), "manual");
        assert_eq!(of(Some(" "), &[]), "manual");
    }

    #[test]
    fn a_branch_that_ci_named_is_kept() {
        let context = Context { target: "t".into(), features: String::new(), profile: "dev".into() };
        let start = |at| Start {
            at,
            random: 1,
            context: context.clone(),
            trigger: None,
            toolchain: "rustc".into(),
            instrumented: false,
            full: true,
            shard: None,
        };
        let checkout = Checkout {
            commit: Some("abc".into()),
            branch: Some("local".into()),
            changed: vec!["a".into()],
            ..Checkout::default()
        };
        let env = |name: &str| match name {
            "CIRCLECI" => Some("true".to_owned()),
            "CIRCLE_BRANCH" => Some("ours".to_owned()),
            _ => None,
        };
        let mut of_ci = head(start(Timestamp::UNIX_EPOCH), &env);
        add_checkout(&mut of_ci, &checkout);
        assert_eq!((of_ci.branch.as_deref(), of_ci.dirty), (Some("ours"), Some(true)));
        let mut here = head(start(Timestamp::UNIX_EPOCH), &|_| None);
        add_checkout(&mut here, &checkout);
        assert_eq!((here.branch.as_deref(), here.commit.as_deref()), (Some("local"), Some("abc")));
    }
}

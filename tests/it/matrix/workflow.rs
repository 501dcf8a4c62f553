//! A workflow of GitHub Actions, as far as the README's needs it.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, Yaml};

/// The jobs, in the order in which they are written.
pub(super) struct Workflow {
    pub(super) jobs: Vec<Job>,
}

/// A job, as often as its matrix says.
pub(super) struct Job {
    pub(super) name: String,
    /// Does it run whatever became of those it needs?
    pub(super) always: bool,
    pub(super) needs: Vec<String>,
    /// What `matrix.shard` is, in turn; one empty value where there is no matrix.
    pub(super) shards: Vec<String>,
    pub(super) steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Does it run where an earlier one failed?
    pub(super) always: bool,
    pub(super) act: Act,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Runs a script.
    Run(String),
    /// Uses an action, named without its version, with these inputs.
    Use(String, BTreeMap<String, String>),
}

impl Workflow {
    /// Reads one; what it does not know is a mistake of the workflow.
    pub(super) fn parse(text: &str) -> Self {
        let documents = Yaml::load_from_str(text).unwrap();
        let jobs = documents[0]["jobs"].as_mapping().expect("there are jobs");
        let jobs = jobs.iter().map(|(name, job)| Job::parse(name.as_str().unwrap(), job)).collect();
        Self { jobs }
    }
}

/// A scalar as it is written.
fn text(yaml: &Yaml<'_>) -> String {
    let number = || yaml.as_integer().map(|number| number.to_string());
    let switch = || yaml.as_bool().map(|on| on.to_string());
    yaml.as_str().map(str::to_owned).or_else(number).or_else(switch).unwrap_or_else(|| panic!("no scalar: {yaml:?}"))
}

/// A field of a mapping, where it has it.
fn field<'y>(of: &'y Yaml<'y>, name: &str) -> Option<&'y Yaml<'y>> {
    let mapping = of.as_mapping().unwrap_or_else(|| panic!("no mapping: {of:?}"));
    mapping.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

fn is_always(of: &Yaml<'_>) -> bool {
    match field(of, "if").map(text).as_deref() {
        None => false,
        Some("always()") => true,
        Some(other) => panic!("this condition is not known here: {other}"),
    }
}

impl Job {
    fn parse(name: &str, job: &Yaml<'_>) -> Self {
        let needs = match field(job, "needs") {
            None => Vec::new(),
            Some(needs) => needs.as_sequence().map_or_else(|| vec![text(needs)], |all| all.iter().map(text).collect()),
        };
        let shards = field(job, "strategy").map(|strategy| {
            assert_eq!(field(strategy, "fail-fast").map(text).as_deref(), Some("false"), "each shard is to be told");
            strategy["matrix"]["shard"].as_sequence().unwrap().iter().map(text).collect()
        });
        let steps = field(job, "steps").and_then(|steps| steps.as_sequence()).expect("a job has steps");
        Self {
            name: name.to_owned(),
            always: is_always(job),
            needs,
            shards: shards.unwrap_or_else(|| vec![String::new()]),
            steps: steps.iter().map(Step::parse).collect(),
        }
    }
}

impl Step {
    fn parse(step: &Yaml<'_>) -> Self {
        let act = match (field(step, "run"), field(step, "uses")) {
            (Some(script), None) => Act::Run(text(script)),
            (None, Some(action)) => {
                let action = text(action).split('@').next().unwrap_or_default().to_owned();
                let inputs = field(step, "with").and_then(|with| with.as_mapping());
                let inputs = inputs.into_iter().flatten().map(|(key, value)| (text(key), text(value))).collect();
                Act::Use(action, inputs)
            }
            _ => panic!("a step runs a script or uses an action: {step:?}"),
        };
        Self { always: is_always(step), act }
    }
}

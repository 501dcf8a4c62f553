//! The settings of a run: its flags over variables over files.

use super::Refused;
use super::ground::LateGround;
use crate::cli::TestArgs;
use crate::commands::stage::Stage;
use crate::config::{ConfigErrors, ConfigFile, Layers, Resolved};
use crate::model::Compat;

/// Every layer that has a say in a run. nextest's file is looked for only where it is asked for: cargo has to tell where.
pub(super) fn resolve(
    args: &TestArgs,
    judging: &[(&'static str, &str)],
    file: Option<&ConfigFile>,
    stage: &Stage,
    ground: &LateGround,
) -> Result<Resolved, Refused> {
    let variables = stage.environment();
    let mut flags = args.settings.given();
    flags.extend_from_slice(judging);
    let profile = args.gate_profile.as_deref();
    let layers = Layers { file, variables: &variables, profile, flags: &flags, ..Layers::default() };
    let resolved = Resolved::from_layers(&layers).map_err(refused)?;
    if resolved.settings.test.compat == Compat::None {
        return Ok(resolved);
    }
    // As with the gate's own file, what the pipeline was started in decides, whatever a worktree's says.
    let origin = stage.step.as_ref().and_then(|step| step.origin.as_ref());
    let root = match origin {
        Some(origin) => &origin.root,
        None => &ground.workspace()?.root,
    };
    resolved.with_nextest(&layers, root, &args.build.flags.target).map_err(refused)
}

/// Mistakes in the configuration end the command.
pub(super) fn refused(errors: ConfigErrors) -> Refused {
    let all: Vec<String> = errors.all().iter().map(ToString::to_string).collect();
    Refused::new(errors.exit_code(), all.join("\nerror: "))
}


# `cargo gate …`: asks what would come after `cargo-gate`.
function __fish_cargo_gate_within_cargo
    set -l before (commandline --current-process --tokenize --cut-at-cursor)[3..]
    complete --do-complete "cargo-gate $(string escape -- $before | string join ' ') $(commandline --current-token --cut-at-cursor)"
end
complete --command cargo --condition '__fish_seen_subcommand_from gate' --no-files --arguments '(__fish_cargo_gate_within_cargo)'

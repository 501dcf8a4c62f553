
# `cargo gate …`: what completes cargo goes on to answer for all else.
_cargo_gate_within_cargo() {
    if [[ ${COMP_WORDS[1]} == gate && ${COMP_CWORD} -ge 2 ]]; then
        COMP_WORDS=(cargo-gate "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _cargo__gate cargo-gate "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
    elif [[ -n ${_cargo_gate_cargo} ]]; then
        "${_cargo_gate_cargo}" "$@"
    fi
}

if [[ -z ${_cargo_gate_cargo+set} ]]; then
    # Where completions are loaded on demand, cargo's may not be there yet.
    if declare -F _comp_load >/dev/null; then
        _comp_load cargo
    elif declare -F _completion_loader >/dev/null; then
        _completion_loader cargo
    fi
    _cargo_gate_cargo=$(complete -p cargo 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
    complete -o bashdefault -o default -F _cargo_gate_within_cargo cargo
fi

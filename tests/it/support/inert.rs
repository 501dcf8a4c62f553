//! What holds of every text that people read.

/// Panics where a text would do anything to a terminal or speak to a CI service.
#[track_caller]
pub(crate) fn assert_inert(text: &str) {
    assert!(text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{text:.2000?}");
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}']), "{text:.2000?}");
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
    }
}

/// A log without the workflow commands that are the gate's own.
pub(crate) fn without_commands(log: &str) -> String {
    let is_own = |line: &&str| {
        let words = ["::error ", "::warning ", "::notice "];
        let annotation = words.iter().find_map(|word| line.strip_prefix(word));
        annotation.is_some_and(|rest| rest.starts_with("title=") || rest.starts_with("file="))
            || line.starts_with("::group::Output of ")
            || *line == "::endgroup::"
    };
    log.lines().filter(|line| !is_own(line)).map(|line| format!("{line}\n")).collect()
}

/// The lines that are no text of a test.
pub(crate) fn outside_fences(markdown: &str) -> impl Iterator<Item = &str> {
    let mut inside = None;
    markdown.lines().filter(move |line| {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        match inside {
            Some(length) if ticks >= length && line.trim_matches('`').is_empty() => inside = None,
            Some(_) => {}
            None if ticks >= 3 => inside = Some(ticks),
            None => return true,
        }
        false
    })
}

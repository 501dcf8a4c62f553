//! nextest's configuration never panics, nor does a filterset in it, whatever it says.
#![no_main]

use cargo_gate::config::{ConfigFile, Layers, NEXTEST_FILE, NextestLayer, Resolved};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let filter = toml_text(text);
    for text in [text.to_owned(), format!("[[profile.default.overrides]]\nfilter = {filter}\nretries = 1\n")] {
        let file = ConfigFile { name: NEXTEST_FILE.to_owned(), text };
        let nextest = Some(NextestLayer { file: &file, targets: &[], cpus: 4 });
        let Ok(resolved) = Resolved::from_layers(&Layers { nextest, ..Layers::default() }) else { continue };
        if let Ok(key) = "app/test:db::net::slow_peer".parse() {
            let _ = resolved.settings.policy_for(&key);
        }
    }
});

/// A text as TOML has it.
fn toml_text(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

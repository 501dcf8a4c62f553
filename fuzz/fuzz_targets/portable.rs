//! Any bytes as an exported history: runs, or a reason.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(runs) = cargo_gate::history::portable::read(bytes) {
        for run in runs.take(10_000) {
            if run.is_err() {
                break;
            }
        }
    }
});

//! Any bytes as the inventory of an archive: it, or a reason.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = cargo_gate::cargo::archive::Inventory::parse(bytes);
});

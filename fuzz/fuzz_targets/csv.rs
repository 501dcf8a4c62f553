//! Any bytes as `--input-format csv`.

#![no_main]

mod foreign;

use cargo_gate::import::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| foreign::import(Format::Csv, bytes));

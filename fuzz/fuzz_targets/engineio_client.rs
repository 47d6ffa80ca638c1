#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engineio::fuzzing::client(bytes));

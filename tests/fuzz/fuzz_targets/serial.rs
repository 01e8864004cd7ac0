//! Any bytes on the serial link, as a script of what a host sends and when.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::serial::run(bytes);
});

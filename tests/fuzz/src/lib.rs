//! What the fuzz targets do with their bytes. Nothing here knows libFuzzer, so that `tests/fuzz_corpus.rs` runs the same over
//! the committed corpus.
#![forbid(unsafe_code)]

pub mod bench;
pub mod envelope;
pub mod format_2;
pub mod link;
pub mod memory_store;
pub mod mend;
pub mod model;
#[path = "../../reference/mod.rs"]
pub mod reference;
pub mod seeds;
pub mod serial;

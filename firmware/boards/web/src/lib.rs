//! The core as WebAssembly, for the page in `docs/page`: the same crates that devices and the PC run, behind functions that
//! JavaScript calls.
//!
//! ```text
//! exports.rs   the functions, with numbers and bytes for arguments
//! core.rs      a model, a finder, and what they see
//! answer.rs    what is told of a face
//! link.rs      requests to a device at a serial link, and its replies
//! board.rs     files for the boot loader of a Pico
//! time.rs      the browser's clock
//! ```

pub mod answer;
pub mod board;
pub mod core;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
pub mod exports;
pub mod link;
#[allow(unsafe_code)]
pub mod time;

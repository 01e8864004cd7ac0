//! The model file: pinned bytes, and no byte string that panics or is wrongly accepted.

mod envelope;
mod file;
mod random;
mod sound;
mod unsound;

//! Finds faces in a frame: trees of pixel comparisons propose, two small networks confirm and place the eyes.
//!
//! ```text
//! frame.rs       a camera's picture
//! shrink.rs      smaller ones of it, level by level
//! trees.rs       most windows of a level are turned away
//! candidates.rs  the others, put together
//! warp.rs        a turned and scaled square of a frame
//! search.rs      all of it, and the networks
//! align.rs       a face as the classifiers know it
//! track.rs       faces over time
//! ```
pub mod align;
pub mod candidates;
pub mod frame;
pub mod search;
pub mod shrink;
pub mod track;
pub mod trees;
pub mod warp;

#[cfg(test)]
mod tests;

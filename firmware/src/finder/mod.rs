//! Finds faces in a frame: trees of pixel comparisons propose, two small networks confirm and place the eyes.
//!
//! ```text
//! frame.rs       a camera's picture
//! shrink.rs      the frame at smaller sizes, the levels
//! trees.rs       reject most windows of a level
//! candidates.rs  the windows that are left, merged to proposals
//! warp.rs        a rotated and scaled square of a frame, sampled
//! search.rs      all of it, and the networks
//! align.rs       a face as the classifiers expect it
//! track.rs       a face from frame to frame
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

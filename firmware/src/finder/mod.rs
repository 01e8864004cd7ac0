//! Finds faces in a frame: trees of pixel comparisons propose, two small networks confirm and place the eyes.
//!
//! ```text
//! frame.rs       a camera's picture
//! shrink.rs      smaller ones of it, level by level
//! trees.rs       most windows of a level are turned away
//! candidates.rs  the others, put together
//! warp.rs        a turned and scaled square of a frame
//! search.rs      all of it, and the networks
//! ```
pub mod candidates;
pub mod frame;
pub mod search;
pub mod shrink;
pub mod trees;
pub mod warp;

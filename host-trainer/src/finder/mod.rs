//! Training of the finder: faces in front of photographs, boosted trees, two small networks.
//!
//! ```text
//! labels.rs    where the eyes of the training data's faces are
//! material.rs  faces and photographs
//! scene.rs     windows: a face in front of a photograph
//! frames.rs    whole frames, and what the networks learn from them
//! boosting.rs  a tree
//! trees.rs     all of them
//! networks.rs  the networks behind them
//! quality.rs   how good such a network is
//! stages.rs    one after the other
//! recipe.rs    how all of it is made
//! run.rs       the folder in which it is made
//! report.rs    what it leaves for people
//! measure.rs   how good it is
//! pasting.rs   faces put into frames, to measure on
//! ```

pub mod boosting;
pub mod frames;
pub mod labels;
pub mod material;
pub mod measure;
pub mod networks;
pub mod pasting;
pub mod quality;
pub mod recipe;
pub mod report;
pub mod run;
pub mod scene;
pub mod stages;
pub mod trees;

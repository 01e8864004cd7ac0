//! A batch.

/// Images of one step.
pub(super) struct Batch {
    /// Rows and columns of a face.
    pub size: usize,
    /// `[channels, size, size]` real values an image.
    pub faces: Vec<f32>,
    /// `[channels, 48, 48]` values an image, where teachers see the same images and these are smaller; else empty.
    pub whole_faces: Vec<f32>,
    /// A probability for each of the network's emotions an image.
    pub targets: Vec<f32>,
    /// The same, as the teachers gave it; empty without teachers.
    pub soft_targets: Vec<f32>,
    /// A factor of the loss an image.
    pub weights: Vec<f32>,
    /// The labels, to count right answers.
    pub labels: Vec<u8>,
}

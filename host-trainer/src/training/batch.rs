//! A batch.

/// Images of one step.
pub(super) struct Batch {
    /// The place of its first image in the epoch's order.
    pub place: usize,
    /// Rows and columns of a face.
    pub size: usize,
    /// `[channels, size, size]` real values per image.
    pub faces: Vec<f32>,
    /// `[channels, 48, 48]` values per image, if teachers see the same images and `size` is smaller; else empty.
    pub whole_faces: Vec<f32>,
    /// Per image, a probability for each of the network's emotions.
    pub targets: Vec<f32>,
    /// The same, as the teachers gave it; empty without teachers and where they are still to be asked.
    pub soft_targets: Vec<f32>,
    /// Per image, a factor of the loss.
    pub weights: Vec<f32>,
    /// The labels, to count right answers.
    pub labels: Vec<u8>,
}

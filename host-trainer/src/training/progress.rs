//! What a training tells while it runs.

use super::EpochMetrics;

/// What a training tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step is done.
    Step {
        /// From 1.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Images of this epoch that are done.
        images: usize,
        /// Images of an epoch.
        total: usize,
        /// Mean over the epoch so far.
        loss: f64,
        /// Share of right answers over the epoch so far.
        accuracy: f64,
        /// In this epoch so far.
        images_per_second: f64,
        /// The step's.
        learning_rate: f64,
    },
    /// An epoch is done, validated and kept.
    Epoch {
        /// Its row of `metrics.csv`.
        metrics: &'a EpochMetrics,
        /// Epochs in all.
        epochs: usize,
    },
}

/// An epoch that was not interrupted.
pub(super) struct Completed {
    pub loss: f64,
    pub accuracy: f64,
    pub images_per_second: f64,
    pub steps: usize,
}

//! The progress of a training.

use super::{EpochMetrics, SoftTargets};

/// The progress that a training reports.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step is finished.
    Step {
        /// Number of the epoch, from 1.
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
        /// Images a second in this epoch so far.
        images_per_second: f64,
        /// Learning rate of the step.
        learning_rate: f64,
    },
    /// An epoch is finished, validated and saved.
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
    /// A view that teachers were asked about for the first time, and what they think of it.
    pub answers: Option<(usize, SoftTargets)>,
}

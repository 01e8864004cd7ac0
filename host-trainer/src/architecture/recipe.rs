//! How a network is trained.

use serde::{Deserialize, Serialize};

/// Loss, optimizer and lengths; the table `[recipe]` of an architecture file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is minimized.
    #[serde(default)]
    pub loss: Loss,
    /// How it is minimized.
    pub optimizer: Optimizer,
    /// Images a step.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Stop after this many epochs without a better validation accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<usize>,
}

/// What is minimized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `-log softmax(logits)[label]`, mean over the batch.
    #[default]
    CategoricalCrossEntropy,
}

/// How the loss is minimized. Formulas and defaults are Keras's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimizer {
    /// `v = rho v + (1 - rho) g^2; w -= learning_rate g / (sqrt(v) + epsilon)`, as Keras had it in 2017.
    RmsProp {
        /// Step size.
        #[serde(default = "keras_rate")]
        learning_rate: f64,
        /// Decay of the mean square.
        #[serde(default = "keras_rho")]
        rho: f32,
        /// Keeps the quotient finite.
        #[serde(default = "keras_epsilon")]
        epsilon: f32,
    },
    /// `w -= learning_rate g`.
    Sgd {
        /// Step size.
        #[serde(default = "keras_sgd_rate")]
        learning_rate: f64,
    },
}

impl Optimizer {
    /// Step size.
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Optimizer::RmsProp { learning_rate, .. } | Optimizer::Sgd { learning_rate } => learning_rate,
        }
    }
}

fn keras_rate() -> f64 {
    1e-3
}

fn keras_rho() -> f32 {
    0.9
}

fn keras_epsilon() -> f32 {
    1e-7
}

fn keras_sgd_rate() -> f64 {
    1e-2
}

//! How the loss is minimized.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting};

/// The rule that turns gradients into steps. Formulas and defaults are Keras's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimizer {
    /// `v = rho v + (1 - rho) g^2; w -= learning_rate g / (sqrt(v) + epsilon)`, as Keras had it in 2017.
    RmsProp {
        /// Step size.
        #[serde(default = "thousandth")]
        learning_rate: f64,
        /// Decay of the mean square.
        #[serde(default = "rms_prop_rho")]
        rho: f32,
        /// Keeps the quotient finite.
        #[serde(default = "keras_epsilon")]
        epsilon: f32,
    },
    /// `v = momentum v + g; w -= learning_rate v`, or with Nesterov's momentum `w -= learning_rate (g + momentum v)`.
    Sgd {
        /// Step size.
        #[serde(default = "hundredth")]
        learning_rate: f64,
        /// Share of the last step that goes on; 0 for plain gradient descent.
        #[serde(default)]
        momentum: f64,
        /// Looks ahead (Sutskever et al. 2013).
        #[serde(default)]
        nesterov: bool,
    },
    /// Kingma and Ba 2015, algorithm 1.
    Adam {
        /// Step size.
        #[serde(default = "thousandth")]
        learning_rate: f64,
        /// Decay of the mean.
        #[serde(default = "adam_beta_1")]
        beta_1: f32,
        /// Decay of the mean square.
        #[serde(default = "adam_beta_2")]
        beta_2: f32,
        /// Keeps the quotient finite.
        #[serde(default = "keras_epsilon")]
        epsilon: f32,
    },
}

impl Optimizer {
    /// Step size, before the schedule.
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Optimizer::RmsProp { learning_rate, .. }
            | Optimizer::Sgd { learning_rate, .. }
            | Optimizer::Adam { learning_rate, .. } => learning_rate,
        }
    }
}

impl Setting for Optimizer {
    fn check(&self) -> Result<(), String> {
        let rate = self.learning_rate();
        if !(rate.is_finite() && rate >= 0.0) {
            return Err(format!("`learning_rate` is {rate}; it must be a number from 0 on"));
        }
        let share = |name: &str, value: f64| match value {
            value if (0.0..1.0).contains(&value) => Ok(()),
            value => Err(format!("`{name}` is {value}; it must be in 0..1")),
        };
        match *self {
            Optimizer::RmsProp { rho, .. } => share("rho", rho.into()),
            Optimizer::Sgd { momentum, .. } => share("momentum", momentum),
            Optimizer::Adam { beta_1, beta_2, .. } => {
                share("beta_1", beta_1.into())?;
                share("beta_2", beta_2.into())
            }
        }
    }

    fn words(&self) -> Vec<Row> {
        let words = match self {
            Optimizer::RmsProp { learning_rate, rho, epsilon } => {
                format!("RMSprop, learning rate {learning_rate}, rho {rho}, epsilon {epsilon:e}")
            }
            Optimizer::Sgd { learning_rate, momentum, nesterov } => {
                let kind = if *nesterov { "Nesterov's momentum" } else { "momentum" };
                format!("SGD, learning rate {learning_rate}, {kind} {momentum}")
            }
            Optimizer::Adam { learning_rate, beta_1, beta_2, epsilon } => {
                format!("Adam, learning rate {learning_rate}, beta {beta_1} and {beta_2}, epsilon {epsilon:e}")
            }
        };
        vec![("optimizer", words)]
    }
}

fn thousandth() -> f64 {
    1e-3
}

fn hundredth() -> f64 {
    1e-2
}

fn rms_prop_rho() -> f32 {
    0.9
}

fn adam_beta_1() -> f32 {
    0.9
}

fn adam_beta_2() -> f32 {
    0.999
}

fn keras_epsilon() -> f32 {
    1e-7
}

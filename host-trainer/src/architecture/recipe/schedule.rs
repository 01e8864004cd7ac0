//! The learning rate over a training.

use serde::{Deserialize, Serialize};

use super::setting::{Row, Setting};

/// A learning rate's factor over time. Lengths are in epochs and need not be whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always the same.
    Constant {
        /// Epochs of a linear rise from zero at the start.
        #[serde(default)]
        warm_up: f64,
    },
    /// Multiplied by `factor` every `every` epochs.
    Step {
        /// Epochs between two steps.
        every: f64,
        /// What the rate is multiplied by.
        factor: f64,
        /// Epochs of a linear rise from zero at the start.
        #[serde(default)]
        warm_up: f64,
    },
    /// Half a cosine from 1 down to `last` (Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts).
    Cosine {
        /// The factor at the end.
        #[serde(default)]
        last: f64,
        /// Epochs of a linear rise from zero at the start.
        #[serde(default)]
        warm_up: f64,
    },
    /// Half a cosine up from `first`, half a cosine down to `last` (Smith and Topin 2019, "Super-convergence").
    OneCycle {
        /// Share of the training that the rise takes.
        #[serde(default = "one_cycle_rise")]
        rise: f64,
        /// The factor at the start.
        #[serde(default = "one_cycle_first")]
        first: f64,
        /// The factor at the end.
        #[serde(default = "one_cycle_last")]
        last: f64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::Constant { warm_up: 0.0 }
    }
}

impl Schedule {
    /// The factor after `done` of `epochs` epochs.
    pub fn factor(&self, done: f64, epochs: f64) -> f64 {
        let epochs = epochs.max(f64::MIN_POSITIVE);
        match *self {
            Schedule::Constant { warm_up } => risen(done, warm_up),
            Schedule::Step { every, factor, warm_up } => risen(done, warm_up) * factor.powf((done / every).floor()),
            Schedule::Cosine { warm_up, .. } if done < warm_up => risen(done, warm_up),
            Schedule::Cosine { last, warm_up } => {
                half_cosine(1.0, last, (done - warm_up) / (epochs - warm_up).max(f64::MIN_POSITIVE))
            }
            Schedule::OneCycle { rise, first, last } => match done / epochs {
                share if share < rise => half_cosine(first, 1.0, share / rise),
                share => half_cosine(1.0, last, (share - rise) / (1.0 - rise).max(f64::MIN_POSITIVE)),
            },
        }
    }
}

impl Setting for Schedule {
    fn check(&self) -> Result<(), String> {
        let not_negative = |name: &str, value: f64| match value {
            value if value.is_finite() && value >= 0.0 => Ok(()),
            value => Err(format!("`{name}` of the schedule is {value}; it must be a number from 0 on")),
        };
        match *self {
            Schedule::Constant { warm_up } => not_negative("warm_up", warm_up),
            Schedule::Step { every, factor, warm_up } => {
                not_negative("warm_up", warm_up)?;
                not_negative("factor", factor)?;
                if every > 0.0 { Ok(()) } else { Err("`every` of the schedule must be above 0".into()) }
            }
            Schedule::Cosine { last, warm_up } => {
                not_negative("warm_up", warm_up)?;
                not_negative("last", last)
            }
            Schedule::OneCycle { rise, first, last } => {
                not_negative("first", first)?;
                not_negative("last", last)?;
                let inside = rise > 0.0 && rise < 1.0;
                if inside { Ok(()) } else { Err("`rise` of the schedule must lie between 0 and 1".into()) }
            }
        }
    }

    fn words(&self) -> Vec<Row> {
        let after = |warm_up: &f64| match *warm_up > 0.0 {
            true => format!(" after {warm_up} epochs of warm-up"),
            false => String::new(),
        };
        let words = match self {
            Schedule::Constant { warm_up } => format!("constant{}", after(warm_up)),
            Schedule::Step { every, factor, warm_up } => {
                format!("times {factor} every {every} epochs{}", after(warm_up))
            }
            Schedule::Cosine { last, warm_up } => format!("half a cosine to {last} of itself{}", after(warm_up)),
            Schedule::OneCycle { rise, first, last } => {
                format!("one cycle from {first} over {} % of the epochs to 1, then to {last:e}", rise * 100.0)
            }
        };
        vec![("learning rate", words)]
    }
}

fn risen(done: f64, warm_up: f64) -> f64 {
    if done < warm_up { done / warm_up } else { 1.0 }
}

fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos()) / 2.0
}

fn one_cycle_rise() -> f64 {
    0.3
}

fn one_cycle_first() -> f64 {
    0.04
}

fn one_cycle_last() -> f64 {
    4e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(schedule: Schedule, at: &[f64]) -> Vec<f64> {
        at.iter().map(|&done| (schedule.factor(done, 10.0) * 1e6).round() / 1e6).collect()
    }

    #[test]
    fn a_constant_rate_rises_in_its_warm_up_and_stays() {
        assert_eq!(factors(Schedule::default(), &[0.0, 5.0, 10.0]), [1.0, 1.0, 1.0]);
        assert_eq!(factors(Schedule::Constant { warm_up: 2.0 }, &[0.0, 1.0, 2.0, 9.0]), [0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn steps_come_at_whole_multiples() {
        let schedule = Schedule::Step { every: 3.0, factor: 0.1, warm_up: 0.0 };
        assert_eq!(factors(schedule, &[0.0, 2.9, 3.0, 6.5, 9.0]), [1.0, 1.0, 0.1, 0.01, 0.001]);
    }

    #[test]
    fn a_cosine_starts_at_one_is_half_way_down_in_the_middle_and_ends_at_its_last() {
        let schedule = Schedule::Cosine { last: 0.2, warm_up: 2.0 };
        assert_eq!(factors(schedule, &[1.0, 2.0, 6.0, 10.0]), [0.5, 1.0, 0.6, 0.2]);
    }

    #[test]
    fn one_cycle_rises_to_one_and_falls_to_almost_nothing() {
        let schedule = Schedule::OneCycle { rise: 0.3, first: 0.04, last: 4e-6 };
        assert_eq!(factors(schedule, &[0.0, 1.5, 3.0, 6.5, 10.0]), [0.04, 0.52, 1.0, 0.500002, 4e-6]);
    }
}

//! The paper's experiments, and those it leaves to others, as presets: trained, measured and put beside the paper's figures.
//!
//! ```text
//! presets.rs   what is changed from one to the next
//! run.rs       one experiment with one seed: training, quantization, measurement
//! table.rs     the table: Markdown and CSV
//! ```

mod presets;
mod run;
mod table;

pub use self::{
    presets::{Experiment, Published, parse},
    run::{Failure, Measured, Run, configuration, run},
    table::{Row, csv, markdown, rows},
};

/// The experiments that the paper reports.
pub const PAPER: (&str, &str) = ("paper.toml", include_str!("../../experiments/paper.toml"));

/// Those that it names as future work.
pub const FUTURE_WORK: (&str, &str) = ("future-work.toml", include_str!("../../experiments/future-work.toml"));

/// Why experiments cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExperimentError {
    /// A preset is wrong.
    #[error("{file}: {problem}")]
    Preset {
        /// The file.
        file: String,
        /// Which experiment, and what is wrong.
        problem: String,
    },
    /// No experiment has this name.
    #[error("there is no experiment `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The known names.
        known: String,
    },
}

#[cfg(test)]
mod tests;

//! How good the answers are: accuracy, confusions, scores a class, and whether a confidence means what it says.
//!
//! ```text
//! prediction.rs    logits -> probabilities and the most likely emotion
//! confusion.rs     counts, accuracy, precision, recall, F1
//! calibration.rs   temperature, negative log likelihood, expected calibration error, answers that are certain
//! robustness.rs    accuracy under other light and in other places
//! report.rs        all of it for one split, as data and as text
//! table.rs         aligned columns for a terminal, and Markdown
//! ```
//!
//! Every formula here is checked against scikit-learn on the cases in the tests.

mod calibration;
mod confusion;
mod prediction;
mod report;
pub mod robustness;
mod table;

pub use self::{
    calibration::{
        CALIBRATION_BINS, Calibration, Certain, expected_calibration_error, fit_temperature, negative_log_likelihood,
    },
    confusion::{ClassScores, Confusion},
    prediction::{Logits, Prediction},
    report::{ClassReport, EvaluationReport, Part},
    robustness::{Robustness, Series},
    table::Table,
};

#[cfg(test)]
mod tests;

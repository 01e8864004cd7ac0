//! Errors of writing a report.

use std::{io, path::PathBuf};

/// A figure or a report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file cannot be written.
    #[error("{}: {error}; check that the run's folder exists, is writable and has space left", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's message.
        error: io::Error,
    },
    /// A figure cannot be drawn.
    #[error("the {figure} cannot be drawn: {problem}")]
    Draw {
        /// Which figure.
        figure: &'static str,
        /// What the plotting library says.
        problem: String,
    },
}

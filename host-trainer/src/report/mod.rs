//! What a training run leaves for people: figures and `report.md`.
//!
//! ```text
//! summary.rs     the contents, as plain data
//! markdown.rs    report.md
//! recipe.rs      a recipe in words
//! curves.rs      accuracy and loss by epoch
//! small_multiples.rs  accuracy by epoch of many runs, beside published figures
//! robustness.rs  accuracy under other light and in other places
//! heat_map.rs    the confusion matrix
//! annotated.rs   a picture with faces marked
//! figure.rs      a plot as PNG and SVG, with a font of its own
//! ```
//!
//! Nothing of the system is needed: no fonts, no libraries, no display.

mod annotated;
mod curves;
mod error;
mod figure;
mod heat_map;
mod markdown;
mod recipe;
mod robustness;
mod small_multiples;
mod summary;

use std::path::Path;

use crate::files;

pub use self::annotated::{Annotation, annotate};
pub(crate) use self::figure::thousands;
pub use self::{
    curves::curves,
    error::ReportError,
    figure::Figure,
    heat_map::heat_map,
    markdown::markdown,
    recipe::recipe_rows,
    robustness::robustness,
    small_multiples::{Cell, small_multiples},
    summary::{DataSource, LayerRow, ModelSize, RunSummary},
};

/// Stem of the files with the curves: `.png` and `.svg`.
pub const CURVES: &str = "curves";
/// Stem of the files with the confusion matrix of the quantized network: `.png` and `.svg`.
pub const CONFUSION: &str = "confusion";
/// The report itself.
pub const REPORT: &str = "report.md";

/// Draws the figures of a run into its folder and writes `report.md` beside them.
///
/// # Errors
/// [`ReportError`] names the file that cannot be written, or the figure that cannot be drawn.
pub fn write(folder: &Path, run: &RunSummary) -> Result<(), ReportError> {
    curves(&run.name, &run.data.description, &run.epochs)?.write(folder, CURVES)?;
    heat_map(&format!("{}, int8, {}", run.name, run.data.description), &run.int8)?.write(folder, CONFUSION)?;
    write_file(&folder.join(REPORT), markdown(run).as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    files::write_atomically(path, bytes).map_err(|error| ReportError::Write { path: path.into(), error })
}

#[cfg(test)]
mod tests;

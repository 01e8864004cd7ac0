//! Progress of a command: bars on a terminal, plain lines elsewhere; always on standard error, so that
//! standard output holds results alone.

use std::io::{self, IsTerminal, Write, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::err;
use crate::data::{Dataset, Source};

/// A bar for work of unknown length; the length comes with the first report.
///
/// # Errors
/// If standard error cannot be written.
pub fn bar(what: &str, unit: &'static str) -> io::Result<ProgressBar> {
    if !stderr().is_terminal() || is_dumb() {
        writeln!(err(), "{what} …")?;
        return Ok(ProgressBar::hidden());
    }
    let template = match unit {
        "bytes" => "{msg:<22} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        _ => "{msg:<22} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    Ok(ProgressBar::new(0).with_style(style).with_message(what.to_string()))
}

/// A bar for the reading or drawing of faces.
///
/// # Errors
/// As [`bar`].
pub fn bar_of(source: &Source) -> io::Result<ProgressBar> {
    match source {
        Source::Csv(_) => bar("reading faces", "bytes"),
        Source::Folder(_) => bar("reading faces", "faces"),
        Source::Photographs(..) => bar("finding faces", "faces"),
        Source::Synthetic(_) => bar("drawing faces", "faces"),
    }
}

/// Moves `bar` to `done` of `total`.
pub fn advance(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

/// Whether the terminal can do nothing but print lines, or says nothing of what it can do, or shows the log of a continuous
/// integration, as `CI` tells.
pub fn is_dumb() -> bool {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let ci = variable("CI").is_some_and(|value| value != "false" && value != "0");
    ci || variable("TERM").map_or(cfg!(unix), |terminal| terminal == "dumb")
}

/// Reads the faces of a source behind a bar, and tells what is left out.
///
/// # Errors
/// [`DataError`](crate::data::DataError), and if standard error cannot be written.
pub fn read(source: &Source) -> anyhow::Result<Dataset> {
    let bar = bar_of(source)?;
    let dataset = source.read(&mut |done, total| advance(&bar, done, total));
    bar.finish_and_clear();
    let dataset = dataset?;
    warn(&dataset.warnings)?;
    Ok(dataset)
}

/// Prints a line per warning.
///
/// # Errors
/// If standard error cannot be written.
pub fn warn(warnings: &[String]) -> io::Result<()> {
    warnings.iter().try_for_each(|warning| writeln!(err(), "warning: {warning}"))
}

//! What a command shows while it works: bars on a terminal, plain lines elsewhere; always on standard error, so that
//! standard output holds results alone.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for work of unknown length; the length comes with the first report.
pub fn bar(what: &str, unit: &'static str) -> ProgressBar {
    if !stderr().is_terminal() {
        eprintln!("{what} …");
        return ProgressBar::hidden();
    }
    let template = match unit {
        "bytes" => "{msg:<22} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        _ => "{msg:<22} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_message(what.to_string())
}

/// Moves `bar` to `done` of `total`.
pub fn advance(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

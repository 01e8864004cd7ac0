//! What a training shows while it runs, and how it is stopped.

use std::{
    io::{IsTerminal, stderr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::training::Progress;

/// Between two plain lines of progress.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Becomes true at the first Ctrl-C; the second ends the process at once.
pub fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this step; once more to stop at once");
    })
    .context("Ctrl-C cannot be watched")?;
    Ok(stop)
}

/// Progress of a training: a bar on a terminal, a line every ten seconds elsewhere, and a line an epoch in both.
pub struct Display {
    bar: Option<ProgressBar>,
    last_line: Instant,
    header: bool,
}

impl Display {
    pub fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let template = "epoch {prefix} {wide_bar} {human_pos}/{human_len}  {msg}  {eta} left";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Self { bar, last_line: Instant::now(), header: false }
    }

    pub fn show(&mut self, progress: &Progress<'_>) {
        match *progress {
            Progress::Step { epoch, epochs, images, total, loss, accuracy, images_per_second, .. } => {
                let message = format!("{images_per_second:.0} images/s  loss {loss:.3}  accuracy {accuracy:.3}");
                match &self.bar {
                    Some(bar) => {
                        bar.set_prefix(format!("{epoch}/{epochs}"));
                        bar.set_length(total as u64);
                        bar.set_position(images as u64);
                        bar.set_message(message);
                    }
                    None if self.last_line.elapsed() >= LINE_INTERVAL => {
                        self.last_line = Instant::now();
                        let remaining = (epochs - epoch) * total + total - images;
                        let seconds = remaining as f64 / images_per_second;
                        eprintln!("epoch {epoch}/{epochs}  {images}/{total}  {message}  {} left", duration(seconds));
                    }
                    None => {}
                }
            }
            Progress::Epoch { metrics, epochs } => {
                let header = "epoch     loss  accuracy   validation loss  accuracy   seconds  images/s";
                let row = format!(
                    "{:>2}/{:<2}  {:>7.4}  {:>8.4}  {:>16.4}  {:>8.4}  {:>8.1}  {:>8.0}",
                    metrics.epoch,
                    epochs,
                    metrics.train_loss,
                    metrics.train_accuracy,
                    metrics.validation_loss,
                    metrics.validation_accuracy,
                    metrics.seconds,
                    metrics.images_per_second
                );
                let lines = if self.header { row } else { format!("{header}\n{row}") };
                self.header = true;
                match &self.bar {
                    Some(bar) => {
                        bar.reset();
                        bar.suspend(|| println!("{lines}"));
                    }
                    None => println!("{lines}"),
                }
            }
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

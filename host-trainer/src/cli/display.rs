//! What a training shows while it runs, and how it is stopped.

use std::{
    io::{IsTerminal, stderr, stdin, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    dashboard::{Dashboard, EpochRow, Facts, StepNow},
    training::{EpochMetrics, Progress},
};

/// Between two plain lines of progress.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

const HEADER: &str = "epoch     loss  accuracy   validation loss  accuracy   seconds  images/s";

/// Where some validation faces have a near twin among the training faces and choose nothing: figures of the others, and the
/// accuracy of all.
const HEADER_APART: &str = "epoch     loss  accuracy   validation loss  accuracy  with twins   seconds  images/s";

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

/// Progress of a training: a dashboard on a terminal, a line every ten seconds elsewhere; in the end a line an epoch in both.
pub struct Display {
    dashboard: Option<Dashboard>,
    last_line: Instant,
    header: &'static str,
    lines: Vec<String>,
}

impl Display {
    /// Takes the terminal if there is one and `plain` is false.
    pub fn new(facts: Facts, stop: Arc<AtomicBool>, plain: bool) -> Self {
        let terminal = stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal();
        // A terminal that cannot be taken gets plain lines.
        let dashboard = (terminal && !plain).then(|| Dashboard::start(facts, stop).ok()).flatten();
        Self { dashboard, last_line: Instant::now(), header: HEADER, lines: Vec::new() }
    }

    pub fn show(&mut self, progress: &Progress<'_>) {
        match *progress {
            Progress::Step { epoch, epochs, images, total, loss, accuracy, images_per_second, learning_rate } => {
                let now = StepNow { epoch, done: images, total, loss, accuracy, images_per_second, learning_rate };
                if let Some(dashboard) = &mut self.dashboard {
                    if dashboard.step(now).is_err() {
                        self.give_back();
                    }
                } else if self.last_line.elapsed() >= LINE_INTERVAL {
                    self.last_line = Instant::now();
                    let left = duration(((epochs - epoch) * total + total - images) as f64 / images_per_second);
                    let rate = format!("{images_per_second:.0} images/s");
                    let mean = format!("loss {loss:.3}  accuracy {accuracy:.3}");
                    eprintln!("epoch {epoch}/{epochs}  {images}/{total}  {rate}  {mean}  {left} left");
                }
            }
            Progress::Epoch { metrics, epochs } => {
                let line = line(metrics, epochs);
                if metrics.validation_accuracy_all.is_some() {
                    self.header = HEADER_APART;
                }
                match &mut self.dashboard {
                    Some(dashboard) => {
                        let taken = dashboard.epoch(row(metrics)).is_ok();
                        self.lines.push(line);
                        if !taken {
                            self.give_back();
                        }
                    }
                    None => {
                        if self.lines.is_empty() {
                            println!("{}", self.header);
                        }
                        println!("{line}");
                        self.lines.push(line);
                    }
                }
            }
        }
    }

    /// Gives the terminal back; the epochs stay on it.
    pub fn finish(mut self) {
        self.give_back();
    }

    fn give_back(&mut self) {
        if self.dashboard.take().is_some() && !self.lines.is_empty() {
            println!("{}\n{}", self.header, self.lines.join("\n"));
        }
    }
}

fn line(metrics: &EpochMetrics, epochs: usize) -> String {
    let all = metrics.validation_accuracy_all.map(|accuracy| format!("  {accuracy:>10.4}")).unwrap_or_default();
    format!(
        "{:>2}/{:<2}  {:>7.4}  {:>8.4}  {:>16.4}  {:>8.4}{all}  {:>8.1}  {:>8.0}",
        metrics.epoch,
        epochs,
        metrics.train_loss,
        metrics.train_accuracy,
        metrics.validation_loss,
        metrics.validation_accuracy,
        metrics.seconds,
        metrics.images_per_second
    )
}

fn row(metrics: &EpochMetrics) -> EpochRow {
    EpochRow {
        epoch: metrics.epoch,
        train_loss: metrics.train_loss,
        train_accuracy: metrics.train_accuracy,
        validation_loss: metrics.validation_loss,
        validation_accuracy: metrics.validation_accuracy,
        validation_accuracy_all: metrics.validation_accuracy_all,
        seconds: metrics.seconds,
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

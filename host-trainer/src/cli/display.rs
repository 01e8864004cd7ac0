//! What a training shows while it runs.

use std::{
    io::{self, IsTerminal, Write, stderr, stdin, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    output::{err, out},
    progress::is_dumb,
};
use crate::{
    dashboard::{Dashboard, EpochRow, Facts, StepNow},
    training::{EpochMetrics, Progress},
};

/// Time between two plain lines of progress.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

const HEADER: &str = "epoch     loss  accuracy   validation loss  accuracy   seconds  images/s";

/// Where some validation faces have a near twin among the training faces and choose nothing: figures of the others, and the
/// accuracy of all.
const HEADER_APART: &str = "epoch     loss  accuracy   validation loss  accuracy  with twins   seconds  images/s";

/// Progress of a training: a dashboard on a terminal, a line every ten seconds elsewhere; both print a line per epoch at the end.
pub struct Display {
    dashboard: Option<Dashboard>,
    stop: Arc<AtomicBool>,
    last_line: Instant,
    header: &'static str,
    lines: Vec<String>,
    /// The error after which nothing is shown any more.
    failed: Option<io::Error>,
}

impl Display {
    /// Takes the terminal if there is one that can be drawn on and `plain` is false. `stop` ends the training.
    pub fn new(facts: Facts, stop: Arc<AtomicBool>, plain: bool) -> Self {
        let terminal = stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal() && !is_dumb();
        // A terminal that cannot be taken gets plain lines.
        let dashboard = (terminal && !plain).then(|| Dashboard::start(facts, stop.clone()).ok()).flatten();
        Self { dashboard, stop, last_line: Instant::now(), header: HEADER, lines: Vec::new(), failed: None }
    }

    /// Shows what is new. Where that fails the training stops, and [`finish`](Self::finish) tells why.
    pub fn show(&mut self, progress: &Progress<'_>) {
        if self.failed.is_none()
            && let Err(error) = self.try_show(progress)
        {
            self.failed = Some(error);
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn try_show(&mut self, progress: &Progress<'_>) -> io::Result<()> {
        match *progress {
            Progress::Step { epoch, epochs, images, total, loss, accuracy, images_per_second, learning_rate } => {
                let now = StepNow { epoch, done: images, total, loss, accuracy, images_per_second, learning_rate };
                if let Some(dashboard) = &mut self.dashboard {
                    if dashboard.step(now).is_err() {
                        self.give_back()?;
                    }
                } else if self.last_line.elapsed() >= LINE_INTERVAL {
                    self.last_line = Instant::now();
                    let left = duration(((epochs - epoch) * total + total - images) as f64 / images_per_second);
                    let rate = format!("{images_per_second:.0} images/s");
                    let mean = format!("loss {loss:.3}  accuracy {accuracy:.3}");
                    writeln!(err(), "epoch {epoch}/{epochs}  {images}/{total}  {rate}  {mean}  {left} left")?;
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
                            self.give_back()?;
                        }
                    }
                    None => {
                        if self.lines.is_empty() {
                            writeln!(out(), "{}", self.header)?;
                        }
                        writeln!(out(), "{line}")?;
                        self.lines.push(line);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the terminal back; the epochs stay on it.
    ///
    /// # Errors
    /// The first error of showing a line.
    pub fn finish(mut self) -> io::Result<()> {
        let given_back = self.give_back();
        self.failed.map_or(given_back, Err)
    }

    fn give_back(&mut self) -> io::Result<()> {
        if self.dashboard.take().is_some() && !self.lines.is_empty() {
            writeln!(out(), "{}\n{}", self.header, self.lines.join("\n"))?;
        }
        Ok(())
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

//! The results side by side.

use std::fmt::Write;

use serde::Serialize;

use super::{Experiment, Measured, Published};
use crate::report::thousands;

/// A line of the table: one experiment, the mean over its seeds. Accuracies are shares of the validation faces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Name of the experiment.
    pub experiment: String,
    /// What it changes.
    pub title: String,
    /// Runs.
    pub seeds: usize,
    /// Epochs trained, mean.
    pub epochs: f64,
    /// Training accuracy of the last epoch.
    pub training: f64,
    /// Validation accuracy after the last epoch.
    pub validation: f64,
    /// Validation accuracy of the weights kept: after the best epoch.
    pub best_validation: f64,
    /// Sample standard deviation of that over the seeds; none for one.
    pub spread: Option<f64>,
    /// Mean F1 over the emotions, weights kept.
    pub macro_f1: f64,
    /// Validation accuracy of the quantized network through the core.
    pub int8: Option<f64>,
    /// Learned parameters.
    pub parameters: u64,
    /// Multiply-accumulates an image.
    pub macs: u64,
    /// Bytes of the model file.
    pub int8_bytes: Option<u64>,
    /// The paper's training accuracy.
    pub paper_training: Option<f64>,
    /// The paper's validation accuracy.
    pub paper_validation: Option<f64>,
    /// What else there is to say: of the paper, and of our losses that were no numbers.
    pub notes: String,
}

/// One row an experiment that has a result, in the order of the experiments.
pub fn rows(experiments: &[Experiment], results: &[Measured]) -> Vec<Row> {
    experiments.iter().filter_map(|experiment| row(experiment, results)).collect()
}

fn row(experiment: &Experiment, results: &[Measured]) -> Option<Row> {
    let runs: Vec<&Measured> = results.iter().filter(|run| run.experiment == experiment.name).collect();
    let first = *runs.first()?;
    let mean = |value: &dyn Fn(&Measured) -> f64| runs.iter().map(|run| value(run)).sum::<f64>() / runs.len() as f64;
    let last = |run: &Measured, value: fn(&crate::training::EpochMetrics) -> f64| run.epochs.last().map_or(0.0, value);
    let best = mean(&|run| run.accuracy);
    let squares: f64 = runs.iter().map(|run| (run.accuracy - best).powi(2)).sum();
    let paper = experiment.paper.clone().unwrap_or_default();
    Some(Row {
        experiment: experiment.name.clone(),
        title: experiment.title.clone(),
        seeds: runs.len(),
        epochs: mean(&|run| run.epochs.len() as f64),
        training: mean(&|run| last(run, |epoch| epoch.train_accuracy)),
        validation: mean(&|run| last(run, |epoch| epoch.validation_accuracy)),
        best_validation: best,
        spread: (runs.len() > 1).then(|| (squares / (runs.len() - 1) as f64).sqrt()),
        macro_f1: mean(&|run| run.macro_f1),
        int8: runs.iter().map(|run| run.int8_accuracy).sum::<Option<f64>>().map(|sum| sum / runs.len() as f64),
        parameters: first.parameters,
        macs: first.macs,
        int8_bytes: first.int8_bytes,
        paper_training: paper.training,
        paper_validation: paper.validation,
        notes: notes(&paper, &runs),
    })
}

fn notes(paper: &Published, runs: &[&Measured]) -> String {
    let mut notes: Vec<String> = paper.note.iter().map(|note| format!("paper: {note}")).collect();
    for run in runs {
        if let Some(failure) = &run.failure {
            let (loss, epoch, step) = (&failure.loss, failure.epoch, failure.step);
            notes.push(format!("loss {loss} in epoch {epoch}, step {step} (seed {})", run.seed));
        }
    }
    if let Some(reason) = runs.iter().find_map(|run| run.not_quantized.as_ref()) {
        notes.push(format!("no int8: {reason}"));
    }
    notes.join("; ")
}

/// The table as Markdown, with the choices that were left to us below. Where an experiment has figures of the paper, they
/// get columns.
pub fn markdown(experiments: &[Experiment], rows: &[Row]) -> String {
    let with_paper = experiments.iter().any(|experiment| experiment.paper.is_some());
    let mut text = String::from("| network | ");
    if with_paper {
        text.push_str("paper: training / validation | ours, last epoch: training / validation | ");
    }
    text.push_str(
        "ours, best epoch: validation | macro-F1 | int8 | epochs | parameters | MACs | model file | notes |\n|---|",
    );
    text.push_str(if with_paper { "---|---|" } else { "" });
    text.push_str("---|---|---|---|---|---|---|---|\n");
    for row in rows {
        // Writing to a String cannot fail.
        let _ = write!(text, "| {} | ", row.title);
        if with_paper {
            let _ = write!(
                text,
                "{} / {} | {:.3} / {:.3} | ",
                share(row.paper_training),
                share(row.paper_validation),
                row.training,
                row.validation
            );
        }
        let spread = row.spread.map(|spread| format!(" ± {spread:.4} ({} seeds)", row.seeds)).unwrap_or_default();
        let _ = writeln!(
            text,
            "{:.4}{spread} | {:.4} | {} | {:.0} | {} | {} | {} | {} |",
            row.best_validation,
            row.macro_f1,
            row.int8.map_or("–".into(), |value| format!("{value:.4}")),
            row.epochs,
            thousands(row.parameters),
            thousands(row.macs),
            row.int8_bytes.map_or("–".into(), |bytes| format!("{} B", thousands(bytes))),
            row.notes
        );
    }
    let choices: Vec<&Experiment> = experiments
        .iter()
        .filter(|experiment| experiment.choice.is_some() && rows.iter().any(|row| row.experiment == experiment.name))
        .collect();
    if !choices.is_empty() {
        text.push_str("\nWhat the paper leaves open, and what was chosen:\n\n");
    }
    for experiment in choices {
        let _ = writeln!(text, "- *{}*: {}.", experiment.title, experiment.choice.as_deref().unwrap_or_default());
    }
    text
}

fn share(value: Option<f64>) -> String {
    // As the paper writes it: three digits, four where it has them.
    value.map_or("–".into(), |value| {
        let short = format!("{value:.3}");
        if short.parse() == Ok(value) { short } else { format!("{value:.4}") }
    })
}

/// The rows as CSV.
///
/// # Errors
/// If a row cannot be written.
pub fn csv(rows: &[Row]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

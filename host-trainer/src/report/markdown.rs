//! `report.md`.

use std::fmt::{self, Write};

use super::{CONFUSION, CURVES, RunSummary, figure::thousands};
use crate::{
    data::NEARLY_THE_SAME,
    evaluation::{Certain, EvaluationReport, Table},
    onnx,
};

/// What is said of a run on faces that the program drew.
const SYNTHETIC: &str = "> **Synthetic faces.** The program drew the faces that this network was trained and measured on. \
    The figures show that everything works together; they say nothing about people.";

/// The text of `report.md`; it links to the figures beside it.
pub fn markdown(run: &RunSummary) -> String {
    let mut text = String::new();
    // Writing to a `String` does not fail.
    let _ = write_sections(&mut text, run);
    text
}

fn write_sections(text: &mut String, run: &RunSummary) -> fmt::Result {
    writeln!(text, "# {} on {}\n", run.name, run.data.description)?;
    if run.data.synthetic {
        writeln!(text, "{SYNTHETIC}\n")?;
    }
    write_result(text, run)?;
    write_figures(text, run)?;
    writeln!(text, "## Data\n")?;
    let (training, validation) =
        (thousands(run.data.training_images as u64), thousands(run.data.validation_images as u64));
    writeln!(text, "{}: {training} faces for training, {validation} for validation.", run.data.description)?;
    if run.data.held_out {
        let others = match run.data.reported_choose {
            true => "There are no others to report on.".into(),
            false => format!("{} chose nothing.", run.int8.split),
        };
        writeln!(
            text,
            "The validation faces are some of the training faces, kept aside: they chose the epoch, the temperature and the \
             threshold, and nothing was learned from them. {others}"
        )?;
    }
    if run.data.passed_over > 0 {
        writeln!(
            text,
            "{} of the validation faces have a near twin among the training faces (correlation of grey levels {NEARLY_THE_SAME} or \
             more): they chose no epoch, no temperature and no threshold.",
            thousands(run.data.passed_over as u64)
        )?;
    }
    writeln!(text, "Preprocessing: {}.\n", run.preprocessing)?;
    write_network(text, run)?;
    write_training(text, run)?;
    write_calibration(text, run)?;
    write_use(text, run)
}

fn write_result(text: &mut String, run: &RunSummary) -> fmt::Result {
    writeln!(text, "## Result\n")?;
    let split = &run.int8.split;
    let mut table = Table::new(
        [&format!("{split}, {} images", thousands(run.int8.images)), "accuracy", "macro-F1"].map(str::to_owned),
    );
    let row =
        |name: &str, accuracy: f64, macro_f1: f64| [name.into(), format!("{accuracy:.4}"), format!("{macro_f1:.4}")];
    table.row(row("float network", run.float.accuracy, run.float.macro_f1));
    table.row(row("int8 network, through the core", run.int8.accuracy, run.int8.macro_f1));
    let points = |int8: f64, float: f64| format!("{:+.2} points", 100.0 * (int8 - float));
    let (accuracy, macro_f1) =
        (points(run.int8.accuracy, run.float.accuracy), points(run.int8.macro_f1, run.float.macro_f1));
    table.row(["difference".into(), accuracy, macro_f1]);
    writeln!(text, "{}", table.markdown())?;
    write_twins(text, run)?;
    writeln!(text, "The int8 row is what a device answers: the same code and the same bytes ran here.\n")?;
    let mut table = Table::new(["model file", ""]);
    table.row(["size".into(), format!("{} bytes", thousands(run.model.file_bytes))]);
    table.row(["memory for activations (arena)".into(), format!("{} bytes", thousands(run.model.arena_bytes))]);
    table.row(["multiply-accumulates a face".into(), thousands(run.model.macs)]);
    writeln!(text, "{}", table.markdown())
}

/// The accuracies on faces that have a near twin in `Training`, and on those that have none.
fn write_twins(text: &mut String, run: &RunSummary) -> fmt::Result {
    let (Some(near), Some(apart)) = (run.int8.near, run.int8.apart) else { return Ok(()) };
    let [with, without] = [near.images, apart.images].map(thousands);
    let mut table = Table::new([
        "accuracy".to_owned(),
        format!("all {} faces", thousands(run.int8.images)),
        format!("{with} with a near twin in Training"),
        format!("{without} without"),
    ]);
    let mut row = |name: &str, report: &EvaluationReport| {
        let parts = [report.near, report.apart].map(|part| part.map_or(0.0, |part| part.accuracy));
        let [with, without] = parts.map(|accuracy| format!("{accuracy:.4}"));
        table.row([name.to_owned(), format!("{:.4}", report.accuracy), with, without]);
    };
    row("float network", &run.float);
    row("int8 network, through the core", &run.int8);
    writeln!(text, "{}", table.markdown())
}

fn write_figures(text: &mut String, run: &RunSummary) -> fmt::Result {
    writeln!(text, "![Accuracy and loss by epoch]({CURVES}.png)\n")?;
    writeln!(text, "![Confusion matrix of the int8 network]({CONFUSION}.png)\n")?;
    writeln!(text, "The same as [{CURVES}.svg]({CURVES}.svg) and [{CONFUSION}.svg]({CONFUSION}.svg).\n")?;
    writeln!(text, "## Emotions\n\nOf the int8 network on {}.\n\n{}", run.int8.split, run.int8.class_table().markdown())
}

fn write_network(text: &mut String, run: &RunSummary) -> fmt::Result {
    let mut table = Table::new(["layer", "kind", "output", "parameters", "MACs"]).left(2);
    for layer in &run.layers {
        let [parameters, macs] = [layer.parameters, layer.macs].map(thousands);
        table.row([layer.name.clone(), layer.kind.clone(), layer.output.clone(), parameters, macs]);
    }
    let parameters = thousands(run.layers.iter().map(|layer| layer.parameters).sum());
    let macs = thousands(run.layers.iter().map(|layer| layer.macs).sum());
    table.row(["total".into(), String::new(), String::new(), parameters, macs]);
    writeln!(text, "## Network\n\n{}", table.markdown())
}

fn write_training(text: &mut String, run: &RunSummary) -> fmt::Result {
    writeln!(text, "## Training\n\n```sh\n{}\n```\n", run.command)?;
    let mut recipe = Table::new(["recipe", ""]).left(2);
    for (what, which) in &run.recipe {
        recipe.row([what, which]);
    }
    writeln!(text, "{}", recipe.markdown())?;
    let seconds: f64 = run.epochs.iter().map(|epoch| epoch.seconds).sum();
    let kept = run.kept_epoch;
    writeln!(
        text,
        "{} epochs in {:.1} minutes; the weights are those after epoch {kept}.\n",
        run.epochs.len(),
        seconds / 60.0
    )?;
    let passed_over = run.epochs.iter().any(|epoch| epoch.validation_accuracy_all.is_some());
    let mut header = vec!["epoch", "loss", "accuracy", "validation loss", "validation accuracy", "seconds", "images/s"];
    if passed_over {
        header.insert(5, "with twins");
    }
    let mut table = Table::new(header);
    for epoch in &run.epochs {
        let numbers = [epoch.train_loss, epoch.train_accuracy, epoch.validation_loss, epoch.validation_accuracy];
        let [loss, accuracy, validation_loss, validation_accuracy] = numbers.map(|number| format!("{number:.4}"));
        let (seconds, rate) = (format!("{:.1}", epoch.seconds), format!("{:.0}", epoch.images_per_second));
        let mut row =
            vec![epoch.epoch.to_string(), loss, accuracy, validation_loss, validation_accuracy, seconds, rate];
        if passed_over {
            let all = epoch.validation_accuracy_all.map(|accuracy| format!("{accuracy:.4}"));
            row.insert(5, all.unwrap_or_default());
        }
        table.row(row);
    }
    writeln!(text, "{}", table.markdown())
}

fn write_calibration(text: &mut String, run: &RunSummary) -> fmt::Result {
    let calibration = &run.calibration;
    writeln!(text, "## Confidence\n")?;
    writeln!(
        text,
        "Logits are divided by a temperature of {:.3} before the softmax; it was fitted on {} and lies in the model file.\n",
        calibration.temperature,
        fitted_on(run),
    )?;
    let temperature = format!("temperature {:.3}", calibration.temperature);
    let mut table = Table::new(["", "temperature 1", temperature.as_str()]);
    let row = |name: &str, before: f64, after: f64| [name.into(), format!("{before:.4}"), format!("{after:.4}")];
    table.row(row("expected calibration error, 15 bins", calibration.error_before, calibration.error_after));
    table.row(row("negative log likelihood", calibration.loss_before, calibration.loss_after));
    writeln!(text, "{}", table.markdown())?;
    let Some(Certain { threshold, share, accuracy }) = run.int8.certain else { return Ok(()) };
    writeln!(
        text,
        "Answers with a confidence below {threshold:.3} are called uncertain. The others are {:.1} % of all, and {:.1} % of \
         them are right.\n",
        100.0 * share,
        100.0 * accuracy
    )
}

/// The faces that the temperature was fitted on.
fn fitted_on(run: &RunSummary) -> String {
    let faces = if run.data.held_out { "the faces kept aside" } else { &run.int8.split };
    let without = if run.data.passed_over > 0 { " without those that have a twin in Training" } else { "" };
    format!("{faces}{without}")
}

fn write_use(text: &mut String, run: &RunSummary) -> fmt::Result {
    let emotions = run.int8.classes.len();
    // Without `--data`, `evaluate` takes the drawn faces.
    let (data, where_it_is) = match run.data.synthetic {
        true => ("", String::new()),
        false => (" --data DATA", format!(" and that of {} for `DATA`", run.data.description)),
    };
    writeln!(text, "## Use\n\nFrom the workspace, with the path of this folder for `RUN`{where_it_is}:\n\n```sh")?;
    let evaluate = format!("evaluate --model RUN/model.fer{data}");
    for command in [evaluate.as_str(), "predict --model RUN/model.fer IMAGE", "inspect RUN/model.fer"] {
        writeln!(text, "cargo run --release -p host-trainer -- {command}")?;
    }
    writeln!(
        text,
        "```\n\n`network.onnx` is the float network for other frameworks: its input `{}` is `[batch, channels, 48, 48]`, preprocessed; \
         its output `{}` is `[batch, {emotions}]`, in the order of the labels.",
        onnx::INPUT,
        onnx::OUTPUT
    )
}

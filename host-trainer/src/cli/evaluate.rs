//! `evaluate`: how good a model file is on labelled faces, through the core.

use std::{
    borrow::Cow,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use shared::{label::Emotion, model::Model};

use super::{
    DataArgument, UsageError,
    faces::{CACHE, of_split, relabel},
    model_file,
    output::out,
    progress,
};
use crate::{
    data::{LabelSet, Split, kept, load_twins, locate},
    evaluation::{Certain, Confusion, EvaluationReport, Prediction, Robustness, robustness},
    inference, report,
    training::write_atomically,
};

#[derive(Args, Debug)]
pub struct EvaluateArguments {
    /// The model file
    #[arg(long, value_name = "FILE.fer")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgument,
    /// Training, PublicTest or PrivateTest
    #[arg(long, value_name = "SPLIT", default_value = "PublicTest")]
    split: Split,
    /// The labels: FER2013's, or the majorities of the FER+ votes; faces without one are left out
    #[arg(long, value_enum, default_value_t)]
    labels: LabelSet,
    /// The FER+ votes for the same faces (fer2013new.csv)
    #[arg(long, value_name = "CSV", required_if_eq("labels", "ferplus"))]
    votes: Option<PathBuf>,
    /// Average the logits of each face and of its mirror image; takes twice the time
    #[arg(long)]
    mirror: bool,
    /// Measure the accuracy under other light and in other places too
    #[arg(long)]
    robustness: bool,
    /// Other model files to show beside the first in the table and figure of --robustness, separated by commas
    #[arg(long, value_name = "FILE.fer,…", value_delimiter = ',', requires = "robustness")]
    beside: Vec<PathBuf>,
    /// A folder for robustness.csv, .png and .svg
    #[arg(long, value_name = "FOLDER", requires = "robustness")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let bytes = model_file::read(&arguments.model)?;
    let model = model_file::parse(&arguments.model, &bytes)?;
    let known = LabelSet::of(model.labels());
    ensure!(
        known.count() <= arguments.labels.count(),
        "{}: the model knows contempt, which is no label of FER2013; measure it with --labels ferplus --votes fer2013new.csv",
        arguments.model.display()
    );
    if arguments.votes.is_some() && arguments.labels != LabelSet::FerPlus {
        return Err(UsageError("--votes is for the labels of FER+; add --labels ferplus".into()).into());
    }
    let source = locate(arguments.data.data.as_deref())?;
    let mut dataset = progress::read(&source)?;
    let (set, split) = (arguments.labels, arguments.split);
    let (mut near, warning) = load_twins(&source, split, Path::new(CACHE), || Ok(Cow::Borrowed(&dataset)))?;
    progress::warn(warning.as_slice())?;
    let without_majority = match set {
        LabelSet::Fer2013 => None,
        LabelSet::FerPlus => {
            let stays = relabel(&source, arguments.votes.as_deref(), split, dataset.faces_mut(split))?;
            near = near.map(|near| kept(&stays, &near));
            Some(stays.iter().filter(|&&stays| !stays).count())
        }
    };
    let faces = of_split(&dataset, split)?;
    let bar = progress::bar("classifying", "faces")?;
    bar.set_length(faces.len() as u64);
    let start = Instant::now();
    let readouts = inference::readouts(&model, &faces.pixels, arguments.mirror, |done| bar.inc(done as u64))?;
    let rate = faces.len() as f64 / start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let predictions: Vec<Prediction> = readouts.iter().map(Prediction::from_readout).collect();
    let labels: Vec<Emotion> = faces.iter().map(|(_, emotion)| emotion).collect();
    let certain = Some(Certain::at(model.threshold(), &labels, &predictions));
    let report = EvaluationReport::new(split.name(), set, &labels, &predictions);
    let report = EvaluationReport { certain, ..report.by_twins(near.as_deref(), &labels, &predictions) };
    let mut robustness = Vec::new();
    if arguments.robustness {
        robustness.push(measure_robustness(&model, &faces.pixels, &labels, arguments.mirror)?);
        for path in &arguments.beside {
            let bytes = model_file::read(path)?;
            let model = model_file::parse(path, &bytes)?;
            robustness.push(measure_robustness(&model, &faces.pixels, &labels, arguments.mirror)?);
        }
    }
    if let (Some(folder), true) = (&arguments.out, arguments.robustness) {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let title = format!("Accuracy on {split} under changes, int8");
        report::robustness(&title, &robustness)?.write(folder, "robustness")?;
        write_atomically(&folder.join("robustness.csv"), robustness::csv(&robustness).as_bytes())?;
    }
    if arguments.json {
        writeln!(out(), "{}", serde_json::to_string(&Output { report, without_majority, robustness })?)?;
    } else {
        let data = set.describe(&dataset.description);
        writeln!(out(), "{} ({}) on {data}\n{report}", arguments.model.display(), model.name())?;
        if let Some(without) = without_majority {
            writeln!(out(), "left out {without} more faces, which have no majority of votes for an emotion")?;
        }
        if known.count() < set.count() {
            writeln!(out(), "contempt is an emotion that the model does not know and never answers")?;
        }
        writeln!(
            out(),
            "speed    {rate:.0} images/s, normalization included, {} threads",
            rayon::current_num_threads()
        )?;
        if arguments.robustness {
            writeln!(out(), "\n{}", robustness::table(&robustness))?;
        }
    }
    Ok(())
}

/// What `--json` prints.
#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    report: EvaluationReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_majority: Option<usize>,
    /// Of the model and of those beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    robustness: Vec<Robustness>,
}

/// The model's accuracies under every change, through the core.
fn measure_robustness(
    model: &Model<'_>,
    pixels: &[u8],
    labels: &[Emotion],
    mirror: bool,
) -> anyhow::Result<Robustness> {
    let bar = progress::bar("changing faces", "faces")?;
    bar.set_length((labels.len() * robustness::passes()) as u64);
    let measured = robustness::measure(model.name(), pixels, |faces| -> anyhow::Result<f64> {
        let readouts = inference::readouts(model, faces, mirror, |done| bar.inc(done as u64))?;
        let answers = readouts.iter().map(|readout| readout.label);
        // Whatever the set of labels is, an answer is right or it is not.
        Ok(Confusion::new(LabelSet::FerPlus, labels.iter().copied().zip(answers)).accuracy())
    })?;
    bar.finish_and_clear();
    Ok(measured)
}

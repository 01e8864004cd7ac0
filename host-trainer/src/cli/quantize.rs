//! `quantize`: a run's float network, once more to a model file, and the run's report with it.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::Args;

use super::{DataArgument, UsageError, faces::LoadedFaces, output::out, start::source_of, train::accuracies};
use crate::{
    data::LabelSet,
    export::{self, MODEL_FILE, RECORD_FILE},
    quantization::Form,
    report::REPORT,
    training::{Configuration, RunFolder, load_record, write_atomically},
};

#[derive(Args, Debug)]
pub struct QuantizeArguments {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    data: DataArgument,
    /// The FER+ votes of a run with FER+ labels, if the file has moved since
    #[arg(long, value_name = "CSV")]
    votes: Option<PathBuf>,
    /// An operator for every layer, as trained: no convolutions folded, no pools fused; for comparison
    #[arg(long)]
    unfolded: bool,
    /// The model file alone [default: model.fer in the run's folder, and report, figures and network.onnx with it]
    #[arg(long, value_name = "FILE.fer")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &QuantizeArguments) -> anyhow::Result<()> {
    let (run, configuration) = RunFolder::open(&arguments.run).context("no run to quantize")?;
    if arguments.votes.is_some() && configuration.labels != LabelSet::FerPlus {
        return Err(UsageError("--votes is of no use here: the run does not have the labels of FER+".into()).into());
    }
    let network = load_record(configuration.architecture()?.into(), &run.file(RECORD_FILE))?;
    let source = source_of(&configuration, run.path(), arguments.data.data.clone())?;
    let votes = arguments.votes.clone().or_else(|| configuration.votes.as_ref().map(PathBuf::from));
    let votes = votes.filter(|_| configuration.labels == LabelSet::FerPlus);
    let loaded = LoadedFaces::load(&source, &network.architecture, votes.as_deref(), configuration.held_out)?;
    // Votes that a run on FER2013's labels learned from are not read: they have no part in its quantization.
    let known = Configuration {
        votes_contents: configuration.votes_contents.clone().filter(|_| votes.is_some()),
        ..configuration.clone()
    };
    loaded.check(run.path(), &known)?;
    let training = loaded.training()?;
    let form = if arguments.unfolded { Form::AsTrained } else { Form::Folded };
    let measured_on = loaded.measured_on()?;
    // A run's report and ONNX file are those of its model.
    let metrics = if arguments.out.is_none() { run.metrics()? } else { None };
    let file = arguments.out.clone().unwrap_or_else(|| run.file(MODEL_FILE));
    let exported = match &metrics {
        Some(metrics) => {
            export::write_results(&run, &configuration, &network, metrics, training.faces, measured_on, form)?
        }
        None => {
            let exported = export::quantize(&network, training.faces, measured_on, &configuration, form)?;
            write_atomically(&file, exported.model.as_slice())?;
            exported
        }
    };
    writeln!(out(), "float        {}", accuracies(&exported.float))?;
    writeln!(out(), "int8         {}, through the core", accuracies(&exported.int8))?;
    if metrics.is_some() {
        writeln!(out(), "report       {}", run.file(REPORT).display())?;
    }
    writeln!(out(), "model        {}", file.display())?;
    Ok(())
}

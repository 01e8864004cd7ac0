//! `evaluate`: how good a model file is on labelled faces, through the core.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use shared::{label::Emotion, model::Model};

use super::{DataArgument, model_file, progress};
use crate::{
    data::{Split, locate},
    evaluation::{EvaluationReport, Prediction},
    inference,
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
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let bytes = model_file::read(&arguments.model)?;
    let model =
        Model::parse(bytes.as_slice()).map_err(|error| anyhow::anyhow!("{}: {error}", arguments.model.display()))?;
    let bar = progress::bar("reading faces", "bytes");
    let source = locate(arguments.data.data.as_deref())?;
    let dataset = source.read(&mut |done, total| progress::advance(&bar, done, total))?;
    bar.finish_and_clear();
    let faces = dataset.require(arguments.split)?;
    let bar = progress::bar("classifying", "faces");
    bar.set_length(faces.len() as u64);
    let start = Instant::now();
    let normalized = inference::normalize(model.preprocessing(), &faces.pixels);
    let rows = inference::run_normalized(&model, &normalized, |done| bar.inc(done as u64))?;
    let rate = faces.len() as f64 / start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let logits = inference::dequantize(&model, &rows);
    let predictions: Vec<Prediction> =
        logits.iter().map(|row| Prediction::from_logits(row, model.temperature())).collect();
    let labels: Vec<Emotion> = faces.iter().map(|(_, emotion)| emotion).collect();
    let report = EvaluationReport::new(arguments.split.name(), &labels, &predictions);
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{} ({}) on {}\n{report}", arguments.model.display(), model.name(), dataset.description);
        println!("speed    {rate:.0} images/s, normalization included, {} threads", rayon::current_num_threads());
    }
    Ok(())
}

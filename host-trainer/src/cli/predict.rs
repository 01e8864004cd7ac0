//! `predict`: image files to emotions.

use std::path::{Path, PathBuf};

use clap::Args;
use firmware::{engine::Engine, readout::Readout};
use serde::Serialize;
use shared::{
    label::Emotion,
    model::{Aligned, AlignedBytes, Model},
};

use super::model_file;
use crate::{data::LabelSet, image_file};

/// The model that comes with the program.
static EDGE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../firmware/models/edge.fer"));

/// Columns of a bar that stands for certainty.
const BAR: usize = 40;

#[derive(Args, Debug)]
pub struct PredictArguments {
    /// The model file [default: edge, which comes with the program]
    #[arg(long, value_name = "FILE.fer")]
    model: Option<PathBuf>,
    /// PNG or JPEG files; the square in the centre should be filled by one face
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Answer by the mean of the logits of a face and of its mirror image, in twice the time
    #[arg(long)]
    mirror: bool,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    file: &'a Path,
    label: &'static str,
    confidence: f32,
    margin: f32,
    uncertain: bool,
    probabilities: &'a [f32],
}

pub fn run(arguments: &PredictArguments) -> anyhow::Result<()> {
    let read: Option<AlignedBytes> = arguments.model.as_deref().map(model_file::read).transpose()?;
    let model = match (&arguments.model, &read) {
        (Some(path), Some(bytes)) => model_file::parse(path, bytes)?,
        _ => Model::parse(&EDGE.0)?,
    };
    let mut arena = vec![0; Engine::arena_bytes(&model)? as usize];
    let mut engine = Engine::new(&model, &mut arena)?;
    // Every image is read before the first answer is printed: a bad one among many leaves no half of an output.
    let faces = arguments
        .images
        .iter()
        .map(|path| Ok((path.as_path(), image_file::read_face(path)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut answers = Vec::with_capacity(faces.len());
    for (file, face) in &faces {
        let readout = if arguments.mirror { engine.classify_mirrored(face)? } else { engine.classify(face)? };
        answers.push((*file, readout));
    }
    let emotions = LabelSet::of(model.labels()).emotions();
    if arguments.json {
        let answers: Vec<Answer<'_>> = answers.iter().map(|(file, readout)| answer(file, readout, emotions)).collect();
        println!("{}", serde_json::to_string(&answers)?);
    } else {
        for (file, readout) in &answers {
            print(file, readout, emotions);
        }
    }
    Ok(())
}

fn answer<'a>(file: &'a Path, readout: &'a Readout, emotions: &[Emotion]) -> Answer<'a> {
    let Readout { label, confidence, margin, uncertain, ref probabilities } = *readout;
    let probabilities = &probabilities[..emotions.len()];
    Answer { file, label: label.name(), confidence, margin, uncertain, probabilities }
}

fn print(file: &Path, readout: &Readout, emotions: &[Emotion]) {
    let doubt = if readout.uncertain { "  (uncertain)" } else { "" };
    println!("{}: {} {:.2}{doubt}", file.display(), readout.label, readout.confidence);
    for (emotion, probability) in emotions.iter().zip(readout.probabilities) {
        let filled = (probability * BAR as f32).round() as usize;
        println!("  {emotion:<9} {probability:.3} {}", "█".repeat(filled.min(BAR)));
    }
}

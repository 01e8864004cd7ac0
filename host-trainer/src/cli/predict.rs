//! `predict`: image files to emotions.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use firmware::{engine::Engine, readout::Readout};
use serde::Serialize;
use shared::{
    label::Emotion,
    model::{Aligned, AlignedBytes, Model},
};

use super::{
    images, model_file,
    output::{err, out},
};
use crate::{data::LabelSet, image_file::ImageError};

/// The model that comes with the program.
static EDGE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../firmware/models/edge.fer"));

/// Columns of a bar that stands for certainty.
const BAR: usize = 40;

#[derive(Args, Debug)]
pub struct PredictArguments {
    /// The model file [default: edge, which comes with the program]
    #[arg(long, value_name = "FILE.fer")]
    model: Option<PathBuf>,
    /// Image files (PNG, JPEG, WebP, BMP, GIF, TIFF, PGM), - for standard input; the square in the centre should be filled by
    /// one face
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Average the logits of each face and of its mirror image; takes twice the time
    #[arg(long)]
    mirror: bool,
    /// Print one JSON array; an image that cannot be read has `error` in place of an answer
    #[arg(long)]
    json: bool,
}

/// What `--json` prints of an image.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Answer {
        /// Its name; bytes that are not UTF-8 are replaced.
        file: &'a str,
        label: &'static str,
        confidence: f32,
        margin: f32,
        uncertain: bool,
        probabilities: &'a [f32],
    },
    Error {
        file: &'a str,
        error: &'a str,
    },
}

pub fn run(arguments: &PredictArguments) -> anyhow::Result<()> {
    let read: Option<AlignedBytes> = arguments.model.as_deref().map(model_file::read).transpose()?;
    let model = match (&arguments.model, &read) {
        (Some(path), Some(bytes)) => model_file::parse(path, bytes)?,
        _ => Model::parse(&EDGE.0)?,
    };
    let mut arena = vec![0; Engine::arena_bytes(&model)? as usize];
    let mut engine = Engine::new(&model, &mut arena)?;
    let emotions = LabelSet::of(model.labels()).emotions();
    let mut results = Vec::with_capacity(arguments.images.len());
    for path in &arguments.images {
        let file = path.to_string_lossy();
        let readout = match images::face(path) {
            Ok(face) if arguments.mirror => Ok(engine.classify_mirrored(&face)?),
            Ok(face) => Ok(engine.classify(&face)?),
            Err(error) => Err(error),
        };
        if !arguments.json {
            match &readout {
                Ok(readout) => print(&file, readout, emotions)?,
                Err(error) => writeln!(err(), "error: {error}")?,
            }
        }
        results.push((file, readout));
    }
    if arguments.json {
        let results: Vec<Line<'_>> = results.iter().map(|(file, result)| line(file, result, emotions)).collect();
        writeln!(out(), "{}", serde_json::to_string(&results)?)?;
    }
    images::all_read(results.iter().filter(|(_, result)| result.is_err()).count(), results.len())
}

fn line<'a>(file: &'a str, result: &'a Result<Readout, ImageError>, emotions: &[Emotion]) -> Line<'a> {
    match result {
        Ok(readout) => {
            let Readout { label, confidence, margin, uncertain, ref probabilities } = *readout;
            let probabilities = &probabilities[..emotions.len()];
            Line::Answer { file, label: label.name(), confidence, margin, uncertain, probabilities }
        }
        Err(ImageError { problem, .. }) => Line::Error { file, error: problem },
    }
}

fn print(file: &str, readout: &Readout, emotions: &[Emotion]) -> io::Result<()> {
    let doubt = if readout.uncertain { "  (uncertain)" } else { "" };
    writeln!(out(), "{file}: {} {:.2}{doubt}", readout.label, readout.confidence)?;
    for (emotion, probability) in emotions.iter().zip(readout.probabilities) {
        let filled = (probability * BAR as f32).round() as usize;
        writeln!(out(), "  {emotion:<9} {probability:.3} {}", "█".repeat(filled.min(BAR)))?;
    }
    Ok(())
}

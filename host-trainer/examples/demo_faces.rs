//! Of each emotion, the drawn face that a model finds most of it in: what boards show while nobody talks to them.
//!
//! ```text
//! cargo run --release -p host-trainer --example demo_faces -- firmware/models/edge.fer
//! ```
//!
//! prints the indices that `tests/demo_faces.rs` holds.

use anyhow::Context;
use host_trainer::{evaluation::Prediction, inference, synthetic};
use shared::{
    label::Emotion,
    model::{AlignedBytes, Model},
};

/// Faces to choose among, and the seed that they are drawn from.
const FACES: u64 = 3_000;
const SEED: u64 = 0;

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("name a model file")?;
    let bytes = AlignedBytes::new(&std::fs::read(&path).with_context(|| path.clone())?);
    let model = Model::parse(bytes.as_slice())?;
    let faces: Vec<_> = (0..FACES).map(|index| synthetic::face(SEED, index)).collect();
    let pixels = faces.iter().map(|face| face.pixels).collect::<Vec<_>>().concat();
    let normalized = inference::normalize(model.preprocessing(), &pixels);
    let rows = inference::run_normalized(&model, &normalized, |_| {})?;
    let predictions: Vec<_> = inference::dequantize(&model, &rows)
        .iter()
        .map(|row| Prediction::from_logits(row, model.temperature()))
        .collect();
    for emotion in model.labels().collect::<Vec<Emotion>>() {
        let own = faces.iter().zip(&predictions).enumerate().filter(|(_, (face, _))| face.emotion == emotion);
        let probability = |prediction: &Prediction| prediction.probabilities[emotion.index()];
        let best = own.max_by(|(_, (_, a)), (_, (_, b))| probability(a).total_cmp(&probability(b)));
        let (index, (_, prediction)) = best.context("no face is drawn with this emotion")?;
        println!("{index:>5}  {emotion:<9} {:.2}, taken for {}", probability(prediction), prediction.label);
    }
    Ok(())
}

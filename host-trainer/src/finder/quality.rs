//! How good a network of the finder is on examples.

use firmware::finder::search::{EYE_UNITS, SQUARE_SIDE};

use super::networks::{Example, outputs};
use crate::network::Network;

/// How well a network tells examples apart, in words.
pub fn quality(network: &Network, examples: &[Example]) -> String {
    let squares: Vec<&[u8]> = examples.iter().map(|example| &example.pixels[..]).collect();
    let answers = outputs(network, &squares);
    let of = |face: bool| -> Vec<f32> {
        let mut scores: Vec<f32> = examples
            .iter()
            .zip(&answers)
            .filter(|(example, _)| example.eyes.is_some() == face)
            .map(|(_, answer)| answer[0])
            .collect();
        scores.sort_by(f32::total_cmp);
        scores
    };
    let (faces, others) = (of(true), of(false));
    let passing = |least: f32, scores: &[f32]| {
        scores.iter().filter(|&&score| score >= least).count() as f32 / scores.len().max(1) as f32
    };
    let mut errors: Vec<f32> = examples
        .iter()
        .zip(&answers)
        .filter_map(|(example, answer)| {
            let eyes = example.eyes?;
            // In eye distances of the face that the square would be right for.
            let off = |i: usize| (answer[1 + i] / EYE_UNITS - eyes[i]).hypot(answer[2 + i] / EYE_UNITS - eyes[i + 1]);
            Some((off(0) + off(2)) / 2.0 * SQUARE_SIDE as f32 / 256.0)
        })
        .collect();
    errors.sort_by(f32::total_cmp);
    let part = |share: f32| errors.get((errors.len() as f32 * share) as usize).copied().unwrap_or(0.0);
    format!(
        "of faces {:.4} from 0 on, {:.4} from -2 on; of others {:.4}, {:.4}; eyes off by {:.3} (median), {:.3} (three quarters)",
        passing(0.0, &faces),
        passing(-2.0, &faces),
        passing(0.0, &others),
        passing(-2.0, &others),
        part(0.5),
        part(0.75),
    )
}

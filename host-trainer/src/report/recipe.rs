//! A recipe in words.

use crate::{architecture::Architecture, training::Configuration};

/// What was set and to what; settings that are off do not appear.
pub fn recipe_rows(architecture: &Architecture, configuration: &Configuration) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    if !configuration.labels.is_fer2013() {
        rows.push(("labels", "majority of the FER+ votes, 8 emotions".to_string()));
    }
    rows.extend(architecture.recipe.words());
    let start = configuration.start.as_ref().map_or("Glorot uniform, biases zero", |_| "those of a trained network");
    rows.push(("weights at the start", start.into()));
    rows.push(("images a step", configuration.batch_size.to_string()));
    rows.push(("epochs", configuration.epochs.to_string()));
    rows.push(("seed", configuration.seed.to_string()));
    rows.into_iter().map(|(what, which)| (what.to_string(), which)).collect()
}

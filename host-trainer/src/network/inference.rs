//! Logits and ranges of activations over many images.

use burn::tensor::{Device, Tensor};
use shared::label::Emotion;

use super::{Mode, Network, input_tensor};

/// Images a forward pass; enough to keep the cores busy, few enough to stay in the caches.
const BATCH: usize = 64;

/// Logits of normalized faces (`i8`, [`Preprocessing::values`](shared::preprocessing::Preprocessing::values) each, one after
/// the other); negative infinity for emotions that the network does not know. `progress(done)` is told the number of faces done.
pub fn logits(network: &Network, faces: &[i8], mut progress: impl FnMut(usize)) -> Vec<[f32; Emotion::COUNT]> {
    let mut result = Vec::with_capacity(faces.len() / network.architecture.preprocessing.values());
    each_batch(network, faces, |network, batch| {
        let values = network.forward(batch, &mut Mode::Inference).into_data();
        let values = values.as_slice::<f32>().unwrap_or(&[]);
        result.extend(values.chunks_exact(network.architecture.labels().count()).map(padded));
        progress(result.len());
    });
    result
}

/// A row of logits with negative infinity behind it.
fn padded(row: &[f32]) -> [f32; Emotion::COUNT] {
    std::array::from_fn(|class| row.get(class).copied().unwrap_or(f32::NEG_INFINITY))
}

/// Range of every layer's output over normalized faces, `(min, max)`, one a layer: the mean over batches of 64 faces of each
/// batch's smallest and largest value, so that a single outlier does not cost all other values their resolution.
pub fn activation_ranges(network: &Network, faces: &[i8]) -> Vec<(f32, f32)> {
    let mut sums = vec![(0.0, 0.0); network.architecture.layers.len()];
    let mut batches = 0.0f32;
    each_batch(network, faces, |network, batch| {
        batches += 1.0;
        network.forward_collect(batch, &mut Mode::Inference, |layer, output| {
            let (min, max) = &mut sums[layer];
            *min += output.clone().min().into_scalar::<f32>();
            *max += output.clone().max().into_scalar::<f32>();
        });
    });
    sums.into_iter().map(|(min, max)| (min / batches.max(1.0), max / batches.max(1.0))).collect()
}

fn each_batch(network: &Network, faces: &[i8], mut run: impl FnMut(&Network, Tensor<4>)) {
    let network = network.valid();
    let preprocessing = network.architecture.preprocessing;
    for batch in faces.chunks(BATCH * preprocessing.values()) {
        run(&network, input_tensor(batch.chunks_exact(preprocessing.values()), preprocessing, &Device::flex()));
    }
}

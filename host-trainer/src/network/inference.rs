//! Logits and ranges of activations over many images.

use burn::tensor::{Device, Tensor};
use shared::{label::Emotion, preprocessing::FACE_PIXELS};

use super::{Mode, Network, input_tensor};

/// Images a forward pass; enough to keep the cores busy, few enough to stay in the caches.
const BATCH: usize = 64;

/// Logits of normalized faces (`i8`, 2,304 each, one after the other). `progress(done)` is told the number of faces done.
pub fn logits(network: &Network, faces: &[i8], mut progress: impl FnMut(usize)) -> Vec<[f32; Emotion::COUNT]> {
    let mut result = Vec::with_capacity(faces.len() / FACE_PIXELS);
    each_batch(network, faces, |network, batch| {
        let values = network.forward(batch, &mut Mode::Inference).into_data();
        let values = values.as_slice::<f32>().unwrap_or(&[]);
        result.extend(values.as_chunks::<{ Emotion::COUNT }>().0);
        progress(result.len());
    });
    result
}

/// Smallest and largest value of every layer's output over normalized faces: `(min, max)`, one a layer.
pub fn activation_ranges(network: &Network, faces: &[i8]) -> Vec<(f32, f32)> {
    let mut ranges = vec![(f32::INFINITY, f32::NEG_INFINITY); network.architecture.layers.len()];
    each_batch(network, faces, |network, batch| {
        network.forward_collect(batch, &mut Mode::Inference, |layer, output| {
            let (min, max) = &mut ranges[layer];
            *min = min.min(output.clone().min().into_scalar());
            *max = max.max(output.clone().max().into_scalar());
        });
    });
    ranges
}

fn each_batch(network: &Network, faces: &[i8], mut run: impl FnMut(&Network, Tensor<4>)) {
    let network = network.valid();
    let scale = network.architecture.preprocessing.scale();
    for batch in faces.chunks(BATCH * FACE_PIXELS) {
        run(&network, input_tensor(batch.chunks_exact(FACE_PIXELS), scale, &Device::flex()));
    }
}

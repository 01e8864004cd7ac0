//! Logits that are shifted once a network is trained.

use std::sync::Arc;

use burn::tensor::Device;

use super::{LayerWeights, Network};

impl Network {
    /// The network that answers: its logits are shifted by the recipe's `logit_adjustment`, which its own recipe no longer asks
    /// for. On the processor.
    pub fn adjusted(&self) -> Self {
        let adjustment = &self.architecture.recipe.logit_adjustment;
        if adjustment.is_empty() {
            return self.clone();
        }
        let mut network = self.to_float_network();
        Arc::make_mut(&mut network.architecture).recipe.logit_adjustment.clear();
        // An architecture with an adjustment ends in a dense layer.
        if let Some(LayerWeights::Dense { bias, .. }) = network.weights.last_mut() {
            bias.iter_mut().zip(adjustment).for_each(|(bias, shift)| *bias += shift);
        }
        network.to_network(&Device::flex())
    }
}

#[cfg(test)]
mod tests {
    use crate::{architecture::Architecture, network::Network, network::logits, synthetic};

    #[test]
    fn logits_are_shifted_and_nothing_else() {
        let levorse = crate::architecture::BUILT_IN[0].1;
        let text = levorse.replace("[recipe]", "[recipe]\nlogit_adjustment = [0.0, 1.5, 0.0, -0.25, 0.0, 0.0, 0.0]");
        let network = |text: &str| {
            let architecture = Architecture::parse("a.toml", text).expect("sound");
            Network::new(architecture.into(), 3, &burn::tensor::Device::flex())
        };
        let (plain, shifted) = (network(levorse), network(&text));
        let pixels: Vec<u8> = (0..3).flat_map(|index| synthetic::face(1, index).pixels).collect();
        let faces = crate::inference::normalize(plain.architecture.preprocessing, &pixels);
        let rows = |network: &Network| logits(network, &faces, |_| {});
        assert_eq!(rows(&plain.adjusted()), rows(&plain));
        assert_eq!(rows(&shifted), rows(&plain), "what is trained is not shifted");
        for (shifted, plain) in rows(&shifted.adjusted()).iter().zip(rows(&plain)) {
            let shifts = [0.0, 1.5, 0.0, -0.25, 0.0, 0.0, 0.0];
            for (class, shift) in shifts.into_iter().enumerate() {
                assert!((shifted[class] - plain[class] - shift).abs() < 1e-5, "{shifted:?} {plain:?}");
            }
        }
    }
}

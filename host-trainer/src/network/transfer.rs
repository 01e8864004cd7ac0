//! A trained network as the beginning of another.

use super::{FloatNetwork, LayerWeights};

/// The networks have different layers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the network to start from has other weights than the new one at the layer `{layer}`; only the last layer may differ"
)]
pub struct TransferError {
    /// The new network's layer; its last one if the other has too many.
    pub layer: String,
}

/// `fresh` with the weights of `trained`, layer by layer where there are any; the last one keeps its own if `trained` has
/// another number of units there.
///
/// # Errors
/// [`TransferError`] if another layer differs in kind or size.
pub fn transferred(fresh: &FloatNetwork, trained: &FloatNetwork) -> Result<FloatNetwork, TransferError> {
    let mut theirs = trained.weights.iter().filter(|weights| **weights != LayerWeights::None).peekable();
    let mut network = fresh.clone();
    let error = |index: usize| TransferError { layer: fresh.architecture.layers[index].name.clone() };
    let last = fresh.weights.iter().rposition(|weights| *weights != LayerWeights::None).unwrap_or(0);
    for (index, own) in network.weights.iter_mut().enumerate().filter(|(_, own)| **own != LayerWeights::None) {
        let weights = theirs.next().ok_or_else(|| error(index))?;
        match (&*own, weights) {
            (own, other) if lengths(own) == lengths(other) => {}
            (LayerWeights::Dense { .. }, LayerWeights::Dense { .. }) if index == last => break,
            _ => return Err(error(index)),
        }
        *own = weights.clone();
    }
    if theirs.peek().is_some() { Err(error(last)) } else { Ok(network) }
}

/// Kind and sizes of what a layer learned.
fn lengths(weights: &LayerWeights) -> (u8, usize, usize) {
    match weights {
        LayerWeights::None => (0, 0, 0),
        LayerWeights::Convolution { weight, bias } => (1, weight.len(), bias.len()),
        LayerWeights::BatchNorm { gamma, .. } => (2, gamma.len(), 0),
        LayerWeights::Dense { weight, bias } => (3, weight.len(), bias.len()),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{architecture::Architecture, data::LabelSet, network::Network};

    fn network(labels: LabelSet, seed: u64) -> FloatNetwork {
        let architecture = Architecture::find("levorse").and_then(|found| found.with_labels(labels)).expect("built in");
        Network::new(architecture.into(), seed, &Device::flex()).to_float_network()
    }

    #[test]
    fn all_layers_but_the_last_begin_with_the_trained_weights_of_another_label_set() {
        let (seven, eight) = (network(LabelSet::Fer2013, 1), network(LabelSet::FerPlus, 2));
        let started = transferred(&eight, &seven).expect("the layers fit");
        let last = started.weights.len() - 1;
        assert_eq!(started.weights[..last], seven.weights[..last]);
        assert_eq!(started.weights[last], eight.weights[last]);
        let again = transferred(&network(LabelSet::Fer2013, 3), &seven).expect("the same layers");
        assert_eq!(again.weights, seven.weights);
    }

    #[test]
    fn a_layer_that_differs_is_named() {
        let seven = network(LabelSet::Fer2013, 1);
        let mut other = seven.clone();
        other.weights[1] = LayerWeights::Convolution { weight: vec![0.0; 9], bias: vec![0.0] };
        let error = transferred(&seven, &other).expect_err("another kernel");
        assert_eq!(error.layer, seven.architecture.layers[1].name);
        other.weights = vec![LayerWeights::None];
        assert!(transferred(&seven, &other).is_err() && transferred(&other, &seven).is_err());
    }
}

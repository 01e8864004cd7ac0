//! Errors of exporting a network.

/// A network whose weights do not belong to its architecture. Layers are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// The number of entries of weights is not the number of layers.
    #[error("the network has {layers} layers and {weights} entries of weights; there must be one entry a layer")]
    LayerCount {
        /// Layers of the architecture.
        layers: usize,
        /// Entries of weights.
        weights: usize,
    },
    /// The weights are of another kind than the layer.
    #[error("layer {layer} ({kind}) has no weights of its kind")]
    WrongKind {
        /// Which layer, from 1.
        layer: usize,
        /// Its kind, as architecture files name it.
        kind: &'static str,
    },
    /// A weight tensor has another size than the layer.
    #[error("layer {layer} ({kind}): its `{tensor}` has {found} values and needs {expected}")]
    WrongSize {
        /// Which layer, from 1.
        layer: usize,
        /// Its kind, as architecture files name it.
        kind: &'static str,
        /// Which tensor of the layer.
        tensor: &'static str,
        /// Values it has.
        found: usize,
        /// Values it needs.
        expected: usize,
    },
}

//! Networks into the text of an architecture file.

use shared::{
    operator::{Activation, Operator},
    preprocessing::Preprocessing,
    shape::Window,
};

use super::{
    super::{Layer, LayerKind, Recipe},
    text::{Extent, File, Kind, LayerFile, PreprocessingFile},
};
use crate::quantization::parameters::Range;

/// The text of an architecture file.
pub fn write(
    name: &str,
    preprocessing: Preprocessing,
    recipe: &Recipe,
    layers: &[Layer],
) -> Result<String, toml::ser::Error> {
    let layer = layers.iter().map(|layer| describe(layer, layers)).collect();
    let preprocessing = PreprocessingFile::describe(preprocessing);
    toml::to_string(&File { name: name.into(), preprocessing, recipe: recipe.clone(), layer })
}

/// A layer of `layers` as its table in a file.
fn describe(layer: &Layer, layers: &[Layer]) -> LayerFile {
    let name_of = |source: &Option<usize>| source.map_or("input", |source| &layers[source].name).to_string();
    let mut file = LayerFile {
        kind: Kind::Flatten,
        name: Some(layer.name.clone()),
        inputs: Some(layer.inputs.iter().map(name_of).collect()),
        filters: None,
        units: None,
        kernel: None,
        stride: None,
        padding: None,
        rate: None,
        ratio: None,
        range: layer.range.map(|Range { min, max }| [min, max]),
    };
    let mut set_window = |window: Window| {
        file.kernel = Some(Extent::Rectangle([window.kernel_height, window.kernel_width]));
        file.stride = Some(Extent::Rectangle([window.stride_height, window.stride_width]));
        file.padding = Some(window.padding);
    };
    file.kind = match layer.kind {
        LayerKind::Operator(Operator::Conv2d { window, filters }) => {
            set_window(window);
            file.filters = Some(filters);
            Kind::Conv2d
        }
        LayerKind::Operator(Operator::DepthwiseConv2d { window }) => {
            set_window(window);
            Kind::DepthwiseConv2d
        }
        LayerKind::Operator(Operator::MaxPool2d { window }) => {
            set_window(window);
            Kind::MaxPool2d
        }
        LayerKind::Operator(Operator::AveragePool2d { window }) => {
            set_window(window);
            Kind::AveragePool2d
        }
        LayerKind::Operator(Operator::GlobalAveragePool) => Kind::GlobalAveragePool,
        LayerKind::Operator(Operator::Add) => Kind::Add,
        LayerKind::Operator(Operator::Mul) => Kind::Mul,
        LayerKind::Operator(Operator::Logistic) => Kind::Sigmoid,
        LayerKind::Operator(Operator::FullyConnected { units }) => {
            file.units = Some(units);
            Kind::Dense
        }
        LayerKind::BatchNorm => Kind::BatchNorm,
        LayerKind::Activation(Activation::Relu6) => Kind::Relu6,
        // There is no layer of the identity.
        LayerKind::Activation(Activation::Relu | Activation::None) => Kind::Relu,
        LayerKind::Flatten => Kind::Flatten,
        LayerKind::Dropout { rate } => {
            file.rate = Some(rate);
            Kind::Dropout
        }
        LayerKind::SpatialDropout { rate } => {
            file.rate = Some(rate);
            Kind::SpatialDropout
        }
    };
    file
}

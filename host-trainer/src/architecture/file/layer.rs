//! Layers out of their tables.

use shared::{
    operator::{Activation, Operator},
    shape::{Padding, Shape, Window},
};

use super::{
    super::{Architecture, Layer, LayerKind},
    text::{Extent, Kind, LayerFile},
};
use crate::quantization::parameters::Range;

/// The layer and its output's shape.
pub fn build(layer: &LayerFile, index: usize, before: &Architecture) -> Result<(Layer, Shape), String> {
    let inputs = inputs(layer, index, before)?;
    let shapes: Vec<Shape> =
        inputs.iter().map(|source| source.map_or_else(|| before.input_shape(), |i| before.shapes[i])).collect();
    let kind = kind(layer)?;
    let expected = if layer.kind == Kind::Add { 2 } else { 1 };
    let input = match shapes.as_slice() {
        [input, ..] if shapes.len() == expected => *input,
        _ => return Err(format!("it has {} inputs and needs {expected}", shapes.len())),
    };
    if shapes.iter().any(|&shape| shape != input) {
        return Err("its two inputs have different shapes".into());
    }
    let shape = kind.output_shape(input)?;
    let name = layer.name.clone().unwrap_or_else(|| format!("{}_{}", kind.name(), index + 1));
    if name == "input" || before.layers.iter().any(|other| other.name == name) {
        return Err(format!("the name `{name}` is taken"));
    }
    let range = layer.range.map(range).transpose()?;
    Ok((Layer { name, inputs, kind, range }, shape))
}

fn inputs(layer: &LayerFile, index: usize, before: &Architecture) -> Result<Vec<Option<usize>>, String> {
    let Some(names) = &layer.inputs else { return Ok(vec![index.checked_sub(1)]) };
    names
        .iter()
        .map(|name| match before.layers.iter().position(|other| other.name == *name) {
            Some(position) => Ok(Some(position)),
            None if name == "input" => Ok(None),
            None => Err(format!("no layer before it is named `{name}`")),
        })
        .collect()
}

/// The kind with its parameters; keys that mean nothing to it are errors.
fn kind(layer: &LayerFile) -> Result<LayerKind, String> {
    let allowed: &[&str] = match layer.kind {
        Kind::Conv2d => &["filters", "kernel", "stride", "padding"],
        Kind::DepthwiseConv2d | Kind::MaxPool2d | Kind::AveragePool2d => &["kernel", "stride", "padding"],
        Kind::Dense => &["units"],
        Kind::Dropout | Kind::SpatialDropout => &["rate"],
        _ => &[],
    };
    let given = [
        ("filters", layer.filters.is_some()),
        ("units", layer.units.is_some()),
        ("kernel", layer.kernel.is_some()),
        ("stride", layer.stride.is_some()),
        ("padding", layer.padding.is_some()),
        ("rate", layer.rate.is_some()),
    ];
    if let Some((key, _)) = given.into_iter().find(|(key, given)| *given && !allowed.contains(key)) {
        return Err(format!("it has no `{key}`"));
    }
    Ok(match layer.kind {
        Kind::Conv2d => LayerKind::Operator(Operator::Conv2d {
            window: window(layer, 1, Padding::Same)?,
            filters: layer.filters.ok_or("`filters` is missing")?,
        }),
        Kind::DepthwiseConv2d => {
            LayerKind::Operator(Operator::DepthwiseConv2d { window: window(layer, 1, Padding::Same)? })
        }
        Kind::MaxPool2d => LayerKind::Operator(Operator::MaxPool2d { window: pool_window(layer)? }),
        Kind::AveragePool2d => LayerKind::Operator(Operator::AveragePool2d { window: pool_window(layer)? }),
        Kind::GlobalAveragePool => LayerKind::Operator(Operator::GlobalAveragePool),
        Kind::Add => LayerKind::Operator(Operator::Add),
        Kind::Dense => {
            LayerKind::Operator(Operator::FullyConnected { units: layer.units.ok_or("`units` is missing")? })
        }
        Kind::BatchNorm => LayerKind::BatchNorm,
        Kind::Relu => LayerKind::Activation(Activation::Relu),
        Kind::Relu6 => LayerKind::Activation(Activation::Relu6),
        Kind::Sigmoid => LayerKind::Sigmoid,
        Kind::Flatten => LayerKind::Flatten,
        Kind::Dropout => LayerKind::Dropout { rate: rate(layer)? },
        Kind::SpatialDropout => LayerKind::SpatialDropout { rate: rate(layer)? },
    })
}

fn rate(layer: &LayerFile) -> Result<f32, String> {
    match layer.rate.ok_or("`rate` is missing")? {
        rate if (0.0..1.0).contains(&rate) => Ok(rate),
        rate => Err(format!("`rate` is {rate}; it must be in 0..1")),
    }
}

/// A range of real values with zero in it.
fn range([min, max]: [f32; 2]) -> Result<Range, String> {
    let sound = min.is_finite() && max.is_finite() && min <= 0.0 && max >= 0.0 && min < max;
    if sound {
        Ok(Range { min, max })
    } else {
        Err(format!("`range` is [{min}, {max}]; it must be finite and hold zero"))
    }
}

/// Keras's defaults for pooling: the stride is the window, and only whole windows count.
fn pool_window(layer: &LayerFile) -> Result<Window, String> {
    let kernel = layer.kernel.ok_or("`kernel` is missing")?;
    let with_stride = layer.stride.unwrap_or(kernel);
    Ok(make_window(kernel, with_stride, layer.padding.unwrap_or(Padding::Valid)))
}

fn window(layer: &LayerFile, stride: u8, padding: Padding) -> Result<Window, String> {
    let kernel = layer.kernel.ok_or("`kernel` is missing")?;
    Ok(make_window(kernel, layer.stride.unwrap_or(Extent::Square(stride)), layer.padding.unwrap_or(padding)))
}

fn make_window(kernel: Extent, stride: Extent, padding: Padding) -> Window {
    let ([kernel_height, kernel_width], [stride_height, stride_width]) =
        (kernel.rows_and_columns(), stride.rows_and_columns());
    Window { kernel_height, kernel_width, stride_height, stride_width, padding }
}

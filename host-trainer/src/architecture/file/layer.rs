//! Layers out of their tables.

use shared::{
    operator::{Activation, Operator},
    shape::{Padding, Shape, Window},
};

use super::{
    super::{Architecture, Layer, LayerKind},
    squeeze_excite,
    text::{Extent, Kind, LayerFile},
};
use crate::quantization::parameters::Range;

/// Appends table number `index` to the network: a layer, or several if the table stands for a block.
pub fn append(network: &mut Architecture, table: &LayerFile, index: usize) -> Result<(), String> {
    let inputs = inputs(table, network)?;
    if table.kind == Kind::SqueezeExcite {
        return squeeze_excite::append(network, table, index, &inputs);
    }
    let kind = kind(table)?;
    let name = table.name.clone().unwrap_or_else(|| format!("{}_{}", kind.name(), index + 1));
    let range = table.range.map(range).transpose()?;
    push(network, Layer { name, inputs, kind, range })?;
    Ok(())
}

/// Appends a layer, whose place in the network is returned.
pub(super) fn push(network: &mut Architecture, layer: Layer) -> Result<usize, String> {
    let shape_of = |source: &Option<usize>| source.map_or_else(|| network.input_shape(), |i| network.shapes[i]);
    let shapes: Vec<Shape> = layer.inputs.iter().map(shape_of).collect();
    let expected = layer.kind.input_count();
    let input = match shapes.as_slice() {
        [input, ..] if shapes.len() == expected => *input,
        _ => return Err(format!("it has {} inputs and needs {expected}", shapes.len())),
    };
    if let Some(&second) = shapes.get(1).filter(|&&second| !layer.kind.takes_second(input, second)) {
        return Err(misfit(&layer.kind, input, second));
    }
    let shape = layer.kind.output_shape(input)?;
    if layer.name == "input" || network.layers.iter().any(|other| other.name == layer.name) {
        return Err(format!("the name `{}` is taken", layer.name));
    }
    network.layers.push(layer);
    network.shapes.push(shape);
    Ok(network.layers.len() - 1)
}

fn misfit(kind: &LayerKind, first: Shape, second: Shape) -> String {
    let words = |shape: Shape| format!("{}x{}x{}", shape.height, shape.width, shape.channels);
    let (first_words, second) = (words(first), words(second));
    match kind {
        LayerKind::Operator(Operator::Mul) => format!(
            "its inputs have the shapes {first_words} and {second}; the second must have the first one's, or 1x1x{}",
            first.channels
        ),
        _ => format!("its two inputs have different shapes, {first_words} and {second}"),
    }
}

fn inputs(layer: &LayerFile, before: &Architecture) -> Result<Vec<Option<usize>>, String> {
    let Some(names) = &layer.inputs else { return Ok(vec![before.layers.len().checked_sub(1)]) };
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
    check_keys(layer)?;
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
        Kind::Mul => LayerKind::Operator(Operator::Mul),
        Kind::Dense => {
            LayerKind::Operator(Operator::FullyConnected { units: layer.units.ok_or("`units` is missing")? })
        }
        Kind::BatchNorm => LayerKind::BatchNorm,
        Kind::Relu => LayerKind::Activation(Activation::Relu),
        Kind::Relu6 => LayerKind::Activation(Activation::Relu6),
        Kind::Sigmoid => LayerKind::Operator(Operator::Logistic),
        Kind::Flatten => LayerKind::Flatten,
        Kind::Dropout => LayerKind::Dropout { rate: rate(layer)? },
        Kind::SpatialDropout => LayerKind::SpatialDropout { rate: rate(layer)? },
        Kind::SqueezeExcite => return Err("it stands for several layers".into()),
    })
}

/// Whether a table has no key that means nothing to its kind.
pub(super) fn check_keys(layer: &LayerFile) -> Result<(), String> {
    let allowed: &[&str] = match layer.kind {
        Kind::Conv2d => &["filters", "kernel", "stride", "padding"],
        Kind::DepthwiseConv2d | Kind::MaxPool2d | Kind::AveragePool2d => &["kernel", "stride", "padding"],
        Kind::Dense => &["units"],
        Kind::Dropout | Kind::SpatialDropout => &["rate"],
        Kind::SqueezeExcite => &["ratio"],
        _ => &[],
    };
    let given = [
        ("filters", layer.filters.is_some()),
        ("units", layer.units.is_some()),
        ("kernel", layer.kernel.is_some()),
        ("stride", layer.stride.is_some()),
        ("padding", layer.padding.is_some()),
        ("rate", layer.rate.is_some()),
        ("ratio", layer.ratio.is_some()),
    ];
    if let Some((key, _)) = given.into_iter().find(|(key, given)| *given && !allowed.contains(key)) {
        return Err(format!("it has no `{key}`"));
    }
    Ok(())
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

//! The TOML of architecture files.

use serde::{Deserialize, Serialize};
use shared::{
    operator::{Activation, Operator},
    preprocessing::Preprocessing,
    shape::{Padding, Shape, Window},
};

use super::{Architecture, ArchitectureError, Layer, LayerKind, Recipe};
use crate::{data::LabelSet, quantization::parameters::Range};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    preprocessing: PreprocessingFile,
    recipe: Recipe,
    layer: Vec<LayerFile>,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum PreprocessingFile {
    Local { sigma_floor: f64 },
    Global { sigma_floor: f64 },
    LocalAndGlobal { local_floor: f64, global_floor: f64 },
    Grey { divisor: u16 },
}

impl PreprocessingFile {
    fn build(self) -> Result<Preprocessing, String> {
        let floor = |key: &str, floor: f64| match floor {
            floor if (0.0..256.0).contains(&floor) => Ok((floor * 256.0).round().min(65535.0) as u16),
            floor => Err(format!("`{key}` is {floor}; it must be in 0..256 grey levels")),
        };
        Ok(match self {
            Self::Local { sigma_floor } => Preprocessing::Local { sigma_floor: floor("sigma_floor", sigma_floor)? },
            Self::Global { sigma_floor } => Preprocessing::Global { sigma_floor: floor("sigma_floor", sigma_floor)? },
            Self::LocalAndGlobal { local_floor, global_floor } => Preprocessing::LocalAndGlobal {
                local_floor: floor("local_floor", local_floor)?,
                global_floor: floor("global_floor", global_floor)?,
            },
            Self::Grey { divisor: 0 } => return Err("`divisor` must be at least 1".into()),
            Self::Grey { divisor } => Preprocessing::Grey { divisor },
        })
    }

    fn describe(preprocessing: Preprocessing) -> Self {
        let levels = |floor: u16| f64::from(floor) / 256.0;
        match preprocessing {
            Preprocessing::Local { sigma_floor } => Self::Local { sigma_floor: levels(sigma_floor) },
            Preprocessing::Global { sigma_floor } => Self::Global { sigma_floor: levels(sigma_floor) },
            Preprocessing::LocalAndGlobal { local_floor, global_floor } => {
                Self::LocalAndGlobal { local_floor: levels(local_floor), global_floor: levels(global_floor) }
            }
            Preprocessing::Grey { divisor } => Self::Grey { divisor },
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Conv2d,
    DepthwiseConv2d,
    MaxPool2d,
    AveragePool2d,
    GlobalAveragePool,
    Add,
    Dense,
    BatchNorm,
    Relu,
    Relu6,
    Sigmoid,
    Flatten,
    Dropout,
    SpatialDropout,
}

/// `5` or `[5, 3]`: rows and columns.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(untagged)]
enum Extent {
    Square(u8),
    Rectangle([u8; 2]),
}

impl Extent {
    fn rows_and_columns(self) -> [u8; 2] {
        match self {
            Extent::Square(size) => [size, size],
            Extent::Rectangle(size) => size,
        }
    }
}

/// Every key a layer may have; which of them belong to its kind is checked when it is built.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LayerFile {
    kind: Kind,
    name: Option<String>,
    inputs: Option<Vec<String>>,
    filters: Option<u16>,
    units: Option<u16>,
    kernel: Option<Extent>,
    stride: Option<Extent>,
    padding: Option<Padding>,
    rate: Option<f32>,
    range: Option<[f32; 2]>,
}

/// The text of an architecture file.
pub(super) fn write(
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
        LayerKind::Operator(Operator::FullyConnected { units }) => {
            file.units = Some(units);
            Kind::Dense
        }
        LayerKind::BatchNorm => Kind::BatchNorm,
        LayerKind::Activation(Activation::Relu6) => Kind::Relu6,
        // There is no layer of the identity.
        LayerKind::Activation(Activation::Relu | Activation::None) => Kind::Relu,
        LayerKind::Sigmoid => Kind::Sigmoid,
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

pub(super) fn parse(file: &str, text: &str) -> Result<Architecture, ArchitectureError> {
    let toml_error = |error: toml::de::Error| ArchitectureError::Toml { file: file.into(), error: error.to_string() };
    let description: File = toml::from_str(text).map_err(toml_error)?;
    let value_error = |problem: String| ArchitectureError::Value { file: file.into(), problem };
    if description.name.is_empty() || description.name.len() > 64 {
        return Err(value_error("`name` must have 1 to 64 bytes".into()));
    }
    description.recipe.check().map_err(value_error)?;
    let preprocessing = description.preprocessing.build().map_err(value_error)?;
    let mut architecture = Architecture {
        name: description.name,
        preprocessing,
        layers: Vec::new(),
        recipe: description.recipe,
        source: text.into(),
        shapes: Vec::new(),
    };
    for (index, layer) in description.layer.iter().enumerate() {
        let error = |problem: String| ArchitectureError::Layer {
            file: file.into(),
            layer: index + 1,
            kind: format!("{:?}", layer.kind),
            problem,
        };
        let (layer, shape) = build(layer, index, &architecture).map_err(error)?;
        architecture.layers.push(layer);
        architecture.shapes.push(shape);
    }
    check_ranges(&architecture).map_err(value_error)?;
    check_resizing(&architecture).map_err(value_error)?;
    let logits =
        |shape: &Shape| LabelSet::with_count(shape.channels.into()).filter(|_| shape.width * shape.height == 1);
    match architecture.shapes.last() {
        Some(shape) if logits(shape).is_some() => {}
        Some(shape) => {
            return Err(value_error(format!(
                "the last layer gives {}x{}x{} values; it must give one logit for each of the {} emotions of FER2013, or of \
                 the {} of FER+",
                shape.height,
                shape.width,
                shape.channels,
                LabelSet::Fer2013.count(),
                LabelSet::FerPlus.count()
            )));
        }
        None => return Err(value_error("there is no [[layer]]".into())),
    }
    architecture.recipe.check_labels(architecture.labels()).map_err(value_error)?;
    Ok(architecture)
}

/// The layer and its output's shape.
fn build(layer: &LayerFile, index: usize, before: &Architecture) -> Result<(Layer, Shape), String> {
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
    let shape = match kind {
        LayerKind::Operator(operator) => operator.output_shape(input).map_err(|error| error.to_string())?,
        LayerKind::Flatten => {
            let length = input.elements().and_then(|n| u16::try_from(n).ok());
            Shape::vector(length.ok_or("more than 65,535 values")?)
        }
        _ => input,
    };
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

/// Which layer would not fit smaller faces, in a recipe that has them.
fn check_resizing(architecture: &Architecture) -> Result<(), String> {
    let Some(resizing) = architecture.recipe.progressive_resizing else { return Ok(()) };
    // All sizes, whatever the number of epochs is: a command may ask for another.
    resizing.small_sizes().try_for_each(|size| match misfit(architecture, size as u16) {
        Some(layer) => Err(format!(
            "`progressive_resizing` has faces of {size}x{size} pixels, which `{}` does not fit; such a network needs a \
             `global_average_pool` before its dense layers",
            architecture.layers[layer].name
        )),
        None => Ok(()),
    })
}

/// The first layer that does not fit faces of `size` x `size`, if there is one.
fn misfit(architecture: &Architecture, size: u16) -> Option<usize> {
    let face = Shape { height: size, width: size, ..architecture.input_shape() };
    let mut shapes: Vec<Shape> = Vec::with_capacity(architecture.layers.len());
    for (index, layer) in architecture.layers.iter().enumerate() {
        let mut inputs = layer.inputs.iter().map(|source| source.map_or(face, |source| shapes[source]));
        let input = inputs.next()?;
        let output = match layer.kind {
            LayerKind::Operator(operator) => operator.output_shape(input).ok(),
            LayerKind::Flatten => input.elements().and_then(|n| u16::try_from(n).ok()).map(Shape::vector),
            _ => Some(input),
        };
        let vector = matches!(layer.kind, LayerKind::Flatten | LayerKind::Operator(Operator::FullyConnected { .. }));
        match output {
            Some(output) if inputs.all(|other| other == input) => {
                if vector && input != architecture.shape_before(index) {
                    return Some(index);
                }
                shapes.push(output);
            }
            _ => return Some(index),
        }
    }
    None
}

/// Which layer lacks the range that others have: in a network that learns with the core's rounding, every operator that
/// computes has one, or the activation behind it.
fn check_ranges(architecture: &Architecture) -> Result<(), String> {
    if !architecture.is_quantization_aware() {
        return Ok(());
    }
    if architecture.layers.iter().any(|layer| layer.kind == LayerKind::BatchNorm) {
        return Err(
            "a network with a `range` cannot have a batch normalization; fold it into the weights before it".into()
        );
    }
    let ranged = |index: usize| architecture.layers[index].range.is_some();
    let readers = |index: usize| {
        (0..architecture.layers.len()).filter(move |&reader| architecture.layers[reader].inputs.contains(&Some(index)))
    };
    let clamped = |index: usize| {
        readers(index)
            .all(|reader| matches!(architecture.layers[reader].kind, LayerKind::Activation(_)) && ranged(reader))
            && readers(index).next().is_some()
    };
    let computes = |kind: LayerKind| match kind {
        LayerKind::Operator(Operator::MaxPool2d { .. }) => false,
        LayerKind::Operator(_) => true,
        _ => false,
    };
    let lacking = (0..architecture.layers.len())
        .find(|&index| computes(architecture.layers[index].kind) && !ranged(index) && !clamped(index));
    match lacking {
        Some(index) => Err(format!("the layer `{}` has no `range`, and others have", architecture.layers[index].name)),
        None => Ok(()),
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

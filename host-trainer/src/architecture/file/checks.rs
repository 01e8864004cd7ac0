//! What a network must be as a whole.

use shared::{
    operator::{Operator, Pool2d, PoolKind, logistic},
    shape::Shape,
};

use super::super::{Architecture, Layer, LayerKind};
use crate::{data::LabelSet, scales::activation_quantization};

/// Checks that layers and recipe together make a network that can be trained.
pub fn check(architecture: &Architecture) -> Result<(), String> {
    check_ranges(architecture)?;
    if let Some(size) = architecture.input_size {
        return check_size(size);
    }
    check_resizing(architecture)?;
    check_logits(architecture)?;
    check_adjustment(architecture)?;
    architecture.recipe.check_labels(architecture.labels())
}

/// Of a network that sees something else than faces of 48x48 pixels.
fn check_size(size: u16) -> Result<(), String> {
    match size {
        8..=64 => Ok(()),
        _ => Err(format!("`input_size` is {size}; it must be 8 to 64 pixels")),
    }
}

/// The last layer must give one logit per emotion.
fn check_logits(architecture: &Architecture) -> Result<(), String> {
    let Some(shape) = architecture.shapes.last() else { return Err("there is no [[layer]]".into()) };
    if shape.width * shape.height == 1 && LabelSet::with_count(shape.channels.into()).is_some() {
        return Ok(());
    }
    Err(format!(
        "the last layer gives {}x{}x{} values; it must give one logit for each of the {} emotions of FER2013, or of the {} of \
         FER+",
        shape.height,
        shape.width,
        shape.channels,
        LabelSet::Fer2013.count(),
        LabelSet::FerPlus.count()
    ))
}

/// Checks that the adjustment of the logits can become part of the last layer's biases.
fn check_adjustment(architecture: &Architecture) -> Result<(), String> {
    let last = architecture.layers.last().map(|layer| layer.kind);
    let dense = matches!(last, Some(LayerKind::Operator(Operator::FullyConnected(_))));
    match dense || architecture.recipe.logit_adjustment.is_empty() {
        true => Ok(()),
        false => Err("`logit_adjustment` needs a `dense` layer at the end".into()),
    }
}

/// Checks that all layers fit the smaller faces, if the recipe has them.
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
        let fits = inputs.all(|second| layer.kind.takes_second(input, second));
        let vector = matches!(layer.kind, LayerKind::Flatten | LayerKind::Operator(Operator::FullyConnected(_)));
        match layer.kind.output_shape(input) {
            Ok(output) if fits => {
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

/// Checks that no layer lacks a range if others have one: in a network that learns with the core's rounding, every operator
/// that computes has one, or the activation after it.
fn check_ranges(architecture: &Architecture) -> Result<(), String> {
    if !architecture.is_quantization_aware() {
        return Ok(());
    }
    if architecture.layers.iter().any(|layer| layer.kind == LayerKind::BatchNorm) {
        return Err(
            "a network with a `range` cannot have a batch normalization; fold it into the weights before it".into()
        );
    }
    let sigmoid = |layer: &&Layer| layer.kind == LayerKind::Operator(Operator::Logistic);
    let fixed = |layer: &Layer| layer.range.is_none_or(|range| activation_quantization(range) == logistic::OUTPUT);
    if let Some(layer) = architecture.layers.iter().filter(sigmoid).find(|layer| !fixed(layer)) {
        return Err(format!(
            "the `range` of a sigmoid is [0, 0.99609375]; that of the layer `{}` is another",
            layer.name
        ));
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
        LayerKind::Operator(Operator::Pool2d(Pool2d { kind: PoolKind::Max, .. })) => false,
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

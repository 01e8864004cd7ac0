//! From tables to layers, and back.

use shared::{operator::Operator, shape::Shape};

use super::super::{Architecture, Layer, LayerKind};
use crate::{
    operators::{LayerTable, squeeze_excite, table::Kind},
    scales::Range,
};

/// Appends table number `index` to the network: a layer, or several if the table stands for a block.
pub fn append(network: &mut Architecture, table: &LayerTable, index: usize) -> Result<(), String> {
    let inputs = inputs(table, network)?;
    let name = |kind: &str| table.name.clone().unwrap_or_else(|| format!("{kind}_{}", index + 1));
    if table.kind == Kind::SqueezeExcite {
        return append_squeeze_excite(network, table, name(table.kind.name()), &inputs);
    }
    let kind = LayerKind::read(table)?;
    let range = table.range.map(range).transpose()?;
    push(network, Layer { name: name(kind.name()), inputs, kind, range })?;
    Ok(())
}

/// The last layer of the block has the block's name; the names of the others begin with it.
fn append_squeeze_excite(
    network: &mut Architecture,
    table: &LayerTable,
    name: String,
    inputs: &[Option<usize>],
) -> Result<(), String> {
    let &[input] = inputs else { return Err(wrong_count(inputs.len(), 1)) };
    let mut last = input;
    for (part, kind) in squeeze_excite::gate(table, shape_of(network, input).channels)? {
        let layer = Layer { name: format!("{name}_{part}"), inputs: vec![last], kind, range: None };
        last = Some(push(network, layer)?);
    }
    let kind = LayerKind::Operator(Operator::Mul);
    push(network, Layer { name, inputs: vec![input, last], kind, range: None })?;
    Ok(())
}

/// Appends a layer, whose place in the network is returned.
fn push(network: &mut Architecture, layer: Layer) -> Result<usize, String> {
    let shapes: Vec<Shape> = layer.inputs.iter().map(|&source| shape_of(network, source)).collect();
    let expected = layer.kind.input_count();
    let input = match shapes.as_slice() {
        [input, ..] if shapes.len() == expected => *input,
        _ => return Err(wrong_count(shapes.len(), expected)),
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

fn shape_of(network: &Architecture, source: Option<usize>) -> Shape {
    source.map_or_else(|| network.input_shape(), |layer| network.shapes[layer])
}

fn wrong_count(found: usize, expected: usize) -> String {
    format!("it has {found} inputs and needs {expected}")
}

fn misfit(kind: &LayerKind, first: Shape, second: Shape) -> String {
    match kind {
        LayerKind::Operator(Operator::Mul) => format!(
            "its inputs have the shapes {first} and {second}; the second must have the first one's, or {}",
            Shape::vector(first.channels)
        ),
        _ => format!("its two inputs have different shapes, {first} and {second}"),
    }
}

fn inputs(table: &LayerTable, before: &Architecture) -> Result<Vec<Option<usize>>, String> {
    let Some(names) = &table.inputs else { return Ok(vec![before.layers.len().checked_sub(1)]) };
    names
        .iter()
        .map(|name| match before.layers.iter().position(|other| other.name == *name) {
            Some(position) => Ok(Some(position)),
            None if name == "input" => Ok(None),
            None => Err(format!("no layer before it is named `{name}`")),
        })
        .collect()
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

/// A layer of `layers` as its table in a file.
pub fn describe(layer: &Layer, layers: &[Layer]) -> LayerTable {
    let name_of = |source: &Option<usize>| source.map_or("input", |source| &layers[source].name).to_string();
    LayerTable {
        name: Some(layer.name.clone()),
        inputs: Some(layer.inputs.iter().map(name_of).collect()),
        range: layer.range.map(|Range { min, max }| [min, max]),
        ..layer.kind.write()
    }
}

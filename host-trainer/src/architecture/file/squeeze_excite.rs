//! Squeeze and excitation: a channel is scaled by what all channels are like on average (Hu et al. 2018,
//! "Squeeze-and-Excitation Networks", section 3.1).

use shared::operator::{Activation, Operator};

use super::{
    super::{Architecture, Layer, LayerKind},
    layer::{check_keys, push},
    text::LayerFile,
};

/// Appends the layers of a block: the mean over all pixels, two dense layers with `channels / ratio` values between them
/// and a sigmoid at the end, and the product of its input with their answer, which has the block's name.
pub fn append(
    network: &mut Architecture,
    table: &LayerFile,
    index: usize,
    inputs: &[Option<usize>],
) -> Result<(), String> {
    check_keys(table)?;
    if table.range.is_some() {
        return Err("a block has no `range`; give one to each of its layers".into());
    }
    let &[input] = inputs else { return Err(format!("it has {} inputs and needs 1", inputs.len())) };
    let channels = input.map_or_else(|| network.input_shape(), |layer| network.shapes[layer]).channels;
    let squeezed = match table.ratio.ok_or("`ratio` is missing")? {
        0 => return Err("`ratio` is 0; it must be at least 1".into()),
        ratio => (channels / ratio).max(1),
    };
    let name = table.name.clone().unwrap_or_else(|| format!("squeeze_excite_{}", index + 1));
    let steps = [
        ("mean", LayerKind::Operator(Operator::GlobalAveragePool)),
        ("squeeze", LayerKind::Operator(Operator::FullyConnected { units: squeezed })),
        ("relu", LayerKind::Activation(Activation::Relu)),
        ("excite", LayerKind::Operator(Operator::FullyConnected { units: channels })),
        ("gate", LayerKind::Operator(Operator::Logistic)),
    ];
    let mut last = input;
    for (part, kind) in steps {
        let layer = Layer { name: format!("{name}_{part}"), inputs: vec![last], kind, range: None };
        last = Some(push(network, layer)?);
    }
    let kind = LayerKind::Operator(Operator::Mul);
    push(network, Layer { name, inputs: vec![input, last], kind, range: None })?;
    Ok(())
}

//! `squeeze_excite`: a channel is scaled by what all channels are like on average (Hu et al. 2018, "Squeeze-and-Excitation
//! Networks", section 3.1). It stands for several layers.

use shared::operator::{Activation, FullyConnected, Operator};

use super::{LayerKind, LayerTable};

pub const KEYS: &[&str] = &["ratio"];

/// The layers of a block over `channels` channels, one after the other, each with the end of its name: the mean over all pixels
/// and two dense layers with `channels / ratio` values between them, then a sigmoid. The block's output is the product of its
/// input with that.
///
/// # Errors
/// In words, which key is missing, out of range, or means nothing to it.
pub fn gate(table: &LayerTable, channels: u16) -> Result<[(&'static str, LayerKind); 5], String> {
    table.check_keys()?;
    if table.range.is_some() {
        return Err("a block has no `range`; give one to each of its layers".into());
    }
    let squeezed = match table.ratio.ok_or("`ratio` is missing")? {
        0 => return Err("`ratio` is 0; it must be at least 1".into()),
        ratio => (channels / ratio).max(1),
    };
    let dense = |units| LayerKind::Operator(Operator::FullyConnected(FullyConnected { units }));
    Ok([
        ("mean", LayerKind::Operator(Operator::GlobalAveragePool)),
        ("squeeze", dense(squeezed)),
        ("relu", LayerKind::Activation(Activation::Relu)),
        ("excite", dense(channels)),
        ("gate", LayerKind::Operator(Operator::Logistic)),
    ])
}

//! What was folded and fused in a model, what was not, and why.

use shared::{
    model::{Model, Operation, Step},
    operator::{Conv2d, Operator, conv2d::Conv2dStep},
    shape::Padding,
};

use crate::quantization::fold::together;

/// A sentence for each pair of convolutions with nothing between them, and for each fused pool.
pub fn savings(model: &Model<'_>) -> Vec<String> {
    let steps: Vec<Step<'_>> = model.steps().collect();
    let mut sentences = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let (macs, conv) = (step.macs(), convolution(step));
        if let Some((conv, pair)) = conv.and_then(|conv| Some((conv, conv.folding?))) {
            let window = conv.operator.window;
            sentences.push(format!(
                "{index}: folded, {}x{} to {} channels and {}x{}: {macs} MACs instead of {}, with {} sets of weights for \
                 the border",
                window.kernel_height - pair.kernel_height + 1,
                window.kernel_width - pair.kernel_width + 1,
                pair.filters,
                pair.kernel_height,
                pair.kernel_width,
                pair.macs(conv.operator, conv.input.shape),
                pair.sets(),
            ));
        }
        if let Some((conv, band)) = conv.and_then(|conv| Some((conv, conv.pool?))) {
            let tensor = conv.convolved.elements().unwrap_or(0);
            sentences.push(format!(
                "{index}: {} fused, {} rows of it at a time: a band of {} bytes instead of a tensor of {tensor}",
                band.fused.pool.name(),
                band.fused.band_rows,
                band.bytes,
            ));
        }
        if let Some(reason) = steps.get(index + 1).and_then(|next| not_folded(step, next)) {
            sentences.push(format!("{index} and {}: not folded, {reason}", index + 1));
        }
    }
    sentences
}

fn convolution<'a>(step: &Step<'a>) -> Option<Conv2dStep<'a>> {
    match step.operation {
        Operation::Conv2d(conv) => Some(conv),
        _ => None,
    }
}

/// Why two convolutions that follow each other are two, if nothing but their cost or their windows keeps them apart.
fn not_folded(step: &Step<'_>, next: &Step<'_>) -> Option<String> {
    let (a, b) = (convolution(step)?, convolution(next)?);
    let (first, last) = (a.operator.window, b.operator.window);
    let linear = (step.activation_min, step.activation_max) == (i8::MIN, i8::MAX) && a.pool.is_none();
    if !linear || b.input != step.output || !(a.operator.is_plain() && b.operator.is_plain()) {
        return None;
    }
    let Some(window) = together(first, last) else {
        return Some("no single window has their strides and padding".into());
    };
    let apart = step.macs() + next.macs();
    let one = Operator::Conv2d(Conv2d::new(window, b.operator.filters));
    let macs = one.macs(a.input.shape);
    let sets = if window.padding == Padding::Same { u64::from(last.taps()) } else { 1 };
    let word = if macs < apart { "though" } else { "for" };
    Some(format!(
        "{word} as one of {}x{} they would take {macs} MACs instead of {apart}, and {} bytes of weights",
        window.kernel_height,
        window.kernel_width,
        one.weight_count(a.input.shape) * sets,
    ))
}

//! What was folded and fused in a model, what was not, and why.

use shared::{
    model::{Model, Step},
    operator::Operator,
    shape::Padding,
};

use crate::quantization::fold::together;

/// A sentence for each pair of convolutions with nothing between them, and for each fused pool.
pub fn savings(model: &Model<'_>) -> Vec<String> {
    let steps: Vec<Step<'_>> = model.steps().collect();
    let mut sentences = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let macs = step.operator.macs(step.input.shape);
        if let (Some(pair), Some(window)) = (step.folding, step.operator.window()) {
            sentences.push(format!(
                "{index}: folded, {}x{} to {} channels and {}x{}: {macs} MACs instead of {}, with {} sets of weights for \
                 the border",
                window.kernel_height - pair.kernel_height + 1,
                window.kernel_width - pair.kernel_width + 1,
                pair.filters,
                pair.kernel_height,
                pair.kernel_width,
                pair.macs(step.operator, step.input.shape),
                pair.sets(),
            ));
        }
        if let Some(pool) = step.pool {
            let tensor = step.convolved.elements().unwrap_or(0);
            sentences.push(format!(
                "{index}: {} fused, {} rows of it at a time: a band of {} bytes instead of a tensor of {tensor}",
                pool.operator.name(),
                pool.band_rows,
                step.band_bytes,
            ));
        }
        if let Some(reason) = steps.get(index + 1).and_then(|next| not_folded(step, next)) {
            sentences.push(format!("{index} and {}: not folded, {reason}", index + 1));
        }
    }
    sentences
}

/// Why two convolutions that follow each other are two, if nothing but their cost or their windows keeps them apart.
fn not_folded(step: &Step<'_>, next: &Step<'_>) -> Option<String> {
    let (Operator::Conv2d { window: first, .. }, Operator::Conv2d { window: last, filters }) =
        (step.operator, next.operator)
    else {
        return None;
    };
    let linear = (step.activation_min, step.activation_max) == (i8::MIN, i8::MAX) && step.pool.is_none();
    if !linear || next.input != step.output {
        return None;
    }
    let Some(window) = together(first, last) else {
        return Some("no single window has their strides and padding".into());
    };
    let apart = step.operator.macs(step.input.shape) + next.operator.macs(next.input.shape);
    let one = Operator::Conv2d { window, filters };
    let macs = one.macs(step.input.shape);
    let sets = if window.padding == Padding::Same { u64::from(last.taps()) } else { 1 };
    let word = if macs < apart { "though" } else { "for" };
    Some(format!(
        "{word} as one of {}x{} they would take {macs} MACs instead of {apart}, and {} bytes of weights",
        window.kernel_height,
        window.kernel_width,
        one.weight_count(step.input.shape) * sets,
    ))
}

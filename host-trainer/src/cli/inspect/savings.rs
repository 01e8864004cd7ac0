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
        if let Some(reason) = steps.get(index + 1).and_then(|next| not_folded(step, next, &steps)) {
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

/// Why two convolutions that follow each other with nothing between them are two.
fn not_folded(step: &Step<'_>, next: &Step<'_>, steps: &[Step<'_>]) -> Option<String> {
    let (a, b) = (convolution(step)?, convolution(next)?);
    let (first, last) = (a.operator.window, b.operator.window);
    if !is_linear(step) || a.pool.is_some() || b.input != step.output {
        return None;
    }
    if !(a.operator.is_plain() && b.operator.is_plain()) {
        return Some("for one of them has groups or a dilation".into());
    }
    let reads = |other: &&Step<'_>| {
        let (first, second) = other.inputs();
        first == step.output || second == Some(step.output)
    };
    if steps.iter().filter(reads).count() > 1 {
        return Some("for what is between them is read elsewhere too".into());
    }
    if b.folding.is_some() {
        return Some("for the second is two already".into());
    }
    let window = match together(first, last) {
        Ok(window) => window,
        Err(reason) => return Some(format!("for {reason}")),
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

/// Whether a step clamps nothing. A ReLU need not show in the clamp: its output begins at zero, which is then the lowest of all
/// values.
fn is_linear(step: &Step<'_>) -> bool {
    let whole = (step.activation_min, step.activation_max) == (i8::MIN, i8::MAX);
    whole && step.output.quantization.zero_point != i8::MIN
}

#[cfg(test)]
mod tests {
    use shared::model::Measurement;

    use super::*;
    use crate::{
        architecture::Architecture,
        export::ranges,
        network::Network,
        quantization::{Form, Particulars, quantize_network},
        synthetic,
    };

    /// What is said of a network with these layers in front of a dense one.
    fn said_of(layers: &str) -> Vec<String> {
        let text = format!(
            "name = \"a\"\n[preprocessing]\nkind = \"global\"\nsigma_floor = 4.0\n[recipe]\nbatch_size = 1\nepochs = 1\n\
             optimizer = {{ kind = \"rmsprop\" }}\n{layers}[[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dense\"\nunits = 7\n"
        );
        let architecture = Architecture::parse("a.toml", &text).expect("sound");
        let face = crate::inference::normalize(architecture.preprocessing, &synthetic::face(1, 0).pixels);
        let network = Network::new(architecture.into(), 1, &Default::default());
        let quantized =
            quantize_network(&network.to_float_network(), &ranges(&network, &face), Form::Folded).expect("fits");
        let measurement = Measurement { data: "none", images: 0, accuracy: 0.0 };
        let particulars = Particulars { temperature: 1.0, threshold: 0.5, measurement, training_hash: 0 };
        let bytes = quantized.encode(&particulars).expect("fits");
        savings(&Model::parse(bytes.as_slice()).expect("sound"))
    }

    fn convolution(filters: u32, kernel: u32, more: &str) -> String {
        format!("[[layer]]\nkind = \"conv2d\"\nfilters = {filters}\nkernel = {kernel}\n{more}\n")
    }

    fn layer(kind: &str) -> String {
        format!("[[layer]]\nkind = \"{kind}\"\n")
    }

    #[test]
    fn nothing_is_said_where_an_activation_lies_between_two_convolutions() {
        let first = convolution(8, 3, "stride = 2");
        for activation in ["relu", "relu6"] {
            let said = said_of(&[first.clone(), layer(activation), convolution(8, 3, "")].concat());
            assert_eq!(said, [""; 0], "{activation}");
            let normalized = [first.clone(), layer("batch_norm"), layer(activation), convolution(8, 3, "")].concat();
            assert_eq!(said_of(&normalized), [""; 0], "{activation} after batch normalization");
        }
    }

    #[test]
    fn the_true_reason_is_given_where_nothing_lies_between() {
        let second = convolution(8, 3, "");
        let cases = [
            (convolution(8, 3, "stride = 2") + &second, "the first has a stride"),
            (convolution(8, 3, "") + &convolution(8, 3, "stride = 2"), "the second has a stride, and they pad"),
            (convolution(8, 3, "padding = \"valid\"") + &second, "one pads its input and the other does not"),
            (convolution(8, 2, "") + &convolution(8, 2, ""), "both kernels are even"),
            (convolution(8, 7, "") + &convolution(8, 7, ""), "as one of 13x13 they would take "),
            (
                convolution(8, 3, "") + &second + "[[layer]]\nkind = \"add\"\ninputs = [\"conv2d_1\", \"conv2d_2\"]\n",
                "what is between them is read elsewhere too",
            ),
        ];
        for (layers, expected) in cases {
            let said = said_of(&layers);
            let [sentence] = said.as_slice() else { panic!("{expected}: {said:?}") };
            assert!(sentence.starts_with("0 and 1: not folded, ") && sentence.contains(expected), "{sentence}");
        }
    }
}

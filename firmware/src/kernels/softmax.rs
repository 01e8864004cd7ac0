//! Softmax over logits.

use micromath::F32Ext;

/// `softmax(scale logits / temperature)` into `probabilities`, as many as there are logits; what remains of `probabilities` is zero.
///
/// `logits` are integers with any zero point, `[-16384, 16383]`: those of an inference, or sums of several. The largest is
/// subtracted first, so no exponential overflows and the zero point does not matter. `scale` is that of the quantization,
/// divided by the number of inferences in the sum.
///
/// The exponential is `micromath`'s (relative error up to 0.24 % on `-15..=0`), made of additions and multiplications
/// alone: the same bits on every processor.
pub fn softmax(logits: &[i16], scale: f32, temperature: f32, probabilities: &mut [f32]) {
    let largest = logits.iter().copied().max().unwrap_or(0);
    probabilities.fill(0.0);
    let mut sum = 0.0;
    for (probability, &logit) in probabilities.iter_mut().zip(logits) {
        let steps = i32::from(logit) - i32::from(largest);
        *probability = F32Ext::exp(scale * steps as f32 / temperature);
        sum += *probability;
    }
    if sum > 0.0 {
        for probability in probabilities {
            *probability /= sum;
        }
    }
}

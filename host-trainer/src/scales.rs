//! From real ranges and weights to integers, by TensorFlow Lite's 8-bit specification.

use shared::{
    operator::logistic,
    quantization::{ChannelParameters, Quantization, Requantization},
};

/// The range of values a tensor took over the calibration images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
}

/// Scale and zero point that spread `range`, widened to contain zero, over the 256 values of an `i8`; zero is exact.
/// An empty range gets a scale of 1.
pub fn activation_quantization(range: Range) -> Quantization {
    let min = f64::from(range.min.min(0.0));
    let max = f64::from(range.max.max(0.0));
    if !(min.is_finite() && max.is_finite() && max > min) {
        return Quantization { scale: 1.0, zero_point: 0 };
    }
    let scale = (max - min) / 255.0;
    let zero_point = (-128.0 - min / scale).round().clamp(-128.0, 127.0) as i8;
    Quantization { scale: scale as f32, zero_point }
}

/// The integer nearest to `value`, saturated to an `i8`.
pub fn quantize(value: f32, quantization: Quantization) -> i8 {
    let steps = (f64::from(value) / f64::from(quantization.scale)).round();
    (steps + f64::from(quantization.zero_point)).clamp(-128.0, 127.0) as i8
}

/// The output of the logistic function for every input, from -128 to 127: TensorFlow Lite's `PopulateLookupTable`, step by step
/// in the same single precision. The output's quantization is [`logistic::OUTPUT`].
pub fn logistic_table(input: Quantization) -> [i8; logistic::TABLE] {
    std::array::from_fn(|index| {
        let x = input.scale * (index as i32 - 128 - i32::from(input.zero_point)) as f32;
        let value = 1.0 / (1.0 + (-x).exp());
        let steps = (value * (1.0 / logistic::OUTPUT.scale)).round() + f32::from(logistic::OUTPUT.zero_point);
        steps.clamp(-128.0, 127.0) as i8
    })
}

/// Weights and biases of an operator in integers.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedWeights {
    /// Symmetric, `-127..=127`, in the order they came in.
    pub weights: Vec<i8>,
    /// One entry per output channel.
    pub channels: Vec<ChannelParameters>,
}

/// A channel's factor from accumulator to output is out of range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "output channel {channel} has weights of magnitude {magnitude:e}, which do not fit 8-bit arithmetic; train again with a smaller learning rate"
)]
pub struct WeightRangeError {
    /// Which channel, from 0.
    pub channel: usize,
    /// Its largest absolute weight.
    pub magnitude: f32,
}

/// Largest magnitude of a bias in integers: a quarter of the accumulator's range.
const LARGEST_BIAS: f64 = (1 << 29) as f64;

/// Smallest factor from accumulator to output: the largest sums of thousands of products are far below one of its steps.
const SMALLEST_FACTOR: f64 = 1.0 / (1u32 << 31) as f64;

/// Quantizes the weights of each output channel with a scale of its own, `max |w| / 127`, or larger where weights are so
/// small beside their bias (as a strong penalty leaves them in a channel that died) that the bias would not fit.
///
/// `weights` holds the channels' weights; `channel_of(i)` is the channel that weight `i` belongs to (rows for OHWI and
/// units x inputs, columns for a depthwise HWC kernel); `biases` has one entry per channel.
///
/// # Errors
/// [`WeightRangeError`] if a weight is not finite, or a factor or bias leaves the range of the arithmetic.
pub fn quantize_weights(
    weights: &[f32],
    biases: &[f32],
    channel_of: impl Fn(usize) -> usize,
    input: Quantization,
    output: Quantization,
) -> Result<QuantizedWeights, WeightRangeError> {
    let mut magnitudes = vec![0f32; biases.len()];
    for (index, &weight) in weights.iter().enumerate() {
        let magnitude = &mut magnitudes[channel_of(index)];
        if !weight.is_finite() {
            return Err(WeightRangeError { channel: channel_of(index), magnitude: weight });
        }
        *magnitude = magnitude.max(weight.abs());
    }
    let scales: Vec<f64> = magnitudes
        .iter()
        .zip(biases)
        .map(|(&magnitude, &bias)| {
            let (magnitude, bias) = (f64::from(magnitude), f64::from(bias).abs());
            let (input, output) = (f64::from(input.scale), f64::from(output.scale));
            if magnitude == 0.0 && bias == 0.0 {
                return 1.0;
            }
            (magnitude / 127.0).max(bias / (LARGEST_BIAS * input)).max(SMALLEST_FACTOR * output / input)
        })
        .collect();
    let integers = weights
        .iter()
        .enumerate()
        .map(|(index, &weight)| (f64::from(weight) / scales[channel_of(index)]).round().clamp(-127.0, 127.0) as i8)
        .collect();
    let channels = scales
        .iter()
        .zip(biases)
        .enumerate()
        .map(|(channel, (&scale, &bias))| {
            let accumulator_scale = scale * f64::from(input.scale);
            let error = WeightRangeError { channel, magnitude: magnitudes[channel] };
            let factor = Requantization::from_real(accumulator_scale / f64::from(output.scale)).ok_or(error)?;
            let bias = (f64::from(bias) / accumulator_scale).round();
            if bias.is_nan() || bias.abs() > f64::from(i32::MAX) {
                return Err(error);
            }
            Ok(ChannelParameters { bias: bias as i32, multiplier: factor.multiplier, shift: factor.shift })
        })
        .collect::<Result<_, _>>()?;
    Ok(QuantizedWeights { weights: integers, channels })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relu_output_uses_all_256_values() {
        let q = activation_quantization(Range { min: 0.0, max: 2.55 });
        assert_eq!(q.zero_point, -128);
        assert!((q.scale - 0.01).abs() < 1e-9);
        assert_eq!(quantize(2.55, q), 127);
        assert_eq!(quantize(9.0, q), 127);
        assert_eq!(quantize(0.0, q), -128);
    }

    #[test]
    fn zero_is_exact_and_always_inside() {
        for range in [Range { min: -1.0, max: 3.0 }, Range { min: 0.5, max: 3.0 }, Range { min: -9.0, max: -1.0 }] {
            let q = activation_quantization(range);
            assert_eq!(q.dequantize(quantize(0.0, q)), 0.0, "{range:?}");
        }
        assert_eq!(activation_quantization(Range { min: 0.0, max: 0.0 }).scale, 1.0);
    }

    #[test]
    fn each_channel_has_a_scale_of_its_own() {
        let unit = Quantization { scale: 1.0, zero_point: 0 };
        let q = quantize_weights(&[1.27, -0.5, 0.02, 0.01], &[0.0, 1.0], |i| i / 2, unit, unit).unwrap();
        assert_eq!(q.weights, [127, -50, 127, 64]);
        assert_eq!(q.channels[1].bias, (127.0f64 / 0.02).round() as i32);
        let factor = f64::from(q.channels[0].multiplier) / 2f64.powi(31 - q.channels[0].shift);
        assert!((factor - 0.01).abs() < 1e-8);
    }

    #[test]
    fn a_weight_that_is_not_a_number_is_an_error() {
        let unit = Quantization { scale: 1.0, zero_point: 0 };
        let error = quantize_weights(&[1.0, f32::NAN], &[0.0, 0.0], |i| i, unit, unit).unwrap_err();
        assert_eq!(error.channel, 1);
    }

    #[test]
    fn a_channel_that_died_gives_its_bias() {
        let (input, output) =
            (Quantization { scale: 0.03, zero_point: -128 }, Quantization { scale: 0.1, zero_point: -100 });
        let q = quantize_weights(&[5.7e-41, -1e-40, 1e-30, 0.0], &[3.0, -2.0], |i| i / 2, input, output).unwrap();
        for (channel, expected) in q.channels.iter().zip([30, -20]) {
            for sum in [0, -255 * 2, 255 * 2] {
                assert_eq!(channel.requantize(sum), expected);
            }
        }
    }

    #[test]
    fn a_large_bias_leaves_small_weights_their_effect() {
        let unit = Quantization { scale: 1.0, zero_point: 0 };
        let q = quantize_weights(&[1e-3, -2e-3], &[100.0], |_| 0, unit, unit).unwrap();
        let sum = i32::from(q.weights[0]) * 100 + i32::from(q.weights[1]) * -1000;
        assert_eq!(q.channels[0].requantize(sum), 102);
    }

    #[test]
    fn a_channel_of_zeros_gives_its_bias() {
        let unit = Quantization { scale: 0.5, zero_point: 0 };
        let q = quantize_weights(&[0.0, 0.0], &[3.0], |_| 0, unit, unit).unwrap();
        assert_eq!(q.channels[0].requantize(0), 6);
    }
}

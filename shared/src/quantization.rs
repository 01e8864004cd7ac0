//! The arithmetic of TensorFlow Lite's 8-bit quantization: real = scale * (q - zero_point), and requantization of 32-bit
//! accumulators by a 31-bit multiplier and a shift with the reference kernels' double rounding.
//!
//! The bit-exact reference is TensorFlow Lite 2.14's `MultiplyByQuantizedMultiplier` with `TFLITE_SINGLE_ROUNDING` off
//! (`gemmlowp`'s `SaturatingRoundingDoublingHighMul` and `RoundingDivideByPOT`); where this file disagrees, it is wrong.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

/// How the integers of a tensor map to real numbers: `real = scale * (q - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantization {
    /// Real value of one step; positive and finite.
    pub scale: f32,
    /// The integer that stands for zero.
    pub zero_point: i8,
}

impl Quantization {
    /// The real value of `q`.
    pub fn dequantize(self, q: i8) -> f32 {
        self.scale * (i32::from(q) - i32::from(self.zero_point)) as f32
    }
}

/// Multiplication by a positive real number in integers: `multiplier / 2^31 * 2^shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requantization {
    /// Mantissa in `[2^30, 2^31)`, or 0 for the factor 0; in a [mean](Self::of_mean) anything in `[0, 2^31)`.
    pub multiplier: i32,
    /// Exponent: to the left if positive; `-31..=30`.
    pub shift: i32,
}

impl Requantization {
    /// The nearest representation of `factor`; factors under `2^-32` become 0 as in TensorFlow Lite's
    /// `QuantizeMultiplier`. `None` if `factor` is negative, not finite, or `2^30` and more.
    pub fn from_real(factor: f64) -> Option<Self> {
        if !(factor.is_finite() && factor >= 0.0) {
            return None;
        }
        if factor < f64::MIN_POSITIVE {
            return Some(Self { multiplier: 0, shift: 0 });
        }
        let bits = factor.to_bits();
        // factor = significand / 2^53 * 2^shift with the significand in [2^52, 2^53).
        let significand = (bits & ((1 << 52) - 1)) | (1 << 52);
        let mut shift = ((bits >> 52) as i32) - 1022;
        let mut multiplier = (significand + (1 << 21)) >> 22;
        if multiplier == 1 << 31 {
            multiplier >>= 1;
            shift += 1;
        }
        match shift {
            31.. => None,
            -31..=30 => Some(Self { multiplier: multiplier as i32, shift }),
            _ => Some(Self { multiplier: 0, shift: 0 }),
        }
    }

    /// The factor that makes a mean of the sum over `pixels` values, as TensorFlow Lite's `MEAN` prepares it
    /// (`QuantizedMeanOrSum` in `reference/reduce.h`): the multiplier of `input_scale / output_scale` is shifted left by
    /// `min(floor(log2(pixels)), 31 + shift)` bits and divided by `pixels`, rounded down. It is not normalized again. `None` if
    /// there are no pixels or the quotient of the scales is out of range.
    pub fn of_mean(input_scale: f32, output_scale: f32, pixels: u32) -> Option<Self> {
        let Self { multiplier, shift } = Self::from_real(f64::from(input_scale) / f64::from(output_scale))?;
        // The shift of the quotient may not fall below -31.
        let bits = pixels.checked_ilog2()?.min((31 + shift).unsigned_abs());
        let multiplier = (i64::from(multiplier) << bits) / i64::from(pixels);
        Some(Self { multiplier: multiplier as i32, shift: shift - bits as i32 })
    }

    /// The factor of a product of two tensors, in the single precision in which TensorFlow Lite's `MUL` prepares it. `None` if
    /// it is out of range.
    pub fn of_product(left_scale: f32, right_scale: f32, output_scale: f32) -> Option<Self> {
        Self::from_real(f64::from(left_scale * right_scale / output_scale))
    }

    /// Whether multiplier and shift lie in their ranges.
    pub const fn is_valid(self) -> bool {
        (self.multiplier == 0 || self.multiplier >= 1 << 30) && self.is_valid_in_a_mean()
    }

    /// Whether multiplier and shift lie in the ranges that they have in a [mean](Self::of_mean).
    pub const fn is_valid_in_a_mean(self) -> bool {
        self.multiplier >= 0 && self.shift >= -31 && self.shift <= 30
    }

    /// `x` times the factor, rounded twice as TensorFlow Lite's reference kernels do. `x << shift` must fit an `i32`,
    /// which [`Model::parse`](crate::model::Model::parse) makes sure of; else the product wraps.
    pub const fn apply(self, x: i32) -> i32 {
        let (left, right) = if self.shift > 0 { (self.shift as u32, 0) } else { (0, self.shift.unsigned_abs()) };
        rounding_divide_by_power_of_two(
            saturating_rounding_doubling_high_mul(x.wrapping_shl(left), self.multiplier),
            right,
        )
    }
}

/// `round(a * b / 2^31)`, halves towards positive infinity (gemmlowp truncates after its nudge); saturates for `i32::MIN * i32::MIN`.
pub const fn saturating_rounding_doubling_high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = a as i64 * b as i64;
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32
}

/// `round(x / 2^exponent)`, halves away from zero; exponents over 31 count as 31.
pub const fn rounding_divide_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let exponent = if exponent > 31 { 31 } else { exponent };
    let mask = ((1i64 << exponent) - 1) as i32;
    let remainder = x & mask;
    let threshold = (((mask as u32) >> 1) as i32) + (x < 0) as i32;
    (x >> exponent) + (remainder > threshold) as i32
}

/// Bias and requantization of an output channel of a convolution or a fully connected operator. A model file stores them in
/// its weight section as three little-endian 32-bit integers; they are read in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ChannelParameters {
    /// Added to the accumulator; scale `input_scale * weight_scale`.
    pub bias: i32,
    /// See [`Requantization::multiplier`].
    pub multiplier: i32,
    /// See [`Requantization::shift`].
    pub shift: i32,
}

impl ChannelParameters {
    /// The factor that takes accumulators to the output's scale.
    pub const fn requantization(self) -> Requantization {
        Requantization { multiplier: self.multiplier, shift: self.shift }
    }

    /// `round((accumulator + bias) * factor)`, without the output's zero point.
    pub const fn requantize(self, accumulator: i32) -> i32 {
        self.requantization().apply(accumulator.wrapping_add(self.bias))
    }
}

/// Bits that both inputs of an addition are shifted left by before they are brought to a common scale (TensorFlow Lite's
/// `left_shift` for 8-bit ADD).
pub const ADD_LEFT_SHIFT: u32 = 20;

/// The factors of an addition of two tensors with scales of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddParameters {
    /// First input's scale over twice the larger input scale.
    pub left: Requantization,
    /// Second input's scale over twice the larger input scale.
    pub right: Requantization,
    /// Twice the larger input scale over `2^20` output scales.
    pub output: Requantization,
}

impl AddParameters {
    /// The factors for tensors of these scales, as TensorFlow Lite's `add` prepares them; `None` if a scale is out of range.
    pub fn from_scales(left: f32, right: f32, output: f32) -> Option<Self> {
        let twice_larger = 2.0 * f64::from(left.max(right));
        Some(Self {
            left: Requantization::from_real(f64::from(left) / twice_larger)?,
            right: Requantization::from_real(f64::from(right) / twice_larger)?,
            output: Requantization::from_real(twice_larger / (f64::from(1u32 << ADD_LEFT_SHIFT) * f64::from(output)))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_of_one_half_is_exact() {
        let half = Requantization::from_real(0.5).unwrap();
        assert_eq!(half, Requantization { multiplier: 1 << 30, shift: 0 });
        assert_eq!(half.apply(7), 4);
        assert_eq!(half.apply(-7), -3, "halves round towards positive infinity");
    }

    #[test]
    fn a_factor_that_rounds_up_to_a_power_of_two_moves_into_the_shift() {
        let factor = Requantization::from_real(1.0 - f64::EPSILON / 2.0).unwrap();
        assert_eq!(factor, Requantization { multiplier: 1 << 30, shift: 1 });
    }

    #[test]
    fn factors_out_of_range_are_refused_or_zero() {
        assert_eq!(Requantization::from_real(f64::NAN), None);
        assert_eq!(Requantization::from_real(-0.1), None);
        assert_eq!(Requantization::from_real(2f64.powi(31)), None);
        assert_eq!(Requantization::from_real(1e-12).unwrap().apply(i32::MAX), 0);
        assert_eq!(Requantization::from_real(0.0).unwrap().apply(123), 0);
    }

    #[test]
    fn a_mean_divides_the_multiplier_and_does_not_normalize_it() {
        let mean = |input, output, pixels| Requantization::of_mean(input, output, pixels).unwrap();
        // 1 = 2^30 / 2^31 * 2^1; 36 has five bits behind its first; 2^30 * 32 / 36 = 954437176.9.
        assert_eq!(mean(0.1, 0.1, 36), Requantization { multiplier: 954_437_176, shift: -4 });
        assert_eq!(mean(0.1, 0.1, 1), Requantization { multiplier: 1 << 30, shift: 1 });
        assert_eq!(mean(0.1, 0.1, 64), Requantization { multiplier: 1 << 30, shift: -5 });
        // 2^30 * 32 / 63 = 545392672.5, less than a normalized multiplier.
        assert_eq!(mean(0.1, 0.1, 63), Requantization { multiplier: 545_392_672, shift: -4 });
        assert!(mean(0.1, 0.1, 63).is_valid_in_a_mean() && !mean(0.1, 0.1, 63).is_valid());
        // 2^-30 has the shift -29, from which two bits are left to -31: 2^30 * 4 / 63 = 68174084.06.
        assert_eq!(mean(1.0, 2f32.powi(30), 63), Requantization { multiplier: 68_174_084, shift: -31 });
        assert_eq!(Requantization::of_mean(0.1, 0.1, 0), None);
        assert_eq!(Requantization::of_mean(f32::NAN, 0.1, 4), None);
        assert_eq!(Requantization::of_mean(1.0, f32::MIN_POSITIVE, 4), None);
        assert_eq!(mean(f32::MIN_POSITIVE, f32::MAX, u32::MAX).apply(i32::MAX), 0);
    }

    #[test]
    fn rounding_is_twice_as_in_the_reference() {
        // 3 * 0.75 / 8: the high multiplication gives round(2.25) = 2, the division round(2 / 8) = 0.
        let factor = Requantization { multiplier: 3 << 29, shift: -3 };
        assert_eq!(factor.apply(3), 0);
        // 6 * 0.75 = 4.5 -> 5, 5 / 8 -> 1; rounded once it would be 0.5625 -> 1 as well.
        assert_eq!(factor.apply(6), 1);
        // 5 * 0.75 = 3.75 -> 4, 4 / 8 = 0.5 -> 1; rounded once, 0.46875 would be 0.
        assert_eq!(factor.apply(5), 1);
        assert_eq!(factor.apply(-5), -1);
    }

    #[test]
    fn extremes_saturate_and_do_not_panic() {
        assert_eq!(saturating_rounding_doubling_high_mul(i32::MIN, i32::MIN), i32::MAX);
        assert_eq!(rounding_divide_by_power_of_two(i32::MAX, 31), 1);
        assert_eq!(rounding_divide_by_power_of_two(i32::MIN, 31), -1);
        assert_eq!(rounding_divide_by_power_of_two(i32::MIN, 99), -1);
    }
}

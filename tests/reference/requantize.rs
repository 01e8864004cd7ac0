//! Requantization in exact arithmetic.

use shared::quantization::Requantization;

/// TensorFlow Lite's `MultiplyByQuantizedMultiplier` with double rounding: `x 2^left m / 2^31` rounded to the nearest
/// integer, halves up; then divided by `2^right` and rounded to the nearest, halves away from zero.
pub fn requantize(x: i64, factor: Requantization) -> i64 {
    let (left, right) = (factor.shift.max(0), (-factor.shift).max(0));
    let product = i128::from(x) * (1i128 << left) * i128::from(factor.multiplier);
    let high = (product + (1 << 30)).div_euclid(1 << 31);
    let magnitude = (2 * high.abs() + (1i128 << right)) / (1i128 << (right + 1));
    (magnitude * high.signum()) as i64
}

/// TensorFlow Lite's `QuantizeMultiplier`: multiplier and shift of a real factor, by halving and doubling.
pub fn quantize_multiplier(factor: f64) -> (i32, i32) {
    if factor == 0.0 {
        return (0, 0);
    }
    let (mut mantissa, mut shift) = (factor, 0);
    while mantissa >= 1.0 {
        mantissa /= 2.0;
        shift += 1;
    }
    while mantissa < 0.5 {
        mantissa *= 2.0;
        shift -= 1;
    }
    let mut multiplier = (mantissa * 2f64.powi(31)).round() as i64;
    if multiplier == 1 << 31 {
        multiplier /= 2;
        shift += 1;
    }
    if shift < -31 { (0, 0) } else { (multiplier as i32, shift) }
}

/// What TensorFlow Lite's `MEAN` makes of the multiplier of the scales' quotient for `count` values: divided by as many, after
/// the largest shift that keeps it below 2^31 and the result's shift at -31 or above.
pub fn mean_multiplier(quotient: f64, count: u32) -> (i32, i32) {
    let (multiplier, shift) = quantize_multiplier(quotient);
    let mut bits = 0;
    while 2u64 << bits <= u64::from(count) && shift - bits > -31 {
        bits += 1;
    }
    ((i128::from(multiplier) * (1i128 << bits) / i128::from(count)) as i32, shift - bits)
}

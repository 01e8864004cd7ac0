//! Multiplication of two tensors.

use shared::quantization::Requantization;

use super::{ShapeMismatch, store};

/// Offsets, factor and clamp of a multiplication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MulArguments {
    /// Minus the first input's zero point, `-127..=128`.
    pub left_offset: i32,
    /// Minus the second input's zero point, `-127..=128`.
    pub right_offset: i32,
    /// The output's zero point, `-128..=127`.
    pub output_offset: i32,
    /// `left_scale * right_scale / output_scale`.
    pub factor: Requantization,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

/// The products of `left` and `right`, value by value, into `output`. `left` has the output's length; `right` has it as well, or
/// that of a pixel (`[C]`), and is then repeated for every pixel.
///
/// # Errors
/// [`ShapeMismatch`] if `left` is shorter than the output, or the output is not a whole number of times `right`.
pub fn mul(arguments: &MulArguments, left: &[i8], right: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let left = left.get(..output.len()).ok_or(ShapeMismatch)?;
    check(output, right)?;
    let length = right.len().max(1);
    for (output, left) in output.chunks_exact_mut(length).zip(left.chunks_exact(length)) {
        for ((out, &left), &right) in output.iter_mut().zip(left).zip(right) {
            *out = arguments.product(left, right);
        }
    }
    Ok(())
}

/// As [`mul`], but each product overwrites its left factor.
///
/// # Errors
/// [`ShapeMismatch`] if `left` is not a whole number of times `right`.
pub fn mul_assign(arguments: &MulArguments, left: &mut [i8], right: &[i8]) -> Result<(), ShapeMismatch> {
    check(left, right)?;
    for left in left.chunks_exact_mut(right.len().max(1)) {
        for (left, &right) in left.iter_mut().zip(right) {
            *left = arguments.product(*left, right);
        }
    }
    Ok(())
}

fn check(output: &[i8], right: &[i8]) -> Result<(), ShapeMismatch> {
    let whole = output.len().is_multiple_of(right.len());
    if whole { Ok(()) } else { Err(ShapeMismatch) }
}

impl MulArguments {
    fn product(&self, left: i8, right: i8) -> i8 {
        let left = i32::from(left).wrapping_add(self.left_offset);
        let right = i32::from(right).wrapping_add(self.right_offset);
        let product = self.factor.apply(left.wrapping_mul(right));
        store(product, self.output_offset, self.activation_min, self.activation_max)
    }
}

//! Addition of two tensors.

use shared::quantization::{ADD_LEFT_SHIFT, AddParameters};

use super::{ShapeMismatch, store};

/// Offsets, factors and clamp of an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddArguments {
    /// Minus the first input's zero point, `-127..=128`.
    pub left_offset: i32,
    /// Minus the second input's zero point, `-127..=128`.
    pub right_offset: i32,
    /// The output's zero point, `-128..=127`.
    pub output_offset: i32,
    /// Factors that bring both inputs to one scale, and the sum to the output's scale.
    pub factors: AddParameters,
    /// Lower end of the clamp.
    pub activation_min: i8,
    /// Upper end of the clamp.
    pub activation_max: i8,
}

/// The sum of `left` and `right`, value by value, into `output`; all three have the same length.
///
/// # Errors
/// [`ShapeMismatch`] if an input is shorter than the output.
pub fn add(arguments: &AddArguments, left: &[i8], right: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    if left.len() < output.len() || right.len() < output.len() {
        return Err(ShapeMismatch);
    }
    for ((out, &left), &right) in output.iter_mut().zip(left).zip(right) {
        *out = arguments.sum(left, right);
    }
    Ok(())
}

/// As [`add`], but each sum overwrites its left term.
///
/// # Errors
/// [`ShapeMismatch`] if `right` is shorter than `left`.
pub fn add_assign(arguments: &AddArguments, left: &mut [i8], right: &[i8]) -> Result<(), ShapeMismatch> {
    if right.len() < left.len() {
        return Err(ShapeMismatch);
    }
    for (left, &right) in left.iter_mut().zip(right) {
        *left = arguments.sum(*left, right);
    }
    Ok(())
}

impl AddArguments {
    fn sum(&self, left: i8, right: i8) -> i8 {
        let factors = &self.factors;
        let left = factors.left.apply(i32::from(left).wrapping_add(self.left_offset) << ADD_LEFT_SHIFT);
        let right = factors.right.apply(i32::from(right).wrapping_add(self.right_offset) << ADD_LEFT_SHIFT);
        let sum = factors.output.apply(left.wrapping_add(right));
        store(sum, self.output_offset, self.activation_min, self.activation_max)
    }
}

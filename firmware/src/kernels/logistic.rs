//! The logistic function.

use shared::operator::logistic::TABLE;

use super::ShapeMismatch;

/// `1 / (1 + exp(-x))` of every value of `input` into `output`, by a table: `table[x + 128]` is the output for the integer `x`.
///
/// # Errors
/// [`ShapeMismatch`] if the input is shorter than the output.
pub fn logistic(table: &[i8; TABLE], input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let input = input.get(..output.len()).ok_or(ShapeMismatch)?;
    for (out, &value) in output.iter_mut().zip(input) {
        // The bits of x + 128, as a byte that indexes the whole table.
        *out = table[usize::from(value as u8 ^ 0x80)];
    }
    Ok(())
}

//! Lowered networks with random weights, and whether two of them are the same function.

use host_trainer::quantization::lower::Lowered;

use crate::{float_reference::run_real, random::Random};

/// Compares the outputs for one random input.
///
/// # Panics
/// If a value differs by more than rounding explains.
pub fn assert_the_same(a: &Lowered, b: &Lowered, random: &mut Random) {
    let input = a.tensors[0].shape.elements().expect("small") as usize;
    let face: Vec<f64> = random.reals(input).into_iter().map(f64::from).collect();
    let (expected, found) = (run_real(a, &face), run_real(b, &face));
    assert_eq!(found.len(), expected.len());
    assert!(!expected.is_empty(), "no output, so nothing is compared");
    let largest = expected.iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= 1e-5 * largest, "value {index}: {found} instead of {expected}");
    }
}

//! Lowered networks with random weights, and whether two of them are the same function.

use host_trainer::quantization::lower::Lowered;

use crate::float_reference::run_real;

/// SplitMix64, as real numbers between -1 and 1.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// So many of them.
    pub fn some(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// Compares the outputs for one random input.
///
/// # Panics
/// If a value differs by more than rounding explains.
pub fn assert_the_same(a: &Lowered, b: &Lowered, random: &mut Random) {
    let input = a.tensors[0].shape.elements().expect("small") as usize;
    let face: Vec<f64> = random.some(input).into_iter().map(f64::from).collect();
    let (expected, found) = (run_real(a, &face), run_real(b, &face));
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= 1e-5 * largest, "value {index}: {found} instead of {expected}");
    }
}

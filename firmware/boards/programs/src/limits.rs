//! Sums at the limits of the arithmetic, for what compares kernels.

/// Multipliers and shifts with which a sum at a limit is not always beyond the clamp, and such with which it is.
pub const FACTORS: [(i32, i32); 4] = [(1 << 30, -22), (i32::MAX, -23), (i32::MAX, -1), (1 << 30, -31)];

/// Biases that take the sum of so many of the largest products to the limits of some kernel's fast arithmetic and of 32 bits,
/// and none; as in a model, what may be summed fits 32 bits.
pub fn biases(products: usize) -> impl Iterator<Item = i32> {
    let (largest, products) = (products as i64 * 255 * 128, products as i64);
    let limits = [1 << 28, 1 << 29, 1 << 30, i64::from(i32::MAX)].into_iter();
    // A product is counted as 259 * 128 where the offset is added apart.
    let biases = limits.flat_map(move |limit| [limit - largest, limit - products * 259 * 128]);
    let around = biases.flat_map(|bias| [bias - 1, bias, bias + 1]).chain([0]);
    around.filter(move |bias| largest + bias.abs() <= i32::MAX.into()).map(|bias| bias as i32)
}

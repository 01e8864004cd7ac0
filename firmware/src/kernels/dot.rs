//! The primitive that decides the speed: sums of products of bytes. Every convolution and fully connected operator is
//! laid out so that its inner loop is one of these over contiguous memory; a processor's own version replaces these two
//! functions and must give the same sums.

/// `sum (x + input_offset) * w` over the shorter of the two slices.
///
/// `input_offset` is in `-127..=128`, so each factor fits 16 bits; sums of up to 2^16 products fit 32 bits, longer ones
/// may wrap.
pub fn dot(x: &[i8], w: &[i8], input_offset: i32) -> i32 {
    let products = x.iter().zip(w).map(|(&x, &w)| shifted(x, input_offset).wrapping_mul(w.into()));
    products.fold(0, i32::wrapping_add)
}

/// [`dot`] of one row of activations with four rows of weights: `x` is loaded and widened once.
pub fn dot_tile(x: &[i8], w: [&[i8]; 4], input_offset: i32) -> [i32; 4] {
    let [w0, w1, w2, w3] = w;
    let mut sums = [0i32; 4];
    for ((((&x, &w0), &w1), &w2), &w3) in x.iter().zip(w0).zip(w1).zip(w2).zip(w3) {
        let x = shifted(x, input_offset);
        for (sum, w) in sums.iter_mut().zip([w0, w1, w2, w3]) {
            *sum = sum.wrapping_add(x.wrapping_mul(w.into()));
        }
    }
    sums
}

/// `x + input_offset`, in 16 bits: compilers then find the instructions that multiply and add pairs.
fn shifted(x: i8, input_offset: i32) -> i32 {
    i16::from(x).wrapping_add(input_offset as i16).into()
}

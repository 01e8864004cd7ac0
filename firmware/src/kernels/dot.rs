//! The one primitive that carries the speed: sums of products of bytes. Every convolution and fully connected operator is
//! laid out so that its inner loop is one of these over contiguous memory; a processor's own version replaces these two
//! functions and must give the same sums.

/// `sum (x + input_offset) * w` over the shorter of the two slices.
///
/// `input_offset` is in `-127..=128`, so each factor fits 16 bits; up to 2^16 products fit the sum.
pub fn dot(x: &[i8], w: &[i8], input_offset: i32) -> i32 {
    let offset = input_offset as i16;
    x.iter().zip(w).map(|(&x, &w)| i32::from(i16::from(x) + offset) * i32::from(w)).sum()
}

/// [`dot`] of one row of activations with four rows of weights: `x` is loaded and widened once.
pub fn dot_tile(x: &[i8], w: [&[i8]; 4], input_offset: i32) -> [i32; 4] {
    let offset = input_offset as i16;
    let [w0, w1, w2, w3] = w;
    let mut sums = [0i32; 4];
    for ((((&x, &w0), &w1), &w2), &w3) in x.iter().zip(w0).zip(w1).zip(w2).zip(w3) {
        let x = i32::from(i16::from(x) + offset);
        sums[0] += x * i32::from(w0);
        sums[1] += x * i32::from(w1);
        sums[2] += x * i32::from(w2);
        sums[3] += x * i32::from(w3);
    }
    sums
}

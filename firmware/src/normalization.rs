//! Local intensity normalization: `x' = (x - mu) / sigma`, mean and deviation Gaussian-weighted over the 7x7 neighbourhood
//! (Levorse, section 3), in integers.
//!
//! With the separable kernel `w = [2, 7, 14, 18, 14, 7, 2] / 64`, `W = w (x) w` (sums to 4096), `M = sum W x` and
//! `Q = sum W x^2`,
//!
//! ```text
//! D = 4096 x - M = 4096 (x - mu)      V = 4096 Q - M^2 = (4096 sigma)^2      q = round(37 D / max(sqrt V, 4096 sigma_floor))
//! ```
//!
//! Borders reflect without repeating the edge pixel. `|x'| <= sqrt((1 - w0) / w0) = 3.412` for the centre's weight
//! `w0 = (18/64)^2`, so `|q| <= 126`: nothing saturates.
//!
//! The quotient is rounded exactly, without a square root and without a division: with `S = max(V, (4096 sigma_floor)^2)`,
//! `|q|` is the largest integer for which `(2 |q| - 1)^2 S <= (74 |D|)^2`, and seven comparisons find its seven bits. All
//! terms fit 64 bits: `|D| <= 4096 * 255`, so `(74 D)^2 < 2^53`; `S < 2^48` and `(2 |q| - 1)^2 < 2^16`.

use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// Half of the 7-tap kernel times 64, centre first.
const TAPS: [u32; 4] = [18, 14, 7, 2];

/// Pixels that the kernel reaches beyond its centre.
const REACH: usize = 3;

/// A row of sums with what the kernel reaches beyond both ends.
const PADDED: usize = FACE_SIZE + 2 * REACH;

/// Normalizes a face (48x48 grey levels, row by row) into `out`, `q = round(37 x')`, `-126..=126`.
///
/// `sigma_floor` is the floor of the local deviation in 1/256 grey levels; a flat area gives zeros.
pub fn normalize(face: &[u8; FACE_PIXELS], sigma_floor: u16, out: &mut [i8; FACE_PIXELS]) {
    // 4096 sigma_floor in grey levels is 16 sigma_floor in 1/256 grey levels.
    let floor = u64::from(sigma_floor) * 16;
    let floor = floor * floor;
    let (rows, _) = face.as_chunks::<FACE_SIZE>();
    let (out_rows, _) = out.as_chunks_mut::<FACE_SIZE>();
    for (y, out_row) in out_rows.iter_mut().enumerate() {
        let (sums, squares) = column_sums(rows, y);
        let Some(row) = rows.get(y) else { return };
        for (x, (out, &pixel)) in out_row.iter_mut().zip(row).enumerate() {
            let (Some(m), Some(q)) = (sums.get(x..), squares.get(x..)) else { return };
            let (m, q) = (weighted(m), weighted(q));
            let difference = 4096 * i32::from(pixel) - m as i32;
            let variance = 4096 * u64::from(q) - u64::from(m) * u64::from(m);
            *out = quotient(difference, variance.max(floor));
        }
    }
}

/// For every column, and the reflected ones beyond the ends, the sums of `64 w x` and `64 w x^2` over the rows around `y`.
fn column_sums(rows: &[[u8; FACE_SIZE]], y: usize) -> ([u32; PADDED], [u32; PADDED]) {
    let (mut sums, mut squares) = ([0u32; PADDED], [0u32; PADDED]);
    for offset in 0..=2 * REACH {
        let weight = TAPS[offset.abs_diff(REACH)];
        let Some(row) = rows.get(reflect(y + offset)) else { continue };
        for ((sum, square), &pixel) in sums[REACH..].iter_mut().zip(&mut squares[REACH..]).zip(row) {
            let weighted = weight * u32::from(pixel);
            *sum += weighted;
            *square += weighted * u32::from(pixel);
        }
    }
    for beyond in 1..=REACH {
        for line in [&mut sums, &mut squares] {
            line[REACH - beyond] = line[REACH + beyond];
            line[REACH + FACE_SIZE - 1 + beyond] = line[REACH + FACE_SIZE - 1 - beyond];
        }
    }
    (sums, squares)
}

/// The index that `padded - 3` stands for when the border reflects without repeating the edge.
const fn reflect(padded: usize) -> usize {
    let index = padded.abs_diff(REACH);
    if index < FACE_SIZE { index } else { 2 * (FACE_SIZE - 1) - index }
}

/// The sum of the first seven values under the kernel, times 64.
fn weighted(values: &[u32]) -> u32 {
    let &[a, b, c, d, e, f, g, ..] = values else { return 0 };
    TAPS[3] * (a + g) + TAPS[2] * (b + f) + TAPS[1] * (c + e) + TAPS[0] * d
}

/// `round(37 difference / sqrt(square))`, halves away from zero; 0 where `square` is 0.
fn quotient(difference: i32, square: u64) -> i8 {
    let target = u64::from(difference.unsigned_abs()) * 74;
    let target = target * target;
    let mut magnitude = 0u64;
    for bit in [64, 32, 16, 8, 4, 2, 1] {
        let candidate = magnitude + bit;
        let odd = 2 * candidate - 1;
        // No branch: the outcome is as random as the picture.
        magnitude += bit * u64::from(odd * odd * square <= target);
    }
    let magnitude = if square == 0 { 0 } else { magnitude as i8 };
    if difference < 0 { -magnitude } else { magnitude }
}

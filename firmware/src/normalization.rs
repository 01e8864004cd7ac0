//! Intensity normalization, `x' = (x - mu) / sigma`, in integers.
//!
//! **Local**: mean and deviation are Gaussian-weighted over the 7x7 neighbourhood (Levorse, section 3). The kernel is separable,
//! `w = [2, 7, 14, 18, 14, 7, 2] / 64`. With `W = 4096 w (x) w`, `M = sum W x` and `Q = sum W x^2`,
//!
//! ```text
//! D = 4096 x - M = 4096 (x - mu)      V = 4096 Q - M^2 = (4096 sigma)^2      q = round(37 D / max(sqrt V, 4096 sigma_floor))
//! ```
//!
//! Borders reflect without repeating the edge pixel. `|x'| <= sqrt((1 - w0) / w0) = 3.412` for the centre's weight
//! `w0 = (18/64)^2`, so `|q| <= 126`: nothing saturates.
//!
//! **Global**: mean and deviation are those of the image. With `n = 2304` pixels, `M = sum x` and `Q = sum x^2`,
//!
//! ```text
//! D = n x - M = n (x - mu)      V = n Q - M^2 = (n sigma)^2      q = round(37 D / max(sqrt V, n sigma_floor))
//! ```
//!
//! and values more than 127/37 deviations from the mean are clamped there.
//!
//! The quotient is rounded exactly, without a square root, a division or a multiplication by earlier bits. With
//! `S = max(V, (4096 sigma_floor)^2)` and `T = (74 D)^2`, `|q|` is the largest integer for which `(2 |q| - 1)^2 S <= T`, or
//! `4 |q| (|q| - 1) S <= T - S`. Its seven bits are found one by one as in long division; they go up to 127, which is the limit.
//! All terms fit 63 bits: `|D| <= 4096 * 255`, so `T < 2^53`; `S < 2^40`, because a deviation is at most 127.5 and the floor is
//! below 256 grey levels.

use shared::preprocessing::{FACE_PIXELS, FACE_SIZE, Preprocessing};

/// Half of the 7-tap kernel times 64, centre first.
const TAPS: [u32; 4] = [18, 14, 7, 2];

/// Pixels that the kernel reaches beyond its centre.
const REACH: usize = 3;

/// A row of sums with what the kernel reaches beyond both ends.
const PADDED: usize = FACE_SIZE + 2 * REACH;

type Row = [u8; FACE_SIZE];

/// Preprocesses a face (48x48 grey levels, row by row) into the network's input, `[48, 48, channels]`. Its
/// [`Preprocessing::values`] go to the beginning of `out`; pixels that do not fit a shorter `out` are left out.
pub fn preprocess(preprocessing: Preprocessing, face: &[u8; FACE_PIXELS], out: &mut [i8]) {
    match preprocessing {
        Preprocessing::Local { sigma_floor } => local::<1, 0>(face, sigma_floor, out.as_chunks_mut().0),
        Preprocessing::Global { sigma_floor } => global::<1, 0>(face, sigma_floor, out.as_chunks_mut().0),
        Preprocessing::LocalAndGlobal { local_floor, global_floor } => {
            let out = out.as_chunks_mut().0;
            local::<2, 0>(face, local_floor, out);
            global::<2, 1>(face, global_floor, out);
        }
        Preprocessing::Grey { .. } => {
            for (out, &grey) in out.iter_mut().zip(face) {
                // grey - 128: the highest bit turns.
                *out = (grey ^ 0x80) as i8;
            }
        }
    }
}

/// Turns a preprocessed face, `[48, 48, channels]`, into the preprocessed mirror image of the face. It is the same bit for bit
/// as [`preprocess`] of the mirror image: the kernel is symmetric, both borders are treated alike and all sums are exact.
pub fn mirror(preprocessing: Preprocessing, values: &mut [i8]) {
    let channels = usize::from(preprocessing.channels()).max(1);
    for row in values.chunks_exact_mut(FACE_SIZE * channels) {
        row.reverse();
        // The channels of each pixel in their order again.
        row.chunks_exact_mut(channels).for_each(<[i8]>::reverse);
    }
}

/// Normalizes a face (48x48 grey levels, row by row) by its neighbourhoods into `out`, `q = round(37 x')`, `-126..=126`.
///
/// `sigma_floor` is the floor of the local deviation in 1/256 grey levels; a flat area gives zeros.
pub fn normalize(face: &[u8; FACE_PIXELS], sigma_floor: u16, out: &mut [i8; FACE_PIXELS]) {
    local::<1, 0>(face, sigma_floor, out.as_chunks_mut().0);
}

/// Local normalization into one of the channels of `out`'s pixels.
fn local<const CHANNELS: usize, const CHANNEL: usize>(
    face: &[u8; FACE_PIXELS],
    sigma_floor: u16,
    out: &mut [[i8; CHANNELS]],
) {
    // 4096 sigma_floor in grey levels is 16 sigma_floor in 1/256 grey levels.
    let floor = u64::from(sigma_floor) * 16;
    let floor = floor * floor;
    let (rows, _) = face.as_chunks::<FACE_SIZE>();
    for (y, (row, out)) in rows.iter().zip(out.chunks_mut(FACE_SIZE)).enumerate() {
        let (sums, squares) = column_sums(core::array::from_fn(|offset| &rows[reflect(y + offset)]));
        let windows = sums.array_windows().zip(squares.array_windows());
        for ((out, &pixel), (&sums, &squares)) in out.iter_mut().zip(row).zip(windows) {
            let (m, q) = (weighted(sums), weighted(squares));
            let difference = 4096 * i32::from(pixel) - m as i32;
            let variance = 4096 * u64::from(q) - u64::from(m) * u64::from(m);
            out[CHANNEL] = quotient(difference, variance.max(floor));
        }
    }
}

/// Standardization by the whole image into one of the channels of `out`'s pixels.
fn global<const CHANNELS: usize, const CHANNEL: usize>(
    face: &[u8; FACE_PIXELS],
    sigma_floor: u16,
    out: &mut [[i8; CHANNELS]],
) {
    let levels = standardized_levels(face, sigma_floor);
    for (out, &pixel) in out.iter_mut().zip(face) {
        out[CHANNEL] = levels[usize::from(pixel)];
    }
}

/// Standardizes a picture of any size, at most 65,536 pixels of which count, as `Global` does: `q = round(37 x')`, held to
/// `-127..=127`. Where `out` is shorter, pixels that do not fit are left out.
pub fn standardize(picture: &[u8], sigma_floor: u16, out: &mut [i8]) {
    let levels = standardized_levels(picture, sigma_floor);
    for (out, &pixel) in out.iter_mut().zip(picture) {
        *out = levels[usize::from(pixel)];
    }
}

/// What becomes of each grey level of a picture. A picture has far fewer of them than pixels.
fn standardized_levels(picture: &[u8], sigma_floor: u16) -> [i8; 256] {
    // So many that all sums below fit.
    let picture = picture.get(..1 << 16).unwrap_or(picture);
    let pixels = picture.len() as u64;
    // n sigma_floor in grey levels is n / 256 of what the floor is given in.
    let floor = pixels * u64::from(sigma_floor) / 256;
    let sum: u32 = picture.iter().map(|&x| u32::from(x)).sum();
    let squares: u32 = picture.iter().map(|&x| u32::from(x) * u32::from(x)).sum();
    let variance = pixels * u64::from(squares) - u64::from(sum) * u64::from(sum);
    let square = variance.max(floor * floor);
    core::array::from_fn(|level| quotient((pixels as u32 * level as u32) as i32 - sum as i32, square))
}

/// For every column, and the reflected ones beyond the ends, the sums of `64 w x` and `64 w x^2` over seven rows.
fn column_sums(rows: [&Row; 7]) -> ([u32; PADDED], [u32; PADDED]) {
    let (mut sums, mut squares) = ([0; PADDED], [0; PADDED]);
    for (x, (sum, square)) in sums[REACH..].iter_mut().zip(&mut squares[REACH..]).take(FACE_SIZE).enumerate() {
        let column = rows.map(|row| u32::from(row[x]));
        *sum = weighted(column);
        *square = weighted(column.map(|pixel| pixel * pixel));
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

/// The sum of the values under the kernel, times 64.
fn weighted([a, b, c, d, e, f, g]: [u32; 7]) -> u32 {
    TAPS[3] * (a + g) + TAPS[2] * (b + f) + TAPS[1] * (c + e) + TAPS[0] * d
}

/// `round(37 difference / sqrt(square))`, halves away from zero; 0 where `square` is 0.
///
/// Neither branches nor multiplies after the first line: the bits are as random as the picture, and a product of 64 bits is
/// slow where registers are narrow.
fn quotient(difference: i32, square: u64) -> i8 {
    let target = (74 * i64::from(difference)) * (74 * i64::from(difference));
    let (square, four) = (square as i64, 4 * square as i64);
    // For the magnitude m found so far: rest = T - S - 4 m (m - 1) S and product = 4 m S.
    let (mut magnitude, mut rest, mut product) = (0, target - square, 0);
    for bit in (0..7).rev() {
        // With b = 2^bit, (m + b)(m + b - 1) = m (m - 1) + 2 b m + b^2 - b.
        let next = rest - (product << (bit + 1)) - (four << (2 * bit)) + (four << bit);
        let fits = !(next >> 63);
        rest = (next & fits) | (rest & !fits);
        product += (four << bit) & fits;
        magnitude += (1 << bit) & fits as i32;
    }
    let magnitude = if square == 0 { 0 } else { magnitude as i8 };
    if difference < 0 { -magnitude } else { magnitude }
}

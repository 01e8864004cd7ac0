//! The weight gradient of some images: each weight's sum, over the output pixels, of input times output gradient.
//!
//! Neighbouring output pixels lie in the lanes, and so do the partial sums: a tile of some output channels by some taps
//! stays in registers over a strip of rows or of whole images, whose operands stay in the first-level cache.

use super::lanes::{LANES, Lanes};

/// The images that a weight gradient is made of, and the offsets of their parts.
#[derive(Clone, Copy, Debug)]
pub(in crate::convolution) struct Correlated<'a> {
    /// How many images there are.
    pub images: usize,
    /// The padded inputs.
    pub input: &'a [f32],
    /// Distance in `input` between images.
    pub input_image: usize,
    /// For each tap, the offset of its operand for output `(0, 0)`.
    pub input_offsets: &'a [usize],
    /// Distance in `input` between operands of neighbouring output rows and columns; where pixels lie in the lanes,
    /// columns are neighbours.
    pub input_steps: [usize; 2],
    /// The padded output gradients; each row ends in zeros up to a whole vector.
    pub gradient: &'a [f32],
    /// Distance in `gradient` between images.
    pub gradient_image: usize,
    /// Offset of output `(0, 0)` of channel 0 in `gradient`.
    pub gradient_start: usize,
    /// Distance in `gradient` between channels and rows.
    pub gradient_steps: [usize; 2],
    /// Output channels, rows and columns.
    pub output: [usize; 3],
}

/// Output pixels of a strip: small enough that its rows of one tile stay in the first-level cache.
pub(in crate::convolution) const STRIP_PIXELS: usize = 768;

/// Output channels of a tile at most, see [`Tile::run_as`] for the taps.
const fn most_outputs(registers: usize) -> usize {
    if registers >= 32 { 8 } else { 5 }
}

/// Taps of a tile for some output channels: eight sums and more hide the latency of an addition, and their operands leave
/// some of the registers free.
const fn tile_taps(registers: usize, outputs: usize) -> usize {
    if registers >= 32 {
        return match outputs {
            1 => 9,
            2 => 9,
            3 => 6,
            4 => 5,
            5 => 4,
            6 => 4,
            _ => 3,
        };
    }
    match outputs {
        1 => 9,
        2 => 4,
        3 => 3,
        _ => 2,
    }
}

/// Adds the images' products to `sums`: `[outputs][taps]`.
///
/// # Panics
/// If a part lies outside its slice.
#[inline(always)]
pub(super) fn accumulate<L: Lanes>(correlated: &Correlated<'_>, sums: &mut [f32]) {
    let [outputs, height, width] = correlated.output;
    let taps = correlated.input_offsets.len();
    let reach = correlated.input_offsets.iter().copied().max().unwrap_or(0);
    if correlated.images == 0 || outputs == 0 || height == 0 || width == 0 || taps == 0 {
        return;
    }
    let row = width.next_multiple_of(LANES);
    let [channel_step, row_step] = correlated.gradient_steps;
    assert!(sums.len() >= outputs * taps, "a sum for every weight");
    assert!(correlated.input_steps[1] == 1, "pixels in the lanes are neighbours");
    let last = correlated.images - 1;
    let last_input = last * correlated.input_image + (height - 1) * correlated.input_steps[0] + reach + row;
    assert!(last_input <= correlated.input.len(), "the padded image is shorter than the convolution's reach");
    let last_gradient = last * correlated.gradient_image
        + correlated.gradient_start
        + (outputs - 1) * channel_step
        + (height - 1) * row_step
        + row;
    assert!(last_gradient <= correlated.gradient.len(), "the padded gradient is shorter than the output");

    let strip_rows = (STRIP_PIXELS / row).clamp(1, height);
    let strip_images = if strip_rows == height { (STRIP_PIXELS / (row * height)).max(1) } else { 1 };
    let blocks = outputs.div_ceil(most_outputs(L::REGISTERS));
    for first_image in (0..correlated.images).step_by(strip_images) {
        for top in (0..height).step_by(strip_rows) {
            for block in 0..blocks {
                let first = block * outputs / blocks;
                let tile_outputs = (block + 1) * outputs / blocks - first;
                let tile_taps = tile_taps(L::REGISTERS, tile_outputs);
                for tap in (0..taps).step_by(tile_taps) {
                    let tile = Tile {
                        input: &correlated.input
                            [first_image * correlated.input_image + top * correlated.input_steps[0]..],
                        gradient: &correlated.gradient[first_image * correlated.gradient_image
                            + correlated.gradient_start
                            + first * channel_step
                            + top * row_step..],
                        correlated,
                        input_offsets: &correlated.input_offsets[tap..],
                        images: strip_images.min(correlated.images - first_image),
                        rows: strip_rows.min(height - top),
                        vectors: row / LANES,
                        sums: &mut sums[first * taps + tap..],
                        sums_row: taps,
                    };
                    // SAFETY: the assertions above bound every operand and every sum of every tile; `L` is what the
                    // caller found the processor to have.
                    unsafe { tile.run_as::<L>(tile_outputs, tile_taps.min(taps - tap)) }
                }
            }
        }
    }
}

/// Some output channels by some taps over some rows of some images.
struct Tile<'a> {
    /// From the strip's first row on.
    input: &'a [f32],
    /// From the strip's first row of the tile's first channel on.
    gradient: &'a [f32],
    correlated: &'a Correlated<'a>,
    input_offsets: &'a [usize],
    images: usize,
    rows: usize,
    vectors: usize,
    sums: &'a mut [f32],
    sums_row: usize,
}

impl Tile<'_> {
    /// # Safety
    /// As [`run`](Self::run), for these numbers of outputs and taps.
    #[inline(always)]
    unsafe fn run_as<L: Lanes>(self, outputs: usize, taps: usize) {
        // SAFETY: the caller's.
        unsafe {
            match outputs {
                1 => self.run_taps::<L, 1>(taps),
                2 => self.run_taps::<L, 2>(taps),
                3 => self.run_taps::<L, 3>(taps),
                4 => self.run_taps::<L, 4>(taps),
                5 => self.run_taps::<L, 5>(taps),
                6 => self.run_taps::<L, 6>(taps),
                7 => self.run_taps::<L, 7>(taps),
                _ => self.run_taps::<L, 8>(taps),
            }
        }
    }

    /// # Safety
    /// As [`run`](Self::run), for this number of taps, at most [`tile_taps`].
    #[inline(always)]
    unsafe fn run_taps<L: Lanes, const OUTPUTS: usize>(self, taps: usize) {
        let most = tile_taps(L::REGISTERS, OUTPUTS);
        // SAFETY: the caller's. Where `most` is smaller, an arm is never compiled.
        unsafe {
            match taps {
                1 => self.run::<L, OUTPUTS, 1>(),
                2 => self.run::<L, OUTPUTS, 2>(),
                3 if most >= 3 => self.run::<L, OUTPUTS, 3>(),
                4 if most >= 4 => self.run::<L, OUTPUTS, 4>(),
                5 if most >= 5 => self.run::<L, OUTPUTS, 5>(),
                6 if most >= 6 => self.run::<L, OUTPUTS, 6>(),
                7 if most >= 7 => self.run::<L, OUTPUTS, 7>(),
                8 if most >= 8 => self.run::<L, OUTPUTS, 8>(),
                _ if most >= 9 => self.run::<L, OUTPUTS, 9>(),
                _ => unreachable!("a tile has at most {most} taps"),
            }
        }
    }

    /// # Safety
    /// `L`'s instructions exist; `rows` rows of `vectors` whole vectors of `images` images lie inside `input` from each
    /// of the first `TAPS` offsets on and inside `gradient` for `OUTPUTS` channels; `OUTPUTS` rows of `TAPS` values lie
    /// inside `sums`.
    #[inline(always)]
    unsafe fn run<L: Lanes, const OUTPUTS: usize, const TAPS: usize>(self) {
        let mut offsets = [0; TAPS];
        offsets.copy_from_slice(&self.input_offsets[..TAPS]);
        let Correlated { input_image, input_steps: [input_row, _], gradient_image, gradient_steps, .. } =
            *self.correlated;
        let [channel_step, row_step] = gradient_steps;
        // SAFETY: the contract above, for every pointer made here.
        unsafe {
            let mut sums = [[L::splat(0.0); TAPS]; OUTPUTS];
            for image in 0..self.images {
                for y in 0..self.rows {
                    let input = self.input.as_ptr().add(image * input_image + y * input_row);
                    let mut inputs = [input; TAPS];
                    for (input, offset) in inputs.iter_mut().zip(offsets) {
                        *input = input.add(offset);
                    }
                    let gradient = self.gradient.as_ptr().add(image * gradient_image + y * row_step);
                    for x in 0..self.vectors {
                        let mut operands = [L::splat(0.0); TAPS];
                        for (operand, input) in operands.iter_mut().zip(inputs) {
                            *operand = L::load(input.add(x * LANES));
                        }
                        for (output, sums) in sums.iter_mut().enumerate() {
                            let factor = L::load(gradient.add(output * channel_step + x * LANES));
                            for (sum, operand) in sums.iter_mut().zip(operands) {
                                *sum = sum.add_product(factor, operand);
                            }
                        }
                    }
                }
            }
            for (output, sums) in sums.iter().enumerate() {
                for (tap, sum) in sums.iter().enumerate() {
                    *self.sums.as_mut_ptr().add(output * self.sums_row + tap) += sum.sum();
                }
            }
        }
    }
}

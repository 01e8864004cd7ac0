//! The weight gradient of one image: each weight's sum, over the output pixels, of input times output gradient.
//!
//! Neighbouring output pixels lie in the lanes, and so do the partial sums: a tile of `R` output channels by `T` taps
//! stays in registers over a strip of rows, and the lanes are added up only once, at the very end.

use super::lanes::{LANES, Lanes};

/// The images that a weight gradient is made of, and the offsets of their parts.
#[derive(Clone, Copy, Debug)]
pub(in crate::convolution) struct Correlated<'a> {
    /// The padded input.
    pub input: &'a [f32],
    /// For each tap, the offset of its operand for output `(0, 0)`.
    pub input_offsets: &'a [usize],
    /// Distance in `input` between operands of neighbouring output rows.
    pub input_row: usize,
    /// The padded output gradient; each row ends in zeros up to a whole vector.
    pub gradient: &'a [f32],
    /// Offset of output `(0, 0)` of channel 0 in `gradient`.
    pub gradient_start: usize,
    /// Distance in `gradient` between channels and rows.
    pub gradient_steps: [usize; 2],
    /// Output channels, rows and columns.
    pub output: [usize; 3],
}

/// Output pixels of a strip: small enough that its rows of one tile stay in the first-level cache.
const STRIP_PIXELS: usize = 768;

/// Adds one image's products to `sums`: `[outputs][taps][LANES]`.
///
/// # Panics
/// When a part lies outside its slice.
#[inline(always)]
pub(super) fn accumulate<L: Lanes>(images: &Correlated<'_>, sums: &mut [f32]) {
    let [outputs, height, width] = images.output;
    let taps = images.input_offsets.len();
    let reach = images.input_offsets.iter().copied().max().unwrap_or(0);
    if outputs == 0 || height == 0 || width == 0 || taps == 0 {
        return;
    }
    let row = width.next_multiple_of(LANES);
    let [channel_step, row_step] = images.gradient_steps;
    assert!(sums.len() >= outputs * taps * LANES, "a vector of sums for every weight");
    let last_input = (height - 1) * images.input_row + reach + row;
    assert!(last_input <= images.input.len(), "the padded image is shorter than the convolution's reach");
    let last_gradient = images.gradient_start + (outputs - 1) * channel_step + (height - 1) * row_step + row;
    assert!(last_gradient <= images.gradient.len(), "the padded gradient is shorter than the convolution's output");

    let strip = (STRIP_PIXELS / row).max(1);
    for top in (0..height).step_by(strip) {
        let rows = strip.min(height - top);
        for first in (0..outputs).step_by(4) {
            for tap in (0..taps).step_by(3) {
                let tile = Tile {
                    input: &images.input[top * images.input_row..],
                    input_offsets: &images.input_offsets[tap..],
                    input_row: images.input_row,
                    gradient: &images.gradient[images.gradient_start + first * channel_step + top * row_step..],
                    gradient_steps: images.gradient_steps,
                    rows,
                    vectors: row / LANES,
                    sums: &mut sums[(first * taps + tap) * LANES..],
                    sums_row: taps * LANES,
                };
                // SAFETY: the assertions above bound every operand and every sum of every tile; `L` is what the
                // caller found the processor to have.
                unsafe {
                    match ((outputs - first).min(4), (taps - tap).min(3)) {
                        (1, 1) => tile.run::<L, 1, 1>(),
                        (1, 2) => tile.run::<L, 1, 2>(),
                        (1, _) => tile.run::<L, 1, 3>(),
                        (2, 1) => tile.run::<L, 2, 1>(),
                        (2, 2) => tile.run::<L, 2, 2>(),
                        (2, _) => tile.run::<L, 2, 3>(),
                        (3, 1) => tile.run::<L, 3, 1>(),
                        (3, 2) => tile.run::<L, 3, 2>(),
                        (3, _) => tile.run::<L, 3, 3>(),
                        (_, 1) => tile.run::<L, 4, 1>(),
                        (_, 2) => tile.run::<L, 4, 2>(),
                        (_, _) => tile.run::<L, 4, 3>(),
                    }
                }
            }
        }
    }
}

/// Some output channels by some taps over some rows.
struct Tile<'a> {
    input: &'a [f32],
    input_offsets: &'a [usize],
    input_row: usize,
    gradient: &'a [f32],
    gradient_steps: [usize; 2],
    rows: usize,
    vectors: usize,
    sums: &'a mut [f32],
    sums_row: usize,
}

impl Tile<'_> {
    /// # Safety
    /// `L`'s instructions exist; `rows` rows of `vectors` whole vectors lie inside `input` from each of the first
    /// `TAPS` offsets on and inside `gradient` for `OUTPUTS` channels; `OUTPUTS` rows of `TAPS` vectors lie inside
    /// `sums`.
    #[inline(always)]
    unsafe fn run<L: Lanes, const OUTPUTS: usize, const TAPS: usize>(self) {
        let offsets: [usize; TAPS] = std::array::from_fn(|tap| self.input_offsets[tap]);
        let [channel_step, row_step] = self.gradient_steps;
        // SAFETY: the contract above, for every pointer made here.
        unsafe {
            let mut sums = [[L::splat(0.0); TAPS]; OUTPUTS];
            for y in 0..self.rows {
                let input = self.input.as_ptr().add(y * self.input_row);
                let inputs: [*const f32; TAPS] = offsets.map(|offset| input.add(offset));
                let gradient = self.gradient.as_ptr().add(y * row_step);
                for x in 0..self.vectors {
                    let operands: [L; TAPS] = inputs.map(|input| L::load(input.add(x * LANES)));
                    for (output, sums) in sums.iter_mut().enumerate() {
                        let factor = L::load(gradient.add(output * channel_step + x * LANES));
                        for (sum, operand) in sums.iter_mut().zip(operands) {
                            *sum = sum.add_product(factor, operand);
                        }
                    }
                }
            }
            let one = L::splat(1.0);
            for (output, sums) in sums.iter().enumerate() {
                for (tap, sum) in sums.iter().enumerate() {
                    let target = self.sums.as_mut_ptr().add(output * self.sums_row + tap * LANES);
                    L::load(target).add_product(*sum, one).store(target);
                }
            }
        }
    }
}

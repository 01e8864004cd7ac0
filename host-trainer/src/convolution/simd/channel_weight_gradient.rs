//! The weight gradient of some images, as in [`pixel_weight_gradient`](super::pixel_weight_gradient), but with output channels in the
//! lanes: no lane is idle however narrow the image, and no sum is added up across lanes.

use super::lanes::{LANES, Lanes};
use super::pixel_weight_gradient::Correlated;

/// Vectors of output channels in a block.
const VECTORS: usize = 2;

/// Output channels of a block.
const BLOCK: usize = VECTORS * LANES;

/// Taps of a tile.
const TAPS: usize = 6;

/// Output pixels of a strip, whose gradient of one block fills half of the first-level cache.
const STRIP_PIXELS: usize = 288;

/// Working memory, kept from call to call.
#[derive(Debug, Default)]
pub(in crate::convolution) struct Blocked {
    /// The output gradient of a strip: `[blocks][pixels][BLOCK]`.
    gradient: Vec<f32>,
    /// `[blocks][taps][BLOCK]`.
    sums: Vec<f32>,
}

/// Adds the images' products to `sums`: `[outputs][taps]`.
///
/// # Panics
/// If a part lies outside its slice.
#[inline(always)]
pub(super) fn accumulate<L: Lanes>(correlated: &Correlated<'_>, sums: &mut [f32], blocked: &mut Blocked) {
    let [outputs, height, width] = correlated.output;
    let taps = correlated.input_offsets.len();
    let reach = correlated.input_offsets.iter().copied().max().unwrap_or(0);
    if correlated.images == 0 || outputs == 0 || height == 0 || width == 0 || taps == 0 {
        return;
    }
    assert!(sums.len() >= outputs * taps, "a sum for every weight");
    let [input_row, input_column] = correlated.input_steps;
    let last = correlated.images - 1;
    let last_input = last * correlated.input_image + (height - 1) * input_row + (width - 1) * input_column + reach;
    assert!(last_input < correlated.input.len(), "the padded image is shorter than the convolution's reach");

    let blocks = outputs.div_ceil(BLOCK);
    let strip_rows = (STRIP_PIXELS / width).clamp(1, height);
    let strip_images = if strip_rows == height { (STRIP_PIXELS / (width * height)).max(1) } else { 1 };
    let strip_pixels = strip_images * strip_rows * width;
    blocked.gradient.resize(blocks * strip_pixels * BLOCK, 0.0);
    blocked.sums.clear();
    blocked.sums.resize(blocks * taps * BLOCK, 0.0);
    for first_image in (0..correlated.images).step_by(strip_images) {
        let images = strip_images.min(correlated.images - first_image);
        for top in (0..height).step_by(strip_rows) {
            let rows = strip_rows.min(height - top);
            let strip = Strip { first_image, images, top, rows, pixels: strip_pixels };
            strip.gather(correlated, &mut blocked.gradient);
            for block in 0..blocks {
                let gradient = &blocked.gradient[block * strip_pixels * BLOCK..][..images * rows * width * BLOCK];
                let sums = &mut blocked.sums[block * taps * BLOCK..][..taps * BLOCK];
                for (offsets, sums) in correlated.input_offsets.chunks(TAPS).zip(sums.chunks_mut(TAPS * BLOCK)) {
                    // SAFETY: the assertions above bound every operand; `gradient` holds a block for each pixel of the
                    // strip; `L` is what the caller found the processor to have.
                    unsafe { strip.run::<L>(correlated, gradient, offsets, sums) }
                }
            }
        }
    }
    for (output, sums) in sums.chunks_exact_mut(taps).take(outputs).enumerate() {
        let block = &blocked.sums[output / BLOCK * taps * BLOCK..][..taps * BLOCK];
        for (sum, value) in sums.iter_mut().zip(block.iter().skip(output % BLOCK).step_by(BLOCK)) {
            *sum += value;
        }
    }
}

/// Some rows of some images.
struct Strip {
    first_image: usize,
    images: usize,
    top: usize,
    rows: usize,
    /// Pixels between the blocks of the gathered gradient.
    pixels: usize,
}

impl Strip {
    /// Copies the strip's output gradient to `blocks`: `[blocks][pixels][BLOCK]`.
    #[inline(always)]
    fn gather(&self, correlated: &Correlated<'_>, blocks: &mut [f32]) {
        let [outputs, _, width] = correlated.output;
        let [channel_step, row_step] = correlated.gradient_steps;
        for (block, target) in blocks.chunks_exact_mut(self.pixels * BLOCK).enumerate() {
            let channels = BLOCK.min(outputs - block * BLOCK);
            let mut pixel = 0;
            for image in 0..self.images {
                for y in 0..self.rows {
                    let start = (self.first_image + image) * correlated.gradient_image
                        + correlated.gradient_start
                        + (self.top + y) * row_step
                        + block * BLOCK * channel_step;
                    for channel in 0..channels {
                        let row = &correlated.gradient[start + channel * channel_step..][..width];
                        let target = &mut target[pixel * BLOCK..][..width * BLOCK];
                        for (x, value) in row.iter().enumerate() {
                            target[x * BLOCK + channel] = *value;
                        }
                    }
                    pixel += width;
                }
            }
        }
    }

    /// Adds the products of the strip's pixels for at most [`TAPS`] taps to `sums`: `[offsets][BLOCK]`.
    ///
    /// # Safety
    /// `L`'s instructions exist; the strip's pixels lie inside the input from each of `offsets` on; `gradient` holds a
    /// block for each of them.
    #[inline(always)]
    unsafe fn run<L: Lanes>(&self, correlated: &Correlated<'_>, gradient: &[f32], offsets: &[usize], sums: &mut [f32]) {
        let width = correlated.output[2];
        // A tile with fewer taps does its last several times.
        let mut taps = [offsets[offsets.len() - 1]; TAPS];
        taps[..offsets.len()].copy_from_slice(offsets);
        let [input_row, input_column] = correlated.input_steps;
        let first = self.first_image * correlated.input_image + self.top * input_row;
        // SAFETY: the contract above, for every pointer made here.
        unsafe {
            let mut totals = [[L::splat(0.0); VECTORS]; TAPS];
            let mut factor = gradient.as_ptr();
            for image in 0..self.images {
                for y in 0..self.rows {
                    let row = first + image * correlated.input_image + y * input_row;
                    let mut inputs = [correlated.input.as_ptr(); TAPS];
                    for (input, tap) in inputs.iter_mut().zip(taps) {
                        *input = input.add(row + tap);
                    }
                    for x in 0..width {
                        let mut factors = [L::splat(0.0); VECTORS];
                        for (v, value) in factors.iter_mut().enumerate() {
                            *value = L::load(factor.add(v * LANES));
                        }
                        for (totals, input) in totals.iter_mut().zip(inputs) {
                            let operand = L::splat(*input.add(x * input_column));
                            for (total, factor) in totals.iter_mut().zip(factors) {
                                *total = total.add_product(factor, operand);
                            }
                        }
                        factor = factor.add(BLOCK);
                    }
                }
            }
            for (totals, sums) in totals.iter().zip(sums.chunks_exact_mut(BLOCK)) {
                for (total, sums) in totals.iter().zip(sums.chunks_exact_mut(LANES)) {
                    let one = L::splat(1.0);
                    L::load(sums.as_ptr()).add_product(*total, one).store(sums.as_mut_ptr());
                }
            }
        }
    }
}

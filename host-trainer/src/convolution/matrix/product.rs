//! The products at one point of all tiles: small matrix products, with output channels in the lanes.
//!
//! A matrix of tiles by channels lies in blocks of [`LANES`] channels, `[blocks][tiles][LANES]`, so that the distance between
//! neighbouring rows is a constant.

use super::lanes::{LANES, Lanes};

/// `target = inputs x kernels`, tiles by output channels.
pub(in crate::convolution) struct Product<'a> {
    /// `[blocks][tiles][LANES]`.
    pub inputs: &'a [f32],
    /// At least as many as a register tile has rows.
    pub tiles: usize,
    /// Input channels.
    pub depth: usize,
    /// `[depth][LANES]` of each block of outputs, `block_step` floats apart.
    pub kernels: &'a [f32],
    pub block_step: usize,
    /// Blocks of outputs.
    pub blocks: usize,
    /// What a sum starts with, `[blocks * LANES]`; zeros without.
    pub start: Option<&'a [f32]>,
    /// `[blocks][tiles][LANES]`.
    pub target: &'a mut [f32],
}

impl Product<'_> {
    /// Register tiles of `ROWS` rows by `BLOCKS` vectors.
    ///
    /// # Panics
    /// If a slice is too short, or there are fewer tiles than `ROWS`.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub unsafe fn run<L: Lanes, const ROWS: usize, const BLOCKS: usize>(mut self) {
        assert!(self.tiles >= ROWS && self.inputs.len() >= self.depth.div_ceil(LANES) * self.tiles * LANES);
        assert!(self.blocks > 0 && self.kernels.len() >= (self.blocks - 1) * self.block_step + self.depth * LANES);
        assert!(self.target.len() >= self.blocks * self.tiles * LANES);
        assert!(self.start.is_none_or(|start| start.len() >= self.blocks * LANES));
        for block in (0..self.blocks).step_by(BLOCKS) {
            for row in (0..self.tiles).step_by(ROWS) {
                // The last rows may be done twice.
                let row = row.min(self.tiles - ROWS);
                // SAFETY: `row + ROWS <= tiles`, and the assertions above bound all operands; the caller vouches for `L`.
                unsafe {
                    if self.blocks - block >= BLOCKS {
                        self.register_tile::<L, ROWS, BLOCKS>(row, block);
                    } else {
                        for block in block..self.blocks {
                            self.register_tile::<L, ROWS, 1>(row, block);
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// `ROWS` rows from `row` on lie inside `inputs` and `target`, `BLOCKS` blocks from `block` on inside `kernels` and
    /// `target`; the processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn register_tile<L: Lanes, const ROWS: usize, const BLOCKS: usize>(&mut self, row: usize, block: usize) {
        // SAFETY: the contract above.
        unsafe {
            let mut kernels = self.kernels.as_ptr().add(block * self.block_step);
            let mut starts = [L::splat(0.0); BLOCKS];
            if let Some(start) = self.start {
                for (b, value) in starts.iter_mut().enumerate() {
                    *value = L::load(start.as_ptr().add((block + b) * LANES));
                }
            }
            let mut sums = [starts; ROWS];
            for first in (0..self.depth).step_by(LANES) {
                let mut inputs = self.inputs.as_ptr().add(first * self.tiles + row * LANES);
                for _ in first..self.depth.min(first + LANES) {
                    let mut factors = [L::splat(0.0); BLOCKS];
                    for (b, factor) in factors.iter_mut().enumerate() {
                        *factor = L::load(kernels.add(b * self.block_step));
                    }
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let operand = L::splat(*inputs.add(row * LANES));
                        for (sum, factor) in sums.iter_mut().zip(factors) {
                            *sum = sum.add_product(operand, factor);
                        }
                    }
                    inputs = inputs.add(1);
                    kernels = kernels.add(LANES);
                }
            }
            for (row_in_tile, sums) in sums.iter().enumerate() {
                for (b, sum) in sums.iter().enumerate() {
                    let at = ((block + b) * self.tiles + row + row_in_tile) * LANES;
                    sum.store(self.target.as_mut_ptr().add(at));
                }
            }
        }
    }
}

/// `target = inputs' x gradients`, summed over the tiles, added to what `target` holds if `add`.
pub(in crate::convolution) struct Outer<'a> {
    /// `[input_blocks][tiles][LANES]`.
    pub inputs: &'a [f32],
    pub input_blocks: usize,
    /// `[blocks][tiles][LANES]`.
    pub gradients: &'a [f32],
    pub blocks: usize,
    pub tiles: usize,
    /// `[input_blocks * LANES][blocks * LANES]`.
    pub target: &'a mut [f32],
    pub add: bool,
}

impl Outer<'_> {
    /// Register tiles of `ROWS` input channels, a number that divides [`LANES`], by `BLOCKS` vectors.
    ///
    /// # Panics
    /// If a slice is too short.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub unsafe fn run<L: Lanes, const ROWS: usize, const BLOCKS: usize>(mut self) {
        const { assert!(LANES.is_multiple_of(ROWS)) };
        let width = self.blocks * LANES;
        assert!(self.inputs.len() >= self.input_blocks * self.tiles * LANES);
        assert!(self.gradients.len() >= self.tiles * width);
        assert!(self.target.len() >= self.input_blocks * LANES * width);
        for block in (0..self.blocks).step_by(BLOCKS) {
            for row in (0..self.input_blocks * LANES).step_by(ROWS) {
                // SAFETY: the assertions above bound all operands; the caller vouches for `L`.
                unsafe {
                    if self.blocks - block >= BLOCKS {
                        self.register_tile::<L, ROWS, BLOCKS>(row, block);
                    } else {
                        for block in block..self.blocks {
                            self.register_tile::<L, ROWS, 1>(row, block);
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// `ROWS` channels from `row` on, all of one block, lie inside `inputs`, `BLOCKS` blocks from `block` on inside
    /// `gradients`, both inside `target`; the processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn register_tile<L: Lanes, const ROWS: usize, const BLOCKS: usize>(&mut self, row: usize, block: usize) {
        let width = self.blocks * LANES;
        // SAFETY: the contract above.
        unsafe {
            let mut inputs = self.inputs.as_ptr().add(row / LANES * self.tiles * LANES + row % LANES);
            let mut gradients = self.gradients.as_ptr().add(block * self.tiles * LANES);
            let mut sums = [[L::splat(0.0); BLOCKS]; ROWS];
            for _ in 0..self.tiles {
                let mut factors = [L::splat(0.0); BLOCKS];
                for (b, factor) in factors.iter_mut().enumerate() {
                    *factor = L::load(gradients.add(b * self.tiles * LANES));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let operand = L::splat(*inputs.add(row));
                    for (sum, factor) in sums.iter_mut().zip(factors) {
                        *sum = sum.add_product(operand, factor);
                    }
                }
                inputs = inputs.add(LANES);
                gradients = gradients.add(LANES);
            }
            let target = self.target.as_mut_ptr().add(row * width + block * LANES);
            for (row, sums) in sums.iter().enumerate() {
                for (b, sum) in sums.iter().enumerate() {
                    let place = target.add(row * width + b * LANES);
                    let sum = if self.add { L::load(place).plus(*sum) } else { *sum };
                    sum.store(place);
                }
            }
        }
    }
}

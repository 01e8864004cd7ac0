//! Small matrix products with channels in the lanes of a vector, and what brings images into that order.
//!
//! ```text
//! product.rs    the products, in register tiles
//! pixels.rs     planes to pixels with channels in the lanes, and back
//! lanes.rs      vectors of sixteen floats
//! dispatch.rs   the kind of vectors that the processor turns out to have
//! ```

mod dispatch;
mod lanes;
mod pixels;
mod product;

pub(super) use dispatch::{Vectors, Work};
#[cfg(target_arch = "x86_64")]
pub(super) use lanes::Avx512;
pub(super) use lanes::{LANES, Lanes};
pub(super) use pixels::Pixels;
pub(super) use product::{Outer, Product};

use std::cell::RefCell;

/// Working memory of one thread, kept from call to call.
#[derive(Default)]
pub(super) struct Buffers {
    /// Pixels with channels in the lanes.
    pub copy: Vec<f32>,
    /// What is multiplied with kernels or gradients.
    pub inputs: Vec<f32>,
    /// Products, or gradients.
    pub outputs: Vec<f32>,
    /// Sums over tiles or pixels.
    pub sums: Vec<f32>,
}

thread_local! {
    pub(super) static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// At least `len` floats, of unspecified value.
pub(super) fn at_least(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// `channels`, rounded up to whole vectors.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of sixteen.
    struct Transposed<'a> {
        source: &'a [f32],
        target: &'a mut [f32],
    }

    impl Work for Transposed<'_> {
        #[inline(always)]
        unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self) {
            assert!(self.source.len() >= 16 * 19 && self.target.len() >= 16 * 17);
            // SAFETY: the assertion bounds both squares; the caller vouches for `L`.
            unsafe { L::transpose(self.source.as_ptr(), 19, self.target.as_mut_ptr(), 17) }
        }
    }

    #[test]
    fn a_square_is_transposed_with_any_vectors() {
        let source: Vec<f32> = (0..16 * 19).map(|at| at as f32).collect();
        for vectors in Vectors::all() {
            let mut target = vec![-1.0; 16 * 17];
            vectors.run(Transposed { source: &source, target: &mut target });
            for at in 0..256 {
                let (row, column) = (at / 16, at % 16);
                assert_eq!(
                    target[column * 17 + row],
                    source[row * 19 + column],
                    "row {row}, column {column}, {vectors:?}"
                );
            }
        }
    }
}

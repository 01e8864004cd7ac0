//! Work compiled for each kind of vector, and the kinds that this processor has.

use super::lanes::{Lanes, Portable};

/// Work over vectors of a kind, whose register tiles have `ROWS` rows by `BLOCKS` vectors for products and `OUTER` rows for
/// sums over tiles.
pub(in crate::convolution) trait Work {
    /// Does the work. Must always be inlined: a function that stays a call is compiled without the vectors.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    unsafe fn run<L: Lanes, const ROWS: usize, const OUTER: usize, const BLOCKS: usize>(self);
}

/// A kind of vectors that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::convolution) struct Vectors(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The vectors that every processor of the target has.
    Certain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Vectors {
    /// Every kind that the processor turns out to have, the widest last.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        let mut kinds = vec![Kind::Certain];
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected;
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                kinds.push(Kind::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                kinds.push(Kind::Avx512);
            }
        }
        kinds.into_iter().map(Self)
    }

    /// The widest kind.
    pub fn widest() -> Self {
        Self::all().next_back().unwrap_or(Self(Kind::Certain))
    }

    /// Does `work` with these vectors.
    pub(in crate::convolution) fn run(self, work: impl Work) {
        #[cfg(target_arch = "x86_64")]
        {
            use super::lanes::{Avx2, Avx512};

            #[target_feature(enable = "avx512f")]
            fn with_avx512(work: impl Work) {
                // SAFETY: the feature is enabled. 32 registers hold 24 sums, their factors and an operand.
                unsafe { work.run::<Avx512, 12, 8, 2>() }
            }
            #[target_feature(enable = "avx2,fma")]
            fn with_avx2(work: impl Work) {
                // SAFETY: the features are enabled. A vector is two of 16 registers.
                unsafe { work.run::<Avx2, 6, 4, 1>() }
            }
            match self.0 {
                // SAFETY: `all`, which alone makes these, found the processor to have the features.
                Kind::Avx512 => return unsafe { with_avx512(work) },
                // SAFETY: as above.
                Kind::Avx2 => return unsafe { with_avx2(work) },
                Kind::Certain => {}
            }
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: every AArch64 processor that runs the standard library has NEON. A vector is four of 32 registers.
        unsafe {
            work.run::<super::lanes::Neon, 6, 4, 1>();
        }
        #[cfg(not(target_arch = "aarch64"))]
        // SAFETY: arrays need no instructions.
        unsafe {
            work.run::<Portable, 4, 4, 1>();
        }
    }
}

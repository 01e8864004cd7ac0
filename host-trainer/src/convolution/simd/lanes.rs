//! Eight floats that move together: AVX2 registers where the processor has them, an array elsewhere.

/// Floats in one vector.
pub(in crate::convolution) const LANES: usize = 8;

/// A vector of [`LANES`] floats.
pub(super) trait Lanes: Copy {
    /// The vector whose every lane is `value`.
    ///
    /// # Safety
    /// The processor has the instructions of the implementation.
    unsafe fn splat(value: f32) -> Self;

    /// The vector at `source`.
    ///
    /// # Safety
    /// As [`splat`](Self::splat); [`LANES`] floats are readable at `source`.
    unsafe fn load(source: *const f32) -> Self;

    /// Writes the vector to `target`.
    ///
    /// # Safety
    /// As [`splat`](Self::splat); [`LANES`] floats are writable at `target`.
    unsafe fn store(self, target: *mut f32);

    /// `self + a * b`.
    ///
    /// # Safety
    /// As [`splat`](Self::splat).
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
}

/// Plain arrays: whatever vectors the compilation target has for certain.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

// SAFETY of every method: nothing but the reads and writes that the trait's contract allows.
impl Lanes for Portable {
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller vouches for LANES readable floats; an array of floats has their alignment.
        Self(unsafe { source.cast::<[f32; LANES]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for LANES writable floats; an array of floats has their alignment.
        unsafe { target.cast::<[f32; LANES]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + a.0[lane] * b.0[lane]))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::Avx2;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::Lanes;
    use std::arch::x86_64::{__m256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps};

    /// AVX2 with fused multiply-add.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256);

    // SAFETY of every method: the trait's contract grants the instructions and the memory.
    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the caller vouches for AVX2.
            Self(unsafe { _mm256_set1_ps(value) })
        }

        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            // SAFETY: the caller vouches for AVX2 and eight readable floats; the load needs no alignment.
            Self(unsafe { _mm256_loadu_ps(source) })
        }

        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            // SAFETY: the caller vouches for AVX2 and eight writable floats; the store needs no alignment.
            unsafe { _mm256_storeu_ps(target, self.0) }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: the caller vouches for AVX2 and FMA.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }
    }
}

//! Eight floats that move together: an AVX2 register or two NEON registers where the processor has them, an array elsewhere.

/// Floats in one vector.
pub(in crate::convolution) const LANES: usize = 8;

/// A vector of [`LANES`] floats.
pub(super) trait Lanes: Copy {
    /// Vectors that fit into registers.
    const REGISTERS: usize;

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

    /// The sum of the lanes, in one order on every processor: halves, quarters, pairs.
    ///
    /// # Safety
    /// As [`splat`](Self::splat).
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut lanes = [0.0; LANES];
        // SAFETY: the caller vouches for the instructions; the array has room for the vector.
        unsafe { self.store(lanes.as_mut_ptr()) };
        let halves: [f32; LANES / 2] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 4]);
        (halves[0] + halves[2]) + (halves[1] + halves[3])
    }
}

/// Plain arrays: whatever vectors the compilation target has for certain.
#[cfg(not(target_arch = "aarch64"))]
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

// SAFETY of every method: nothing but the reads and writes that the trait's contract allows.
#[cfg(not(target_arch = "aarch64"))]
impl Lanes for Portable {
    const REGISTERS: usize = 16;

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

    /// AVX2 with fused multiply-add: 16 registers, or 32 with AVX-512's encoding of the same instructions.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2<const REGISTERS: usize>(__m256);

    // SAFETY of every method: the trait's contract grants the instructions and the memory.
    impl<const REGISTERS: usize> Lanes for Avx2<REGISTERS> {
        const REGISTERS: usize = REGISTERS;

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

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::Neon;

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use super::Lanes;
    use std::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_f32, vld1q_f32, vst1q_f32};

    /// Two registers of Advanced SIMD, which every AArch64 processor that runs the standard library has.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Neon(float32x4_t, float32x4_t);

    // SAFETY of every method: the trait's contract grants the instructions and the memory.
    impl Lanes for Neon {
        const REGISTERS: usize = 16;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the caller vouches for NEON.
            unsafe { Self(vdupq_n_f32(value), vdupq_n_f32(value)) }
        }

        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            // SAFETY: the caller vouches for NEON and eight readable floats.
            unsafe { Self(vld1q_f32(source), vld1q_f32(source.add(4))) }
        }

        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            // SAFETY: the caller vouches for NEON and eight writable floats.
            unsafe {
                vst1q_f32(target, self.0);
                vst1q_f32(target.add(4), self.1);
            }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: the caller vouches for NEON.
            unsafe { Self(vfmaq_f32(self.0, a.0, b.0), vfmaq_f32(self.1, a.1, b.1)) }
        }
    }
}

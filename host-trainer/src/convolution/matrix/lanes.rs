//! Sixteen floats that move together: one AVX-512 register, two of AVX2, four of NEON, or an array.

/// Floats in one vector.
pub(in crate::convolution) const LANES: usize = 16;

/// A vector of [`LANES`] floats.
///
/// # Safety
/// Of every method: the processor has the instructions of the implementation, and what a pointer names is readable or
/// writable for [`LANES`] floats.
pub(in crate::convolution) trait Lanes: Copy {
    /// The vector whose every lane is `value`.
    unsafe fn splat(value: f32) -> Self;

    /// The vector at `source`.
    unsafe fn load(source: *const f32) -> Self;

    /// Writes the vector to `target`.
    unsafe fn store(self, target: *mut f32);

    /// `self + other`.
    unsafe fn plus(self, other: Self) -> Self;

    /// `self - other`.
    unsafe fn minus(self, other: Self) -> Self;

    /// `self * other`.
    unsafe fn product(self, other: Self) -> Self;

    /// `self + a * b`.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;

    /// `self * factor`.
    #[inline(always)]
    unsafe fn times(self, factor: f32) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { self.product(Self::splat(factor)) }
    }

    /// `self + factor * other`.
    #[inline(always)]
    unsafe fn plus_times(self, factor: f32, other: Self) -> Self {
        // SAFETY: the caller vouches for the instructions.
        unsafe { self.add_product(other, Self::splat(factor)) }
    }

    /// Reads a square of [`LANES`] rows, `source_step` apart, and writes its columns as rows, `target_step` apart.
    #[inline(always)]
    unsafe fn transpose(source: *const f32, source_step: usize, target: *mut f32, target_step: usize) {
        // SAFETY: the caller vouches for every row of both squares.
        unsafe {
            for row in 0..LANES {
                for column in 0..LANES {
                    *target.add(column * target_step + row) = *source.add(row * source_step + column);
                }
            }
        }
    }
}

/// Plain arrays: whatever vectors the compilation target has for certain.
#[derive(Clone, Copy)]
pub(in crate::convolution) struct Portable([f32; LANES]);

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
    unsafe fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }

    #[inline(always)]
    unsafe fn product(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + a.0[lane] * b.0[lane]))
    }
}

#[cfg(target_arch = "x86_64")]
pub(in crate::convolution) use x86_64::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{LANES, Lanes};
    use std::arch::x86_64::*;

    /// AVX2 with fused multiply-add: two registers.
    #[derive(Clone, Copy)]
    pub(in crate::convolution) struct Avx2(__m256, __m256);

    // SAFETY of every method: the trait's contract grants the instructions and the memory; loads and stores need no
    // alignment.
    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { Self(_mm256_set1_ps(value), _mm256_set1_ps(value)) }
        }

        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            unsafe { Self(_mm256_loadu_ps(source), _mm256_loadu_ps(source.add(8))) }
        }

        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            unsafe {
                _mm256_storeu_ps(target, self.0);
                _mm256_storeu_ps(target.add(8), self.1);
            }
        }

        #[inline(always)]
        unsafe fn plus(self, other: Self) -> Self {
            unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }

        #[inline(always)]
        unsafe fn minus(self, other: Self) -> Self {
            unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
        }

        #[inline(always)]
        unsafe fn product(self, other: Self) -> Self {
            unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }

        #[inline(always)]
        unsafe fn transpose(source: *const f32, source_step: usize, target: *mut f32, target_step: usize) {
            // SAFETY: the four squares of eight are the square that the caller vouches for.
            unsafe {
                for (row, column) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
                    let source = source.add(row * source_step + column);
                    transpose_eight(source, source_step, target.add(column * target_step + row), target_step);
                }
            }
        }
    }

    /// A square of eight: pairs of rows, then fours, then halves.
    #[target_feature(enable = "avx2")]
    unsafe fn transpose_eight(source: *const f32, source_step: usize, target: *mut f32, target_step: usize) {
        let (mut pairs, mut fours) = ([_mm256_setzero_ps(); 8], [_mm256_setzero_ps(); 8]);
        // SAFETY: the caller vouches for both squares.
        unsafe {
            for row in (0..8).step_by(2) {
                let a = _mm256_loadu_ps(source.add(row * source_step));
                let b = _mm256_loadu_ps(source.add((row + 1) * source_step));
                pairs[row] = _mm256_unpacklo_ps(a, b);
                pairs[row + 1] = _mm256_unpackhi_ps(a, b);
            }
            // Column c, and c + 4 in the upper half, of four rows.
            for group in [0, 4] {
                for half in 0..2 {
                    let (a, b) = (pairs[group + half], pairs[group + half + 2]);
                    fours[group + half * 2] = _mm256_shuffle_ps::<0x44>(a, b);
                    fours[group + half * 2 + 1] = _mm256_shuffle_ps::<0xee>(a, b);
                }
            }
            for column in 0..4 {
                let (a, b) = (fours[column], fours[column + 4]);
                _mm256_storeu_ps(target.add(column * target_step), _mm256_permute2f128_ps::<0x20>(a, b));
                _mm256_storeu_ps(target.add((column + 4) * target_step), _mm256_permute2f128_ps::<0x31>(a, b));
            }
        }
    }

    /// AVX-512: one register.
    #[derive(Clone, Copy)]
    pub(in crate::convolution) struct Avx512(__m512);

    // SAFETY of every method: the trait's contract grants the instructions and the memory; loads and stores need no
    // alignment.
    impl Lanes for Avx512 {
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { Self(_mm512_set1_ps(value)) }
        }

        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            unsafe { Self(_mm512_loadu_ps(source)) }
        }

        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            unsafe { _mm512_storeu_ps(target, self.0) }
        }

        #[inline(always)]
        unsafe fn plus(self, other: Self) -> Self {
            unsafe { Self(_mm512_add_ps(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn minus(self, other: Self) -> Self {
            unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn product(self, other: Self) -> Self {
            unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0)) }
        }

        #[inline(always)]
        unsafe fn transpose(source: *const f32, source_step: usize, target: *mut f32, target_step: usize) {
            // SAFETY: the caller vouches for AVX-512 and both squares.
            unsafe { transpose_sixteen(source, source_step, target, target_step) }
        }
    }

    /// A square of sixteen: pairs of rows, then fours, then quarters of registers.
    #[target_feature(enable = "avx512f")]
    unsafe fn transpose_sixteen(source: *const f32, source_step: usize, target: *mut f32, target_step: usize) {
        let (mut pairs, mut fours) = ([_mm512_setzero_ps(); LANES], [_mm512_setzero_ps(); LANES]);
        // SAFETY: the caller vouches for both squares.
        unsafe {
            for row in (0..LANES).step_by(2) {
                let a = _mm512_loadu_ps(source.add(row * source_step));
                let b = _mm512_loadu_ps(source.add((row + 1) * source_step));
                pairs[row] = _mm512_unpacklo_ps(a, b);
                pairs[row + 1] = _mm512_unpackhi_ps(a, b);
            }
            // In each quarter q of a register: column 4 q + c of four rows.
            for group in (0..LANES).step_by(4) {
                for half in 0..2 {
                    let (a, b) = (pairs[group + half], pairs[group + half + 2]);
                    fours[group + half * 2] = _mm512_shuffle_ps::<0x44>(a, b);
                    fours[group + half * 2 + 1] = _mm512_shuffle_ps::<0xee>(a, b);
                }
            }
            for column in 0..4 {
                let [a, b, c, d] = [fours[column], fours[column + 4], fours[column + 8], fours[column + 12]];
                let (ab_even, cd_even) = (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d));
                let (ab_odd, cd_odd) = (_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d));
                let row = |quarter: usize| target.add((quarter * 4 + column) * target_step);
                _mm512_storeu_ps(row(0), _mm512_shuffle_f32x4::<0x88>(ab_even, cd_even));
                _mm512_storeu_ps(row(1), _mm512_shuffle_f32x4::<0x88>(ab_odd, cd_odd));
                _mm512_storeu_ps(row(2), _mm512_shuffle_f32x4::<0xdd>(ab_even, cd_even));
                _mm512_storeu_ps(row(3), _mm512_shuffle_f32x4::<0xdd>(ab_odd, cd_odd));
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
pub(in crate::convolution) use aarch64::Neon;

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use super::Lanes;
    use std::arch::aarch64::{
        float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmulq_f32, vst1q_f32, vsubq_f32,
    };

    /// Four registers of Advanced SIMD, which every AArch64 processor that runs the standard library has.
    #[derive(Clone, Copy)]
    pub(in crate::convolution) struct Neon([float32x4_t; 4]);

    // SAFETY of every method: the processor has NEON, and the trait's contract grants the memory.
    impl Lanes for Neon {
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            unsafe { Self([vdupq_n_f32(value); 4]) }
        }

        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            unsafe { Self(std::array::from_fn(|part| vld1q_f32(source.add(part * 4)))) }
        }

        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            for (part, values) in self.0.into_iter().enumerate() {
                unsafe { vst1q_f32(target.add(part * 4), values) }
            }
        }

        #[inline(always)]
        unsafe fn plus(self, other: Self) -> Self {
            unsafe { Self(std::array::from_fn(|part| vaddq_f32(self.0[part], other.0[part]))) }
        }

        #[inline(always)]
        unsafe fn minus(self, other: Self) -> Self {
            unsafe { Self(std::array::from_fn(|part| vsubq_f32(self.0[part], other.0[part]))) }
        }

        #[inline(always)]
        unsafe fn product(self, other: Self) -> Self {
            unsafe { Self(std::array::from_fn(|part| vmulq_f32(self.0[part], other.0[part]))) }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            unsafe { Self(std::array::from_fn(|part| vfmaq_f32(self.0[part], a.0[part], b.0[part]))) }
        }
    }
}

//! Images in bfloat16 with zeros around them, one behind the other, so that a tap is a constant distance between two places.

use std::arch::x86_64::{
    __m256i, __m512, __m512i, _mm256_mask_storeu_epi16, _mm256_maskz_loadu_epi16, _mm512_add_ps, _mm512_castsi512_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_loadu_si512, _mm512_mask_storeu_epi32,
    _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_permutexvar_epi16, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_slli_epi32,
};

use burn::tensor::DType;
use burn_std::bf16;

use crate::convolution::matrix::LANES;
use crate::number::Number;

/// Where the pixels of some images lie in a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Height and width of the images.
    pub size: [usize; 2],
    /// Zeros above and to the left of each.
    pub before: [usize; 2],
    /// Places of a row; its last are the zeros to the left of the next.
    pub pitch: usize,
    /// Places of an image.
    pub image: usize,
    /// Number of images.
    pub images: usize,
    /// Places of a plane; zeros follow the images.
    pub plane: usize,
}

impl Layout {
    /// The rows of an image: where they begin in the image's own plane, and where in this one.
    fn rows(&self, image: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { size: [height, width], before: [top, left], pitch, image: step, .. } = *self;
        (0..height).map(move |y| (y * width, image * step + (y + top) * pitch + left))
    }
}

/// Planes of a layout, kept from call to call.
#[derive(Debug, Default)]
pub(super) struct Stream<T> {
    /// What was copied last: its layout, channels and planes. All else is zeros.
    kept: Option<(Layout, usize, usize)>,
    values: Vec<T>,
}

impl<T: Copy + Default> Stream<T> {
    /// Planes of which a copy of images of so many channels writes every place that is not zero.
    fn prepare(&mut self, layout: &Layout, channels: usize, planes: usize) -> &mut [T] {
        let kind = Some((*layout, channels, planes));
        if self.kept != kind {
            self.values.clear();
            self.values.resize(layout.plane * planes, T::default());
            self.kept = kind;
        }
        &mut self.values
    }
}

impl Stream<u32> {
    /// Copies images (`[images][channels][height][width]`) to planes of pairs of channels, the even one in the low half.
    ///
    /// # Panics
    /// If the layout has too few planes or other images.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    pub fn pairs<T: Number>(&mut self, layout: &Layout, channels: usize, planes: usize, images: &[T]) -> &[u32] {
        let ([height, width], values) = (layout.size, self.prepare(layout, channels, planes));
        let area = height * width;
        for (at, image) in images.chunks_exact(channels * area).enumerate() {
            for (pair, plane) in image.chunks(2 * area).zip(values.chunks_exact_mut(layout.plane)) {
                let (even, odd) = pair.split_at(area);
                for (from, to) in layout.rows(at) {
                    let odd = (!odd.is_empty()).then(|| &odd[from..][..width]);
                    round_pairs(&even[from..][..width], odd, &mut plane[to..][..width]);
                }
            }
        }
        values
    }
}

impl Stream<u16> {
    /// Copies images (`[images][channels][height][width]`) to planes of channels.
    ///
    /// # Panics
    /// If the layout has too few planes or other images.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    pub fn channels<T: Number>(&mut self, layout: &Layout, channels: usize, planes: usize, images: &[T]) -> &[u16] {
        let ([height, width], values) = (layout.size, self.prepare(layout, channels, planes));
        let area = height * width;
        for (at, image) in images.chunks_exact(channels * area).enumerate() {
            for (source, plane) in image.chunks_exact(area).zip(values.chunks_exact_mut(layout.plane)) {
                for (from, to) in layout.rows(at) {
                    round(&source[from..][..width], &mut plane[to..][..width]);
                }
            }
        }
        values
    }
}

/// The lanes of a vector that the last `left` values of a row fill.
fn lanes(left: usize) -> u16 {
    if left >= LANES { u16::MAX } else { (1 << left) - 1 }
}

/// The numbers of some lanes, zeros in the others.
///
/// # Safety
/// They are readable.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn load<T: Number>(mask: u16, source: *const T) -> __m512 {
    // SAFETY: the contract; a bfloat16 is the upper half of a float.
    unsafe {
        if T::dtype() == DType::BF16 {
            let halves = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, source.cast()));
            return _mm512_castsi512_ps(_mm512_slli_epi32::<16>(halves));
        }
        _mm512_maskz_loadu_ps(mask, source.cast())
    }
}

/// Writes the numbers of some lanes, rounded if need be.
///
/// # Safety
/// They are writable.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn store<T: Number>(mask: u16, target: *mut T, values: __m512) {
    // SAFETY: the contract; all bits of a vector of bfloat16 are valid in one of integers.
    unsafe {
        if T::dtype() == DType::BF16 {
            let rounded: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(values));
            _mm256_mask_storeu_epi16(target.cast(), mask, rounded);
        } else {
            _mm512_mask_storeu_ps(target.cast(), mask, values);
        }
    }
}

/// Rounds two rows to bfloat16, `even` to the low half of each pair; without `odd` the other half is zero.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn round_pairs<T: Number>(even: &[T], odd: Option<&[T]>, target: &mut [u32]) {
    /// The words of sixteen low halves and sixteen high ones, in pairs.
    const ORDER: [u16; 2 * LANES] = {
        let mut order = [0; 2 * LANES];
        let mut at = 0;
        while at < 2 * LANES {
            order[at] = (at / 2 + at % 2 * LANES) as u16;
            at += 1;
        }
        order
    };
    assert!(even.len() == target.len() && odd.is_none_or(|odd| odd.len() == target.len()));
    // SAFETY: the masks keep loads and stores inside the slices, which are of one length; all bits of a vector of pairs of
    // bfloat16 are valid in one of integers.
    unsafe {
        let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
        for at in (0..target.len()).step_by(LANES) {
            let mask = lanes(target.len() - at);
            let low = load(mask, even.as_ptr().add(at));
            let high = match odd {
                Some(odd) => load(mask, odd.as_ptr().add(at)),
                None => _mm512_setzero_ps(),
            };
            let both: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(high, low));
            let pairs = _mm512_permutexvar_epi16(order, both);
            _mm512_mask_storeu_epi32(target.as_mut_ptr().add(at).cast(), mask, pairs);
        }
    }
}

/// Rounds a row to bfloat16.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn round<T: Number>(source: &[T], target: &mut [u16]) {
    assert!(source.len() == target.len());
    // SAFETY: the masks keep loads and stores inside the slices, which are of one length; bfloat16 has the layout of its bits.
    unsafe {
        for at in (0..target.len()).step_by(LANES) {
            let mask = lanes(target.len() - at);
            let values = load(mask, source.as_ptr().add(at));
            store::<bf16>(mask, target.as_mut_ptr().add(at).cast(), values);
        }
    }
}

/// Copies a row with `bias` added.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) fn copy_plus<T: Number>(source: &[f32], bias: f32, target: &mut [T]) {
    assert!(source.len() == target.len());
    // SAFETY: the masks keep loads and stores inside the slices, which are of one length.
    unsafe {
        let bias = _mm512_set1_ps(bias);
        for at in (0..target.len()).step_by(LANES) {
            let mask = lanes(target.len() - at);
            let values = load(mask, source.as_ptr().add(at));
            store(mask, target.as_mut_ptr().add(at), _mm512_add_ps(values, bias));
        }
    }
}

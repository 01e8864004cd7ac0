//! From planes to pixels whose channels lie in the lanes, and back.

use super::lanes::{LANES, Lanes};
use std::ops::Range;

/// Rows of an image whose pixels lie apart in a working copy, `[rows][pitch][LANES]`.
#[derive(Clone, Copy, Debug)]
pub(in crate::convolution) struct Pixels {
    /// Height and width of the image.
    pub size: [usize; 2],
    /// Pixels between neighbouring rows of the copy.
    pub pitch: usize,
    /// Rows of the copy.
    pub rows: usize,
    /// Row of the image that is the copy's first; negative where zeros lie above the image.
    pub top: isize,
    /// Zeros to the left of the image in the copy.
    pub left: usize,
}

impl Pixels {
    /// Floats of the copy.
    pub fn len(&self) -> usize {
        self.rows * self.pitch * LANES
    }

    /// The rows of the image that the copy holds.
    fn covered(&self) -> Range<usize> {
        let height = self.size[0] as isize;
        let end = (self.top + self.rows as isize).clamp(0, height);
        self.top.clamp(0, end) as usize..end as usize
    }

    /// Where pixel `at` of the image lies in the copy.
    #[inline(always)]
    fn place(&self, at: usize) -> usize {
        let (y, x) = (at / self.size[1], at % self.size[1]);
        ((y as isize - self.top) as usize * self.pitch + self.left + x) * LANES
    }

    /// Whether the [`LANES`] pixels from `at` on are neighbours in the copy.
    #[inline(always)]
    fn in_one_row(&self, at: usize) -> bool {
        at % self.size[1] + LANES <= self.size[1]
    }

    /// Copies [`LANES`] channels from `first` on of `image` (`[channels][height][width]`) into `copy`, with zeros for
    /// channels that do not exist and around the image.
    ///
    /// # Panics
    /// If a slice is too short.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub unsafe fn gather<L: Lanes>(&self, image: &[f32], first: usize, copy: &mut [f32]) {
        let [height, width] = self.size;
        let (plane, covered) = (height * width, self.covered());
        let channels = (image.len() / plane - first).min(LANES);
        assert!(copy.len() >= self.len() && self.left + width <= self.pitch);
        let row = self.pitch * LANES;
        for y in 0..self.rows {
            let source = y as isize + self.top;
            let inside = source >= covered.start as isize && source < covered.end as isize;
            let (left, right) = if inside { (self.left, self.left + width) } else { (self.pitch, self.pitch) };
            copy[y * row..][..left * LANES].fill(0.0);
            copy[y * row + right * LANES..(y + 1) * row].fill(0.0);
        }
        let source = &image[first * plane..][..channels * plane];
        let pixels = covered.start * width..covered.end * width;
        if pixels.len() < LANES {
            for at in pixels {
                let place = &mut copy[self.place(at)..][..LANES];
                for (lane, value) in place.iter_mut().enumerate() {
                    *value = if lane < channels { source[lane * plane + at] } else { 0.0 };
                }
            }
            return;
        }
        let (mut square, mut turned) = ([0.0f32; LANES * LANES], [0.0f32; LANES * LANES]);
        for at in pixels.clone().step_by(LANES) {
            let at = at.min(pixels.end - LANES);
            let (source, step) = if channels == LANES {
                (&source[at..], plane)
            } else {
                for (lane, row) in square.chunks_exact_mut(LANES).take(channels).enumerate() {
                    row.copy_from_slice(&source[lane * plane + at..][..LANES]);
                }
                (&square[..], LANES)
            };
            assert!(source.len() >= (LANES - 1) * step + LANES);
            if self.in_one_row(at) {
                let target = &mut copy[self.place(at)..][..LANES * LANES];
                // SAFETY: the assertion and the slice bound both squares; the caller vouches for `L`.
                unsafe { L::transpose(source.as_ptr(), step, target.as_mut_ptr(), LANES) };
                continue;
            }
            // SAFETY: as above.
            unsafe { L::transpose(source.as_ptr(), step, turned.as_mut_ptr(), LANES) };
            for (pixel, values) in turned.chunks_exact(LANES).enumerate() {
                copy[self.place(at + pixel)..][..LANES].copy_from_slice(values);
            }
        }
    }

    /// Copies the pixels of `copy` to [`LANES`] channels from `first` on of `image` (`[channels][height][width]`), as far
    /// as they exist there.
    ///
    /// # Panics
    /// If a slice is too short.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub unsafe fn scatter<L: Lanes>(&self, copy: &[f32], image: &mut [f32], first: usize) {
        let [height, width] = self.size;
        let (plane, covered) = (height * width, self.covered());
        let channels = (image.len() / plane - first).min(LANES);
        assert!(copy.len() >= self.len() && self.left + width <= self.pitch);
        let target = &mut image[first * plane..][..channels * plane];
        let pixels = covered.start * width..covered.end * width;
        if pixels.len() < LANES {
            for at in pixels {
                let place = &copy[self.place(at)..][..LANES];
                for (lane, value) in place[..channels].iter().enumerate() {
                    target[lane * plane + at] = *value;
                }
            }
            return;
        }
        let (mut square, mut turned) = ([0.0f32; LANES * LANES], [0.0f32; LANES * LANES]);
        for at in pixels.clone().step_by(LANES) {
            let at = at.min(pixels.end - LANES);
            let source = if self.in_one_row(at) {
                &copy[self.place(at)..][..LANES * LANES]
            } else {
                for (pixel, values) in square.chunks_exact_mut(LANES).enumerate() {
                    values.copy_from_slice(&copy[self.place(at + pixel)..][..LANES]);
                }
                &square[..]
            };
            if channels == LANES {
                let target = &mut target[at..];
                assert!(target.len() >= (LANES - 1) * plane + LANES);
                // SAFETY: the slice and the assertion bound both squares; the caller vouches for `L`.
                unsafe { L::transpose(source.as_ptr(), LANES, target.as_mut_ptr(), plane) };
                continue;
            }
            // SAFETY: as above.
            unsafe { L::transpose(source.as_ptr(), LANES, turned.as_mut_ptr(), LANES) };
            for (lane, values) in turned.chunks_exact(LANES).take(channels).enumerate() {
                target[lane * plane + at..][..LANES].copy_from_slice(values);
            }
        }
    }
}

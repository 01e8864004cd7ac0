//! Faces that start small and grow over a training, so that most of its epochs are cheap.

use shared::preprocessing::FACE_SIZE;

/// For each pixel of a row of `size`, the pixels of a row of 48 that it covers: the first, and each one's share.
///
/// The mean over the covered area: what a camera with fewer pixels would have seen.
pub(super) struct Resizing {
    size: usize,
    spans: Vec<(usize, Vec<f32>)>,
}

impl Resizing {
    /// To faces of `size` x `size`, 1 to 48.
    pub fn new(size: usize) -> Self {
        let size = size.clamp(1, FACE_SIZE);
        let ratio = FACE_SIZE as f32 / size as f32;
        let span = |pixel: usize| {
            let (start, end) = (pixel as f32 * ratio, (pixel + 1) as f32 * ratio);
            // A sliver that rounding leaves at the far end is no pixel.
            let (first, last) = (start as usize, ((end - 1e-3).ceil() as usize).min(FACE_SIZE));
            let share = |from: usize| (end.min(from as f32 + 1.0) - start.max(from as f32)) / ratio;
            (first, (first..last).map(share).collect())
        };
        Self { size, spans: (0..size).map(span).collect() }
    }

    /// Rows and columns of the result.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Planes of 48 x 48 become planes of `size` x `size`.
    pub fn apply(&self, planes: Vec<f32>) -> Vec<f32> {
        if self.size == FACE_SIZE {
            return planes;
        }
        let narrow: Vec<f32> = planes
            .chunks_exact(FACE_SIZE)
            .flat_map(|row| {
                self.spans.iter().map(|(first, shares)| shares.iter().zip(&row[*first..]).map(|(s, v)| s * v).sum())
            })
            .collect();
        let mut small = Vec::with_capacity(planes.len() / FACE_SIZE / FACE_SIZE * self.size * self.size);
        for plane in narrow.chunks_exact(FACE_SIZE * self.size) {
            for (first, shares) in &self.spans {
                let start = small.len();
                small.resize(start + self.size, 0.0);
                for (share, row) in shares.iter().zip(plane.chunks_exact(self.size).skip(*first)) {
                    small[start..].iter_mut().zip(row).for_each(|(sum, value)| *sum += share * value);
                }
            }
        }
        small
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_every_size_cover_each_pixel_equally() {
        for size in 1..=FACE_SIZE {
            let mut covered = [0.0; FACE_SIZE];
            for (first, shares) in Resizing::new(size).spans {
                assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{size}");
                shares.iter().enumerate().for_each(|(index, share)| covered[first + index] += share);
            }
            let expected = size as f32 / FACE_SIZE as f32;
            assert!(covered.iter().all(|share| (share - expected).abs() < 1e-4), "{size}: {covered:?}");
        }
    }

    #[test]
    fn half_the_size_is_the_mean_of_two_by_two_and_full_size_changes_nothing() {
        let planes: Vec<f32> = (0..2 * FACE_SIZE * FACE_SIZE).map(|index| (index * 37 % 101) as f32).collect();
        let small = Resizing::new(24).apply(planes.clone());
        assert_eq!(small.len(), 2 * 24 * 24);
        for (index, value) in small.iter().enumerate() {
            let (plane, y, x) = (index / 576, index % 576 / 24 * 2, index % 24 * 2);
            let at = |y: usize, x: usize| planes[(plane * FACE_SIZE + y) * FACE_SIZE + x];
            let mean = (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)) / 4.0;
            assert!((value - mean).abs() < 1e-3, "{index}: {value} {mean}");
        }
        assert_eq!(Resizing::new(FACE_SIZE).apply(planes.clone()), planes);
    }

    #[test]
    fn an_even_face_stays_even_at_a_size_that_divides_nothing() {
        let small = Resizing::new(37).apply(vec![0.75; FACE_SIZE * FACE_SIZE]);
        assert!(small.len() == 37 * 37 && small.iter().all(|value| (value - 0.75).abs() < 1e-4));
    }
}

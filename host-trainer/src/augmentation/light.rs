//! How the pixels are lit.

use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

/// A change of the light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Light {
    /// Power of the grey levels as shares of white; below 1 brightens.
    pub gamma: f32,
    /// Factor of the distances from the mean.
    pub contrast: f32,
    /// Grey levels that are added.
    pub brightness: f32,
    /// Grey levels that are added at one edge and taken away at the other.
    pub gradient: f32,
    /// Where the gradient points, in radians; without a gradient it means nothing.
    pub direction: f32,
}

impl Light {
    /// The light as it is.
    pub const UNCHANGED: Self = Self { gamma: 1.0, contrast: 1.0, brightness: 0.0, gradient: 0.0, direction: 0.0 };

    /// No change but for the direction of a gradient that is not there.
    pub fn is_unchanged(&self) -> bool {
        (self.gamma, self.contrast, self.brightness, self.gradient) == (1.0, 1.0, 0.0, 0.0)
    }

    /// Changes the face; what leaves 0..=255 is clamped.
    pub fn apply(&self, face: &mut [u8; FACE_PIXELS]) {
        // Raised once for each grey level that there can be, not once for each pixel.
        let raised: [f32; 256] = std::array::from_fn(|grey| 255.0 * (grey as f32 / 255.0).powf(self.gamma));
        let mean = face.iter().map(|&grey| raised[usize::from(grey)]).sum::<f32>() / FACE_PIXELS as f32;
        let half = (FACE_SIZE - 1) as f32 / 2.0;
        let (down, across) = self.direction.sin_cos();
        let steps = [down * self.gradient / half, across * self.gradient / half];
        for (y, row) in face.as_chunks_mut::<FACE_SIZE>().0.iter_mut().enumerate() {
            let start = mean + self.brightness + (y as f32 - half) * steps[0] + 0.5;
            for (x, grey) in row.iter_mut().enumerate() {
                let light = start + (x as f32 - half) * steps[1];
                *grey = ((raised[usize::from(*grey)] - mean) * self.contrast + light) as u8;
            }
        }
    }
}

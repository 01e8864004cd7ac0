//! Working memory of one thread, kept from call to call: fresh pages would cost more than the copies made into them.

use super::geometry::Scratch;
use super::simd::SLACK;

/// Padded images of one layout, one in a slot.
#[derive(Debug, Default)]
pub(super) struct Padded {
    /// The layout of the images that were copied last; zeros lie around them and [`SLACK`] zeros behind each.
    layout: Option<Scratch>,
    values: Vec<f32>,
}

impl Padded {
    /// Values of a slot.
    pub fn slot_len(layout: &Scratch) -> usize {
        layout.len() + SLACK
    }

    /// Copies `image` into a slot and returns the slot.
    pub fn fill(&mut self, layout: &Scratch, slot: usize, image: &[f32]) -> &[f32] {
        let len = Self::slot_len(layout);
        if self.layout != Some(*layout) {
            self.values.clear();
            self.layout = Some(*layout);
        }
        if self.values.len() < (slot + 1) * len {
            self.values.resize((slot + 1) * len, 0.0);
        }
        let target = &mut self.values[slot * len..][..len];
        layout.fill(image, target);
        target
    }

    /// All slots, one after the other.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One slot.
    pub fn slot(&self, layout: &Scratch, slot: usize) -> &[f32] {
        let len = Self::slot_len(layout);
        &self.values[slot * len..][..len]
    }
}

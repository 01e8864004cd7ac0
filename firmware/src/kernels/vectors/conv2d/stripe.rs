//! The part of the input that a row of windows sees, widened.

use bytemuck::cast;

use super::super::{
    super::{
        ConvArguments, ShapeMismatch,
        stripe::{Columns, Convolution},
    },
    vector::{self, widen},
};

impl Convolution<'_> {
    /// Widens the input that the windows of output row `y` see.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    pub(super) fn fill(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let stripe = bytemuck::cast_slice_mut(stripe);
        (0..usize::from(self.arguments.window.kernel_height)).try_for_each(|ky| self.fill_row(y, ky, stripe))
    }

    /// Whether a row's windows share rows of the input with those of the row before.
    pub(super) fn moves(&self) -> bool {
        self.arguments.window.stride_height < self.arguments.window.kernel_height
    }

    /// Turns the stripe of the output row before into that of row `y`: the rows of the input that both see move up, and the last
    /// are filled.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    pub(super) fn move_on(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let (depth, stripe) = (usize::from(input_shape.channels), bytemuck::cast_slice_mut(stripe));
        let (rows, new) = (usize::from(window.kernel_height), usize::from(window.stride_height));
        if new * depth > stripe.len() {
            return Err(ShapeMismatch);
        }
        stripe.copy_within(new * depth.., 0);
        // The end of each column now holds the beginning of the next column.
        let Columns { blank, count, .. } = self.columns;
        let columns = stripe.chunks_exact_mut(self.layout.column.max(1));
        for (_, column) in columns.enumerate().filter(|(index, _)| !(blank..blank + count).contains(index)) {
            column.get_mut((rows - new) * depth..).ok_or(ShapeMismatch)?.fill(0);
        }
        (rows - new..rows).try_for_each(|ky| self.fill_row(y, ky, stripe))
    }

    /// Widens row `ky` of the input that the windows of output row `y` see.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn fill_row(&self, y: usize, ky: usize, stripe: &mut [i16]) -> Result<(), ShapeMismatch> {
        let ConvArguments { input_shape, input_offset, .. } = *self.arguments;
        let (depth, offset) = (usize::from(input_shape.channels), input_offset as i16);
        let to = stripe.get_mut(self.columns.blank * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
        let columns = to.chunks_mut(self.layout.column.max(1)).take(self.columns.count);
        let Some(pixels) = self.input_row(y, ky)? else {
            columns.for_each(|column| column.iter_mut().take(depth).for_each(|value| *value = 0));
            return Ok(());
        };
        if depth == 1 {
            let to = to.iter_mut().step_by(self.layout.column.max(1));
            to.zip(pixels).for_each(|(to, &pixel)| *to = i16::from(pixel).wrapping_add(offset));
            return Ok(());
        }
        let offsets = vector::of_half(offset);
        for (to, from) in columns.zip(pixels.chunks_exact(depth.max(1))) {
            let (from, from_rest) = from.as_chunks::<16>();
            let (to, to_rest) = to.split_at_mut_checked(from.len() * 16).ok_or(ShapeMismatch)?;
            for (to, from) in to.as_chunks_mut::<16>().0.iter_mut().zip(from) {
                *to = cast(vector::add_halves(widen(from), offsets));
            }
            if !from_rest.is_empty() {
                widen_some(from_rest, offset, to_rest);
            }
        }
        Ok(())
    }
}

/// Widens less than sixteen channels of a pixel and adds the offset.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn widen_some(from: &[i8], offset: i16, to: &mut [i16]) {
    let (from, rest) = from.as_chunks::<8>();
    let (to, to_rest) = to.split_at_mut(from.len() * 8);
    for (to, from) in to.as_chunks_mut::<8>().0.iter_mut().zip(from) {
        *to = vector::widen_eight(from, offset);
    }
    for (to, &from) in to_rest.iter_mut().zip(rest) {
        *to = i16::from(from).wrapping_add(offset);
    }
}

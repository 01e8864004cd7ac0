//! Two convolutions with nothing between them, computed as one.
//!
//! The composition of a convolution with a kernel of `a` rows and one with a kernel of `b` rows is a convolution with a
//! kernel of `a + b - 1` rows: weights and biases of the pair can be multiplied out before the network runs. "Same" padding
//! makes the border different. There the second convolution reads zeros, and not what the first would compute beyond its
//! border. So near the border, where some rows or columns of the second kernel fall on padding, the products with those are
//! left out. Each combination of rows and columns that lie inside has a *set* of weights and biases of its own. With them, the
//! single convolution equals the pair everywhere.

use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{operator::Conv2d, shape::Shape};

/// Two convolutions with stride 1 and "same" padding that were folded into one. The window of the folded convolution covers
/// both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Folding {
    /// Filters of the first convolution.
    pub filters: u16,
    /// Rows of the second convolution's kernel.
    pub kernel_height: u8,
    /// Columns of the second convolution's kernel.
    pub kernel_width: u8,
}

impl Folding {
    /// Number of sets of weights. They are stored by row parts, and within a row part by column parts.
    pub const fn sets(&self) -> u32 {
        self.kernel_height as u32 * self.kernel_width as u32
    }

    /// Splits the `height` rows of an output into row parts, from the top. In all rows of a part, the same rows of the second
    /// kernel lie inside the input. All parts but one are a single row.
    pub fn rows(&self, height: u16) -> impl Iterator<Item = Range<u16>> + use<> {
        parts(self.kernel_height, height)
    }

    /// Splits the `width` columns of an output into column parts likewise, from the left.
    pub fn columns(&self, width: u16) -> impl Iterator<Item = Range<u16>> + use<> {
        parts(self.kernel_width, width)
    }

    /// Rows of the second kernel that lie inside the input in row part `part`.
    pub const fn row_taps(&self, part: u8) -> Range<u8> {
        taps(self.kernel_height, part)
    }

    /// Columns of the second kernel that lie inside the input in column part `part`.
    pub const fn column_taps(&self, part: u8) -> Range<u8> {
        taps(self.kernel_width, part)
    }

    /// Multiply-accumulates of the two convolutions as trained, over an input of shape `input`. `convolution` is the one that
    /// they were folded into.
    pub fn macs(&self, convolution: Conv2d, input: Shape) -> u64 {
        let Conv2d { window, filters, .. } = convolution;
        let rows = u64::from(window.kernel_height.saturating_sub(self.kernel_height)) + 1;
        let columns = u64::from(window.kernel_width.saturating_sub(self.kernel_width)) + 1;
        let first = rows * columns * u64::from(input.channels) * u64::from(self.filters);
        let second = u64::from(self.sets()) * u64::from(self.filters) * u64::from(filters);
        u64::from(input.height) * u64::from(input.width) * (first + second)
    }

    /// Whether `convolution` can be this pair, folded, over an input of shape `input`: both kernels fit its window, their
    /// paddings add up to its own, and there are pixels for which the whole second kernel lies inside the input.
    pub fn fits(&self, convolution: Conv2d, input: Shape) -> bool {
        use crate::shape::Padding::Same;
        let window = convolution.window;
        let axis = |together: u8, second: u8, length: u16| {
            second > 0
                && second <= together
                && u16::from(second) <= length
                && pads_add_up(together - second + 1, second)
        };
        (window.padding, window.stride_height, window.stride_width) == (Same, 1, 1)
            && convolution.is_plain()
            && self.filters > 0
            && axis(window.kernel_height, self.kernel_height, input.height)
            && axis(window.kernel_width, self.kernel_width, input.width)
    }
}

/// Whether the leading paddings of two kernels, one after the other, add up to that of the combined kernel.
pub const fn pads_add_up(first: u8, second: u8) -> bool {
    // Half a pixel each is lost if both kernels are even.
    first % 2 == 1 || second % 2 == 1
}

fn parts(kernel: u8, length: u16) -> impl Iterator<Item = Range<u16>> {
    let before = u16::from(kernel.saturating_sub(1)) / 2;
    let after = u16::from(kernel.saturating_sub(1)) - before;
    let whole = before..length.saturating_sub(after).max(before);
    let end = whole.end;
    let single = |row: u16| row..row + 1;
    (0..before).map(single).chain(core::iter::once(whole)).chain((end..end + after).map(single))
}

const fn taps(kernel: u8, part: u8) -> Range<u8> {
    let before = kernel.saturating_sub(1) / 2;
    if part < before { before - part..kernel } else { 0..kernel.saturating_sub(part - before) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Padding, Window};

    const PAIR: Folding = Folding { filters: 14, kernel_height: 5, kernel_width: 4 };

    #[test]
    fn the_parts_of_an_axis_follow_each_other_and_say_which_taps_fall_inside() {
        for (kernel, length) in [(1u8, 1u16), (1, 9), (4, 4), (4, 48), (5, 5), (5, 6), (5, 48)] {
            let before = (i32::from(kernel) - 1) / 2;
            let mut next = 0;
            for (part, rows) in (0..).zip(parts(kernel, length)) {
                assert_eq!(rows.start, next);
                next = rows.end;
                for row in rows {
                    let inside = |tap: &i32| (0..i32::from(length)).contains(&(i32::from(row) + tap - before));
                    let first = (0..i32::from(kernel)).find(inside).unwrap();
                    let last = (0..i32::from(kernel)).rfind(inside).unwrap();
                    let taps = taps(kernel, part);
                    assert_eq!(
                        i32::from(taps.start)..i32::from(taps.end),
                        first..last + 1,
                        "row {row} of {length}, kernel {kernel}"
                    );
                }
            }
            assert_eq!(next, length);
        }
    }

    #[test]
    fn the_papers_first_pair_has_25_sets_and_12_million_macs() {
        let pair = Folding { kernel_width: 5, ..PAIR };
        let operator = Conv2d::new(Window::square(9, 1, Padding::Same), 14);
        let input = Shape::new(48, 48, 1);
        assert!(pair.fits(operator, input));
        assert_eq!((pair.sets(), pair.macs(operator, input)), (25, 806_400 + 11_289_600));
    }

    #[test]
    fn pairs_that_are_no_single_convolution_do_not_fit() {
        let operator = |size, stride, padding| Conv2d::new(Window::square(size, stride, padding), 3);
        let input = Shape::new(8, 8, 2);
        assert!(PAIR.fits(operator(8, 1, Padding::Same), input));
        assert!(!PAIR.fits(operator(8, 2, Padding::Same), input), "stride");
        assert!(!PAIR.fits(operator(8, 1, Padding::Valid), input), "padding");
        assert!(!PAIR.fits(operator(4, 1, Padding::Same), input), "smaller than the second");
        assert!(!PAIR.fits(operator(7, 1, Padding::Same), input), "two even kernels");
        assert!(!PAIR.fits(operator(8, 1, Padding::Same), Shape::new(4, 8, 2)), "no whole kernel");
        let grouped = Conv2d { groups: 2, filters: 4, ..operator(8, 1, Padding::Same) };
        assert!(!PAIR.fits(grouped, input), "groups");
    }
}

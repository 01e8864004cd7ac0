//! Shapes of NHWC tensors with a batch of one, and windows that slide over them.

use serde::{Deserialize, Serialize};

/// Height, width and channels of a tensor in NHWC layout with a batch of one: element `(y, x, c)` lies at
/// `(y * width + x) * channels + c`. A vector of `n` values has the shape `1 x 1 x n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
    /// Values a pixel.
    pub channels: u16,
}

impl Shape {
    /// A feature map of `height x width` pixels with `channels` values each.
    pub const fn new(height: u16, width: u16, channels: u16) -> Self {
        Self { height, width, channels }
    }

    /// A vector of `length` values.
    pub const fn vector(length: u16) -> Self {
        Self::new(1, 1, length)
    }

    /// The number of elements; `None` if it does not fit a `u32`.
    pub const fn elements(self) -> Option<u32> {
        (self.height as u32 * self.width as u32).checked_mul(self.channels as u32)
    }
}

/// How a window treats the border, with TensorFlow's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Output size is `ceil(input / stride)`; the padding that this takes is split evenly, the odd pixel below and right.
    Same,
    /// Only windows that lie wholly inside: `ceil((input - kernel + 1) / stride)`.
    Valid,
}

/// A rectangular window sliding over a feature map (convolution or pooling).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Rows of the window, at least 1.
    pub kernel_height: u8,
    /// Columns of the window, at least 1.
    pub kernel_width: u8,
    /// Rows from one window to the next, at least 1.
    pub stride_height: u8,
    /// Columns from one window to the next, at least 1.
    pub stride_width: u8,
    /// What happens at the border.
    pub padding: Padding,
}

impl Window {
    /// A `size x size` window with stride `stride` in both directions.
    pub const fn square(size: u8, stride: u8, padding: Padding) -> Self {
        Self { kernel_height: size, kernel_width: size, stride_height: stride, stride_width: stride, padding }
    }

    /// Rows and columns of the output over an input of `height x width`; `None` if a dimension of the window is zero or
    /// no window fits.
    pub fn output_size(&self, height: u16, width: u16) -> Option<(u16, u16)> {
        let rows = output_length(height, self.kernel_height, self.stride_height, self.padding)?;
        let columns = output_length(width, self.kernel_width, self.stride_width, self.padding)?;
        Some((rows, columns))
    }

    /// Rows of padding above and columns of padding left of an input of `height x width`. The rest of the padding lies
    /// below and right.
    pub fn padding_before(&self, height: u16, width: u16) -> (u16, u16) {
        let (vertical, horizontal) = self.padding_total(height, width);
        (vertical / 2, horizontal / 2)
    }

    /// Rows and columns of padding in total, both sides together.
    pub fn padding_total(&self, height: u16, width: u16) -> (u16, u16) {
        (
            padding_length(height, self.kernel_height, self.stride_height, self.padding),
            padding_length(width, self.kernel_width, self.stride_width, self.padding),
        )
    }

    /// Number of positions in the window.
    pub const fn taps(&self) -> u32 {
        self.kernel_height as u32 * self.kernel_width as u32
    }
}

fn output_length(input: u16, kernel: u8, stride: u8, padding: Padding) -> Option<u16> {
    if input == 0 || kernel == 0 || stride == 0 {
        return None;
    }
    match padding {
        Padding::Same => Some(input.div_ceil(u16::from(stride))),
        Padding::Valid => {
            Some(input.checked_sub(u16::from(kernel) - 1)?.div_ceil(u16::from(stride))).filter(|&n| n > 0)
        }
    }
}

fn padding_length(input: u16, kernel: u8, stride: u8, padding: Padding) -> u16 {
    match (padding, output_length(input, kernel, stride, padding)) {
        (Padding::Same, Some(output)) => {
            let reach = (u32::from(output) - 1) * u32::from(stride) + u32::from(kernel);
            // At most `kernel - 1`, so the conversion loses nothing.
            reach.saturating_sub(u32::from(input)) as u16
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_pixel_below_and_right() {
        let window = Window::square(3, 2, Padding::Same);
        assert_eq!(window.output_size(24, 24), Some((12, 12)));
        assert_eq!(window.padding_total(24, 24), (1, 1));
        assert_eq!(window.padding_before(24, 24), (0, 0));
        assert_eq!(Window::square(5, 1, Padding::Same).padding_before(48, 48), (2, 2));
    }

    #[test]
    fn valid_padding_needs_a_window_that_fits() {
        let window = Window::square(3, 2, Padding::Valid);
        assert_eq!(window.output_size(7, 8), Some((3, 3)));
        assert_eq!(window.output_size(2, 8), None);
        assert_eq!(window.output_size(3, 3), Some((1, 1)));
    }

    #[test]
    fn a_zero_anywhere_gives_no_output() {
        let mut window = Window::square(3, 1, Padding::Same);
        assert_eq!(window.output_size(0, 5), None);
        window.stride_width = 0;
        assert_eq!(window.output_size(5, 5), None);
    }
}

//! Shapes of NHWC tensors with a batch of one, and windows that slide over them.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Height, width and channels of a tensor in NHWC layout with a batch of one: element `(y, x, c)` lies at
/// `(y * width + x) * channels + c`. A vector of `n` values has the shape `1 x 1 x n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
    /// Values per pixel.
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

impl fmt::Display for Shape {
    /// `48x48x1`: height, width, channels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// How a window treats the border, with TensorFlow's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Output size is `ceil(input / stride)`; the padding that this takes is split evenly, the odd pixel below and right.
    Same,
    /// Only windows that lie wholly inside: `ceil((input - extent + 1) / stride)`.
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
    /// Rows of the input from one row of the window to the next, at least 1; larger only in a dilated convolution.
    pub dilation_height: u8,
    /// Columns of the input from one column of the window to the next, likewise.
    pub dilation_width: u8,
    /// What happens at the border.
    pub padding: Padding,
}

impl Window {
    /// A window of these rows and columns, not dilated.
    pub const fn new(kernel: [u8; 2], stride: [u8; 2], padding: Padding) -> Self {
        let ([kernel_height, kernel_width], [stride_height, stride_width]) = (kernel, stride);
        Self {
            kernel_height,
            kernel_width,
            stride_height,
            stride_width,
            dilation_height: 1,
            dilation_width: 1,
            padding,
        }
    }

    /// A `size x size` window with stride `stride` in both directions.
    pub const fn square(size: u8, stride: u8, padding: Padding) -> Self {
        Self::new([size; 2], [stride; 2], padding)
    }

    /// Whether it is dilated.
    pub const fn is_dilated(&self) -> bool {
        self.dilation_height != 1 || self.dilation_width != 1
    }

    /// The window along the vertical axis.
    const fn vertical(&self) -> Extent {
        Extent { kernel: self.kernel_height, stride: self.stride_height, dilation: self.dilation_height }
    }

    /// The window along the horizontal axis.
    const fn horizontal(&self) -> Extent {
        Extent { kernel: self.kernel_width, stride: self.stride_width, dilation: self.dilation_width }
    }

    /// Rows and columns of the output over an input of `height x width`; `None` if a dimension of the window is zero or
    /// no window fits.
    pub fn output_size(&self, height: u16, width: u16) -> Option<(u16, u16)> {
        Some((self.vertical().outputs(height, self.padding)?, self.horizontal().outputs(width, self.padding)?))
    }

    /// Rows of padding above and columns of padding left of an input of `height x width`. The rest of the padding lies
    /// below and right.
    pub fn padding_before(&self, height: u16, width: u16) -> (u16, u16) {
        let (vertical, horizontal) = self.padding_total(height, width);
        (vertical / 2, horizontal / 2)
    }

    /// Rows and columns of padding in total, both sides together.
    pub fn padding_total(&self, height: u16, width: u16) -> (u16, u16) {
        (self.vertical().missing(height, self.padding), self.horizontal().missing(width, self.padding))
    }

    /// Number of positions in the window.
    pub const fn taps(&self) -> u32 {
        self.kernel_height as u32 * self.kernel_width as u32
    }
}

/// A window along one axis.
#[derive(Clone, Copy)]
struct Extent {
    kernel: u8,
    stride: u8,
    dilation: u8,
}

impl Extent {
    /// Length along the axis, from the first tap to the last; at most 255 * 254 + 1.
    fn length(self) -> u16 {
        u16::from(self.kernel.saturating_sub(1)) * u16::from(self.dilation) + 1
    }

    /// Number of windows over an input of length `input`; `None` if one of the numbers is zero or no window fits.
    fn outputs(self, input: u16, padding: Padding) -> Option<u16> {
        if input == 0 || self.kernel == 0 || self.stride == 0 || self.dilation == 0 {
            return None;
        }
        let stride = u16::from(self.stride);
        match padding {
            Padding::Same => Some(input.div_ceil(stride)),
            Padding::Valid => Some(input.checked_sub(self.length() - 1)?.div_ceil(stride)).filter(|&n| n > 0),
        }
    }

    /// Total padding along the axis.
    fn missing(self, input: u16, padding: Padding) -> u16 {
        match (padding, self.outputs(input, padding)) {
            (Padding::Same, Some(outputs)) => {
                let reach = (u32::from(outputs) - 1) * u32::from(self.stride) + u32::from(self.length());
                // At most `length - 1`, so the conversion loses nothing.
                reach.saturating_sub(u32::from(input)) as u16
            }
            _ => 0,
        }
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

    #[test]
    fn a_dilated_window_reaches_further() {
        let window = Window { dilation_height: 2, dilation_width: 3, ..Window::square(3, 1, Padding::Valid) };
        assert_eq!(window.output_size(7, 7), Some((3, 1)), "5 rows and 7 columns a window");
        assert_eq!(window.output_size(7, 6), None);
        let window = Window { padding: Padding::Same, ..window };
        assert_eq!(window.padding_total(7, 7), (4, 6));
        assert_eq!(Window { dilation_width: 0, ..window }.output_size(7, 7), None);
        let largest = Window { dilation_height: 255, dilation_width: 255, ..Window::square(255, 1, Padding::Same) };
        assert_eq!(largest.padding_total(1, u16::MAX), (64_770, 64_770));
    }
}

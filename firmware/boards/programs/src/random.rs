//! Numbers that look random and are the same in every run, and operators of them.

use firmware::kernels::{FullyConnectedArguments, Region};
use shared::quantization::ChannelParameters;
use shared::shape::{Padding, Shape, Window};

/// Xorshift with the shifts 13, 17 and 5 (Marsaglia 2003, "Xorshift RNGs", section 3).
#[derive(Clone, Debug)]
pub struct Random(u32);

impl Random {
    /// The sequence that follows `seed`, which must not be 0.
    pub const fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next number.
    #[allow(clippy::should_implement_trait, reason = "the sequence has no end, so an `Option` would be noise")]
    pub const fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// `1..=most`.
    pub fn up_to(&mut self, most: u32) -> u32 {
        1 + self.next() % most
    }

    /// True once in so many times.
    pub fn one_in(&mut self, count: u32) -> bool {
        self.next().is_multiple_of(count)
    }

    /// A window, an input that it fits, and height and width of its output.
    pub fn windowed(&mut self) -> (Window, Shape, (u16, u16)) {
        loop {
            let kernel = [self.up_to(9) as u8, self.up_to(9) as u8];
            let stride = [self.up_to(3) as u8, self.up_to(3) as u8];
            let window = Window::new(kernel, stride, if self.one_in(2) { Padding::Same } else { Padding::Valid });
            // Many a multiple of four, for which there are paths of their own.
            let channels = if self.one_in(2) { 4 * self.up_to(6) } else { self.up_to(24) };
            let input = Shape::new(self.up_to(13) as u16, self.up_to(13) as u16, channels as u16);
            if let Some(output) = window.output_size(input.height, input.width) {
                return (window, input, output);
            }
        }
    }

    /// All of an output, or a part of it.
    pub fn region(&mut self, output: Shape) -> Region {
        if self.one_in(2) {
            return Region::whole(output);
        }
        let [top, left] = [output.height, output.width].map(|size| (self.next() % u32::from(size)) as u16);
        let height = self.up_to((output.height - top).into()) as u16;
        Region { top, left, height, width: self.up_to((output.width - left).into()) as u16 }
    }

    /// Offsets of input and output, lower and upper end of the clamp.
    pub fn ends(&mut self) -> FullyConnectedArguments {
        let (a, b) = (self.next() as i8, self.next() as i8);
        let (activation_min, activation_max) = if self.one_in(2) { (-128, 127) } else { (a.min(b), a.max(b)) };
        let (input_offset, output_offset) = ((self.next() % 256) as i32 - 127, (self.next() % 256) as i32 - 128);
        FullyConnectedArguments { input_offset, output_offset, activation_min, activation_max }
    }

    /// Parameters of a channel; if `fast`, with a shift to the right.
    pub fn channel(&mut self, fast: bool) -> ChannelParameters {
        // Some so large that no shift to the right is left, some zero.
        let shift = 2 - (self.next() % 24) as i32;
        let multiplier = if self.one_in(16) { 0 } else { (1 << 30) + (self.next() >> 2) as i32 };
        ChannelParameters {
            bias: self.next() as i32 >> 12,
            multiplier,
            shift: if fast { shift.min(-1) } else { shift },
        }
    }
}

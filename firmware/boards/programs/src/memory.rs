//! What operators work on.

use shared::quantization::ChannelParameters;

/// How many elements an operator's data have.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "as in `Buffers`")]
pub struct Sizes {
    pub input: usize,
    pub weights: usize,
    pub channels: usize,
    pub output: usize,
    pub scratch: usize,
}

/// An operator's data, and room for what two versions make of it.
#[derive(Debug)]
pub struct Buffers<'a> {
    /// Activations.
    pub input: &'a mut [i8],
    /// Weights.
    pub weights: &'a mut [i8],
    /// A bias and a factor for each channel.
    pub channels: &'a mut [ChannelParameters],
    /// What the kernels of this processor make of it.
    pub ours: &'a mut [i8],
    /// What plain Rust makes of it.
    pub plain: &'a mut [i8],
    /// Working memory of the kernels of this processor.
    pub scratch: &'a mut [i8],
}

/// Where the data lie.
pub trait Memory {
    /// Buffers of exactly these sizes, if they fit.
    fn buffers(&mut self, sizes: Sizes) -> Option<Buffers<'_>>;
}

/// Channels of an operator at most.
const MOST_CHANNELS: usize = 48;

/// So many bytes, set aside beforehand; the buffers lie one behind the other.
#[derive(Debug)]
pub struct Pool<const BYTES: usize> {
    bytes: [i8; BYTES],
    channels: [ChannelParameters; MOST_CHANNELS],
}

impl<const BYTES: usize> Pool<BYTES> {
    /// To begin with.
    pub const ZERO: Self =
        Self { bytes: [0; _], channels: [ChannelParameters { bias: 0, multiplier: 0, shift: 0 }; _] };
}

impl<const BYTES: usize> Memory for Pool<BYTES> {
    fn buffers(&mut self, sizes: Sizes) -> Option<Buffers<'_>> {
        let channels = self.channels.get_mut(..sizes.channels)?;
        let (input, rest) = self.bytes.split_at_mut_checked(sizes.input)?;
        let (weights, rest) = rest.split_at_mut_checked(sizes.weights)?;
        let (ours, rest) = rest.split_at_mut_checked(sizes.output)?;
        let (plain, rest) = rest.split_at_mut_checked(sizes.output)?;
        let scratch = rest.get_mut(..sizes.scratch)?;
        Some(Buffers { input, weights, channels, ours, plain, scratch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { input: 5, weights: 7, channels: 3, output: 2, scratch: 4 };

    #[test]
    fn buffers_have_exactly_the_sizes_that_were_asked_for() {
        let mut pool = Pool::<20>::ZERO;
        let Buffers { input, weights, channels, ours, plain, scratch } = pool.buffers(SIZES).expect("20 bytes");
        let lengths = [input.len(), weights.len(), channels.len(), ours.len(), plain.len(), scratch.len()];
        assert_eq!(lengths, [5, 7, 3, 2, 2, 4]);
    }

    #[test]
    fn there_are_no_buffers_that_do_not_fit() {
        let (mut small, mut pool) = (Pool::<19>::ZERO, Pool::<20>::ZERO);
        assert!(small.buffers(SIZES).is_none());
        assert!(pool.buffers(Sizes { channels: MOST_CHANNELS + 1, ..SIZES }).is_none());
    }
}

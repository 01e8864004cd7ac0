//! The numbers that activations and their gradients are kept in.

use burn::tensor::Element;
use burn_std::bf16;
use bytemuck::Pod;

/// A number that activations are kept in; all sums are of 32-bit floats.
pub(crate) trait Number: Element + Pod + Send + Sync {
    /// The same value.
    fn widen(self) -> f32;

    /// The nearest number, ties to even.
    fn nearest(value: f32) -> Self;

    /// The same number if it is `wanted`, else zero; without a branch, so that loops become vectors.
    fn masked(self, wanted: bool) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn nearest(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn masked(self, wanted: bool) -> Self {
        Self::from_bits(self.to_bits() & 0u32.wrapping_sub(wanted.into()))
    }
}

/// bfloat16: the upper half of a 32-bit float. Without branches, unlike the conversions of its crate, so that loops become vectors.
impl Number for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn nearest(value: f32) -> Self {
        let bits = value.to_bits();
        // Wraps for what is not a number alone.
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        Self::from_bits(if value.is_nan() { 0x7fc0 } else { rounded as u16 })
    }

    #[inline(always)]
    fn masked(self, wanted: bool) -> Self {
        Self::from_bits(self.to_bits() & 0u16.wrapping_sub(wanted.into()))
    }
}

/// `$work` with `$number` for the type of a tensor's `$dtype`, which is that of 32-bit floats or bfloat16.
macro_rules! by_number {
    ($dtype:expr, $number:ident => $work:expr) => {
        match $dtype {
            burn::tensor::DType::BF16 => {
                type $number = burn_std::bf16;
                $work
            }
            _ => {
                type $number = f32;
                $work
            }
        }
    };
}

pub(crate) use by_number;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_becomes_the_nearest_bfloat16_and_between_two_the_even_one() {
        let mut checked = 0;
        for upper in (0..=u16::MAX).step_by(7) {
            for lower in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let value = f32::from_bits(u32::from(upper) << 16 | lower);
                let (found, expected) = (bf16::nearest(value), bf16::from_f32(value));
                assert_eq!(found.is_nan(), expected.is_nan(), "{value:?}");
                if !value.is_nan() {
                    assert_eq!(found.to_bits(), expected.to_bits(), "{value:?}");
                    assert_eq!(found.widen().to_bits(), expected.to_f32().to_bits());
                    checked += 1;
                }
            }
        }
        assert!(checked > 50_000);
    }
}

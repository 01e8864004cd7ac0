//! Multiplication, of two tensors and by a value for each channel.

use firmware::kernels::{self, MulArguments, ShapeMismatch};
use proptest::{collection::vec, prelude::*};
use shared::quantization::Requantization;
use tests::reference;

use crate::{
    cases::{ends, factor},
    tflite,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_multiplication_is_the_references(
        ends in ends(),
        right_zero_point: i8,
        factor in factor(5000.0),
        (left, right) in (1usize..20, 1usize..30, any::<bool>()).prop_flat_map(|(depth, pixels, broadcast)| {
            (vec(any::<i8>(), depth * pixels), vec(any::<i8>(), if broadcast { depth } else { depth * pixels }))
        }),
    ) {
        let (activation_min, activation_max) = ends.activation;
        let arguments = MulArguments {
            left_offset: -i32::from(ends.input_zero_point),
            right_offset: -i32::from(right_zero_point),
            output_offset: ends.output_zero_point.into(),
            factor,
            activation_min,
            activation_max,
        };
        let expected = reference::mul(&ends, (ends.input_zero_point, right_zero_point), factor, &left, &right);
        let mut output = vec![99; left.len()];
        prop_assert_eq!(kernels::mul(&arguments, &left, &right, &mut output), Ok(()));
        prop_assert_eq!(&output, &expected);
        let mut product = left.clone();
        prop_assert_eq!(kernels::mul_assign(&arguments, &mut product, &right), Ok(()));
        prop_assert_eq!(&product, &expected);
        prop_assert_eq!(kernels::mul(&arguments, &left[1..], &right, &mut output), Err(ShapeMismatch));
    }
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("mul", 4, |case, output| {
        let (activation_min, activation_max) = case.activation();
        let (right_offset, [left, right, product]) = case.second();
        let (left_offset, output_offset) = (case.input_offset(), case.output_offset());
        let factor = Requantization::of_product(left, right, product).expect("in range");
        let arguments =
            MulArguments { left_offset, right_offset, output_offset, factor, activation_min, activation_max };
        kernels::mul(&arguments, &case.input_values, &case.second_values, output)?;
        let mut product = case.input_values.clone();
        kernels::mul_assign(&arguments, &mut product, &case.second_values)?;
        assert_eq!(product, output, "{}: in place", case.name);
        Ok(())
    });
}

//! Addition.

use firmware::kernels::{self, AddArguments, ShapeMismatch};
use proptest::{collection::vec, prelude::*};
use shared::quantization::AddParameters;
use tests::reference;

use crate::{cases::ends, tflite};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_addition_is_the_references(
        ends in ends(),
        right_zero_point: i8,
        scales in (0.001f32..1.0, 0.001f32..1.0, 0.001f32..1.0),
        pairs in vec(any::<(i8, i8)>(), 1..300),
    ) {
        let factors = AddParameters::from_scales(scales.0, scales.1, scales.2).expect("in range");
        prop_assume!(factors.output.shift <= 0);
        let (activation_min, activation_max) = ends.activation;
        let arguments = AddArguments {
            left_offset: -i32::from(ends.input_zero_point),
            right_offset: -i32::from(right_zero_point),
            output_offset: ends.output_zero_point.into(),
            factors,
            activation_min,
            activation_max,
        };
        let (left, right): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
        let mut output = vec![99; left.len()];
        prop_assert_eq!(kernels::add(&arguments, &left, &right, &mut output), Ok(()));
        let zero_points = (ends.input_zero_point, right_zero_point);
        let expected = reference::add(&ends, zero_points, &factors, &left, &right);
        prop_assert_eq!(&output, &expected);
        let mut sum = left.clone();
        prop_assert_eq!(kernels::add_assign(&arguments, &mut sum, &right), Ok(()));
        prop_assert_eq!(&sum, &expected);
        prop_assert_eq!(kernels::add(&arguments, &left[1..], &right, &mut output), Err(ShapeMismatch));
        prop_assert_eq!(kernels::add(&arguments, &left, &right[1..], &mut output), Err(ShapeMismatch));
        prop_assert_eq!(kernels::add_assign(&arguments, &mut sum, &right[1..]), Err(ShapeMismatch));
    }
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("add", 2, |case, output| {
        let (activation_min, activation_max) = case.activation();
        let (right_offset, [left, right, sum]) = case.second();
        let (left_offset, output_offset) = (case.input_offset(), case.output_offset());
        let factors = AddParameters::from_scales(left, right, sum).expect("in range");
        let arguments =
            AddArguments { left_offset, right_offset, output_offset, factors, activation_min, activation_max };
        kernels::add(&arguments, &case.input_values, &case.second_values, output)
    });
}

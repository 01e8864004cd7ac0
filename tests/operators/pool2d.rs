//! Max and average pooling.

use firmware::kernels::{self, PoolArguments};
use proptest::{collection::vec, prelude::*};
use tests::reference;

use crate::{
    cases::{elements, ends, windowed, with_size},
    tflite,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pools_are_the_references(
        (window, shape, input) in windowed()
            .prop_flat_map(|(window, shape)| (Just(window), Just(shape), vec(any::<i8>(), elements(shape)))),
        ends in ends(),
    ) {
        let output_shape = with_size(shape, reference::output_size(window, shape), 0);
        let (activation_min, activation_max) = ends.activation;
        let arguments = PoolArguments { window, input_shape: shape, output_shape, activation_min, activation_max };
        let mut output = vec![99; elements(output_shape)];
        prop_assert_eq!(kernels::max_pool2d(&arguments, &input, &mut output), Ok(()));
        prop_assert_eq!(&output, &reference::max_pool2d(window, &input, shape, ends.activation));
        prop_assert_eq!(kernels::average_pool2d(&arguments, &input, &mut output), Ok(()));
        prop_assert_eq!(&output, &reference::average_pool2d(window, &input, shape, ends.activation));
    }
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("max_pool2d", 2, |case, output| kernels::max_pool2d(&case.pool(), &case.input_values, output));
    tflite::check("average_pool2d", 3, |case, output| {
        kernels::average_pool2d(&case.pool(), &case.input_values, output)
    });
}

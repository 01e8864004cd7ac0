//! The logistic function.

use firmware::kernels::{self, ShapeMismatch};
use host_trainer::scales::logistic_table;
use proptest::{collection::vec, prelude::*};
use shared::quantization::Quantization;
use tests::reference;

use crate::tflite::{self, TensorCase};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_logistic_function_is_its_table(table in vec(any::<i8>(), 256), input in vec(any::<i8>(), 1..300)) {
        let table = table.try_into().expect("256 values");
        let mut output = vec![99; input.len()];
        prop_assert_eq!(kernels::logistic(&table, &input, &mut output), Ok(()));
        prop_assert_eq!(output, reference::logistic(&table, &input));
        prop_assert_eq!(kernels::logistic(&table, &input, &mut vec![0; input.len() + 1]), Err(ShapeMismatch));
    }
}

#[test]
fn every_byte_is_tensorflow_lites() {
    tflite::check("logistic", 5, |case, output| {
        let TensorCase { scale, zero_point, .. } = case.input;
        let table = logistic_table(Quantization { scale: scale as f32, zero_point });
        kernels::logistic(&table, &case.input_values, output)
    });
}

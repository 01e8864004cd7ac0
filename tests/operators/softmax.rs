//! Softmax over logits.

use firmware::kernels;
use proptest::{collection::vec, prelude::*};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn probabilities_are_the_exact_softmax_within_a_percent(
        logits in vec(-256i16..=254, 8),
        scale in 0.001f32..1.0,
        temperature in 0.05f32..10.0,
    ) {
        let mut probabilities = [f32::NAN; 8];
        kernels::softmax(&logits, scale, temperature, &mut probabilities);
        let largest = f64::from(*logits.iter().max().expect("eight"));
        let exponential = |&q: &i16| (f64::from(scale) * (f64::from(q) - largest) / f64::from(temperature)).exp();
        let exponentials: Vec<f64> = logits.iter().map(exponential).collect();
        for (probability, exponential) in probabilities.iter().zip(&exponentials) {
            let exact = exponential / exponentials.iter().sum::<f64>();
            prop_assert!((f64::from(*probability) - exact).abs() < 0.01 * exact + 1e-6, "{probability} instead of {exact}");
        }
        prop_assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_softmax_at_the_ends_of_its_range_stays_a_distribution() {
    for temperature in [f32::MIN_POSITIVE, 1e-6, 1.0, 1e6, f32::MAX] {
        for scale in [f32::MIN_POSITIVE, 1e-6, 1.0, 1e6, f32::MAX] {
            let mut probabilities = [0.0; 7];
            let logits = [-128, 127, 0, 1, -1, 126, 127];
            kernels::softmax(&logits, scale, temperature, &mut probabilities);
            let sum: f32 = probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "scale {scale:e}, temperature {temperature:e}: {probabilities:?}");
            assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{probabilities:?}");
            assert_eq!(probabilities[1], probabilities[6]);
        }
    }
}

//! What operators share: dot products, factors.

use firmware::kernels::{dot, dot_tile};
use proptest::{collection::vec, prelude::*};
use shared::quantization::Requantization;
use tests::reference;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tile_is_four_dot_products(
        x in vec(any::<i8>(), 0..300),
        seed in vec(any::<i8>(), 1200),
        input_offset in -127..=128,
    ) {
        let rows: Vec<&[i8]> = seed.chunks(300).map(|row| &row[..x.len()]).collect();
        let sums = dot_tile(&x, [rows[0], rows[1], rows[2], rows[3]], input_offset);
        for (row, sum) in rows.into_iter().zip(sums) {
            let expected: i64 = x.iter().zip(row).map(|(&x, &w)| (i64::from(x) + i64::from(input_offset)) * i64::from(w)).sum();
            prop_assert_eq!(i64::from(sum), expected);
            prop_assert_eq!(i64::from(dot(&x, row, input_offset)), expected);
        }
    }

    #[test]
    fn requantization_is_the_references(
        // Every magnitude alike, both signs.
        x in (any::<i32>(), 0u32..32).prop_map(|(x, shift)| x >> shift),
        multiplier in (1i32 << 30)..=i32::MAX,
        shift in -31..=30i32,
    ) {
        let factor = Requantization { multiplier, shift };
        prop_assume!((i64::from(x) << shift.max(0)) == i64::from(x << shift.max(0)));
        prop_assert_eq!(i64::from(factor.apply(x)), reference::requantize(x.into(), factor));
    }

    #[test]
    fn a_real_factor_becomes_the_references_multiplier(factor in (0.5f64..1.0, -45i32..=30).prop_map(|(m, e)| m * 2f64.powi(e))) {
        let Requantization { multiplier, shift } = Requantization::from_real(factor).expect("in range");
        prop_assert_eq!((multiplier, shift), reference::quantize_multiplier(factor));
    }
}

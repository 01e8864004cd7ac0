//! Folded convolutions and fused pools are the network that was trained, in real numbers and everywhere, borders included.

use host_trainer::quantization::{
    fold::{fold_convolutions, fuse_pools},
    lower::{FloatOperator, FloatTensor, Lowered},
};
use proptest::prelude::*;
use shared::{
    operator::{Activation, Conv2d, Operator, Pool2d},
    shape::{Padding, Shape, Window},
};
use tests::{random::Random, real_network::assert_the_same};

/// A network of `operators` one after the other, with random weights.
fn network(input: Shape, operators: &[(Operator, Activation)], random: &mut Random) -> Lowered {
    let mut lowered = Lowered { tensors: vec![FloatTensor { shape: input, layer: None }], operators: Vec::new() };
    for (index, &(operator, activation)) in operators.iter().enumerate() {
        let shape = lowered.tensors[index].shape;
        lowered.tensors.push(FloatTensor { shape: operator.output_shape(shape).expect("fits"), layer: Some(index) });
        let weights = random.reals(operator.weight_count(shape) as usize);
        let biases = random.reals(operator.weighted_channels(shape).into());
        let (inputs, output) = (vec![index], index + 1);
        let (folding, pool) = (None, None);
        lowered.operators.push(FloatOperator { operator, folding, pool, activation, inputs, output, weights, biases });
    }
    lowered
}

fn convolution(height: u8, width: u8, padding: Padding, filters: u16) -> Operator {
    let window = Window { kernel_height: height, kernel_width: width, ..Window::square(1, 1, padding) };
    Operator::Conv2d(Conv2d::new(window, filters))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Many filters between few channels, so that folding saves work.
    #[test]
    fn a_folded_pair_is_the_pair(
        (first, second) in ((1u8..=5, 1u8..=5), (1u8..=5, 1u8..=5)),
        (height, width, depth, filters) in (9u16..14, 9u16..14, 1u16..=2, 1u16..=3),
        same: bool,
        seed: u64,
    ) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let operators = [
            (convolution(first.0, first.1, padding, 30), Activation::None),
            (convolution(second.0, second.1, padding, filters), Activation::Relu),
        ];
        let mut random = Random(seed);
        let pair = network(Shape::new(height, width, depth), &operators, &mut random);
        let folded = fold_convolutions(pair.clone());
        let even = |a: u8, b: u8| same && a.is_multiple_of(2) && b.is_multiple_of(2);
        let expected = if even(first.0, second.0) || even(first.1, second.1) { 2 } else { 1 };
        prop_assert_eq!(folded.operators.len(), expected, "two even kernels have a padding of their own");
        assert_the_same(&pair, &folded, &mut random);
    }

    #[test]
    fn a_fused_pool_is_the_pool(
        (height, width) in (6u16..20, 6u16..20),
        (kernel, stride) in (1u8..=3, 1u8..=3),
        (same, largest) in any::<(bool, bool)>(),
        seed: u64,
    ) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let window = Window { kernel_height: kernel, stride_height: stride, ..Window::square(2, 2, padding) };
        let pool = Operator::Pool2d(if largest { Pool2d::max(window) } else { Pool2d::average(window) });
        let operators = [(convolution(3, 3, Padding::Same, 3), Activation::Relu), (pool, Activation::None)];
        let mut random = Random(seed);
        let apart = network(Shape::new(height, width, 2), &operators, &mut random);
        let fused = fuse_pools(apart.clone());
        let bands = kernel == stride && (!same || height % u16::from(stride) == 0);
        prop_assert_eq!(fused.operators.len(), if bands { 1 } else { 2 });
        assert_the_same(&apart, &fused, &mut random);
    }
}

#[test]
fn a_pair_that_would_cost_more_as_one_stays_a_pair() {
    let same = |size, filters| (convolution(size, size, Padding::Same, filters), Activation::None);
    let pair = network(Shape::new(24, 24, 14), &[same(7, 8), same(7, 8)], &mut Random(1));
    assert_eq!(fold_convolutions(pair.clone()), pair);
}

#[test]
fn an_activation_between_two_convolutions_keeps_them_apart() {
    let operators = [
        (convolution(3, 3, Padding::Same, 30), Activation::Relu),
        (convolution(3, 3, Padding::Same, 1), Activation::None),
    ];
    let pair = network(Shape::new(9, 9, 1), &operators, &mut Random(1));
    assert_eq!(fold_convolutions(pair.clone()), pair);
}

#[test]
fn three_convolutions_in_a_row_are_folded_where_it_pays() {
    let same = |filters| (convolution(3, 3, Padding::Same, filters), Activation::None);
    let three = network(Shape::new(12, 11, 1), &[same(20), same(3), same(2)], &mut Random(1));
    let folded = fold_convolutions(three.clone());
    assert_eq!((folded.operators.len(), folded.tensors.len()), (2, 3));
    assert_the_same(&three, &folded, &mut Random(2));
}

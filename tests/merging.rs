//! Branches that were merged are the network that was trained, in real numbers and everywhere, borders included.

use host_trainer::quantization::{
    lower::{FloatOperator, FloatTensor, Lowered},
    merge::merge_branches,
};
use proptest::prelude::*;
use shared::{
    operator::{Activation, Conv2d, Operator},
    shape::{Padding, Shape, Window},
};
use tests::{random::Random, real_network::assert_the_same};

/// Convolutions of one input, whose outputs are added from left to right; a ReLU behind the last addition.
fn branches(input: Shape, windows: &[Window], filters: u16, random: &mut Random) -> Lowered {
    let mut lowered = Lowered { tensors: vec![FloatTensor { shape: input, layer: None }], operators: Vec::new() };
    for &window in windows {
        push(&mut lowered, Operator::Conv2d(Conv2d::new(window, filters)), vec![0], random);
    }
    let mut sum = 1;
    for branch in 2..=windows.len() {
        push(&mut lowered, Operator::Add, vec![sum, branch], random);
        sum = lowered.tensors.len() - 1;
    }
    lowered.operators.last_mut().expect("there are some").activation = Activation::Relu;
    lowered
}

fn push(lowered: &mut Lowered, operator: Operator, inputs: Vec<usize>, random: &mut Random) {
    let input = lowered.tensors[inputs[0]].shape;
    let shape = operator.output_shape(input).expect("fits");
    lowered.tensors.push(FloatTensor { shape, layer: Some(lowered.operators.len()) });
    lowered.operators.push(FloatOperator {
        operator,
        folding: None,
        pool: None,
        activation: Activation::None,
        inputs,
        output: lowered.tensors.len() - 1,
        weights: random.reals(operator.weight_count(input) as usize),
        biases: random.reals(operator.weighted_channels(input).into()),
    });
}

fn window(height: u8, width: u8, stride: u8) -> Window {
    Window { kernel_height: height, kernel_width: width, ..Window::square(1, stride, Padding::Same) }
}

fn kinds(lowered: &Lowered) -> Vec<Operator> {
    lowered.operators.iter().map(|operator| operator.operator).collect()
}

#[test]
fn merged_branches_are_the_branches() {
    let (mut apart, mut merged_some) = (0, 0);
    let mut random = Random(1);
    for _ in 0..96 {
        let stride = 1 + random.below(3) as u8;
        let mut side = || 1 + random.below(5) as u8;
        let sizes: [(u8, u8); 4] = core::array::from_fn(|_| (side(), side()));
        let windows: Vec<_> =
            sizes[..2 + random.below(3)].iter().map(|&(height, width)| window(height, width, stride)).collect();
        let [height, width] = [5 + random.below(9) as u16, 5 + random.below(9) as u16];
        let input = Shape::new(height, width, 1 + random.below(3) as u16);
        let trained = branches(input, &windows, 1 + random.below(3) as u16, &mut random);
        let merged = merge_branches(trained.clone());
        assert_the_same(&trained, &merged, &mut random);
        if merged.operators.len() < trained.operators.len() {
            assert!(merged.macs() < trained.macs(), "{windows:?}");
            merged_some += 1;
        } else {
            assert_eq!(merged, trained);
            apart += 1;
        }
    }
    assert!(merged_some >= 50 && apart >= 10, "{merged_some} merged, {apart} apart");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_kernel_and_its_parts_are_one_convolution(stride in 1u8..=2, size in 6u16..=13, seed: u64) {
        let mut random = Random(seed);
        let windows = [window(3, 3, stride), window(1, 3, stride), window(3, 1, stride), window(1, 1, stride)];
        let trained = branches(Shape::new(size, size, 4), &windows, 5, &mut random);
        let merged = merge_branches(trained.clone());
        prop_assert_eq!(kinds(&merged), [Operator::Conv2d(Conv2d::new(windows[0], 5))]);
        prop_assert_eq!(merged.operators[0].activation, Activation::Relu);
        assert_the_same(&trained, &merged, &mut random);
    }
}

#[test]
fn branches_that_would_cost_more_as_one_stay_apart() {
    let mut random = Random(1);
    // 3 + 3 taps against 9.
    let trained = branches(Shape::new(8, 8, 2), &[window(1, 3, 1), window(3, 1, 1)], 2, &mut random);
    assert_eq!(merge_branches(trained.clone()), trained);
}

#[test]
fn a_branch_with_a_clamp_or_a_second_reader_or_another_input_stays_apart() {
    let mut random = Random(2);
    let windows = [window(3, 3, 1), window(1, 1, 1)];
    let trained = branches(Shape::new(8, 8, 2), &windows, 2, &mut random);
    assert_ne!(merge_branches(trained.clone()), trained);

    let mut clamped = trained.clone();
    clamped.operators[1].activation = Activation::Relu;
    assert_eq!(merge_branches(clamped.clone()), clamped);

    let mut read_twice = trained.clone();
    push(&mut read_twice, Operator::Add, vec![1, 3], &mut random);
    assert_eq!(merge_branches(read_twice.clone()), read_twice);

    let mut in_a_row = trained;
    in_a_row.operators[1].inputs = vec![1];
    assert_eq!(merge_branches(in_a_row.clone()), in_a_row);
}

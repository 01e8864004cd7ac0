use burn::tensor::Device;

use super::*;

const EVERY_LAYER: &str = include_str!("../../architectures/levorse.toml");

#[test]
fn fresh_weights_lie_within_glorots_bound_and_biases_are_zero() {
    let architecture = Arc::new(Architecture::parse("levorse.toml", EVERY_LAYER).expect("sound"));
    let network = Network::new(architecture, 3, &Device::flex()).to_float_network();
    let LayerWeights::Convolution { weight, bias } = &network.weights[1] else { panic!("a convolution") };
    // 5x5 from 14 channels to 14: sqrt(6 / (350 + 350)).
    let limit = (6.0f32 / 700.0).sqrt();
    assert!(weight.iter().all(|w| w.abs() <= limit));
    assert!(weight.iter().any(|w| w.abs() > 0.95 * limit), "the bound is reached");
    assert!(bias.iter().all(|&b| b == 0.0));
}

#[test]
fn a_seed_gives_the_same_network_and_another_seed_another() {
    let architecture = Arc::new(Architecture::find("levorse").expect("built in"));
    let network = |seed| Network::new(architecture.clone(), seed, &Device::flex()).to_float_network();
    assert_eq!(network(1), network(1));
    assert_ne!(network(1).weights, network(2).weights);
}

#[test]
fn logits_do_not_depend_on_the_batch_a_face_is_in() {
    let architecture = Arc::new(Architecture::find("levorse").expect("built in"));
    let network = Network::new(architecture, 1, &Device::flex().autodiff());
    let faces: Vec<i8> = (0..3 * FACE_PIXELS).map(|i| (i * 7919 % 253) as i8).collect();
    let together = logits(&network, &faces, |_| {});
    let alone = logits(&network, &faces[FACE_PIXELS..2 * FACE_PIXELS], |_| {});
    assert_eq!(together.len(), 3);
    for (a, b) in together[1].iter().zip(&alone[0]) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let ranges = activation_ranges(&network, &faces);
    assert_eq!(ranges[2].0, 0.0, "a relu's smallest output");
    assert!(ranges[2].1 > 0.0);
}

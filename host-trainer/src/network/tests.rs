use burn::tensor::Device;

use firmware::kernels::{PoolArguments, average_pool2d};
use shared::{
    label::Emotion,
    preprocessing::FACE_PIXELS,
    shape::{Padding, Window},
};

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
    for (a, b) in together[1].iter().zip(&alone[0]).take(Emotion::FER2013.len()) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let ranges = activation_ranges(&network, &faces);
    assert_eq!(ranges[2].0, 0.0, "a relu's smallest output");
    assert!(ranges[2].1 > 0.0);
}

#[test]
fn an_average_of_rounded_values_is_the_cores() {
    average_is_the_cores("kind = \"global\"\nsigma_floor = 1", "[-3.4594595, 3.4324324]");
    average_is_the_cores("kind = \"grey\"\ndivisor = 40", "[0.0, 6.375]");
}

/// `range` is that of the preprocessed face.
fn average_is_the_cores(preprocessing: &str, range: &str) {
    let text = format!(
        "name = \"means\"\n[preprocessing]\n{preprocessing}\n[recipe]\noptimizer = {{ kind = \"sgd\" }}\nbatch_size = 1\n\
         epochs = 1\n[[layer]]\nkind = \"average_pool2d\"\nkernel = 2\nrange = {range}\n\
         [[layer]]\nkind = \"dense\"\nunits = 7\nrange = [-1.0, 1.0]\n"
    );
    let architecture = Architecture::parse("means.toml", &text).expect("sound");
    let quantization = architecture.input_quantization(1).expect("the pool's");
    let (zero_point, input_shape) = (architecture.preprocessing.zero_point(), architecture.input_shape());
    assert_eq!(quantization.zero_point, zero_point);
    let arguments = PoolArguments {
        window: Window::square(2, 2, Padding::Valid),
        input_shape,
        output_shape: architecture.output_shape(0),
        activation_min: i8::MIN,
        activation_max: i8::MAX,
    };
    let network = Network::new(Arc::new(architecture), 1, &Device::flex());
    let face: Vec<i8> = (0..FACE_PIXELS).map(|i| (i * 7919 % 255) as u8 as i8).collect();
    let mut expected = vec![0; FACE_PIXELS / 4];
    average_pool2d(&arguments, &face, &mut expected).expect("fits");
    let input = input_tensor([face.as_slice()].into_iter(), network.architecture.preprocessing, &Device::flex());
    let mut found: Vec<i8> = Vec::new();
    network.forward_collect(input, &mut Mode::Inference, |layer, output| {
        let steps = |x: f32| (x / quantization.scale).round() as i32 + i32::from(zero_point);
        if layer == 0 {
            found = output.clone().into_data().iter::<f32>().map(|x| steps(x) as i8).collect();
        }
    });
    assert_eq!(found, expected);
}

//! What a recipe asks for.

use super::*;

#[test]
fn rmsprop_takes_kerass_first_step() {
    use burn::tensor::{Tensor, TensorData};
    // v = 0.1 g^2, so the first step is learning_rate / sqrt(0.1) against the sign of the gradient, whatever its size.
    use burn::module::{Module, Param};
    #[derive(Module, Debug)]
    struct One {
        w: Param<Tensor<1>>,
    }
    let device = Device::flex().autodiff();
    let module = One { w: Param::from_data(TensorData::new(vec![1.0f32, -2.0], [2]), &device) };
    let mut optimizer = optimizer(Architecture::find("levorse").expect("built in").recipe.optimizer);
    let loss = (module.w.val() * module.w.val()).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &module);
    let module = optimizer.step(1e-3, module, gradients);
    let values: Vec<f32> = module.w.val().into_data().iter::<f32>().collect();
    let step = 1e-3 / 0.1f32.sqrt();
    assert!((values[0] - (1.0 - step)).abs() < 1e-6 && (values[1] - (step - 2.0)).abs() < 1e-6, "{values:?}");
}

fn with_validation_stuck(early_stopping: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    // A learning rate of zero: no epoch is better than the first.
    let recipe = format!("{{ kind = \"sgd\", learning_rate = 0.0 }}\n{early_stopping}");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", &recipe);
    let configuration = Configuration { architecture: text, epochs: 10, ..configuration() };
    let folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &folder, None)
}

#[test]
fn early_stopping_ends_after_its_patience_without_a_better_epoch() {
    let outcome = with_validation_stuck("early_stopping = 2");
    assert!(outcome.finished);
    assert_eq!(outcome.metrics.len(), 3, "the first epoch, and two that are no better");
}

#[test]
fn epochs_that_improve_nothing_end_no_training_whose_recipe_does_not_ask_for_it() {
    let outcome = with_validation_stuck("schedule = { kind = \"cosine\" }");
    assert_eq!((outcome.finished, outcome.best_epoch, outcome.metrics.len()), (true, 1, 10));
}

/// Everything a recipe can ask for that changes from step to step or from epoch to epoch.
pub const EVERYTHING: &str = "{ kind = \"sgd\", learning_rate = 0.05, momentum = 0.9, nesterov = true }\n\
    schedule = { kind = \"one_cycle\" }\nregularization = { l1 = 1e-6, l2 = 1e-4, weight_decay = 1e-3 }\n\
    label_smoothing = 0.1\nclass_weights = \"balanced\"\nvotes = 0.25\npretraining_epochs = 1\naverage_decay = 0.9\nmixup = 0.2\nsharpness_aware = 0.02\n\
    distillation = { share = 0.4, temperature = 3.0 }\n\
    reweighting = { after = 2, noise = \"votes\" }\naugmentation = { flip = true, shift = 2.0, brightness = 9.0, erasing = 0.5 }";

/// Trains by a recipe on faces that are grey levels with votes.
pub fn run_with(recipe: &str, folder: &RunFolder, configuration: &Configuration, stop_after: Option<usize>) -> Outcome {
    let text = SMALL
        .replace("kind = \"local\"\nsigma_floor = 4.0", "kind = \"grey\"\ndivisor = 40")
        .replace("{ kind = \"rmsprop\" }", recipe)
        .replace(
            "[[layer]]\nkind = \"flatten\"",
            "[[layer]]\nkind = \"conv2d\"\nfilters = 8\nkernel = 3\n[[layer]]\nkind = \"batch_norm\"\n[[layer]]\nkind = \"relu\"\n\
             [[layer]]\nkind = \"spatial_dropout\"\nrate = 0.2\n[[layer]]\nkind = \"flatten\"",
        );
    let configuration = Configuration { architecture: text, ..configuration.clone() };
    let (images, labels) = faces(56);
    let pixels: Vec<u8> = images.iter().map(|&q| (q as u8) ^ 0x80).collect();
    let votes: Vec<_> = labels
        .iter()
        .enumerate()
        .map(|(image, &label)| {
            let mut shares = [0.05; 8];
            (shares[7], shares[usize::from(label)]) = (0.0, 0.7);
            (image % 5 > 0).then_some(shares)
        })
        .collect();
    let equal = std::array::from_fn(|class| if class < 7 { 1.0 / 7.0 } else { 0.0 });
    let soft_targets: Vec<[f32; 8]> = votes.iter().map(|row| row.unwrap_or(equal)).collect();
    let faces = LabelledFaces { images: &images, labels: &labels };
    let training = TrainingFaces {
        faces,
        pixels: Some(&pixels),
        votes: Some(&votes),
        soft_targets: Some(&soft_targets),
        teachers: &[Network::new(configuration.architecture().expect("sound").into(), 9, &Device::flex())],
        left_out: None,
    };
    train_on(training, &configuration, folder, stop_after).expect("trains")
}

#[test]
fn every_part_of_a_recipe_changes_the_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = Configuration { epochs: 2, ..configuration() };
    let plain = "{ kind = \"sgd\" }";
    let parts = [
        "",
        "schedule = { kind = \"cosine\", warm_up = 0.5 }",
        "regularization = { l1 = 1e-3 }",
        "regularization = { l2 = 1e-2 }",
        "regularization = { weight_decay = 0.5 }",
        "label_smoothing = 0.1",
        "class_weights = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]",
        "votes = 0.5",
        "pretraining_epochs = 1",
        "distillation = { share = 0.5 }",
        "distillation = { share = 0.5, temperature = 4.0 }",
        "distillation = { share = 0.5, same_views = true }",
        "distillation = { share = 0.5, same_views = true, views = 1 }",
        "average_decay = 0.9",
        "mixup = 0.4",
        "sharpness_aware = 0.05",
        "reweighting = { after = 1, noise = \"anchors\" }",
        "augmentation = { shift = 2.0 }",
        "loss = \"squared_hinge\"",
        "precision = \"bf16\"",
    ];
    let mut seen = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let run_folder = RunFolder::create(&folder.path().join(number.to_string()), &configuration).expect("new");
        let network = run_with(&format!("{plain}\n{part}"), &run_folder, &configuration, None).last.to_float_network();
        assert!(!seen.contains(&network.weights), "`{part}` changed nothing");
        seen.push(network.weights);
    }
}

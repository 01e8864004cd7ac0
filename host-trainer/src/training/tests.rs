use std::{fs, sync::atomic::Ordering};

use super::*;
use crate::{architecture::Architecture, data::LabelSet, export::Measured, quantization::Form};

const SMALL: &str = "name = \"small\"\n[preprocessing]\nkind = \"local\"\nsigma_floor = 4.0\n[recipe]\nbatch_size = 8\n\
    epochs = 4\noptimizer = { kind = \"rmsprop\" }\n\
    [[layer]]\nkind = \"conv2d\"\nfilters = 2\nkernel = 3\nstride = 4\n[[layer]]\nkind = \"relu\"\n\
    [[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dropout\"\nrate = 0.5\n[[layer]]\nkind = \"dense\"\nunits = 7\n";

/// Faces whose top rows are bright by their label.
fn faces(count: usize) -> (Vec<i8>, Vec<u8>) {
    let labels: Vec<u8> = (0..count).map(|i| (i % 7) as u8).collect();
    let images = labels
        .iter()
        .enumerate()
        .flat_map(|(i, &label)| {
            (0..FACE_PIXELS).map(move |p| {
                let noise = ((i * 31 + p * 17) % 23) as i8 - 11;
                if p / 48 / 7 == usize::from(label) { 60 + noise } else { noise }
            })
        })
        .collect();
    (images, labels)
}

fn configuration() -> Configuration {
    let architecture = Architecture::parse("small.toml", SMALL).expect("sound");
    Configuration::new(&architecture, "small.toml", 5, None, "stripes".into())
}

fn run(configuration: &Configuration, folder: &RunFolder, stop_after: Option<usize>) -> Outcome {
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    train(configuration, faces.into(), faces, folder, &stop, &mut |progress| {
        if let Progress::Step { .. } = progress {
            steps += 1;
            stop.store(Some(steps) == stop_after, Ordering::Relaxed);
        }
    })
    .expect("trains")
}

#[test]
fn a_network_of_eight_emotions_learns_contempt_and_its_model_answers_it() {
    let architecture = Architecture::parse("small.toml", SMALL).expect("sound");
    let architecture = architecture.with_labels(LabelSet::FerPlus).expect("its last layer is dense");
    let configuration = Configuration::new(&architecture, "small.toml", 5, None, "stripes".into());
    let configuration = Configuration { epochs: 12, ..configuration };
    let (mut images, mut labels) = faces(56);
    let (contemptuous, _) = faces(8);
    // The lowest rows are bright.
    images.extend(contemptuous.iter().enumerate().map(|(i, &q)| if i % FACE_PIXELS / 48 > 43 { 60 } else { q / 8 }));
    labels.extend([7; 8]);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let folder = tempfile::tempdir().expect("a folder");
    let run = RunFolder::create(folder.path(), &configuration).expect("new");
    let stop = AtomicBool::new(false);
    let outcome = train(&configuration, faces.into(), faces, &run, &stop, &mut |_| {}).expect("trains");
    let exported = crate::export::quantize(
        &outcome.best,
        faces,
        Measured::on(faces, "PublicTest"),
        &configuration,
        Form::default(),
    )
    .expect("fits");
    let model = shared::model::Model::parse(exported.model.as_slice()).expect("sound");
    assert_eq!(model.labels().collect::<Vec<_>>(), Emotion::ALL);
    assert_eq!(model.measurement().data, "stripes with FER+ labels PublicTest");
    let contempt = &exported.int8.classes[7];
    assert_eq!((contempt.label.as_str(), contempt.support), ("contempt", 8));
    assert!(contempt.recall > 0.5, "{contempt:?}");
    let (_, read) = RunFolder::open(folder.path()).expect("a run");
    assert_eq!((read.labels, &read), (LabelSet::FerPlus, &configuration));
}

#[test]
fn a_label_that_the_network_does_not_know_is_refused_and_a_configuration_of_seven_does_not_mention_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, mut labels) = faces(8);
    labels[3] = 7;
    let faces = LabelledFaces { images: &images, labels: &labels };
    let stop = AtomicBool::new(false);
    let error = train(&configuration, faces.into(), faces, &run, &stop, &mut |_| {}).expect_err("no such emotion");
    assert!(error.to_string().contains("one of the network's 7"), "{error}");
    let text = fs::read_to_string(run.file("config.toml")).expect("written");
    assert!(!text.contains("labels"), "{text}");
}

#[test]
fn an_interrupted_run_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let whole = RunFolder::create(&folder.path().join("whole"), &configuration).expect("new");
    let expected = run(&configuration, &whole, None);
    assert!(expected.finished);

    let path = folder.path().join("cut");
    // 7 steps an epoch: the third epoch is cut after its second step.
    let cut = RunFolder::create(&path, &configuration).expect("new");
    let first = run(&configuration, &cut, Some(16));
    assert!(!first.finished);
    assert_eq!(first.metrics.len(), 2);
    let (reopened, read) = RunFolder::open(&path).expect("a run");
    assert_eq!(read, configuration);
    let second = run(&read, &reopened, None);
    assert!(second.finished);
    assert_eq!(second.last.to_float_network(), expected.last.to_float_network());
    assert_eq!(second.best.to_float_network(), expected.best.to_float_network());
    assert_eq!(second.best_epoch, expected.best_epoch);

    let rows = fs::read_to_string(reopened.file("metrics.csv")).expect("there");
    let epochs: Vec<&str> = rows.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert_eq!(epochs, ["1", "2", "3", "4"]);
}

#[test]
fn training_learns_what_can_be_learned() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = Configuration { epochs: 12, ..configuration() };
    let folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let outcome = run(&configuration, &folder, None);
    let accuracy = outcome.metrics[outcome.best_epoch - 1].validation_accuracy;
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn a_torn_checkpoint_falls_back_to_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let expected = run(&configuration, &run_folder, None);
    let last = run_folder.file("checkpoints/last.ckpt");
    let bytes = fs::read(&last).expect("there");
    fs::write(&last, &bytes[..bytes.len() / 2]).expect("torn");
    assert_eq!(run_folder.last_checkpoint().expect("readable").expect("the one before").metrics.len(), 3);
    let again = run(&configuration, &run_folder, None);
    assert_eq!(again.last.to_float_network(), expected.last.to_float_network());
}

#[test]
fn a_loss_that_is_no_number_names_epoch_and_step_and_keeps_the_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", "{ kind = \"sgd\", learning_rate = 1e38 }");
    let configuration = Configuration { architecture: text, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let error = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {})
        .expect_err("a step of 1e38 overflows");
    assert!(matches!(error, TrainingError::NonFinite { epoch: 1, last_good: 0, .. }), "{error}");
}

#[test]
fn a_new_run_does_not_overwrite_another() {
    let folder = tempfile::tempdir().expect("a folder");
    RunFolder::create(folder.path(), &configuration()).expect("new");
    let error = RunFolder::create(folder.path(), &configuration()).expect_err("taken");
    assert!(error.to_string().contains("--resume"), "{error}");
}

#[test]
fn no_faces_and_faces_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let none = LabelledFaces { images: &[], labels: &[] };
    let torn = LabelledFaces { images: &[0; 100], labels: &[1] };
    for (faces, words) in [(none, "no training faces"), (torn, "the preprocessing makes")] {
        let error = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
        let error = error.expect_err("unusable").to_string();
        assert!(error.contains(words), "{error}");
    }
}

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
    let mut optimizer = optimizer::optimizer(Architecture::find("levorse").expect("built in").recipe.optimizer);
    let loss = (module.w.val() * module.w.val()).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &module);
    let module = optimizer.step(1e-3, module, gradients);
    let values: Vec<f32> = module.w.val().into_data().iter::<f32>().collect();
    let step = 1e-3 / 0.1f32.sqrt();
    assert!((values[0] - (1.0 - step)).abs() < 1e-6 && (values[1] - (step - 2.0)).abs() < 1e-6, "{values:?}");
}

fn with_validation_stuck(patience: usize) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    // A learning rate of zero: no epoch is better than the first.
    let recipe = format!("{{ kind = \"sgd\", learning_rate = 0.0 }}\nearly_stopping = {patience}");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", &recipe);
    let configuration = Configuration { architecture: text, epochs: 10, ..configuration() };
    let folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &folder, None)
}

#[test]
fn early_stopping_ends_after_its_patience_without_a_better_epoch() {
    let outcome = with_validation_stuck(2);
    assert!(outcome.finished);
    assert_eq!(outcome.metrics.len(), 3, "the first epoch, and two that are no better");
}

#[test]
fn an_update_that_overflows_in_an_epochs_last_step_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", "{ kind = \"sgd\", learning_rate = 1e38 }");
    let configuration = Configuration { architecture: text, batch_size: 56, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let result = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
    assert!(matches!(result, Err(TrainingError::NonFinite { epoch: 1, last_good: 0, .. })), "{result:?}");
    assert!(run_folder.last_checkpoint().expect("readable").is_none(), "weights that are no numbers were kept");
}

#[test]
fn a_torn_best_checkpoint_does_not_pass_other_weights_off_as_the_best() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &run_folder, None);
    fs::write(run_folder.file("checkpoints/best.ckpt"), b"torn").expect("torn");
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let error = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
    let error = error.expect_err("the best weights are lost").to_string();
    assert!(error.contains("best.ckpt") && error.contains("--out"), "{error}");
}

#[test]
fn a_torn_checkpoint_never_replaces_the_good_one_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &run_folder, None);
    let last = run_folder.file("checkpoints/last.ckpt");
    let good = run_folder.last_checkpoint().expect("readable").expect("there");
    fs::write(&last, b"torn").expect("torn");
    run_folder.write_last(&good).expect("written");
    fs::remove_file(&last).expect("as if the power had failed between the two steps");
    assert!(run_folder.last_checkpoint().expect("readable").is_some(), "nothing whole is left");
}

#[test]
fn two_torn_checkpoints_are_an_error_not_a_fresh_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &run_folder, None);
    for name in ["checkpoints/last.ckpt", "checkpoints/previous.ckpt"] {
        fs::write(run_folder.file(name), b"torn").expect("torn");
    }
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let result = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
    assert!(result.is_err(), "trained anew from nothing, over the metrics of the old run");
}

#[test]
fn a_resumed_run_keeps_the_statistics_of_batch_normalization() {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        SMALL.replace("[[layer]]\nkind = \"relu\"", "[[layer]]\nkind = \"batch_norm\"\n[[layer]]\nkind = \"relu\"");
    let configuration = Configuration { architecture: text, ..configuration() };
    let whole = RunFolder::create(&folder.path().join("whole"), &configuration).expect("new");
    let expected = run(&configuration, &whole, None);
    let cut = RunFolder::create(&folder.path().join("cut"), &configuration).expect("new");
    assert!(!run(&configuration, &cut, Some(16)).finished);
    let second = run(&configuration, &cut, None);
    assert_eq!(second.last.to_float_network(), expected.last.to_float_network());
    assert_eq!(second.best.to_float_network(), expected.best.to_float_network());
}

/// Everything a recipe can ask for that changes from step to step or from epoch to epoch.
const EVERYTHING: &str = "{ kind = \"sgd\", learning_rate = 0.05, momentum = 0.9, nesterov = true }\n\
    schedule = { kind = \"one_cycle\" }\nregularization = { l1 = 1e-6, l2 = 1e-4, weight_decay = 1e-3 }\n\
    label_smoothing = 0.1\nclass_weights = \"balanced\"\nvotes = 0.25\npretraining_epochs = 1\naverage_decay = 0.9\nmixup = 0.2\nsharpness_aware = 0.02\n\
    distillation = { share = 0.4, temperature = 3.0 }\n\
    reweighting = { after = 2, noise = \"votes\" }\naugmentation = { flip = true, shift = 2.0, brightness = 9.0, erasing = 0.5 }";

/// Trains by a recipe on faces that are grey levels with votes.
fn run_with(recipe: &str, folder: &RunFolder, configuration: &Configuration, stop_after: Option<usize>) -> Outcome {
    let text = SMALL
        .replace("kind = \"local\"\nsigma_floor = 4.0", "kind = \"grey\"\ndivisor = 40")
        .replace("{ kind = \"rmsprop\" }", recipe)
        .replace(
            "[[layer]]\nkind = \"flatten\"",
            "[[layer]]\nkind = \"spatial_dropout\"\nrate = 0.2\n[[layer]]\nkind = \"flatten\"",
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
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    train(&configuration, training, faces, folder, &stop, &mut |progress| {
        if let Progress::Step { .. } = progress {
            steps += 1;
            stop.store(Some(steps) == stop_after, Ordering::Relaxed);
        }
    })
    .expect("trains")
}

#[test]
fn a_run_with_everything_a_recipe_can_ask_for_resumes_to_the_same_weights_at_any_epoch() {
    let same_views = EVERYTHING.replace("temperature = 3.0", "temperature = 3.0, same_views = true");
    resumes_to_the_same_weights_at_any_epoch(EVERYTHING);
    resumes_to_the_same_weights_at_any_epoch(&same_views);
}

fn resumes_to_the_same_weights_at_any_epoch(recipe: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let whole = RunFolder::create(&folder.path().join("whole"), &configuration).expect("new");
    let expected = run_with(recipe, &whole, &configuration, None);
    assert!(expected.finished && expected.metrics.iter().all(|epoch| epoch.train_loss.is_finite()));
    // Pretraining has 6 steps, the other epochs 7; weights are known from the third on.
    for step in [3, 8, 15, 22] {
        let cut = RunFolder::create(&folder.path().join(step.to_string()), &configuration).expect("new");
        assert!(!run_with(recipe, &cut, &configuration, Some(step)).finished);
        let second = run_with(recipe, &cut, &configuration, None);
        assert_eq!(second.last.to_float_network(), expected.last.to_float_network(), "cut after step {step}");
        assert_eq!(second.best.to_float_network(), expected.best.to_float_network(), "cut after step {step}");
    }
}

#[test]
fn a_run_whose_faces_grow_trains_otherwise_and_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let pooled = "[[layer]]\nkind = \"global_average_pool\"\n[[layer]]\nkind = \"flatten\"";
    let text = SMALL.replace("[[layer]]\nkind = \"flatten\"", pooled);
    let growing = text.replace("epochs = 4\n", "epochs = 4\nprogressive_resizing = { start = 32, share = 0.5 }\n");
    let plain = Configuration { architecture: text, ..configuration() };
    let growing = Configuration { architecture: growing, ..configuration() };
    let at = |name: &str, configuration: &Configuration| {
        RunFolder::create(&folder.path().join(name), configuration).expect("new")
    };
    let expected = run(&growing, &at("whole", &growing), None).last.to_float_network();
    assert_ne!(run(&plain, &at("plain", &plain), None).last.to_float_network().weights, expected.weights);
    let cut = at("cut", &growing);
    assert!(!run(&growing, &cut, Some(10)).finished);
    assert_eq!(run(&growing, &cut, None).last.to_float_network(), expected);
}

#[test]
fn a_pupil_that_is_its_teacher_has_nothing_to_learn_from_the_same_views_however_they_are_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = "{ kind = \"sgd\", learning_rate = 0.25 }\nmixup = 0.4\n\
        augmentation = { flip = true, shift = 4.0, gradient = 40.0, erasing = 0.5 }\n\
        distillation = { share = 1.0, temperature = 2.0, same_views = true }";
    let text = SMALL.replace("{ kind = \"rmsprop\" }", recipe).replace("rate = 0.5", "rate = 0.0");
    let configuration = Configuration { architecture: text, start: Some(START_FILE.into()), ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let network = |seed| Network::new(configuration.architecture().expect("sound").into(), seed, &Device::flex());
    let (teacher, other) = (network(9), network(10));
    save_record(&teacher, &run_folder.file(START_FILE)).expect("written");
    let (images, labels) = faces(56);
    let pixels: Vec<u8> = images.iter().map(|&q| (q as u8) ^ 0x80).collect();
    let faces = LabelledFaces { images: &images, labels: &labels };
    let distance = |teachers: &[Network], folder: &RunFolder| {
        let training = TrainingFaces { pixels: Some(&pixels), teachers, ..faces.into() };
        let learned = train(&configuration, training, faces, folder, &AtomicBool::new(false), &mut |_| {});
        let learned = learned.expect("trains").last.parameters.to_flat();
        let pairs = learned.iter().zip(teacher.parameters.to_flat());
        pairs.map(|(learned, taught)| (learned - taught).abs()).fold(0.0, f32::max)
    };
    let itself = distance(std::slice::from_ref(&teacher), &run_folder);
    let second = RunFolder::create(&folder.path().join("other"), &configuration).expect("new");
    save_record(&teacher, &second.file(START_FILE)).expect("written");
    let another = distance(&[other], &second);
    assert!(itself < another / 100.0, "{itself} {another}");
}

#[test]
fn a_teacher_that_sees_other_values_is_refused_and_so_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("\nepochs", "\ndistillation = { share = 0.5, same_views = true }\nepochs");
    let configuration = Configuration { architecture: text.clone(), ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, labels) = faces(8);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let error = |teachers: &[Network]| {
        let training = TrainingFaces { teachers, ..faces.into() };
        let error = train(&configuration, training, faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
        error.expect_err("cannot be taught").to_string()
    };
    let global = Architecture::parse("a.toml", &text.replace("local", "global")).expect("sound");
    assert!(error(&[Network::new(global.into(), 1, &Device::flex())]).contains("`preprocessing`"));
    assert!(error(&[]).contains("--teachers"));
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
        "average_decay = 0.9",
        "mixup = 0.4",
        "sharpness_aware = 0.05",
        "reweighting = { after = 1, noise = \"anchors\" }",
        "augmentation = { shift = 2.0 }",
        "loss = \"squared_hinge\"",
    ];
    let mut seen = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let run_folder = RunFolder::create(&folder.path().join(number.to_string()), &configuration).expect("new");
        let network = run_with(&format!("{plain}\n{part}"), &run_folder, &configuration, None).last.to_float_network();
        assert!(!seen.contains(&network.weights), "`{part}` changed nothing");
        seen.push(network.weights);
    }
}

#[test]
fn a_seed_gives_the_same_model_file_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let model = |name: &str, configuration: &Configuration| {
        let run_folder = RunFolder::create(&folder.path().join(name), configuration).expect("new");
        let outcome = run(configuration, &run_folder, None);
        let exported = crate::export::quantize(
            &outcome.best,
            faces,
            Measured::on(faces, "PublicTest"),
            configuration,
            Form::default(),
        )
        .expect("fits");
        exported.model.as_slice().to_vec()
    };
    let first = model("first", &configuration);
    assert_eq!(first, model("second", &configuration));
    assert_ne!(first, model("third", &Configuration { seed: 6, ..configuration.clone() }));
}

//! Distillation.

use super::*;

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
        let learned = train_on(training, &configuration, folder, None);
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
fn the_loss_of_a_pupil_that_is_told_compares_with_that_of_its_validation() {
    // A learning rate of zero: training and validation see the same network, and here the same faces.
    let recipe = "{ kind = \"sgd\", learning_rate = 0.0 }\n\
        distillation = { share = 0.75, temperature = 4.0, same_views = true }";
    let text = SMALL.replace("{ kind = \"rmsprop\" }", recipe).replace("rate = 0.5", "rate = 0.0");
    let configuration = Configuration { architecture: text, epochs: 1, ..configuration() };
    let folder = tempfile::tempdir().expect("a folder");
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let teacher = Network::new(configuration.architecture().expect("sound").into(), 9, &Device::flex());
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let training = TrainingFaces { teachers: std::slice::from_ref(&teacher), ..faces.into() };
    let epoch = train_on(training, &configuration, &run_folder, None).expect("trains").metrics.remove(0);
    assert!((epoch.train_loss - epoch.validation_loss).abs() < 1e-4, "{epoch:?}");
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
        let error = train_on(training, &configuration, &run_folder, None);
        error.expect_err("cannot be taught").to_string()
    };
    let global = Architecture::parse("a.toml", &text.replace("local", "global")).expect("sound");
    assert!(error(&[Network::new(global.into(), 1, &Device::flex())]).contains("`preprocessing`"));
    assert!(error(&[]).contains("--teachers"));
}

#[test]
fn a_view_that_comes_again_is_the_same_and_its_answers_are_those_that_were_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = "{ kind = \"sgd\", learning_rate = 0.1 }\nmixup = 0.4\n\
        augmentation = { flip = true, shift = 4.0, gradient = 40.0, erasing = 0.5 }\n\
        distillation = { share = 0.9, temperature = 2.0, same_views = true, views = 2 }";
    let text = SMALL.replace("{ kind = \"rmsprop\" }", recipe);
    let with_views = Configuration { architecture: text.clone(), ..configuration() };
    let anew = Configuration { architecture: text.replace(", views = 2", ""), ..configuration() };
    let teacher = Network::new(with_views.architecture().expect("sound").into(), 9, &Device::flex());
    let (images, labels) = faces(52);
    let pixels: Vec<u8> = images.iter().map(|&q| (q as u8) ^ 0x80).collect();
    let faces = LabelledFaces { images: &images, labels: &labels };
    let training = TrainingFaces { pixels: Some(&pixels), teachers: std::slice::from_ref(&teacher), ..faces.into() };
    let at = |name: &str, configuration: &Configuration, epochs| {
        let configuration = Configuration { epochs, ..configuration.clone() };
        let run = RunFolder::open(&folder.path().join(name)).map(|(run, _)| run);
        let run = run.or_else(|_| RunFolder::create(&folder.path().join(name), &configuration)).expect("a folder");
        let weights = train_on(training, &configuration, &run, None).expect("trains").last.to_float_network().weights;
        (weights, run)
    };
    let (expected, _) = at("whole", &with_views, 4);
    assert_ne!(at("anew", &anew, 4).0, expected, "no view comes twice without `views`");

    for (name, changed) in [("torn", false), ("changed", true)] {
        let (_, run) = at(name, &with_views, 2);
        let file = run.file("views/1.bin");
        let mut answers = distillation::read_view(&run, 0, 52).expect("kept");
        assert!(answers.iter().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-4), "probabilities");
        assert!(run.file("views/2.bin").exists() && !run.file("views/3.bin").exists());
        if changed {
            answers.iter_mut().for_each(|row| row.rotate_left(1));
            write_view(&run, 0, &answers).expect("written");
        } else {
            fs::write(&file, b"torn").expect("written");
        }
        // Without a schedule, two epochs and then two more are the same as four.
        let (weights, run) = at(name, &with_views, 4);
        assert_eq!(weights == expected, !changed, "{name}: what is torn is asked again, what is kept is believed");
        assert!(distillation::read_view(&run, 0, 52).is_some());
    }
}

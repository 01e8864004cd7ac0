//! Interrupted runs, and files that are torn.

use std::fs;

use super::{
    recipes::{EVERYTHING, run_with},
    *,
};

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
fn a_run_with_checkpoints_of_the_version_before_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let whole = RunFolder::create(&folder.path().join("whole"), &configuration).expect("new");
    let expected = run(&configuration, &whole, None);
    let cut = RunFolder::create(&folder.path().join("cut"), &configuration).expect("new");
    assert!(!run(&configuration, &cut, Some(16)).finished);
    let text = fs::read_to_string(cut.file("config.toml")).expect("written");
    assert!(!text.contains("apart"), "runs of that time do not have it: {text}");
    for name in ["last", "previous", "best"] {
        let file = cut.file(&format!("checkpoints/{name}.ckpt"));
        let bytes = fs::read(&file).expect("there");
        let checkpoint = checkpoint::Checkpoint::decode(&bytes).expect("whole");
        let before = checkpoint.encode_2();
        assert!(before.starts_with(b"FERCKPT2") && before.len() < bytes.len());
        fs::write(&file, before).expect("written");
    }
    let (cut, read) = RunFolder::open(cut.path()).expect("a run");
    let second = run(&read, &cut, None);
    assert_eq!(second.metrics.len(), 4);
    assert_eq!(second.last.to_float_network(), expected.last.to_float_network());
    assert_eq!(second.best.to_float_network(), expected.best.to_float_network());
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
fn a_run_with_everything_a_recipe_can_ask_for_resumes_to_the_same_weights_at_any_epoch() {
    let same_views = EVERYTHING.replace("temperature = 3.0", "temperature = 3.0, same_views = true");
    resumes_to_the_same_weights_at_any_epoch(EVERYTHING);
    resumes_to_the_same_weights_at_any_epoch(&same_views);
    resumes_to_the_same_weights_at_any_epoch(&format!("{same_views}\nprecision = \"bf16\""));
    let views = same_views.replace("same_views = true", "same_views = true, views = 2");
    let views =
        views.replace("pretraining_epochs = 1\n", "").replace("reweighting = { after = 2, noise = \"votes\" }\n", "");
    resumes_to_the_same_weights_at_any_epoch(&views);
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
fn a_new_run_does_not_overwrite_another() {
    let (folder, configuration, ..) = finished();
    let error = RunFolder::create(folder.path(), &configuration).expect_err("taken");
    assert!(error.to_string().contains("--resume"), "{error}");
}

#[test]
fn a_folder_is_one_programs_while_it_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = RunFolder::create(folder.path(), &configuration()).expect("new");
    let error = RunFolder::create(folder.path(), &configuration()).expect_err("taken").to_string();
    assert!(error.contains("another program trains in this folder"), "{error}");
    let error = RunFolder::resume(folder.path()).expect_err("taken").to_string();
    assert!(error.contains("another program trains in this folder"), "{error}");
    RunFolder::open(folder.path()).expect("whoever only looks may do so");
    drop(first);
    RunFolder::resume(folder.path()).expect("free again");
}

#[test]
fn a_run_that_learned_nothing_makes_room_for_another_and_leaves_it_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let failed = RunFolder::create(folder.path(), &configuration()).expect("new");
    write_soft_targets(&failed, &[[0.125; Emotion::COUNT]; 2]).expect("written");
    for name in [START_FILE, "teacher-1/config.toml", "teacher-1/network.burnpack", "notes.txt"] {
        fs::create_dir_all(failed.file("teacher-1")).expect("made");
        fs::write(failed.file(name), b"of the run that failed").expect("written");
    }
    drop(failed);
    let other = Configuration { seed: 6, ..configuration() };
    let run = RunFolder::create(folder.path(), &other).expect("nothing is lost");
    assert_eq!(RunFolder::open(folder.path()).expect("a run").1, other);
    assert_eq!(read_soft_targets(&run, 2), None);
    assert!(!run.file(START_FILE).exists() && !run.file("teacher-1").exists() && run.file("notes.txt").exists());
    drop(run);
    // A teacher that has been trained is worth as much as the run itself.
    fs::create_dir_all(folder.path().join("teacher-1/checkpoints")).expect("made");
    fs::write(folder.path().join("teacher-1/checkpoints/last.ckpt"), b"an hour's work").expect("written");
    assert!(matches!(RunFolder::create(folder.path(), &other), Err(TrainingError::Exists { .. })));
    fs::remove_file(folder.path().join("config.toml")).expect("removed");
    assert!(matches!(RunFolder::create(folder.path(), &other), Err(TrainingError::Leftovers { .. })));
}

/// A run that is over, in a folder that goes when the first of these does.
fn finished() -> (tempfile::TempDir, Configuration, RunFolder, Outcome) {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let outcome = run(&configuration, &run_folder, None);
    (folder, configuration, run_folder, outcome)
}

#[test]
fn a_torn_checkpoint_falls_back_to_the_one_before() {
    let (_folder, configuration, run_folder, expected) = finished();
    let last = run_folder.file("checkpoints/last.ckpt");
    let bytes = fs::read(&last).expect("there");
    fs::write(&last, &bytes[..bytes.len() / 2]).expect("torn");
    assert_eq!(run_folder.last_checkpoint().expect("readable").expect("the one before").metrics.len(), 3);
    let again = run(&configuration, &run_folder, None);
    assert_eq!(again.last.to_float_network(), expected.last.to_float_network());
}

#[test]
fn a_torn_checkpoint_never_replaces_the_good_one_before_it() {
    let (_folder, _, run_folder, _) = finished();
    let last = run_folder.file("checkpoints/last.ckpt");
    let good = run_folder.last_checkpoint().expect("readable").expect("there");
    fs::write(&last, b"torn").expect("torn");
    run_folder.write_last(&good).expect("written");
    fs::remove_file(&last).expect("as if the power had failed between the two steps");
    assert!(run_folder.last_checkpoint().expect("readable").is_some(), "nothing whole is left");
}

#[test]
fn a_torn_best_checkpoint_does_not_pass_other_weights_off_as_the_best() {
    let (_folder, configuration, run_folder, _) = finished();
    fs::write(run_folder.file("checkpoints/best.ckpt"), b"torn").expect("torn");
    let error = try_run(&configuration, &run_folder, None);
    let error = error.expect_err("the best weights are lost").to_string();
    assert!(error.contains("best.ckpt") && error.contains("--out"), "{error}");
}

#[test]
fn two_torn_checkpoints_are_an_error_not_a_fresh_start() {
    let (_folder, configuration, run_folder, _) = finished();
    for name in ["checkpoints/last.ckpt", "checkpoints/previous.ckpt"] {
        fs::write(run_folder.file(name), b"torn").expect("torn");
    }
    let error = try_run(&configuration, &run_folder, None).expect_err("nothing whole is left").to_string();
    assert!(error.contains("last.ckpt") && error.contains("--out"), "{error}");
}

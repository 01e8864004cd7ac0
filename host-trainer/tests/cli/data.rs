//! Data sets as users have them.

use std::fs;

use super::{
    faces::{NETWORK, workplace, write_csv, write_images},
    program::{program, run},
};

#[test]
fn a_folder_without_faces_for_validation_is_trained_on_with_a_share_kept_aside() {
    let folder = workplace();
    write_images(&folder.path().join("kaggle"), 1, &[("train", 20), ("test", 4)]);
    let train = format!("train --data kaggle --architecture {NETWORK} --out run");
    let ended = run(folder.path(), &train).done();
    assert!(ended.out.contains("no faces for validation: 0.1 of those for training are kept aside"), "{}", ended.out);
    let images = ended.out.lines().find_map(|line| line.strip_prefix("images       ")).expect("told");
    let numbers: Vec<usize> = images.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!((numbers.iter().sum::<usize>(), numbers[1] > 0), (140, true), "{images}");
    assert!(ended.out.contains("of Training (kept aside) right"), "{}", ended.out);
    let report = fs::read_to_string(folder.path().join("run/report.md")).expect("written");
    assert!(report.contains(&format!("{} faces for training, {} for validation", numbers[0], numbers[1])), "{report}");
    assert!(report.contains("There are no others to report on."), "{report}");
    let configuration = fs::read_to_string(folder.path().join("run/config.toml")).expect("written");
    assert!(configuration.contains("held_out = 0.1"), "{configuration}");

    let again = run(folder.path(), "train --resume run").done();
    let result = |out: &str| out.lines().filter(|line| line.contains("right")).map(String::from).collect::<Vec<_>>();
    assert_eq!(result(&again.out), result(&ended.out));
    let quantized = run(folder.path(), "quantize run --out again.fer").done();
    assert_eq!(result(&quantized.out), result(&ended.out));
    let models = ["again.fer", "run/model.fer"].map(|name| fs::read(folder.path().join(name)).expect("written"));
    assert!(models[0] == models[1], "another model file");
    let evaluate = "evaluate --model run/model.fer --data kaggle";
    run(folder.path(), evaluate).refused(1, "but Training and PrivateTest; choose another --split");
    run(folder.path(), &format!("{evaluate} --split test")).done();
}

#[test]
fn folders_are_named_as_in_data_sets_that_people_share() {
    let folder = workplace();
    write_images(&folder.path().join("shared"), 1, &[("train", 2), ("val", 1), ("Test", 1)]);
    let others = [
        ("angry", "Anger"),
        ("disgust", "disgusted"),
        ("fear", "fearful"),
        ("happy", "happiness"),
        ("sad", "SADNESS"),
        ("surprise", "surprised"),
    ];
    for (name, other) in others {
        for split in ["train", "val", "Test"] {
            let path = folder.path().join("shared").join(split);
            fs::rename(path.join(name), path.join(other)).expect("renamed");
        }
    }
    let ended = run(folder.path(), &format!("train --data shared --architecture {NETWORK} --out run")).done();
    assert!(ended.out.contains("images       14 to train on, 7 to validate on"), "{}", ended.out);
    assert!(!ended.err.contains("warning"), "{}", ended.err);
}

#[test]
fn a_share_that_holds_no_face_is_told_with_what_to_do() {
    let folder = workplace();
    write_images(&folder.path().join("few"), 1, &[("train", 1)]);
    let train = format!("train --data few --architecture {NETWORK} --held-out 0.000001");
    run(folder.path(), &train).refused(1, "name a larger share with --held-out");
}

#[test]
fn a_folder_without_faces_to_train_on_says_what_it_has() {
    let folder = workplace();
    write_images(&folder.path().join("odd"), 1, &[("validation", 1)]);
    let ended = run(folder.path(), &format!("train --data odd --architecture {NETWORK}"));
    let ended = ended.refused(1, "odd has no Training faces (in a folder of images: train/), but PublicTest");
    assert!(!ended.err.contains("--split"), "which train has not: {}", ended.err);
}

#[test]
fn an_empty_variable_counts_as_none_and_a_file_is_read_whatever_stands_before_its_text() {
    let folder = workplace();
    fs::create_dir(folder.path().join("data")).expect("made");
    let path = folder.path().join("data/fer2013.csv");
    write_csv(&path, 1, 42);
    let text = fs::read_to_string(&path).expect("there");
    fs::write(&path, format!("\u{feff}{text}")).expect("written");
    let architecture = fs::read_to_string(folder.path().join(NETWORK)).expect("there");
    fs::write(folder.path().join(NETWORK), format!("\u{feff}{architecture}")).expect("written");
    let mut command = program(folder.path());
    command.args(["train", "--architecture", NETWORK, "--out", "run"]).env("FER2013", "");
    let ended = super::program::Ended::from(command.output().expect("starts")).done();
    assert!(ended.out.contains("faces        fer2013.csv\n"), "{}", ended.out);
    command.env("FER2013", "none.csv");
    super::program::Ended::from(command.output().expect("starts"))
        .refused(1, "none.csv: No such file or directory (os error 2); the variable FER2013 names it");
}

#[cfg(unix)]
#[test]
fn a_pipe_of_faces_is_evaluated_and_refused_in_training() {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 21);
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware/models/edge.fer");
    let piped = |command: &str| {
        let script = format!("\"$0\" {command} --data <(cat faces.csv)");
        let program = env!("CARGO_BIN_EXE_host-trainer");
        let mut bash = std::process::Command::new("bash");
        bash.current_dir(folder.path()).args(["-c", &script, program]).env_remove("FER2013");
        super::program::Ended::from(bash.output().expect("bash"))
    };
    piped(&format!("train --architecture {NETWORK}")).refused(1, "this is a pipe, which can be read only once");
    piped(&format!("evaluate --model {model}")).done();
    let input = || fs::File::open(folder.path().join("faces.csv")).expect("there");
    let mut command = program(folder.path());
    command.args(["evaluate", "--model", model, "--data", "-"]).stdin(input());
    super::program::Ended::from(command.output().expect("starts")).done();
}

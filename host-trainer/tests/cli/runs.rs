//! A run knows its data, and one program at a time has its folder.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
};

use host_trainer::training::RunFolder;

use super::{
    faces::{NETWORK, architecture, workplace, write_csv, write_images, write_votes},
    program::{Ended, program, run},
};

/// A folder with `faces.csv` and a run in `run` that was trained on it.
fn trained(options: &str) -> tempfile::TempDir {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 42);
    write_votes(&folder.path().join("votes.csv"), 1, 42, 8);
    run(folder.path(), &format!("train --data faces.csv --architecture {NETWORK} --out run{options}")).done();
    folder
}

#[test]
fn another_file_under_the_same_name_is_refused_and_the_same_faces_are_taken_from_anywhere() {
    let folder = trained("");
    let path = folder.path().join("faces.csv");
    let model = fs::read(folder.path().join("run/model.fer")).expect("written");
    fs::create_dir(folder.path().join("elsewhere")).expect("made");
    fs::rename(&path, folder.path().join("elsewhere/moved.csv")).expect("moved");
    write_csv(&path, 2, 42);
    for command in ["train --resume run", "quantize run", "train --resume run --data faces.csv"] {
        run(folder.path(), command).refused(1, "run: the run was begun with other faces of faces.csv");
    }
    run(folder.path(), "train --resume run --data elsewhere/moved.csv").done();
    run(folder.path(), "quantize run --data elsewhere/moved.csv").done();
    assert!(fs::read(folder.path().join("run/model.fer")).expect("written") == model, "another model file");
    fs::remove_file(&path).expect("removed");
    run(folder.path(), "train --resume run").refused(1, "name them with --data: faces.csv: ");
    run(folder.path(), "train --resume run --data none.csv").refused(1, "error: none.csv: No such file");
}

#[test]
fn a_folder_of_images_is_the_same_however_it_is_spelled() {
    let folder = workplace();
    write_images(&folder.path().join("d"), 1, &[("train", 3), ("validation", 1)]);
    run(folder.path(), &format!("train --data d --architecture {NETWORK} --out run")).done();
    run(folder.path(), "train --resume run --data ./d").done();
    fs::rename(folder.path().join("d"), folder.path().join("e")).expect("moved");
    run(folder.path(), "train --resume run --data e/.").done();
    let file = fs::read_dir(folder.path().join("e/train/happy")).expect("there").flatten().next().expect("one").path();
    fs::remove_file(file).expect("removed");
    run(folder.path(), "train --resume run --data e").refused(1, "begun with other faces");
}

#[test]
fn a_run_of_an_older_program_knows_its_data_by_name() {
    let folder = trained("");
    let path = folder.path().join("run/config.toml");
    let text = fs::read_to_string(&path).expect("written");
    let older: String =
        text.lines().filter(|line| !line.contains("_contents")).map(|line| format!("{line}\n")).collect();
    assert_ne!(older, text);
    fs::write(&path, older).expect("written");
    run(folder.path(), "train --resume run").done();
    run(folder.path(), "train --resume run --data ./faces.csv").done();
    fs::copy(folder.path().join("faces.csv"), folder.path().join("other.csv")).expect("copied");
    run(folder.path(), "train --resume run --data other.csv").refused(1, "trained on faces.csv, not on other.csv");
}

#[test]
fn votes_are_part_of_a_run() {
    let folder = workplace();
    fs::write(folder.path().join(NETWORK), architecture("votes = 0.5")).expect("written");
    write_csv(&folder.path().join("faces.csv"), 1, 42);
    write_votes(&folder.path().join("votes.csv"), 1, 42, 8);
    run(folder.path(), &format!("train --data faces.csv --votes votes.csv --architecture {NETWORK} --out run")).done();
    fs::rename(folder.path().join("votes.csv"), folder.path().join("moved.csv")).expect("moved");
    write_votes(&folder.path().join("votes.csv"), 1, 42, 6);
    run(folder.path(), "train --resume run").refused(1, "run: the run was begun with other votes");
    run(folder.path(), "train --resume run --votes moved.csv").done();
    let plain = trained("");
    run(plain.path(), "train --resume run --votes votes.csv").refused(1, "run: the run was begun without votes");
}

#[test]
fn teachers_and_the_weights_at_the_start_are_part_of_a_run() {
    let folder = trained("");
    run(folder.path(), &format!("train --data faces.csv --architecture {NETWORK} --seed 2 --out other")).done();
    let recipe = architecture("distillation = { share = 0.5, same_views = true }");
    fs::write(folder.path().join("pupil.toml"), recipe).expect("written");
    run(folder.path(), "train --data faces.csv --architecture pupil.toml --teachers run --out pupil").done();
    fs::rename(folder.path().join("run"), folder.path().join("moved")).expect("moved");
    run(folder.path(), "train --resume pupil --teachers moved").done();
    run(folder.path(), "train --resume pupil --teachers other")
        .refused(1, "pupil: the run was begun with other teachers");
    run(folder.path(), "train --resume moved --teachers other").refused(1, "no teachers were named");
    // A network in the place of the copy that was kept.
    let record = "network.burnpack";
    fs::copy(folder.path().join("other").join(record), folder.path().join("pupil/teacher-1").join(record))
        .expect("copied");
    run(folder.path(), "train --resume pupil").refused(1, "is not the network that has taught the run so far");

    run(folder.path(), &format!("train --data faces.csv --architecture {NETWORK} --start moved --out tuned")).done();
    run(folder.path(), "train --resume tuned").done();
    fs::copy(folder.path().join("other").join(record), folder.path().join("tuned/start.burnpack")).expect("copied");
    run(folder.path(), "train --resume tuned").refused(1, "tuned: start.burnpack no longer holds the weights");
}

#[test]
fn two_programs_do_not_share_a_run() {
    let folder = trained("");
    let taken = RunFolder::resume(&folder.path().join("run")).expect("a run");
    let busy = "run: another program trains in this folder";
    let ended = run(folder.path(), "train --resume run").refused(1, busy);
    assert!(!ended.err.contains("no run"), "{}", ended.err);
    drop(taken);
    run(folder.path(), "train --resume run").done();
}

fn wait(child: Child) -> Ended {
    child.wait_with_output().expect("ends").into()
}

#[test]
fn a_run_that_is_not_finished_says_so_to_who_needs_its_weights() {
    let folder = trained("");
    fs::remove_file(folder.path().join("run/network.burnpack")).expect("there");
    let start = format!("train --data faces.csv --architecture {NETWORK} --start run --out other");
    for command in ["quantize run", &start] {
        run(folder.path(), command).refused(1, "a run has it once it is finished, and `train --resume` finishes a run");
    }
    run(folder.path(), "train --resume run").done();
    run(folder.path(), "quantize run").done();
}

#[test]
fn a_run_that_is_quantized_again_has_the_report_of_its_new_model() {
    let folder = trained("");
    let path = |name: &str| folder.path().join("run").join(name);
    let files = ["report.md", "network.onnx", "model.fer"];
    let contents = || files.map(|name| fs::read(path(name)).expect("written"));
    let before = contents();
    run(folder.path(), "quantize run").done();
    assert!(contents() == before, "nothing has changed");
    let configuration = fs::read_to_string(path("config.toml")).expect("written");
    let adjusted = configuration.replace("[recipe]\n", "[recipe]\nlogit_adjustment = [0, 200, 0, 0, 0, 0, 0]\n");
    fs::write(path("config.toml"), adjusted).expect("written");
    let ended = run(folder.path(), "quantize run").done();
    assert!(ended.out.contains("run/report.md"), "{}", ended.out);
    for ((name, before), now) in files.iter().zip(&before).zip(&contents()) {
        assert!(before != now, "{name} is as before");
    }
    let report = fs::read_to_string(path("report.md")).expect("written");
    assert!(report.contains("| added to the logits | [0.0, 200.0, 0.0, 0.0, 0.0, 0.0, 0.0] |"), "{report}");

    let now = contents();
    fs::write(path("metrics.csv"), "epoch,train_loss\n1,").expect("written");
    run(folder.path(), "quantize run").refused(1, "metrics.csv");
    assert!(contents() == now, "nothing is written");
    fs::remove_file(path("metrics.csv")).expect("removed");
    let ended = run(folder.path(), "quantize run").done();
    assert!(!ended.out.contains("report.md"), "{}", ended.out);
}

#[test]
fn of_two_that_begin_the_same_run_at_once_one_is_refused_and_without_a_name_both_get_a_folder() {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 42);
    let both = |out: &str| {
        let arguments = format!("train --data faces.csv --architecture {NETWORK}{out}");
        let mut command = program(folder.path());
        command.args(arguments.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        [(); 2].map(|()| command.spawn().expect("starts")).map(wait)
    };
    let ended = both(" --out run");
    let done = ended.iter().filter(|ended| ended.status == Some(0)).count();
    assert_eq!(done, 1, "{ended:#?}");
    let refused = ended.into_iter().find(|ended| ended.status != Some(0)).expect("the other");
    refused.refused(1, "choose another folder with --out");
    for ended in both("") {
        ended.done();
    }
    for name in ["runs/small-1", "runs/small-2"] {
        assert!(folder.path().join(name).join("model.fer").exists(), "{name}");
    }
}

#[test]
fn a_start_that_failed_leaves_no_run_behind() {
    let folder = workplace();
    fs::write(folder.path().join("faces.csv"), "emotion,pixels,Usage\n1,2 3,Training\n").expect("written");
    let train = format!("train --data faces.csv --architecture {NETWORK}");
    run(folder.path(), &format!("{train} --out run")).refused(1, "line 2, column pixels");
    run(folder.path(), &train).refused(1, "line 2, column pixels");
    assert!(!folder.path().join("run").exists() && !folder.path().join("runs/small-1").exists());
    write_csv(&folder.path().join("faces.csv"), 1, 42);
    let wild = architecture("").replace("learning_rate = 0.01", "learning_rate = 1e38");
    fs::write(folder.path().join("wild.toml"), wild).expect("written");
    let ended = run(folder.path(), "train --data faces.csv --architecture wild.toml --out run");
    let ended = ended.refused(1, "in epoch 1, step ");
    assert!(ended.err.contains("no epoch was finished, so nothing is kept: lower the learning rate"), "{}", ended.err);
    run(folder.path(), &format!("{train} --out run")).done();
    run(folder.path(), &format!("{train} --out run")).refused(1, "run: holds a run already");
}

#[cfg(unix)]
#[test]
fn files_of_a_run_have_the_permissions_that_the_umask_gives() {
    use std::os::unix::fs::PermissionsExt;
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 42);
    let script = format!("umask 022; \"$0\" train --data faces.csv --architecture {NETWORK} --out run");
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(folder.path()).args(["-c", &script, env!("CARGO_BIN_EXE_host-trainer")]);
    Ended::from(shell.output().expect("sh")).done();
    let mut files = 0;
    let mut folders = vec![folder.path().join("run"), folder.path().join("runs/cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("there").flatten() {
            let metadata = entry.metadata().expect("there");
            if metadata.is_dir() {
                folders.push(entry.path());
                continue;
            }
            files += 1;
            assert_eq!(metadata.permissions().mode() & 0o777, 0o644, "{}", entry.path().display());
        }
    }
    assert!(files > 10, "{files}");
}

/// An experiment file whose second experiment goes on from its first.
const PRESETS: &str = "[[experiment]]\nname = \"short\"\ntitle = \"short\"\nfrom = \"levorse\"\nrecipe = { epochs = 1 }\n\
    [[experiment]]\nname = \"long\"\ntitle = \"long\"\nfrom = \"short\"\ncontinues = \"short\"\nrecipe = { epochs = 2 }\n";

#[test]
fn an_experiment_goes_on_from_a_shorter_one_only_where_that_comes_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine.toml"), PRESETS).expect("written");
    write_csv(&folder.path().join("faces.csv"), 1, 42);
    let reproduce = |rest: &str| run(folder.path(), &format!("reproduce --presets mine.toml --data faces.csv{rest}"));
    reproduce(" --out apart --only long").done();
    let weights = |path: &str| fs::read(folder.path().join(path).join("model.fer")).expect("written");
    // The shorter run was trained on other faces: nothing is taken from it.
    let others = tempfile::tempdir().expect("a folder");
    fs::write(others.path().join("mine.toml"), PRESETS).expect("written");
    write_csv(&others.path().join("faces.csv"), 2, 42);
    run(others.path(), "reproduce --presets mine.toml --data faces.csv --out runs --only short").done();
    copy(&others.path().join("runs/short-1"), &folder.path().join("mixed/short-1"));
    reproduce(" --out mixed --only long").done();
    assert!(weights("mixed/long-1") == weights("apart/long-1"), "it went on from other faces");
    reproduce(" --out mixed --only short").refused(1, "short-1: holds a run that differs by the faces");
    // The same faces: it goes on, even over what an interrupted copy has left, to the same weights.
    let interrupted = folder.path().join("together/long-1/checkpoints");
    fs::create_dir_all(&interrupted).expect("made");
    fs::write(interrupted.join("last.ckpt"), "half a file").expect("written");
    let ended = reproduce(" --out together").done();
    assert!(weights("together/long-1") == weights("apart/long-1"), "{ended:#?}");
    let epochs = fs::read_to_string(folder.path().join("together/long-1/metrics.csv")).expect("written");
    let shorter = fs::read_to_string(folder.path().join("together/short-1/metrics.csv")).expect("written");
    assert_eq!(epochs.lines().nth(1), shorter.lines().nth(1), "with the seconds that the shorter one took");
    reproduce(" --out together").done();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("there").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

//! Standard output and standard error, whoever reads them.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{
    faces::{NETWORK, workplace, write_csv},
    program::{Ended, program, run},
};

fn edge() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/models/edge.fer")
}

#[test]
fn a_program_that_nobody_listens_to_any_more_ends_without_a_word() {
    let mut command = program(Path::new("."));
    command.arg("inspect").arg(edge()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // As `head -0` would.
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn a_training_that_nobody_listens_to_any_more_stops_without_a_word_and_is_not_done() {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 21);
    let mut command = program(folder.path());
    let arguments = format!("train --data faces.csv --architecture {NETWORK} --epochs 1000000 --out run");
    command.args(arguments.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert_eq!((ended.status, ended.err.as_str()), (Some(141), "reading faces …\n"));
}

#[cfg(target_os = "linux")]
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("Linux has it").into()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_of_every_command() {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 21);
    host_trainer::image_file::write_grey(&folder.path().join("a.png"), 48, 48, vec![9; 48 * 48]).expect("written");
    let model = edge().display().to_string();
    let commands = [
        "predict a.png".to_string(),
        "predict --json a.png".into(),
        format!("inspect {model}"),
        format!("inspect --json {model}"),
        format!("evaluate --model {model} --data faces.csv"),
        format!("evaluate --model {model} --data faces.csv --json"),
        "normalize a.png --out b.png".into(),
        "page --out site".into(),
        "page --serve 127.0.0.1:0".into(),
        format!("train --data faces.csv --architecture {NETWORK} --out run"),
        "--help".into(),
        "train --help".into(),
        "--version".into(),
    ];
    for arguments in commands {
        let output = program(folder.path()).args(arguments.split(' ')).stdout(full()).output().expect("starts");
        let ended = Ended::from(output).refused(1, "error: standard output: ");
        assert!(!ended.err.contains("backtrace"), "{arguments}: {ended:#?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_error_is_an_error_too_and_is_told_on_standard_output() {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 21);
    let arguments = format!("train --data faces.csv --architecture {NETWORK} --out run");
    let output = program(folder.path()).args(arguments.split(' ')).stderr(full()).output().expect("starts");
    let ended = Ended::from(output);
    assert_eq!(ended.status, Some(1), "{ended:#?}");
    assert!(ended.out.contains("error: standard error: "), "{ended:#?}");
    assert!(!folder.path().join("run").exists(), "nothing was begun");
}

#[test]
fn options_that_nothing_would_come_of_are_wrong_usage() {
    let folder = workplace();
    write_csv(&folder.path().join("faces.csv"), 1, 21);
    let model = edge().display().to_string();
    let cases = [
        (format!("evaluate --model {model} --data faces.csv --votes none.csv"), "add --labels ferplus"),
        (format!("train --data faces.csv --architecture {NETWORK} --votes none.csv"), "does not learn from votes"),
        (format!("train --data faces.csv --architecture {NETWORK} --teachers none"), "has no `distillation`"),
        ("reproduce --data faces.csv --votes none.csv".into(), "none of these experiments learns from votes"),
        ("monitor --port tcp:127.0.0.1:9 --mirror".into(), "--mirror is for faces that are sent"),
        ("monitor --port tcp:127.0.0.1:9 --limit 3".into(), "--limit is for faces that are sent"),
    ];
    for (arguments, words) in cases {
        run(folder.path(), &arguments).refused(2, words);
    }
    assert!(!folder.path().join("runs").exists());
}

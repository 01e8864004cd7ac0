//! Models that hosts put on the program, in the folder that is a service's.

mod host;

use std::{fs, path::Path, process::Command};

use host::{Device, Host, Identity, model_crc};
use shared::wire::{ErrorCode, Running};

/// Comes with the program.
const BUILT_IN: &[u8] = include_bytes!("../../../models/pi.fer");
const PICO: &[u8] = include_bytes!("../../../models/pico.fer");
const LEVORSE: &[u8] = include_bytes!("../../../models/levorse.fer");

/// The program at a free TCP port, without the folder of the service that may run these tests.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fer-linux"));
    command.args(["--tcp", "127.0.0.1:0"]).env_remove("STATE_DIRECTORY");
    command
}

/// The program as systemd starts it.
fn service(folder: &Path) -> Device {
    Device::start(program().env("STATE_DIRECTORY", folder))
}

fn runs(file: &[u8], place: Running) -> Identity {
    Identity { model_crc: model_crc(file), running: Some(place) }
}

/// Names of the files of a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("readable").file_name().into_string().expect("text");
    let mut files: Vec<_> = fs::read_dir(folder).expect("there").map(name).collect();
    files.sort();
    files
}

#[test]
fn a_service_keeps_models_in_its_state_folder_and_starts_with_the_newest() {
    let folder = tempfile::tempdir().expect("made");
    let device = service(folder.path());
    let (mut host, before) = Host::greet(&device);
    assert_eq!(before, runs(BUILT_IN, Running::BuiltIn));
    assert_eq!(host.upload(PICO), runs(PICO, Running::A));
    host.assert_answers(PICO);
    assert_eq!(host.upload(LEVORSE), runs(LEVORSE, Running::B));
    assert_eq!(device.kill(), "");
    assert_eq!(files(folder.path()), ["a.fer", "b.fer", "newest"]);
    assert_eq!(fs::read(folder.path().join("a.fer")).expect("there"), PICO, "the file is the one that was sent");

    let device = service(folder.path());
    let (mut host, again) = Host::greet(&device);
    assert_eq!(again, runs(LEVORSE, Running::B));
    host.assert_answers(LEVORSE);
    drop(device);

    // The folder can be named without systemd, and a model that is named is the only one.
    let device = Device::start(program().arg("--models").arg(folder.path()));
    assert_eq!(Host::greet(&device).1, runs(LEVORSE, Running::B));
    let pico = folder.path().join("a.fer");
    let device = Device::start(program().env("STATE_DIRECTORY", folder.path()).arg("--model").arg(pico));
    assert_eq!(Host::greet(&device).1, Identity { model_crc: model_crc(PICO), running: None });
}

#[test]
fn without_a_folder_no_models_are_kept() {
    for command in [&mut program(), program().env("STATE_DIRECTORY", "")] {
        let device = Device::start(command);
        assert_eq!(Host::greet(&device).1, Identity { model_crc: model_crc(BUILT_IN), running: None });
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("made");
    let file = folder.path().join("file");
    fs::write(&file, b"no folder").expect("written");
    // Nobody makes files there, not even root, who may write to every other folder.
    let read_only = Path::new("/proc/self");
    for folder in [&file, &file.join("beneath"), read_only] {
        for command in [program().env("STATE_DIRECTORY", folder), program().arg("--models").arg(folder)] {
            let output = command.output().expect("starts");
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{error}");
            let expected = format!(
                "error: {} (models that hosts upload are kept there; can this user write to it?): ",
                folder.display()
            );
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn a_damaged_model_gives_way_to_the_other_and_then_to_the_one_of_the_program() {
    let folder = tempfile::tempdir().expect("made");
    let [a, b] = ["a.fer", "b.fer"].map(|name| folder.path().join(name));
    let mut damaged = LEVORSE.to_vec();
    damaged[LEVORSE.len() / 2] ^= 1;
    fs::write(&a, &damaged).expect("written");
    fs::write(&b, PICO).expect("written");
    fs::write(folder.path().join("newest"), "a").expect("written");

    let device = service(folder.path());
    let (mut host, identity) = Host::greet(&device);
    assert_eq!(identity, runs(PICO, Running::B));
    host.assert_answers(PICO);
    let said = device.kill();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(&format!("{}: ", a.display())) && said.ends_with("; an older model runs\n"), "{said}");

    // The one that is damaged is replaced, and not the one that runs.
    let device = service(folder.path());
    assert_eq!(Host::greet(&device).0.upload(LEVORSE), runs(LEVORSE, Running::A));
    assert_eq!(fs::read(&b).expect("there"), PICO);
    drop(device);

    for (path, bytes) in [(&a, &damaged[..]), (&b, b"")] {
        fs::write(path, bytes).expect("written");
    }
    let device = service(folder.path());
    let (mut host, identity) = Host::greet(&device);
    assert_eq!(identity, runs(BUILT_IN, Running::BuiltIn));
    host.assert_answers(BUILT_IN);
    assert_eq!(device.kill().lines().count(), 2, "a line for each");
}

#[test]
fn an_upload_goes_on_where_the_program_was_killed() {
    let folder = tempfile::tempdir().expect("made");
    let device = service(folder.path());
    assert_eq!(Host::greet(&device).0.upload(LEVORSE), runs(LEVORSE, Running::A));
    drop(device);
    let mut arrived = 0;
    // The last time nothing but the commit is missing.
    for part in 0..=4 {
        let device = service(folder.path());
        let (mut host, identity) = Host::greet(&device);
        assert_eq!(identity, runs(LEVORSE, Running::A), "the old model answers until the new one is whole");
        assert_eq!(host.begin(PICO), arrived, "what was taken is still there");
        let next = (PICO.len() * part / 4).next_multiple_of(16);
        host.send(PICO, arrived, next);
        arrived = next;
        host.assert_answers(LEVORSE);
        assert_eq!(device.kill(), "");
    }
    let device = service(folder.path());
    let (mut host, _) = Host::greet(&device);
    assert_eq!(host.begin(PICO), arrived);
    host.commit(PICO).expect("it is whole");
    assert_eq!(device.kill(), "");
    assert_eq!(files(folder.path()), ["a.fer", "b.fer", "newest"], "nothing is left of the upload");
    let device = service(folder.path());
    let (mut host, identity) = Host::greet(&device);
    assert_eq!(identity, runs(PICO, Running::B));
    host.assert_answers(PICO);
}

#[test]
fn a_rest_of_an_upload_that_was_damaged_is_refused_and_sent_anew() {
    let folder = tempfile::tempdir().expect("made");
    let device = service(folder.path());
    let (mut host, _) = Host::greet(&device);
    host.begin(PICO);
    host.send(PICO, 0, 4096);
    drop(device);
    let [rest] = &files(folder.path())[..] else { panic!("one file") };
    let path = folder.path().join(rest);
    let mut bytes = fs::read(&path).expect("there");
    bytes[1000] ^= 0x10;
    fs::write(&path, bytes).expect("written");

    let device = service(folder.path());
    let (mut host, _) = Host::greet(&device);
    assert_eq!(host.begin(PICO), 4096);
    host.send(PICO, 4096, usize::MAX);
    assert_eq!(host.commit(PICO), Err(ErrorCode::UploadChecksum));
    host.assert_answers(BUILT_IN);
    assert_eq!(host.begin(PICO), 0, "nothing of it is kept");
    host.send(PICO, 0, usize::MAX);
    host.commit(PICO).expect("it is whole");
    assert_eq!(host.hello(), runs(PICO, Running::A));
}

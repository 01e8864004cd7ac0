//! Ctrl-C, SIGTERM, terminals.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{
    faces::{NETWORK, architecture, workplace, write_csv},
    program::{program, run, signal},
    terminal::{ALTERNATE_SCREEN, OWN_SCREEN, on_terminal},
};

/// More epochs than any test waits for.
const LONG: &str = "--epochs 1000000";

fn long_run(folder: &Path) -> Command {
    write_csv(&folder.join("faces.csv"), 1, 42);
    let mut command = program(folder);
    let arguments = format!("train --data faces.csv --architecture {NETWORK} --out run {LONG}");
    command.args(arguments.split(' '));
    command
}

/// Epochs that the run has kept.
fn epochs(folder: &Path) -> usize {
    fs::read_to_string(folder.join("run/metrics.csv")).map_or(0, |text| text.lines().count().saturating_sub(1))
}

#[test]
fn a_signal_ends_a_training_after_a_step_with_a_status_of_its_own_and_the_run_goes_on_later() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let folder = workplace();
        let mut child = long_run(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let first =
            lines.find(|line| line.as_ref().is_ok_and(|line| line.trim_start().starts_with("1/"))).expect("an epoch");
        first.expect("text");
        signal(&child, name);
        let rest: Vec<String> = lines.map(|line| line.expect("text")).collect();
        assert_eq!(child.wait().expect("ends").code(), Some(status), "{name}: {rest:?}");
        let kept = epochs(folder.path());
        assert!(kept > 0 && rest.contains(&format!("stopped after epoch {kept}; continue with")), "{rest:?}");
        // Two epochs more.
        let path = folder.path().join("run/config.toml");
        let text =
            fs::read_to_string(&path).expect("there").replace("epochs = 1000000", &format!("epochs = {}", kept + 2));
        fs::write(&path, text).expect("written");
        run(folder.path(), "train --resume run").done();
        assert_eq!(epochs(folder.path()), kept + 2);
    }
}

#[test]
fn a_signal_ends_the_program_at_once_while_it_reads() {
    let folder = workplace();
    fs::write(folder.path().join(NETWORK), architecture("votes = 0.5")).expect("written");
    let pipe = folder.path().join("votes");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let mut child =
            long_run(folder.path()).args(["--votes", "votes"]).stderr(Stdio::null()).spawn().expect("starts");
        // Opened once the program reads at the other end; nothing comes.
        let silent = File::options().write(true).open(&pipe).expect("opened");
        signal(&child, name);
        assert_eq!(child.wait().expect("ends").code(), Some(status), "{name}");
        drop(silent);
        assert!(!folder.path().join("run").exists(), "nothing was begun");
    }
}

#[test]
fn the_dashboard_gives_the_terminal_back_when_it_is_ended_from_outside() {
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let folder = workplace();
        let mut command = long_run(folder.path());
        command.env("TERM", "xterm-256color");
        let (ended, drawn) = on_terminal(command, "images/s", |child, _| signal(child, name));
        assert_eq!((ended.code(), ended.signal()), (Some(status), None));
        let (taken, given_back) = (drawn.find(ALTERNATE_SCREEN), drawn.rfind(OWN_SCREEN));
        assert!(taken.is_some() && given_back > taken, "{drawn:?}");
        let after = &drawn[given_back.unwrap_or(0)..];
        assert!(after.contains("host-trainer train --resume run"), "{after:?}");
        let modes = drawn[taken.unwrap_or(0)..].matches("\u{1b}[?25l").count();
        assert!(modes == 0 || drawn.rfind("\u{1b}[?25h") > drawn.rfind("\u{1b}[?25l"), "the cursor stays hidden");
    }
}

#[test]
fn keys_end_a_training_whose_epochs_are_shorter_than_a_frame() {
    for key in ["q", "\u{3}"] {
        let folder = workplace();
        let mut command = long_run(folder.path());
        command.env("TERM", "xterm-256color");
        let press = |_: &Child, keyboard: &mut File| keyboard.write_all(key.as_bytes()).expect("typed");
        let (ended, drawn) = on_terminal(command, "images/s", press);
        assert_eq!(ended.code(), Some(130), "{key:?}");
        assert!(drawn.contains("host-trainer train --resume run"), "{drawn:?}");
    }
}

#[test]
fn a_terminal_that_can_only_print_lines_and_the_log_of_a_check_get_lines() {
    for (name, value) in [("TERM", "dumb"), ("TERM", ""), ("CI", "true")] {
        let folder = workplace();
        write_csv(&folder.path().join("faces.csv"), 1, 42);
        let mut command = program(folder.path());
        let arguments = format!("train --data faces.csv --architecture {NETWORK} --out run");
        command.args(arguments.split(' ')).env("TERM", "xterm-256color").env(name, value);
        let (ended, drawn) = on_terminal(command, "kept", |_, _| {});
        assert!(ended.success(), "{drawn}");
        assert!(drawn.contains("reading faces …") && drawn.contains("2/2"), "{drawn}");
        assert!(!drawn.contains('\u{1b}'), "{drawn:?}");
    }
}

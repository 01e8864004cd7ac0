//! Starts the program and checks how it ended.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// The program, to be started in `folder`, with nothing on standard input.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-trainer"));
    command.current_dir(folder).env_remove("FER2013").env_remove("CI").stdin(Stdio::null());
    command
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Runs the program with these arguments, separated by spaces, to its end.
pub fn run(folder: &Path, arguments: &str) -> Ended {
    program(folder).args(arguments.split(' ')).output().expect("starts").into()
}

impl Ended {
    /// Fails unless the program succeeded.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    /// Fails unless the program ended with this status and these words on standard error.
    #[track_caller]
    pub fn refused(self, status: i32, words: &str) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        assert!(self.err.contains(words), "{self:#?}\nshould contain\n{words}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }
}

/// Sends a signal, such as INT.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

//! Pseudo-terminals that no child process inherits, and programs on them.

use std::{
    fs::File,
    io::Read,
    process::{Child, Command, ExitStatus},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// The end that a terminal emulator has, and the path of the other.
pub fn terminal() -> (File, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pseudo-terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("granted");
    let name = ptsname(&master, Vec::new()).expect("it has a name").into_string().expect("text");
    tcsetwinsize(&master, Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).expect("set");
    (File::from(master), name)
}

/// The other end, opened.
pub fn open(name: &str) -> File {
    File::options().read(true).write(true).open(name).expect("opened")
}

/// A program on a terminal of its own: its exit status and all that it drew. `after` is called once `words` are there.
pub fn on_terminal(mut command: Command, words: &str, after: impl FnOnce(&Child, &mut File)) -> (ExitStatus, String) {
    let (mut master, name) = terminal();
    let slave = open(&name);
    let ends = [(); 3].map(|()| slave.try_clone().expect("once more"));
    let [stdin, stdout, stderr] = ends;
    let mut child = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn().expect("starts");
    // With these goes the last end but the child's: reading fails when the child is gone.
    drop((command, slave));
    let (mut drawn, mut bytes, mut after) = (Vec::new(), [0; 4096], Some(after));
    while let Ok(count) = master.read(&mut bytes) {
        drawn.extend(&bytes[..count]);
        if String::from_utf8_lossy(&drawn).contains(words)
            && let Some(after) = after.take()
        {
            after(&child, &mut master);
        }
    }
    (child.wait().expect("known"), String::from_utf8_lossy(&drawn).into_owned())
}

/// What takes the whole terminal.
pub const ALTERNATE_SCREEN: &str = "\u{1b}[?1049h";
/// What gives it back.
pub const OWN_SCREEN: &str = "\u{1b}[?1049l";

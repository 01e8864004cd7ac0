//! Pseudo-terminals that no child process inherits.

use std::fs::File;

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

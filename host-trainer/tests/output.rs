//! What the program prints, and to whom.

use std::{
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn a_program_that_nobody_listens_to_any_more_ends_without_a_word() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/models/edge.fer");
    let mut child = Command::new(env!("CARGO_BIN_EXE_host-trainer"))
        .arg("inspect")
        .arg(model)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // As `head -0` would.
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("ends");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

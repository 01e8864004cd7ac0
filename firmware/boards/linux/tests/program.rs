//! The program as people start it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fer-linux"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Ends with this value, however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_model_that_is_none_is_named() {
    let file = std::env::temp_dir().join(format!("fer-linux-test-{}.fer", std::process::id()));
    fs::write(&file, b"not a model").expect("written");
    let output = program().arg("--model").arg(&file).output().expect("starts");
    fs::remove_file(&file).expect("removed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with(&format!("error: {}: ", file.display())), "{error}");
}

#[test]
fn a_device_that_cannot_be_opened_is_named() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (port, question) in [("/dev/no-such-port", "is the device plugged in?"), (file, "is it a serial port?")] {
        let output = program().args(["--port", port]).output().expect("starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.starts_with(&format!("error: {port} ({question}): ")), "{error}");
    }
}

#[test]
fn a_port_without_an_address_is_told_what_is_missing() {
    for address in ["7000", ":7000", "nonsense"] {
        let output = program().args(["--tcp", address]).output().expect("starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.starts_with(&format!("error: {address} (an address and a port are needed")), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_no_panic() {
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = program().args(["--tcp", "127.0.0.1:0"]).stdout(full).output().expect("starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("error: standard output: "), "{error}");
}

#[test]
fn a_host_that_never_leaves_does_not_keep_the_next_one_out() {
    let mut device = Running(program().args(["--tcp", "127.0.0.1:0"]).spawn().expect("starts"));
    let mut address = String::new();
    BufReader::new(device.0.stdout.take().expect("piped")).read_line(&mut address).expect("printed");
    let connect = || {
        let stream = TcpStream::connect(address.trim()).expect("accepted");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
        BufReader::new(stream)
    };
    let banner = |host: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        while !line.contains("fer firmware") {
            assert!(host.read_line(&mut line).expect("readable") > 0, "closed");
        }
    };
    let mut lost = connect();
    banner(&mut lost);
    // It says nothing and hears nothing any more, and it is still connected.
    let mut newcomer = connect();
    banner(&mut newcomer);
    let mut rest = Vec::new();
    lost.read_to_end(&mut rest).expect("closed for good");
}

//! Ports.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    process::Stdio,
    thread,
};

use host_trainer::{
    image_file::write_grey,
    monitor::{HostEnd, pipe, run_device},
    synthetic,
};

use super::program::{Ended, program, run};

/// Listens on a TCP port, calls `host` with every connection, and returns the name of the port.
fn listen(mut host: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let name = format!("tcp:{}", listener.local_addr().expect("bound"));
    thread::spawn(move || listener.incoming().for_each(|stream| host(stream.expect("accepted"))));
    name
}

fn folder_with_faces() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.png", "b.png"] {
        write_grey(&folder.path().join(name), 48, 48, synthetic::face(1, 0).pixels.to_vec()).expect("written");
    }
    folder
}

#[test]
fn the_end_of_a_link_is_an_error_that_names_the_port() {
    let folder = folder_with_faces();
    let port = listen(|mut stream| stream.write_all(b"happy 0.93\r\n").expect("written"));
    let ended = run(folder.path(), &format!("monitor --port {port}")).refused(1, &format!("error: {port}: "));
    assert_eq!(ended.out, "happy 0.93\r\n");
    assert!(ended.err.contains("its end of the link was closed"), "{}", ended.err);
    let ended = run(folder.path(), &format!("monitor --port {port} a.png")).refused(1, &format!("error: {port}: "));
    assert_eq!(ended.err.matches("its end of the link was closed").count(), 1, "{}", ended.err);
}

#[cfg(unix)]
#[test]
fn the_end_of_a_serial_link_is_the_same_error() {
    let (mut master, name) = super::terminal::terminal();
    let slave = super::terminal::open(&name);
    let mut child = program(std::path::Path::new("."));
    child.args(["monitor", "--port", &name]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    // Written again until the program has opened the port.
    while line.is_empty() {
        master.write_all(b"happy 0.93\r\n").expect("written");
        out.read_line(&mut line).expect("text");
    }
    drop((master, slave));
    out.read_to_string(&mut line).expect("text");
    let ended = Ended::from(child.wait_with_output().expect("ends")).refused(1, &format!("error: {name}: "));
    assert!(ended.err.contains("its end of the link was closed"), "{}", ended.err);
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_monitor_without_a_word() {
    let port = listen(|mut stream| while stream.write_all(b"happy 0.93\r\n").is_ok() {});
    let mut command = program(std::path::Path::new("."));
    command.args(["monitor", "--port", &port]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut line = String::new();
    // As `head -1` does.
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("text");
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert_eq!((line.as_str(), ended.status, ended.err.as_str()), ("happy 0.93\r\n", Some(0), ""));
}

#[test]
fn bytes_that_are_no_answer_are_shown() {
    let folder = folder_with_faces();
    let port = listen(|mut stream| {
        let mut asked = [0; 64];
        while stream.read(&mut asked).is_ok_and(|count| count > 0) {
            if stream.write_all(b"\r\nraspberrypi login: \x80").is_err() {
                return;
            }
        }
    });
    let ended = run(folder.path(), &format!("monitor --port {port} --timeout 20 a.png"));
    let ended = ended.refused(1, "bytes came that are none, such as `\\r\\nraspberrypi login: \\x80");
    assert!(ended.err.contains("check the baud rate"), "{}", ended.err);
    let port = listen(|mut stream| while stream.read(&mut [0; 64]).is_ok_and(|count| count > 0) {});
    run(folder.path(), &format!("monitor --port {port} --timeout 20 a.png")).refused(1, "the device is silent");
}

#[test]
fn an_image_that_cannot_be_read_does_not_keep_the_others_from_the_device() {
    let folder = folder_with_faces();
    let port = device();
    let monitor = format!("monitor --port {port} --timeout 10000");
    let ended = run(folder.path(), &format!("{monitor} a.png none.png b.png")).refused(1, "error: none.png: ");
    let named: Vec<&str> = ended.out.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(named, ["a.png", "b.png"]);
    assert!(ended.err.ends_with("error: 1 of 3 images could not be read\n"), "{}", ended.err);
    let ended = run(folder.path(), &format!("{monitor} --json a.png none.png")).refused(1, "1 of 2 images");
    let lines: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines[0]["label"].is_string() && lines[1]["error"].is_string(), "{}", ended.out);
    assert_eq!(lines[1]["face"], "none.png");
}

#[test]
fn a_device_that_a_host_has_talked_to_shows_its_faces_again() {
    // Greeted by a host that went away: it prints nothing any more.
    let port = greeted_device();
    let mut command = program(std::path::Path::new("."));
    command.args(["monitor", "--port", &port]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = Vec::new();
    while !String::from_utf8_lossy(&line).contains("  seq ") {
        if out.read_until(b'\n', &mut line).expect("readable") == 0 {
            break;
        }
    }
    drop(out);
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert!(ended.err.contains("another host had talked to it"), "{ended:#?}");
    assert!(String::from_utf8_lossy(&line).contains("  seq "), "{ended:#?}");
}

/// A device of this machine at a TCP port, which keeps its state from connection to connection, as a serial one does.
pub fn device() -> String {
    start_device(false)
}

fn greeted_device() -> String {
    start_device(true)
}

pub static EDGE: &shared::model::Aligned<[u8]> =
    &shared::model::Aligned(*include_bytes!("../../../firmware/models/edge.fer"));

static FACES: [[u8; shared::preprocessing::FACE_PIXELS]; 1] = [[90; shared::preprocessing::FACE_PIXELS]];

fn start_device(greeted: bool) -> String {
    let (mut host, end) = pipe();
    thread::spawn(move || {
        let model = shared::model::Model::parse(&EDGE.0).expect("sound");
        let board =
            firmware::device::Board { stack_high_water: None, demo_faces: &FACES, demo_interval_us: 100_000, boot: 7 };
        run_device(&model, end, board)
    });
    if greeted {
        let mut client = host_trainer::monitor::Client::new(host, std::time::Duration::from_secs(10));
        client.hello().expect("answers");
        host = client.into_inner();
    }
    serve(host)
}

/// A TCP port at which the device of `host` answers one connection after the other, as a serial port does.
pub fn serve(mut host: HostEnd) -> String {
    listen(move |stream| carry(stream, &mut host))
}

/// Carries bytes between a connection and a device until the connection ends.
fn carry(mut stream: TcpStream, host: &mut HostEnd) {
    stream.set_read_timeout(Some(std::time::Duration::from_millis(2))).expect("set");
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => host.write_all(&bytes[..count]).expect("the device runs"),
            Err(error)
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => return,
        }
        // A message is several pieces.
        for _ in 0..16 {
            let Ok(count) = host.read(&mut bytes) else { break };
            if stream.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    }
}

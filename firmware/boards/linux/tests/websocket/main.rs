//! The program at a WebSocket, and hosts there: pages of browsers, and what is none.

#[path = "../host/mod.rs"]
mod host;
mod page;

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, UdpSocket},
    process::{Command, Stdio},
};

use firmware::{
    device::{Clock, see},
    engine::Engine,
    finder::{frame::Frame, search::memory_bytes},
};
use host::{Device, FACES, Host, Identity, model_crc};
use page::{Page, Steady, connect, place};
use shared::{
    finder::Finder,
    model::{AlignedBytes, Model},
    wire::{ErrorCode, FrameSize, Options, Output, Running, SeenFace},
};
use tungstenite::{
    ClientRequestBuilder, Message, client,
    handshake::HandshakeError,
    protocol::{
        CloseFrame,
        frame::{
            Frame as MessageFrame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

const BUILT_IN: &[u8] = include_bytes!("../../../../models/pi.fer");
const PICO: &[u8] = include_bytes!("../../../../models/pico.fer");
const FINDER: &[u8] = include_bytes!("../../../../models/finder.ferf");

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fer-linux"));
    command.env_remove("STATE_DIRECTORY");
    command
}

/// The program with these options at a free port of this machine.
fn start(options: &[&str]) -> Device {
    Device::start(program().args(["--websocket", "127.0.0.1:0"]).args(options))
}

const LOCAL: &str = "http://localhost:8000";

/// A grey picture with a drawn face in it, twice as large.
fn picture(face: Option<usize>) -> (FrameSize, Vec<u8>) {
    let size = FrameSize { columns: 160, rows: 120 };
    let mut pixels = vec![110; size.pixels()];
    for (index, pixel) in pixels.iter_mut().enumerate() {
        let (x, y) = ((index % 160).wrapping_sub(32) / 2, (index / 160).wrapping_sub(12) / 2);
        if let Some(face) = face.filter(|_| x < 48 && y < 48) {
            *pixel = FACES[face][y * 48 + x];
        }
    }
    (size, pixels)
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn microseconds(&mut self) -> u64 {
        0
    }
}

/// The face that the core finds here in a picture.
fn seen_here(size: FrameSize, pixels: &[u8]) -> Option<SeenFace> {
    let (model, finder) = (AlignedBytes::new(BUILT_IN), AlignedBytes::new(FINDER));
    let model = Model::parse(model.as_slice()).expect("a sound model");
    let finder = Finder::parse(finder.as_slice()).expect("a sound finder");
    let need = memory_bytes(&finder, 320, 240).expect("it fits");
    let mut arena = vec![0; need.max(Engine::arena_bytes(&model).expect("small") as usize)];
    let mut engine = Engine::new(&model, &mut arena).expect("large enough");
    let frame = Frame::new(pixels, size.columns.into(), size.rows.into(), size.columns.into()).expect("as many pixels");
    let options = Options { output: Output::Frames, smoothing: 0.0, threshold: 0.0, mirror: false };
    see(&finder, frame, None, &mut engine, &mut Still, &options).expect("large enough").0.face
}

fn built_in(running: Option<Running>) -> Identity {
    Identity { model_crc: model_crc(BUILT_IN), running }
}

#[test]
fn a_page_talks_as_any_host_does_however_it_cuts_the_bytes() {
    let device = start(&[]);
    let mut page = Page::of(&device, LOCAL);
    let mut banner = Vec::new();
    while !banner.ends_with(b"\n") || !banner.windows(12).any(|words| words == b"fer firmware") {
        let mut byte = [0];
        page.read_exact(&mut byte).expect("a banner");
        banner.push(byte[0]);
    }
    for piece in [usize::MAX, 7, 1] {
        page.piece = piece;
        let (mut host, identity) = Host::over(page);
        assert_eq!(identity, built_in(None));
        host.assert_answers(BUILT_IN);
        let mut found = 0;
        for face in [None, Some(0), Some(3), Some(5)] {
            let (size, pixels) = picture(face);
            let seen = host.look(size, &pixels).face;
            let here = seen_here(size, &pixels);
            let comparable = |face: SeenFace| (face.bounds, face.eyes, face.score.to_bits(), face.emotion.logits);
            assert_eq!(seen.map(comparable), here.map(comparable), "{face:?}");
            found += usize::from(seen.is_some());
        }
        assert!(found > 0, "faces are found at all");
        page = Page::of(&device, LOCAL);
    }
    assert_eq!(device.kill(), "", "nothing went wrong");
}

#[test]
fn a_page_of_this_machine_puts_a_model_on() {
    let folder = tempfile::tempdir().expect("made");
    let device = start(&["--models", folder.path().to_str().expect("text")]);
    let (mut host, identity) = Host::over(Page::of(&device, LOCAL));
    assert_eq!(identity, built_in(Some(Running::BuiltIn)));
    assert_eq!(host.upload(PICO), Identity { model_crc: model_crc(PICO), running: Some(Running::A) });
    host.assert_answers(PICO);
    assert_eq!(fs::read(folder.path().join("a.fer")).expect("there"), PICO);
    // The next page finds it.
    let (mut host, identity) = Host::over(Page::of(&device, "http://127.0.0.1:8000"));
    assert_eq!(identity, Identity { model_crc: model_crc(PICO), running: Some(Running::A) });
    host.assert_answers(PICO);
}

#[test]
fn a_program_of_another_machine_sees_the_newest_model_and_puts_none_on() {
    // An address of this machine that is not its loopback. No packet is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").expect("bound");
    let route = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let Some(address) = route.ok().filter(|address| !address.ip().is_loopback()) else {
        println!("not checked, for this machine has no network");
        return;
    };
    let folder = tempfile::tempdir().expect("made");
    let mut command = program();
    command.arg("--websocket").arg(format!("{}:0", address.ip())).arg("--websocket-anyone");
    let device = Device::start(command.arg("--models").arg(folder.path()));
    let (mut host, _) = Host::over(Page::of(&device, LOCAL));
    host.upload(PICO);
    let (mut host, identity) = Host::over(Page::open(place(&device), None).expect("let in"));
    assert_eq!(identity, Identity { model_crc: model_crc(PICO), running: None }, "as a device that keeps no models");
    assert_eq!(host.refused(BUILT_IN), ErrorCode::NoStore);
    host.assert_answers(PICO);
}

#[test]
fn a_page_of_another_site_is_refused_in_words_and_disturbs_nobody() {
    let device = start(&["--allow-origin", "https://example.org/", "--allow-origin", "http://pi:8000"]);
    let (mut host, _) = Host::over(Page::of(&device, "https://example.org"));
    let site = "https://example.com";
    let (status, words) = Page::open(place(&device), Some(site)).expect_err("refused");
    assert_eq!(status, 403);
    assert_eq!(words, format!("a page of {site} was refused; --allow-origin {site} lets it in\n"));
    let (status, words) = Page::open(place(&device), Some("null")).expect_err("refused");
    assert!(status == 403 && words.starts_with("a page without an origin, such as a file, was refused"), "{words}");
    host.assert_answers(BUILT_IN);
    let (mut host, _) = Host::over(Page::of(&device, "http://pi:8000"));
    host.assert_answers(BUILT_IN);
    let said = device.kill();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines[0].starts_with("127.0.0.1:") && lines[0].ends_with(&format!("--allow-origin {site} lets it in")),
        "{said}"
    );
    assert!(lines[1].contains("a page without an origin"), "{said}");
}

#[test]
fn the_newest_host_takes_over_and_the_one_before_is_told() {
    let device = start(&[]);
    let mut before = Page::of(&device, LOCAL);
    let (mut host, _) = Host::over(Page::open(place(&device), None).expect("a program of this machine is let in"));
    assert_eq!(before.farewell(), Some((CloseCode::Library(4000), "a newer host took over".into())));
    host.assert_answers(BUILT_IN);
    // One that vanishes without a word, in the middle of a message.
    let mut lost = Page::of(&device, LOCAL);
    lost.socket.get_mut().write_all(&[0x82, 0xff]).expect("sent");
    lost.socket.get_mut().0.shutdown(Shutdown::Both).expect("closed");
    let (mut host, _) = Host::over(Page::of(&device, LOCAL));
    host.assert_answers(BUILT_IN);
    // One that connected earlier and greets late.
    let slow = connect(place(&device));
    let (mut host, _) = Host::over(Page::of(&device, LOCAL));
    let mut slow = Page::over(slow, place(&device), None).expect("let in");
    assert_eq!(slow.farewell(), Some((CloseCode::Library(4000), "a newer host took over".into())));
    host.assert_answers(BUILT_IN);
    assert_eq!(device.kill(), "", "hosts come and go");
}

#[test]
fn what_is_no_websocket_is_told_so_and_disturbs_nobody() {
    let device = start(&[]);
    let (mut host, _) = Host::over(Page::of(&device, LOCAL));
    let silent = connect(place(&device));
    let requests: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a greeting of TLS",
        b"\0\0fer\0",
    ];
    for request in requests {
        let mut stream = connect(place(&device));
        stream.write_all(request).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, words) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{head}");
        assert!(words.starts_with("This is the WebSocket of a facial expression recognizer."), "{words}");
        assert!(head.contains(&format!("Content-Length: {}", words.len())), "{head}");
    }
    let elsewhere = ClientRequestBuilder::new(format!("{}/elsewhere", device.address).parse().expect("a URL"));
    let Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) =
        client(elsewhere, Steady(connect(place(&device))))
    else {
        panic!("nothing is there");
    };
    assert_eq!(answer.status(), 404);
    host.assert_answers(BUILT_IN);
    drop(silent);
    assert_eq!(device.kill(), "");
}

#[test]
fn messages_that_break_the_rules_end_the_link_in_words_and_the_next_host_is_served() {
    let device = start(&[]);
    let masked = |mut frame: MessageFrame| {
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        let mut bytes = Vec::new();
        frame.format(&mut bytes).expect("written");
        bytes
    };
    let message = |length: usize, opcode, last| MessageFrame::message(vec![b'x'; length], OpCode::Data(opcode), last);
    let parts = [masked(message(40 << 10, Data::Binary, false)), masked(message(40 << 10, Data::Continue, true))];
    let mut unmasked = Vec::new();
    message(9, Data::Binary, true).format(&mut unmasked).expect("written");
    let large = "a message of more than 65536 bytes; send it in parts";
    let text = "a text message; the link is binary messages with the bytes of the serial link";
    let cases = [
        (masked(message(5, Data::Text, true)), CloseCode::Unsupported, text),
        // A length is enough, without the bytes.
        (vec![0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4], CloseCode::Size, large),
        (vec![0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], CloseCode::Size, large),
        (masked(message((64 << 10) + 1, Data::Binary, true)), CloseCode::Size, large),
        (parts.concat(), CloseCode::Size, large),
        (unmasked, CloseCode::Protocol, "WebSocket protocol error: "),
        (vec![0x83; 64], CloseCode::Protocol, "WebSocket protocol error: "),
    ];
    let count = cases.len();
    for (bytes, expected, reason) in cases {
        let mut page = Page::of(&device, LOCAL);
        page.socket.get_mut().write_all(&bytes).expect("sent");
        let (code, words) = page.farewell().expect("with a code");
        assert!(code == expected && words.starts_with(reason), "{code:?}: {words}");
    }
    // The largest that is taken; it is no request, and the device goes on.
    let mut page = Page::of(&device, LOCAL);
    page.write_all(&vec![b'x'; 64 << 10]).expect("sent");
    let (mut host, _) = Host::over(page);
    host.assert_answers(BUILT_IN);
    let said = device.kill();
    assert_eq!(said.lines().count(), count, "{said}");
    assert!(said.lines().all(|line| line.starts_with("127.0.0.1:") && line.contains(": the link broke: ")), "{said}");
    assert!(said.contains(text) && said.contains(large), "{said}");
}

#[test]
fn pings_and_farewells_are_answered() {
    let device = start(&[]);
    let mut page = Page::of(&device, LOCAL);
    page.socket.send(Message::Ping("are you there".into())).expect("sent");
    let pong = loop {
        match page.socket.read().expect("answered") {
            Message::Binary(_) => {}
            other => break other,
        }
    };
    assert_eq!(pong, Message::Pong("are you there".into()));
    let goodbye = CloseFrame { code: CloseCode::Normal, reason: "the page was closed".into() };
    page.socket.close(Some(goodbye)).expect("sent");
    assert_eq!(page.farewell(), Some((CloseCode::Normal, "the page was closed".into())));
    assert!(matches!(page.socket.read(), Err(tungstenite::Error::ConnectionClosed)), "and nothing follows");
    assert_eq!(device.kill(), "");
}

/// Exit status and standard error of the program with options that do not go together.
fn refused(options: &[&str]) -> (Option<i32>, String) {
    let output = program().args(options).stdin(Stdio::null()).output().expect("starts");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

#[test]
fn an_address_that_other_machines_reach_is_wrong_usage_until_it_is_wanted() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7000"] {
        let (status, words) = refused(&["--websocket", address]);
        assert_eq!(status, Some(2), "{words}");
        assert!(
            words.starts_with(&format!("error: --websocket {address}: any machine of the network could ")),
            "{words}"
        );
        assert!(words.contains("--websocket-anyone allows it") && words.contains("127.0.0.1"), "{words}");
    }
    let device = Device::start(program().args(["--websocket", "0.0.0.0:0", "--websocket-anyone"]));
    let port = place(&device).strip_prefix("0.0.0.0:").expect("the address that was asked for").to_owned();
    let (mut host, _) = Host::over(Page::open(&format!("127.0.0.1:{port}"), Some(LOCAL)).expect("let in"));
    host.assert_answers(BUILT_IN);
    // The origin of pages is still looked at.
    let (status, _) = Page::open(&format!("127.0.0.1:{port}"), Some("http://example.org")).expect_err("refused");
    assert_eq!(status, 403);
}

#[test]
fn options_that_do_not_go_together_are_wrong_usage() {
    let websocket = ["--websocket", "127.0.0.1:0"];
    let with = |options: &[&'static str]| refused(&[&websocket, options].concat());
    for options in [&["--tcp", "127.0.0.1:0"][..], &["--pty"], &["--port", "/dev/null"], &["--baud", "9600"]] {
        let (status, words) = with(options);
        assert!(status == Some(2) && words.contains("cannot be used with"), "{options:?}: {words}");
    }
    for options in [&["--allow-origin", "http://pi"][..], &["--websocket-anyone"]] {
        let (status, words) = refused(options);
        assert!(status == Some(2) && words.contains("--websocket <ADDRESS:PORT>"), "{options:?}: {words}");
    }
    for (origin, hint) in [
        ("example.org", "an origin is a scheme, a host and perhaps a port, such as https://example.org"),
        ("*", "an origin is a scheme"),
        ("https://example.org/page", "an origin is a scheme"),
        ("null", "any site can make a page with the origin null"),
    ] {
        let (status, words) = with(&["--allow-origin", origin]);
        assert!(status == Some(2) && words.contains(hint), "{origin}: {words}");
    }
    for address in ["7000", ":7000", "nonsense"] {
        let (status, words) = refused(&["--websocket", address]);
        assert!(status == Some(1) && words.starts_with(&format!("error: {address} (an address and a port")), "{words}");
    }
}

//! The USB serial port of a Pico, at a host that keeps to the rules and at hosts that do not.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use host_trainer::synthetic;
use shared::checksum::crc32;
use shared::model::{AlignedBytes, Model};
use shared::preprocessing::FACE_PIXELS;
use shared::wire::{
    ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, FrameSize, PART_BYTES, Reply, ReplyKind, Request,
    RequestKind, decode, encode,
};
use tests::lasting::engine;

use super::boards::Board;
use super::compile;
use super::host::Host;
use super::usb::{Description, UsbBoard};

/// Faces that are compared.
const FACES: u64 = 30;

/// Cycles that the device may spend on a picture of 160x120 in parts, the time on the wire added.
const MOST_CYCLES: f64 = 4e6;

/// Nanoseconds of a cycle, and of the wire for a packet of 64 bytes at full speed: 19 a millisecond.
const CYCLE: f64 = 8.0;
const WIRE: f64 = 1e6 / 19.0;

/// The tests, by name.
pub const TESTS: [(&str, fn()); 9] = [
    ("usb_tells_who_it_is_and_the_terminal_that_opens_it_gets_the_banner", tells_who_it_is),
    ("usb_gives_the_logits_of_the_host_for_30_faces_and_refuses_packets_while_it_is_busy", gives_the_same_logits),
    ("usb_works_after_a_reset_of_the_bus_in_the_middle_of_an_inference", works_after_a_reset),
    ("usb_works_after_it_was_unplugged_in_the_middle_of_a_frame_and_uart_does_meanwhile", works_after_it_was_unplugged),
    ("usb_that_nobody_reads_does_not_stop_what_uart_prints", nobody_reads),
    ("usb_answers_after_garbage_and_so_does_uart", survives_garbage),
    ("usb_takes_19200_bytes_in_at_most_4_million_cycles", takes_a_picture),
    ("both_ports_are_answered_in_turn", answers_both),
    ("a_terminal_that_closes_usb_at_1200_baud_starts_the_boot_loader_and_no_other_does", starts_the_boot_loader),
];

fn program() -> PathBuf {
    compile::device_with(&Board::named("pico"), "pico.fer")
}

fn start() -> UsbBoard {
    UsbBoard::start(&Board::named("pico"), &program(), &[])
}

fn model_file() -> AlignedBytes {
    let path = compile::root().join("firmware/models/pico.fer");
    AlignedBytes::new(&std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn model_crc() -> u32 {
    Model::parse(model_file().as_slice()).unwrap().crc()
}

fn face(index: u64) -> [u8; FACE_PIXELS] {
    synthetic::face(2013, index).pixels
}

/// The logits of some faces, as this machine has them.
fn expected(faces: impl Iterator<Item = u64>) -> Vec<Vec<i8>> {
    let file = model_file();
    let model = Model::parse(file.as_slice()).unwrap();
    let mut engine = engine(&model);
    faces.map(|index| engine.run(&face(index)).unwrap().to_vec()).collect()
}

/// A conversation works: its answers are those of this machine.
fn converse(host: &mut Host, faces: std::ops::Range<u64>) {
    for (index, expected) in faces.clone().zip(expected(faces)) {
        assert_eq!(host.classify(&face(index)).logits[..expected.len()], expected, "face {index}");
    }
}

/// The next line that is not empty.
fn line(lines: &mut BufReader<UnixStream>) -> String {
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("the port has fallen silent") > 0, "the port was closed");
        if !line.trim().is_empty() {
            return line.trim_end().to_owned();
        }
    }
}

fn is_silent(port: &UnixStream) -> bool {
    port.set_nonblocking(true).unwrap();
    let read = (&*port).read(&mut [0]);
    port.set_nonblocking(false).unwrap();
    read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

fn tells_who_it_is() {
    let mut bench = start();
    let Description { device, configuration, strings } = bench.plug();
    // USB 2.0, 9.6.1: a communications device of USB 2.0 with packets of 64 bytes for control, and its numbers.
    assert_eq!(device[..12], [18, 1, 0x00, 0x02, 2, 0, 0, 64, 0xc0, 0x16, 0xdd, 0x27]);
    assert_eq!(device[17], 1, "configurations");
    let lengths = (usize::from(u16::from_le_bytes([configuration[2], configuration[3]])), configuration[4]);
    assert_eq!(lengths, (configuration.len(), 2), "bytes, and interfaces");
    // The serial number is that of the flash chip.
    assert_eq!(strings.map(Option::unwrap_or_default), ["fer", "Facial expressions (pico)", "E6605838832F1C27"]);

    let mut uart = BufReader::new(bench.uart());
    let banner = line(&mut uart);
    assert!(banner.starts_with("fer firmware "), "{banner}");
    for sequence in 1..=2 {
        let readout = line(&mut uart);
        assert!(readout.contains(&format!(" ms  seq {sequence}")), "{readout}");
    }
    assert!(is_silent(&bench.port), "nobody has opened the port");
    bench.tell(&["open"]);
    let mut usb = BufReader::new(bench.usb());
    assert_eq!(line(&mut usb), banner);
    let readout = line(&mut usb);
    assert!(readout.contains(" ms  seq "), "{readout}");
    // What was printed while the port was closed is not kept.
    bench.tell(&["close"]);
    let last = loop {
        let next = line(&mut uart);
        if next.contains(" ms  seq 6") {
            break next;
        }
    };
    bench.tell(&["open"]);
    let lines: Vec<_> = std::iter::repeat_with(|| line(&mut usb)).skip_while(|next| *next != banner).take(2).collect();
    assert!(lines[1].contains(" ms  seq ") && lines[1] != last, "{lines:?}");
}

fn gives_the_same_logits() {
    let mut bench = start();
    bench.plug_and_open();
    let mut host = Host::greet_at(bench.usb(), model_crc());
    converse(&mut host, 0..FACES);
    let stats = host.stats();
    assert_eq!((u64::from(stats.faces), stats.bad_frames), (FACES, 0), "faces and damaged frames");

    // Two more at once: the second waits at the host while the device is busy with the first, and nothing is lost.
    let before = bench.counts();
    let requests = [(1000, 0), (1001, 1)]
        .map(|(sequence, index)| encoded(&Request { sequence, kind: RequestKind::Classify { face: &face(index) } }));
    bench.port.write_all(&requests.concat()).unwrap();
    for (sequence, logits) in (1000..).zip(expected(0..2)) {
        reply(&mut bench.port, |answer| match answer.kind {
            ReplyKind::Result(result) => {
                assert_eq!((answer.sequence, &result.logits[..logits.len()]), (sequence, &logits[..]));
            }
            other => panic!("{other:?} answers a face"),
        });
    }
    assert!(bench.counts().out_refused > before.out_refused + 100, "no packet was refused");
    let stack = Host::greet_at(bench.usb(), model_crc()).stats().stack_high_water.expect("the board knows its stack");
    println!("{stack} bytes of stack");
}

fn works_after_a_reset() {
    let mut bench = start();
    let first = bench.plug();
    bench.tell(&["open"]);
    let mut host = Host::greet_at(bench.usb(), model_crc());
    converse(&mut host, 0..1);
    // An answer is due that nobody waits for any more.
    let request = encoded(&Request { sequence: 5, kind: RequestKind::Classify { face: &face(0) } });
    bench.send(&request, request.len());
    assert_eq!(bench.plug(), first);
    assert!(is_silent(&bench.port), "the port is closed");
    bench.tell(&["open"]);
    converse(&mut Host::greet_at(bench.usb(), model_crc()), 1..3);
}

fn works_after_it_was_unplugged() {
    let mut bench = start();
    bench.plug_and_open();
    let mut host = Host::greet_at(bench.usb(), model_crc());
    converse(&mut host, 0..1);
    bench.tell(&["unplug 1000"]);
    let request = encoded(&Request { sequence: 5, kind: RequestKind::Classify { face: &face(0) } });
    bench.send(&request, 1000);
    converse(&mut Host::greet_at(bench.uart(), model_crc()), 1..3);
    bench.plug_and_open();
    converse(&mut Host::greet_at(bench.usb(), model_crc()), 3..5);
    // Nothing was received of the damaged frame by itself.
    converse(&mut Host::greet_at(bench.uart(), model_crc()), 5..6);
}

fn nobody_reads() {
    let mut bench = start();
    bench.plug_and_open();
    let mut uart = BufReader::new(bench.uart());
    let banner = line(&mut uart);
    bench.tell(&["read off"]);
    let mut hints = 0;
    // Each hint has about 70 bytes, so they fill what the device keeps for the host several times.
    while hints < 60 {
        uart.get_mut().write_all(b"?\r").unwrap();
        while !line(&mut uart).starts_with("send pictures with: host-trainer") {}
        hints += 1;
    }
    // The readouts go on as well.
    while !line(&mut uart).contains(" ms  seq ") {}
    bench.tell(&["read on"]);
    let mut usb = BufReader::new(bench.usb());
    let kept = line(&mut usb);
    assert_eq!(kept, banner);
    // It hears what is printed from now on.
    uart.get_mut().write_all(b"?\r").unwrap();
    converse(&mut Host::greet_at(bench.usb(), model_crc()), 0..1);
}

fn survives_garbage() {
    let mut bench = start();
    bench.plug_and_open();
    let mut state = 2013u32;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(20_000)
    .collect();
    bench.port.write_all(&garbage).unwrap();
    converse(&mut Host::greet_at(bench.usb(), model_crc()), 0..2);
    // Something that is no frame yet, and then silence.
    bench.send(&garbage[..100].iter().map(|&byte| byte.max(1)).collect::<Vec<_>>(), 100);
    converse(&mut Host::greet_at(bench.uart(), model_crc()), 0..2);
    // It hears that this was none.
    reply(&mut bench.port, |answer| assert_eq!(answer.kind, ReplyKind::Error(ErrorCode::Corrupt)));
    converse(&mut Host::greet_at(bench.usb(), model_crc()), 2..3);
}

fn answers_both() {
    let mut bench = start();
    bench.plug_and_open();
    let mut hosts = [bench.usb(), bench.uart()].map(|port| Host::greet_at(port, model_crc()));
    for index in 0..4 {
        for host in &mut hosts {
            converse(host, index..index + 1);
        }
    }
}

fn starts_the_boot_loader() {
    let mut bench = start();
    bench.plug();
    bench.tell(&["open 1200"]);
    let mut usb = BufReader::new(bench.usb());
    assert!(line(&mut usb).starts_with("fer firmware "));
    // A reset of the bus is no wish of a terminal's.
    bench.plug();
    bench.tell(&["open 9600", "close", "open 1200"]);
    while !line(&mut usb).contains(" ms  seq ") {}
    assert!(!bench.counts().boot_loader);
    bench.tell(&["close"]);
    // It starts once the host has its answer.
    while !bench.counts().boot_loader {}
}

fn takes_a_picture() {
    let mut bench = start();
    bench.plug_and_open();
    let host = Host::greet_at(bench.usb(), model_crc());
    drop(host);
    let size = FrameSize { columns: 160, rows: 120 };
    let pixels: Vec<u8> = (0..size.pixels()).map(|index| (index * 31 % 251) as u8).collect();
    assert_eq!(pixels.len(), 19_200);
    let mut kinds = vec![RequestKind::PictureBegin { size, video: false }];
    kinds.extend(pixels.chunks(PART_BYTES).enumerate().map(|(index, pixels)| {
        let offset = (index * PART_BYTES) as u32;
        RequestKind::PicturePart { offset, pixels }
    }));
    let cycles = ["on", "off"].map(|wire| {
        let frames: Vec<u8> =
            (100..).zip(&kinds).flat_map(|(sequence, &kind)| encoded(&Request { sequence, kind })).collect();
        bench.tell(&["send off"]);
        bench.port.write_all(&frames).unwrap();
        while bench.counts().queued < frames.len() as u64 {}
        let before = bench.counts();
        bench.tell(&[&format!("wire {wire}"), "send on"]);
        let mut arrived = 0;
        for sequence in (100..).take(kinds.len()) {
            reply(&mut bench.port, |answer| match answer.kind {
                ReplyKind::Arrived { pixels } => {
                    assert_eq!(answer.sequence, sequence);
                    arrived = pixels as usize;
                }
                other => panic!("{other:?} answers a part"),
            });
        }
        assert_eq!(arrived, pixels.len());
        let after = bench.counts();
        let packets = after.out_packets - before.out_packets;
        let (all, handler) = (after.last_in - after.sending_since, after.handler - before.handler);
        println!(
            "wire {wire}: {packets} packets, {} refused, {:.0} cycles, {:.0} of them in the interrupt's handler",
            after.out_refused - before.out_refused,
            all / CYCLE,
            handler / CYCLE,
        );
        (all + if wire == "off" { packets as f64 * WIRE } else { 0.0 }) / CYCLE
    });
    println!("as they come {:.0} cycles; the device's and the wire's in sum {:.0}", cycles[0], cycles[1]);
    assert!(cycles.iter().all(|&cycles| cycles <= MOST_CYCLES), "{cycles:?}");
    let crc = crc32(&pixels);
    bench.port.write_all(&encoded(&Request { sequence: 200, kind: RequestKind::PictureEnd { crc } })).unwrap();
    reply(&mut bench.port, |answer| assert!(matches!(answer.kind, ReplyKind::Seen(_)), "{answer:?}"));
}

fn encoded(request: &Request<'_>) -> Vec<u8> {
    encode(request, &mut [0; ENCODE_BYTES]).unwrap().to_vec()
}

/// Applies `read` to the next frame.
fn reply(port: &mut UnixStream, read: impl FnOnce(Reply<'_>)) {
    let mut reader = FrameReader::<FRAME_BYTES>::new();
    let mut byte = [0];
    loop {
        port.read_exact(&mut byte).expect("the port has fallen silent");
        match reader.push(byte[0]) {
            None => {}
            Some(Frame::Whole(body)) => return read(decode(body).expect("a reply")),
            Some(other) => panic!("{other:?} in place of a reply"),
        }
    }
}

//! Models over the serial link: a new one answers once it is whole and has passed its test, and until then the old one does,
//! whatever the line loses on the way.

use std::{
    cell::Cell,
    io::{Read, Write},
    time::{Duration, Instant},
};

use firmware::{device::Board, engine::Engine};
use host_trainer::monitor::{
    Client, DeviceEnd, FaultInjector, Faults, HostEnd, LinkError, Notice, Upload, pipe, run_keeping_device,
};
use shared::{
    checksum::crc32,
    label::Emotion,
    model::{Aligned, AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
    wire::{
        ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, PROTOCOL_VERSION, Reply, ReplyKind, Request,
        RequestKind, Running, Unfit, decode, encode,
    },
};
use tests::sample_model::sample_model;

#[path = "fuzz/src/memory_store.rs"]
mod memory_store;

use memory_store::MemoryStore;

const TIMEOUT: Duration = Duration::from_secs(20);

static PICO: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/pico.fer"));

/// What the device is tested with and shows by itself.
static FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../firmware/models/demo_faces.bin").as_chunks().0;

const FACE: u8 = 3;

/// Bytes that a device has for tensors and working memory: enough for `pico` on any processor.
const ARENA_BYTES: usize = 320 * 1024;

/// Most bytes of a model.
const MOST: u32 = 500_000;

/// The model inside of the firmware.
fn built_in() -> AlignedBytes {
    sample_model(1).encode().expect("sound")
}

/// Runs a device, with the newest model that was kept, until the host is gone; gives back the store.
fn run(end: DeviceEnd, mut store: MemoryStore) -> MemoryStore {
    let board = Board { stack_high_water: None, demo_faces: FACES, demo_interval_us: 1_000_000, boot: 0 };
    let (file, arena) = (built_in(), store.arena_bytes as usize);
    let model = Model::parse(file.as_slice()).expect("sound");
    run_keeping_device(&model, &mut store, MemoryStore::newest, arena, end, (board, None)).expect("what was kept runs");
    store
}

/// Runs a device with a store at one end of a pipe and `host` at the other; gives what the host gives, and the store.
fn with_store<T>(store: MemoryStore, host: impl FnOnce(HostEnd) -> T) -> (T, MemoryStore) {
    let (host_end, device_end) = pipe();
    std::thread::scope(|scope| {
        let device = scope.spawn(|| run(device_end, store));
        let result = host(host_end);
        (result, device.join().expect("the device does not panic"))
    })
}

fn with_device<T>(host: impl FnOnce(HostEnd) -> T) -> (T, MemoryStore) {
    with_store(MemoryStore::new(ARENA_BYTES as u32, MOST), host)
}

fn upload(file: &[u8]) -> Upload<'_> {
    upload_tested_with(file, FACE)
}

/// An upload that is tested with the built-in face of this index, and so the logits of that face.
fn upload_tested_with(file: &[u8], face: u8) -> Upload<'_> {
    let model = Model::parse(file).expect("sound");
    Upload::new(file, &model, (face, &FACES[usize::from(face)])).expect("it runs")
}

fn pico() -> Upload<'static> {
    upload(&PICO.0)
}

/// Asserts that the device answers as a model does.
fn assert_runs<S: Read + Write>(client: &mut Client<S>, file: &[u8]) {
    let model = Model::parse(file).expect("sound");
    assert_eq!(client.hello().expect("answers").model_crc, model.crc());
    for (index, face) in FACES.iter().enumerate() {
        let expected = upload_tested_with(file, index as u8).logits;
        assert_eq!(client.classify(face).expect("answers").logits, expected);
    }
}

fn refused(result: Result<impl std::fmt::Debug, LinkError>) -> ErrorCode {
    match result {
        Err(LinkError::Refused(error)) => error,
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_model_takes_over_once_it_is_whole_and_another_after_it() {
    let (steps, store) = with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let store = client.hello().expect("answers").store.expect("it takes models");
        assert_eq!((store.board.as_str(), store.model_bytes, store.running), ("memory", MOST, Running::BuiltIn));
        assert_eq!(store.arena_bytes, ARENA_BYTES as u32);
        assert_runs(&mut client, built_in().as_slice());
        let mut steps = Vec::new();
        let after = client.upload(&pico(), |done, all| steps.push((done, all))).expect("it is taken");
        assert_eq!(after.store.expect("still").running, Running::A);
        assert_runs(&mut client, &PICO.0);
        let again = sample_model(2).encode().expect("sound");
        let after = client.upload(&upload(again.as_slice()), |_, _| {}).expect("it is taken");
        assert_eq!(after.store.expect("still").running, Running::B);
        assert_runs(&mut client, again.as_slice());
        assert_eq!(client.stats().expect("answers").wear.expect("it counts").slot_a, 2);
        steps
    });
    let all = PICO.0.len().next_multiple_of(16);
    let expected = (0..all).step_by(1024).chain([all]).map(|done| (done, all));
    assert!(steps.iter().copied().eq(expected), "{steps:?}");
    assert_eq!(store.kept.len(), 2);
    assert_eq!(store.kept[0].as_slice(), &PICO.0);
}

#[test]
fn while_a_model_arrives_the_old_one_answers_and_a_break_costs_nothing_that_arrived() {
    let (parts, store) = with_device(|mut host| {
        let parts = Cell::new(0);
        for breaks in [1, 30, 20, 15] {
            // The host is gone after so many parts, and comes again.
            let mut client = Client::new(Breaks { host, left: 2 * breaks + 6 }, TIMEOUT);
            client.hello().expect("answers");
            let first = Cell::new(None);
            let broken = client.upload(&pico(), |done, _| first.set(first.get().or(Some(done))));
            assert!(matches!(broken, Err(LinkError::Io(_))), "{broken:?}");
            if let Some(first) = first.get() {
                assert!(first >= parts.get(), "{first} bytes are there, and {} were", parts.get());
                parts.set(first);
            }
            host = client.into_inner().host;
            let mut client = Client::new(host, TIMEOUT);
            assert_runs(&mut client, built_in().as_slice());
            host = client.into_inner();
        }
        let mut client = Client::new(host, TIMEOUT);
        client.upload(&pico(), |_, _| {}).expect("it is taken");
        assert_runs(&mut client, &PICO.0);
        parts.get()
    });
    assert!(parts > 30 * 1024, "{parts}");
    assert_eq!(store.parts, PICO.0.len().div_ceil(1024), "each part was taken once");
}

/// A host's end that fails after so many writes.
struct Breaks {
    host: HostEnd,
    left: usize,
}

impl Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.host.read(buffer)
    }
}

impl Write for Breaks {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.left = self.left.checked_sub(1).ok_or(std::io::ErrorKind::BrokenPipe)?;
        self.host.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_bad_line_delays_an_upload_and_stores_each_part_once() {
    let faults = Faults { drop: 0.0001, flip: 0.0001, repeat: 0.0001 };
    let (retried, store) = with_device(|host| {
        let mut client = Client::new(FaultInjector::new(host, faults, 5), Duration::from_millis(400));
        client.hello().expect("answers");
        client.upload(&pico(), |_, _| {}).expect("it is taken");
        let retried = client.take_notices().iter().filter(|&&notice| notice == Notice::Retried).count();
        assert_eq!(client.hello().expect("answers").model_crc, pico().model_crc);
        retried
    });
    assert!(retried > 3, "the line was bad: {retried}");
    assert_eq!((store.parts, store.kept.len()), (PICO.0.len().div_ceil(1024), 1));
}

#[test]
fn a_store_that_fails_once_is_asked_again() {
    let mut store = MemoryStore::new(ARENA_BYTES as u32, MOST);
    store.fails_after = Some(7);
    let (notices, _) = with_store(store, |host| {
        let mut client = Client::new(host, TIMEOUT);
        client.hello().expect("answers");
        client.upload(&pico(), |_, _| {}).expect("it is taken");
        client.take_notices()
    });
    assert!(notices.contains(&Notice::Retried), "{notices:?}");
}

#[test]
fn what_cannot_run_is_refused_with_the_reason_and_the_old_model_answers() {
    let (_, store) = with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        client.hello().expect("answers");
        let pico = pico();
        let other = |change: fn(&mut Upload<'_>)| {
            let mut upload = pico;
            change(&mut upload);
            upload
        };
        let mut wrong = pico.logits;
        wrong[2] ^= 1;
        let newer = changed(&PICO.0, 4, 9);
        let flipped = changed(&PICO.0, 5000, PICO.0[5000] ^ 1);
        let large = vec![0; MOST as usize + 1];
        let cases: [(Upload<'_>, ErrorCode); 6] = [
            (Upload { logits: wrong, ..pico }, ErrorCode::Unfit(Unfit::Logits)),
            (other(|upload| upload.face = 200), ErrorCode::Unfit(Unfit::NoFace)),
            (Upload { file: &newer, ..pico }, ErrorCode::Unfit(Unfit::Format { found: 9, newest: 3 })),
            (Upload { file: &flipped, ..pico }, ErrorCode::Unfit(Unfit::Broken)),
            (Upload { file: &large, ..pico }, ErrorCode::ModelSize { bytes: MOST + 1, most: MOST }),
            (Upload { file: &[], ..pico }, ErrorCode::ModelSize { bytes: 0, most: MOST }),
        ];
        for (upload, expected) in cases {
            assert_eq!(refused(client.upload(&upload, |_, _| {})), expected);
            assert_runs(&mut client, built_in().as_slice());
        }
        client.upload(&pico, |_, _| {}).expect("it is taken after all of that");
    });
    assert_eq!(store.kept.len(), 1);
}

#[test]
fn a_model_that_needs_a_byte_more_than_there_is_is_refused() {
    let need = Engine::arena_bytes(&Model::parse(&PICO.0).expect("sound")).expect("small");
    let upload_to = |have| {
        let (result, store) = with_store(MemoryStore::new(have, MOST), |host| {
            let mut client = Client::new(host, TIMEOUT);
            client.hello().expect("answers");
            client.upload(&pico(), |_, _| {}).map(|_| ())
        });
        (result, store.kept.len())
    };
    let (result, kept) = upload_to(need - 1);
    assert_eq!((refused(result), kept), (ErrorCode::Unfit(Unfit::Arena { need, have: need - 1 }), 0));
    let (result, kept) = upload_to(need);
    assert!(result.is_ok() && kept == 1, "{result:?}");
}

/// The bytes with another at a place.
fn changed(bytes: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = byte;
    bytes
}

#[test]
fn parts_out_of_order_and_a_wrong_checksum_are_refused() {
    with_device(|host| {
        let mut link = Link { host, reader: FrameReader::new() };
        let ask = |link: &mut Link, sequence, kind| link.ask(&Request { sequence, kind });
        link.ask(&Request { sequence: 1, kind: RequestKind::Hello { protocol: PROTOCOL_VERSION } });
        let commit = RequestKind::UploadCommit { face: FACE, logits: [0; Emotion::COUNT] };
        let part = |offset, bytes| RequestKind::UploadPart { offset, bytes };
        let contents = [7; 48];
        let error = Some::<ErrorCode>;
        assert_eq!(ask(&mut link, 2, part(0, &contents)), (None, error(ErrorCode::NoUpload)));
        assert_eq!(ask(&mut link, 3, commit), (None, error(ErrorCode::NoUpload)));
        let begin = RequestKind::UploadBegin { model_bytes: 40, crc: crc32(&contents) ^ 1 };
        assert_eq!(ask(&mut link, 4, begin), (Some(0), None));
        assert_eq!(ask(&mut link, 5, part(0, &contents[..20])), (Some(20), None));
        assert_eq!(ask(&mut link, 5, part(0, &contents[..20])), (Some(20), None), "a retry is not taken twice");
        let order = |expected, found| error(ErrorCode::UploadOrder { expected, found });
        assert_eq!(ask(&mut link, 6, part(0, &contents[..20])), (None, order(20, 0)));
        assert_eq!(ask(&mut link, 7, part(24, &contents[..20])), (None, order(20, 24)));
        assert_eq!(ask(&mut link, 8, part(20, &contents[..29])), (None, order(48, 49)));
        assert_eq!(ask(&mut link, 9, commit), (None, order(20, 48)));
        assert_eq!(ask(&mut link, 10, begin), (Some(20), None), "it goes on");
        assert_eq!(ask(&mut link, 11, part(20, &contents[20..])), (Some(48), None));
        assert_eq!(ask(&mut link, 12, commit), (None, error(ErrorCode::UploadChecksum)));
        assert_eq!(ask(&mut link, 13, begin), (Some(0), None), "it begins anew");
        assert_eq!(ask(&mut link, 14, RequestKind::BootLoader), (None, error(ErrorCode::NoBootLoader)));
    });
}

/// The host's end, request by request.
struct Link {
    host: HostEnd,
    reader: FrameReader<FRAME_BYTES>,
}

impl Link {
    /// Bytes that are stored, or the error.
    fn ask(&mut self, request: &Request<'_>) -> (Option<u32>, Option<ErrorCode>) {
        let frame = encode(request, &mut [0; ENCODE_BYTES]).expect("fits").to_vec();
        self.host.write_all(&[0]).expect("sent");
        self.host.write_all(&frame).expect("sent");
        let (deadline, mut byte) = (Instant::now() + TIMEOUT, [0]);
        while Instant::now() < deadline {
            if self.host.read(&mut byte).is_err() {
                continue;
            }
            let Some(Frame::Whole(body)) = self.reader.push(byte[0]) else { continue };
            let reply: Reply<'_> = decode(body).expect("a reply");
            assert_eq!(reply.sequence, request.sequence);
            return match reply.kind {
                ReplyKind::Stored { bytes } => (Some(bytes), None),
                ReplyKind::Error(error) => (None, Some(error)),
                _ => (None, None),
            };
        }
        panic!("no answer to {request:?}");
    }
}

#[test]
fn a_commit_whose_answer_is_lost_was_done_once() {
    let ((), store) = with_device(|host| {
        let mut client = Client::new(Deaf { host, loses: pico_commit(), lost: false }, Duration::from_millis(500));
        client.hello().expect("answers");
        let after = client.upload(&pico(), |_, _| {}).expect("it was taken");
        assert_eq!(after.model_crc, pico().model_crc);
        assert!(client.into_inner().lost, "the answer was lost");
    });
    assert_eq!(store.kept.len(), 1);
}

/// The frame with which a device answers the commit of an upload of `pico`, without its number.
fn pico_commit() -> Vec<u8> {
    let reply = Reply { sequence: 1, kind: ReplyKind::Committed };
    encode(&reply, &mut [0; ENCODE_BYTES]).expect("fits").to_vec()
}

/// A host's end that loses what is said in frames as short as the answer to a commit, once, and the text behind it.
struct Deaf {
    host: HostEnd,
    loses: Vec<u8>,
    lost: bool,
}

impl Read for Deaf {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut bytes = [0; 512];
        let count = self.host.read(&mut bytes[..buffer.len().min(512)])?;
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let committed = bytes[..count].iter().any(|&byte| {
            matches!(reader.push(byte), Some(Frame::Whole(body)) if matches!(decode(body), Some(Reply { kind: ReplyKind::Committed, .. })))
        });
        if committed && !self.lost {
            self.lost = true;
            assert!(count >= self.loses.len());
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }
}

impl Write for Deaf {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.host.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_device_without_a_store_says_so() {
    let (host_end, device_end) = pipe();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let board = Board { stack_high_water: None, demo_faces: FACES, demo_interval_us: 1_000_000, boot: 0 };
            host_trainer::monitor::run_device(&Model::parse(&PICO.0).expect("sound"), device_end, board)
        });
        let mut client = Client::new(host_end, TIMEOUT);
        let device = client.hello().expect("answers");
        assert_eq!((device.store, client.stats().expect("answers").wear), (None, None));
        assert_eq!(refused(client.upload(&pico(), |_, _| {})), ErrorCode::NoStore);
        assert_eq!(refused(client.start_boot_loader()), ErrorCode::NoBootLoader);
    });
}

//! Pictures over the serial link: what a device sees in them is what the program `predict` sees, byte for byte, whatever the line
//! loses on the way.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use firmware::{camera::NoCamera, device::Board, engine::Engine};
use host_trainer::monitor::{
    Client, FaultInjector, Faults, HostEnd, LinkError, Notice, pipe, run_device, run_seeing_device,
};
use shared::{
    checksum::crc32,
    finder::Finder,
    model::{Aligned, Model},
    wire::{
        ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, FrameSize, Options, PART_BYTES, PROTOCOL_VERSION,
        Reply, ReplyKind, Request, RequestKind, Seen, Stats, View, decode, encode,
    },
};
use tests::drawn_picture::{Followed, Picture, follow, predict};

const TIMEOUT: Duration = Duration::from_secs(20);

static PICO: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/pico.fer"));
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/finder.ferf"));

fn model() -> Model<'static> {
    Model::parse(&PICO.0).expect("it ships")
}

fn finder() -> Finder<'static> {
    Finder::parse(&FINDER.0).expect("it ships")
}

const BOARD: Board = Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 3 };

/// Runs a device that finds faces at one end of a pipe and `host` at the other.
fn with_device<T>(host: impl FnOnce(HostEnd) -> T) -> T {
    let (host_end, device_end) = pipe();
    std::thread::scope(|scope| {
        let run = || run_seeing_device(&model(), &finder(), None::<NoCamera>, device_end, BOARD);
        let device = scope.spawn(run);
        let result = host(host_end);
        device.join().expect("the device does not panic").expect("model and finder run");
        result
    })
}

fn refused(result: Result<impl std::fmt::Debug, LinkError>) -> ErrorCode {
    match result {
        Err(LinkError::Refused(error)) => error,
        other => panic!("{other:?} is no refusal"),
    }
}

/// Pictures of every kind, and whether there is a face.
fn pictures() -> Vec<(&'static str, Picture, bool)> {
    let noise = |index: usize| (index.wrapping_mul(2_654_435_761) >> 7) as u8;
    let noise = Picture { pixels: (0..160 * 120).map(noise).collect(), ..Picture::plain(160, 120, 0) };
    vec![
        ("a face", Picture::drawn(160, 120, &[(3, [50, 40], 1)]), true),
        ("a large face in the largest picture", Picture::drawn(320, 240, &[(3, [100, 50], 3)]), true),
        ("two faces", Picture::drawn(320, 240, &[(1, [20, 60], 1), (3, [150, 60], 2)]), true),
        ("a face cut by the border", Picture::drawn(160, 120, &[(3, [-6, 30], 2)]), true),
        ("half a face", Picture::drawn(160, 120, &[(3, [-48, 12], 2)]), false),
        ("no face", Picture::drawn(160, 120, &[]), false),
        ("noise", noise, false),
        ("an all-black picture", Picture::plain(320, 240, 0), false),
        ("a pixel", Picture::plain(1, 1, 200), false),
        ("a line", Picture::plain(320, 1, 200), false),
    ]
}

/// Asserts that a device saw what `predict` sees.
fn assert_seen(what: &str, seen: &Seen, picture: &Picture) {
    let Some(expected) = predict(&model(), &finder(), picture) else {
        return assert_eq!(seen.face, None, "{what}");
    };
    let face = seen.face.unwrap_or_else(|| panic!("{what}: no face seen"));
    assert_eq!(face.eyes.map(|eye| eye.map(|place| place as f32 / 256.0)), expected.face.eyes, "{what}");
    assert_eq!(face.score.to_bits(), expected.face.score.to_bits(), "{what}");
    assert_eq!(face.emotion.logits[..7], expected.logits, "{what}");
    assert_eq!(face.emotion.probabilities[..], expected.probabilities, "{what}");
    let [left, top, right, bottom] = expected.face.bounds();
    let bounds =
        [face.bounds.left, face.bounds.top, face.bounds.left + face.bounds.side, face.bounds.top + face.bounds.side];
    for (whole, exact) in bounds.into_iter().zip([left, top, right, bottom]) {
        assert!((whole as f32 - exact).abs() <= 1.5, "{what}: {bounds:?}, not {:?}", expected.face.bounds());
    }
}

#[test]
fn a_device_sees_in_a_picture_what_predict_sees_and_shows_what_it_looked_at() {
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let device = client.hello().expect("answers");
        client.take_notices();
        let sees = device.finder.expect("it finds faces");
        assert_eq!((sees.crc, sees.largest), (finder().crc, FrameSize { columns: 320, rows: 240 }));
        assert!(!device.camera);
        assert_eq!(refused(client.view(View::Picture)), ErrorCode::NoView);
        for (number, (what, picture, has_face)) in (1..).zip(pictures()) {
            let seen =
                client.look(picture.size, &picture.pixels, false).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(seen.face.is_some(), has_face, "{what}");
            assert_seen(what, &seen, &picture);
            let shown = client.view(View::Picture).expect("it was looked at");
            assert!(shown == (number, picture.size, picture.pixels.clone()), "{what} comes back");
            match predict(&model(), &finder(), &picture) {
                None => assert_eq!(refused(client.view(View::Face)), ErrorCode::NoView, "{what}"),
                Some(expected) => {
                    let size = FrameSize { columns: 48, rows: 48 };
                    assert!(client.view(View::Face).expect("a face") == (number, size, expected.face.aligned.to_vec()));
                }
            }
        }
        let Stats { faces, pictures, bad_frames, .. } = client.stats().expect("answers");
        assert_eq!((faces, pictures as usize, bad_frames), (0, self::pictures().len(), 0));
        assert_eq!(client.take_notices(), []);
    });
}

#[test]
fn with_mirrored_faces_the_probabilities_are_those_of_both() {
    let picture = Picture::drawn(160, 120, &[(3, [50, 40], 1)]);
    let aligned = predict(&model(), &finder(), &picture).expect("a face").face.aligned;
    let mut arena = vec![0; Engine::arena_bytes(&model()).expect("it fits") as usize];
    let model = model();
    let expected = Engine::new(&model, &mut arena).expect("fits").classify_mirrored(&aligned).expect("runs");
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let device = client.hello().expect("answers");
        client.set_options(Options { mirror: true, ..device.options }).expect("in range");
        let seen = client.look(picture.size, &picture.pixels, false).expect("answers");
        assert_eq!(seen.face.expect("a face").emotion.probabilities, expected.probabilities);
    });
}

#[test]
fn pictures_of_other_sizes_and_those_for_a_device_that_finds_no_faces_are_refused_in_words() {
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        client.hello().expect("answers");
        for (columns, rows) in [(5000, 20), (321, 1), (1, 241), (0, 10), (10, 0)] {
            let size = FrameSize { columns, rows };
            let error = refused(client.look(size, &vec![9; size.pixels()], false));
            assert_eq!(error, ErrorCode::PictureSize { size, largest: FrameSize { columns: 320, rows: 240 } });
            assert_eq!(error.to_string(), format!("a picture of {columns}x{rows} pixels; it takes 1x1 to 320x240"));
        }
    });
    let (host_end, device_end) = pipe();
    std::thread::scope(|scope| {
        let device = scope.spawn(|| run_device(&model(), device_end, BOARD));
        let mut client = Client::new(host_end, TIMEOUT);
        assert_eq!(client.hello().expect("answers").finder, None);
        let picture = Picture::plain(4, 4, 9);
        let error = refused(client.look(picture.size, &picture.pixels, false));
        assert_eq!(error, ErrorCode::NoFinder);
        assert!(error.to_string().contains("48x48"), "{error}");
        assert_eq!(refused(client.view(View::Face)), ErrorCode::NoView);
        drop(client);
        device.join().expect("no panic").expect("the model runs");
    });
}

/// A host without retries of its own.
struct Plain {
    host: HostEnd,
    reader: FrameReader<FRAME_BYTES>,
}

impl Plain {
    fn greet(host: HostEnd) -> Self {
        let mut plain = Self { host, reader: FrameReader::new() };
        plain.send(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
        plain.reply(|_, kind| assert!(matches!(kind, ReplyKind::Hello(_)), "{kind:?}"));
        plain
    }

    fn send(&mut self, sequence: u32, kind: RequestKind<'_>) {
        let frame = encode(&Request { sequence, kind }, &mut [0; ENCODE_BYTES]).expect("fits").to_vec();
        self.host.write_all(&frame).expect("sent");
    }

    fn reply<T>(&mut self, read: impl FnOnce(u32, ReplyKind<'_>) -> T) -> T {
        let deadline = Instant::now() + TIMEOUT;
        let mut byte = [0];
        while Instant::now() < deadline {
            if self.host.read(&mut byte).is_err() {
                continue;
            }
            if let Some(Frame::Whole(body)) = self.reader.push(byte[0]) {
                let Reply { sequence, kind } = decode(body).expect("a reply");
                return read(sequence, kind);
            }
        }
        panic!("the device does not answer");
    }

    /// The answer to a request: how many pixels the device has, or why it refuses, or that it looked.
    fn ask(&mut self, sequence: u32, kind: RequestKind<'_>) -> Result<Option<u32>, ErrorCode> {
        self.send(sequence, kind);
        self.reply(|answered, kind| {
            assert_eq!(answered, sequence);
            match kind {
                ReplyKind::Arrived { pixels } => Ok(Some(pixels)),
                ReplyKind::Seen(_) => Ok(None),
                ReplyKind::Error(error) => Err(error),
                other => panic!("{other:?}"),
            }
        })
    }
}

#[test]
fn parts_that_are_lost_doubled_exchanged_or_damaged_are_noticed() {
    let size = FrameSize { columns: 50, rows: 40 };
    let pixels = Picture::drawn(50, 40, &[]).pixels;
    let part = |offset: usize, length: usize| RequestKind::PicturePart {
        offset: offset as u32,
        pixels: &pixels[offset..offset + length],
    };
    let order = |expected, found| Err(ErrorCode::PictureOrder { expected, found });
    let begin = RequestKind::PictureBegin { size, video: false };
    let end = RequestKind::PictureEnd { crc: crc32(&pixels) };
    with_device(|host| {
        let mut device = Plain::greet(host);
        assert_eq!(device.ask(2, part(0, 900)), Err(ErrorCode::NoPicture), "not begun");
        assert_eq!(device.ask(3, end), Err(ErrorCode::NoPicture), "not begun");
        assert_eq!(device.ask(4, begin), Ok(Some(0)));
        assert_eq!(device.ask(5, part(0, 900)), Ok(Some(900)));
        assert_eq!(device.ask(5, part(0, 900)), Ok(Some(900)), "a retry has the same answer");
        assert_eq!(device.ask(6, part(0, 900)), order(900, 0), "the same part as a new one");
        assert_eq!(device.ask(7, part(1000, 900)), order(900, 1000), "the part before is missing");
        assert_eq!(device.ask(8, part(900, 900)), Ok(Some(1800)), "nothing is lost by what was refused");
        let too_long = RequestKind::PicturePart { offset: 1800, pixels: &[0; 201] };
        assert_eq!(device.ask(9, too_long), order(2000, 2001), "it reaches beyond");
        assert_eq!(device.ask(10, end), order(1800, 2000), "the last part is missing");
        assert_eq!(device.ask(11, end), Err(ErrorCode::NoPicture), "it is dropped");

        let whole = |device: &mut Plain, sequence: u32, pixels: &[u8]| {
            assert_eq!(device.ask(sequence, begin), Ok(Some(0)));
            for (index, pixels) in pixels.chunks(PART_BYTES).enumerate() {
                let part = RequestKind::PicturePart { offset: (index * PART_BYTES) as u32, pixels };
                assert!(device.ask(sequence + 1 + index as u32, part).is_ok());
            }
            device.ask(sequence + 10, end)
        };
        let mut damaged = pixels.clone();
        damaged[1234] ^= 1;
        assert_eq!(whole(&mut device, 20, &damaged), Err(ErrorCode::PictureChecksum));
        assert_eq!(whole(&mut device, 40, &pixels), Ok(None));
        for _ in 0..3 {
            assert_eq!(device.ask(50, end), Ok(None), "a retry of the end");
        }
        assert_eq!(device.ask(60, begin), Ok(Some(0)));
        assert_eq!(device.ask(61, part(0, 900)), Ok(Some(900)));
        // A greeting begins a new conversation.
        let mut client = Client::new(device.host, TIMEOUT);
        client.hello().expect("answers");
        assert_eq!(client.stats().expect("answers").pictures, 1, "counted once");
        let mut device = Plain { host: client.into_inner(), reader: FrameReader::new() };
        assert_eq!(device.ask(62, part(900, 900)), Err(ErrorCode::NoPicture));
    });
}

/// Pictures of a video: a face that moves and changes, then none, then another one elsewhere.
fn video() -> Vec<Picture> {
    let moving = (1..8).map(|step| Picture::drawn(160, 120, &[(u64::from(step > 3) * 2 + 1, [40 + 3 * step, 30], 1)]));
    let gone = std::iter::once(Picture::drawn(160, 120, &[]));
    let elsewhere = (0..3).map(|step| Picture::drawn(160, 120, &[(3, [100, 60 + step], 1)]));
    moving.chain(gone).chain(elsewhere).collect()
}

fn in_short(seen: &Seen) -> Option<Followed> {
    seen.face.map(|face| (face.eyes, face.emotion.probabilities))
}

#[test]
fn a_video_is_followed_and_smoothed_over_a_line_that_loses_bytes() {
    let (video, smoothing) = (video(), 0.75);
    let expected = follow(&model(), &finder(), &video, smoothing);
    assert!(
        expected[7].is_none() && expected.iter().flatten().count() == video.len() - 1,
        "the video shows what it should"
    );
    assert_ne!(expected[5], follow(&model(), &finder(), &video[5..6], smoothing)[0], "the past counts");
    // A picture is 19,200 bytes in 19 parts.
    let faults = Faults { drop: 3e-5, flip: 3e-5, repeat: 1e-5 };
    with_device(|host| {
        let mut client = Client::new(FaultInjector::new(host, faults, 8), Duration::from_millis(500));
        let device = client.hello().expect("answers in the end");
        client.set_options(Options { smoothing, ..device.options }).expect("answers in the end");
        for (index, (picture, expected)) in video.iter().zip(&expected).enumerate() {
            let seen = client.look(picture.size, &picture.pixels, true).expect("answers in the end");
            assert_eq!(in_short(&seen), *expected, "picture {index}");
        }
        let (_, size, pixels) = client.view(View::Picture).expect("answers in the end");
        assert!(Some(&Picture { size, pixels }) == video.last(), "it comes back whole");
        assert!(client.take_notices().contains(&Notice::Retried), "the line did lose bytes");
        assert_eq!(client.stats().expect("answers in the end").pictures as usize, video.len());
    });
}

#[test]
fn a_picture_on_its_own_has_no_past_and_is_none() {
    let video = video();
    let alone = Picture::drawn(160, 120, &[(3, [40, 30], 1)]);
    let expected = |pictures: &[Picture]| follow(&model(), &finder(), pictures, 0.75).pop().expect("a picture");
    with_device(|host| {
        let mut client = Client::new(host, TIMEOUT);
        let device = client.hello().expect("answers");
        client.set_options(Options { smoothing: 0.75, ..device.options }).expect("in range");
        let mut look = |picture: &Picture, of_video| {
            in_short(&client.look(picture.size, &picture.pixels, of_video).expect("answers"))
        };
        for end in 1..=3 {
            assert_eq!(look(&video[end - 1], true), expected(&video[..end]));
        }
        assert_eq!(look(&alone, false), expected(std::slice::from_ref(&alone)), "no past");
        assert_eq!(look(&video[4], true), expected(&video[4..5]), "and none for the next");
        assert_eq!(look(&video[5], true), expected(&video[4..6]), "which is one for its next");
    });
}

#[test]
fn a_device_that_is_restarted_in_the_middle_of_a_picture_gets_it_from_its_beginning() {
    /// A link whose device is replaced by a fresh one after so many bytes.
    struct Restarting {
        first: Option<HostEnd>,
        second: HostEnd,
        sent: usize,
    }
    impl Restarting {
        fn current(&mut self) -> &mut HostEnd {
            if self.sent > 9_000 {
                self.first = None;
            }
            self.first.as_mut().unwrap_or(&mut self.second)
        }
    }
    impl Read for Restarting {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.current().read(buffer)
        }
    }
    impl Write for Restarting {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.sent += bytes.len();
            self.current().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let picture = Picture::drawn(160, 120, &[(3, [50, 40], 1)]);
    with_device(|first| {
        with_device(|second| {
            let mut client = Client::new(Restarting { first: Some(first), second, sent: 0 }, TIMEOUT);
            client.hello().expect("answers");
            let seen = client.look(picture.size, &picture.pixels, false).expect("answers across the restart");
            assert_seen("across the restart", &seen, &picture);
            assert!(client.take_notices().contains(&Notice::Restarted));
            assert_eq!(client.stats().expect("answers").pictures, 1);
        });
    });
}

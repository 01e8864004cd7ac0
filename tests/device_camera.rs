//! A device with a camera of its own, on a clock that the test sets: what it prints, what it tells a host, and what happens when
//! the camera stops.

use std::{cell::RefCell, collections::VecDeque, convert::Infallible, rc::Rc};

use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware::{
    camera::{Camera, FrameSize, Progress},
    device::{Board, Clock, Device, NoSight, SeenLine, Sight},
    engine::{Engine, EngineError},
    finder::search::memory_bytes,
};
use host_trainer::synthetic;
use shared::{
    checksum::crc32,
    finder::Finder,
    label::Emotion,
    model::{Aligned, Model},
    wire::{
        Classified, ENCODE_BYTES, ErrorCode, FRAME_BYTES, FaceBox, Frame, FrameReader, Options, Output, PART_BYTES,
        PROTOCOL_VERSION, Reply, ReplyKind, Request, RequestKind, Seen, SeenFace, View, decode, encode,
    },
};
use tests::{
    drawn_picture::{Followed, Picture, follow},
    sample_model::sample_model,
};

static PICO: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/pico.fer"));
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../firmware/models/finder.ferf"));

const LARGEST: FrameSize = FrameSize { columns: 320, rows: 240 };

const STOPPED: &str = "the camera stopped: ";

/// A serial link, a clock and a camera, of which the test holds the other ends.
#[derive(Clone, Default)]
struct Bench(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    to_device: VecDeque<u8>,
    from_device: Vec<u8>,
    now_us: u64,
    /// What the camera does next; nothing when there is no more.
    camera: VecDeque<Step>,
    /// How often a frame was begun.
    begun: usize,
    /// It cannot begin any frame.
    unplugged: bool,
}

#[derive(Clone)]
enum Step {
    Waiting,
    /// Writes this over the frame's beginning.
    Partial(u8),
    Whole(Picture),
    Error,
}

impl ErrorType for Bench {
    type Error = Infallible;
}

impl ReadReady for Bench {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.borrow().to_device.is_empty())
    }
}

impl Read for Bench {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let state = &mut *self.0.borrow_mut();
        let count = buffer.len().min(state.to_device.len());
        buffer.iter_mut().zip(state.to_device.drain(..count)).for_each(|(to, byte)| *to = byte);
        Ok(count)
    }
}

impl Write for Bench {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().from_device.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Clock for Bench {
    /// Each look at the clock takes a microsecond, so that a device that waits for something does not wait for ever.
    fn microseconds(&mut self) -> u64 {
        let state = &mut *self.0.borrow_mut();
        state.now_us += 1;
        state.now_us
    }
}

impl Camera for Bench {
    type Error = &'static str;

    fn start(&mut self) -> Result<(), &'static str> {
        let state = &mut *self.0.borrow_mut();
        state.begun += 1;
        if state.unplugged { Err("there is none") } else { Ok(()) }
    }

    fn fetch(&mut self, frame: &mut [u8]) -> Result<Progress, &'static str> {
        let step = self.0.borrow_mut().camera.pop_front();
        match step.unwrap_or(Step::Waiting) {
            Step::Waiting => Ok(Progress::Waiting),
            Step::Partial(grey) => {
                frame[..100].fill(grey);
                Ok(Progress::Partial)
            }
            Step::Whole(Picture { size, pixels }) => {
                // What does not fit is for the device to notice.
                let length = pixels.len().min(frame.len());
                frame[..length].copy_from_slice(&pixels[..length]);
                Ok(Progress::Whole(size))
            }
            Step::Error => Err("a wire is loose"),
        }
    }
}

/// What the device said: lines of text, or messages.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Line(String),
    Seen { number: u32, seen: Option<Followed> },
    Answer(u32),
    Refused(u32, ErrorCode),
    View { number: u32, size: FrameSize, pixels: Vec<u8> },
}

/// A device on the bench.
struct Tested<'model, 'arena> {
    device: Device<'model, 'arena, Bench, Bench, Bench>,
    bench: Bench,
}

impl Tested<'_, '_> {
    /// Lets time pass, in steps of a millisecond.
    fn wait(&mut self, milliseconds: u64) -> Vec<Said> {
        for _ in 0..milliseconds {
            self.bench.0.borrow_mut().now_us += 1000;
            let Ok(()) = self.device.poll();
        }
        self.said()
    }

    fn said(&mut self) -> Vec<Said> {
        let bytes = std::mem::take(&mut self.bench.0.borrow_mut().from_device);
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let mut said = Vec::new();
        for piece in bytes.split(|&byte| byte == 0).filter(|piece| !piece.is_empty()) {
            piece.iter().for_each(|&byte| assert!(reader.push(byte).is_none()));
            if let Some(Frame::Whole(body)) = reader.push(0) {
                let Reply { sequence, kind } = decode(body).expect("a reply");
                said.push(match kind {
                    ReplyKind::Camera { number, seen } => {
                        assert_eq!(sequence, 0);
                        Said::Seen { number, seen: in_short(&seen) }
                    }
                    ReplyKind::Error(error) => Said::Refused(sequence, error),
                    ReplyKind::View(part) => {
                        Said::View { number: part.number, size: part.size, pixels: part.pixels.to_vec() }
                    }
                    _ => Said::Answer(sequence),
                });
                continue;
            }
            let text = String::from_utf8(piece.to_vec()).expect("what is no frame is text");
            said.extend(text.lines().filter(|line| !line.is_empty()).map(|line| Said::Line(line.into())));
        }
        said
    }

    fn camera(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.bench.0.borrow_mut().camera.extend(steps);
    }

    /// Sends a request, and gives what is said within a millisecond.
    fn ask(&mut self, sequence: u32, kind: RequestKind<'_>) -> Vec<Said> {
        let frame = encode(&Request { sequence, kind }, &mut [0; ENCODE_BYTES]).expect("fits").to_vec();
        self.bench.0.borrow_mut().to_device.extend(frame);
        self.wait(1)
    }

    fn begun(&self) -> usize {
        self.bench.0.borrow().begun
    }
}

fn in_short(seen: &Seen) -> Option<Followed> {
    seen.face.map(|face| (face.eyes, face.emotion.probabilities))
}

/// Runs a test with a device whose camera waits.
fn with_device(test: impl FnOnce(Tested<'_, '_>)) {
    let model = Model::parse(&PICO.0).expect("it ships");
    let finder = Finder::parse(&FINDER.0).expect("it ships");
    let need = memory_bytes(&finder, 320, 240).expect("a size").max(arena_bytes(&model));
    let (mut arena, mut picture) = (vec![0; need], vec![0; LARGEST.pixels()]);
    let bench = Bench::default();
    let board = Board { stack_high_water: None, demo_faces: &[[9; 2304]], demo_interval_us: 1000, boot: 0 };
    let engine = Engine::new(&model, &mut arena).expect("large enough");
    let sight = Sight { finder, picture: &mut picture, largest: LARGEST, camera: Some(bench.clone()) };
    let device = Device::new(engine, bench.clone(), bench.clone(), board).with_sight(sight).expect("large enough");
    let mut tested = Tested { device, bench };
    let banner = tested.wait(1);
    let Some(Said::Line(line)) = banner.first() else { panic!("{banner:?}") };
    assert!(line.contains(&format!("  finder {:08x} 320x240  protocol 3", finder.crc)), "{line}");
    assert_eq!(banner.len(), 1, "a device with a camera shows no faces of its own");
    test(tested);
}

fn arena_bytes(model: &Model<'_>) -> usize {
    Engine::arena_bytes(model).expect("it fits") as usize
}

fn line(text: &str) -> Said {
    Said::Line(text.into())
}

fn expected(video: &[Picture], smoothing: f32) -> Vec<Option<Followed>> {
    let model = Model::parse(&PICO.0).expect("it ships");
    follow(&model, &Finder::parse(&FINDER.0).expect("it ships"), video, smoothing)
}

/// A video whose face moves and changes.
fn video() -> Vec<Picture> {
    (0..6).map(|step| Picture::drawn(160, 120, &[((step % 3) as u64, [40 + 3 * step, 30], 1)])).collect()
}

#[test]
fn lines_for_people_are_as_the_readme_shows_them() {
    let mut probabilities = [0.01; Emotion::COUNT];
    probabilities[3] = 0.93;
    let emotion = Classified {
        probabilities,
        label: Emotion::Happy,
        margin: 0.88,
        uncertain: false,
        microseconds: 150_000,
        logits: [0; Emotion::COUNT],
    };
    let bounds = FaceBox { left: 52, top: 31, side: 61 };
    let face = SeenFace { bounds, eyes: [[0; 2]; 2], score: 1.0, emotion };
    let shown = |face, microseconds, sequence| SeenLine { seen: &Seen { face, microseconds }, sequence }.to_string();
    assert_eq!(shown(Some(face), 211_500, 41), "happy 0.93  margin 0.88  face 52,31 61x61  212 ms  seq 41");
    assert_eq!(shown(None, 41_499, 42), "no face  41 ms  seq 42");
    let unsure = SeenFace { emotion: Classified { uncertain: true, ..emotion }, ..face };
    let cut = SeenFace { bounds: FaceBox { left: -3, top: -12, side: 61 }, ..unsure };
    assert_eq!(shown(Some(cut), 9, 1), "happy 0.93  margin 0.88  face -3,-12 61x61  0 ms  seq 1  uncertain");
}

#[test]
fn a_person_reads_a_line_for_each_picture() {
    with_device(|mut tested| {
        tested.camera([Step::Whole(video().remove(0)), Step::Waiting, Step::Whole(Picture::plain(1, 1, 0))]);
        let said = tested.wait(3);
        let (_, probabilities) = expected(&video()[..1], 0.0)[0].expect("a face");
        let (index, most) = (0..).zip(probabilities).max_by(|a, b| a.1.total_cmp(&b.1)).expect("emotions");
        let emotion = Emotion::from_index(index).expect("an emotion");
        let Said::Line(first) = &said[0] else { panic!("{said:?}") };
        assert!(first.starts_with(&format!("{emotion} {most:.2}  margin ")) && first.contains("  face "), "{first}");
        assert!(first.contains("x") && first.contains(" ms  seq 1"), "{first}");
        assert_eq!(said[1..], [line("no face  0 ms  seq 2")]);
    });
}

#[test]
fn a_host_is_told_what_the_camera_sees_while_it_talks_and_a_person_when_it_is_gone() {
    with_device(|mut tested| {
        let none = || Step::Whole(Picture::plain(2, 2, 7));
        assert_eq!(tested.ask(1, RequestKind::Hello { protocol: PROTOCOL_VERSION }), [Said::Answer(1)]);
        tested.camera([none()]);
        assert_eq!(tested.wait(245), [], "the camera rests after a request");
        assert_eq!(tested.wait(10), [Said::Seen { number: 1, seen: None }]);
        // Every few seconds the host asks for something.
        for sequence in 2..6 {
            assert_eq!(tested.ask(sequence, RequestKind::Stats), [Said::Answer(sequence)]);
            tested.camera([none()]);
            assert_eq!(tested.wait(2900), [Said::Seen { number: sequence, seen: None }]);
        }
        // 2.9 s ago it asked last.
        for number in 6..14 {
            tested.camera([none()]);
            assert_eq!(tested.wait(1000), [Said::Seen { number, seen: None }]);
        }
        tested.camera([none()]);
        assert_eq!(tested.wait(1000), [line("no face  0 ms  seq 14")], "10 s after its last request the host is gone");
    });
}

#[test]
fn the_cameras_pictures_are_followed_and_smoothed_apart_from_the_hosts() {
    let (video, smoothing) = (video(), 0.5);
    let expected = expected(&video, smoothing);
    assert!(expected.iter().all(Option::is_some));
    with_device(|mut tested| {
        tested.ask(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
        let options = Options { output: Output::Frames, smoothing, threshold: 0.5, mirror: false };
        tested.ask(2, RequestKind::SetOptions(options));
        for (index, picture) in video.iter().enumerate() {
            // Between two of them the host sends a face and a picture.
            let number = index as u32 * 10 + 10;
            let face = synthetic::face(1, index as u64).pixels;
            assert_eq!(tested.ask(number, RequestKind::Classify { face: &face }), [Said::Answer(number)]);
            let sent = Picture::plain(8, 8, 0);
            let begin = RequestKind::PictureBegin { size: sent.size, video: index % 2 == 0 };
            assert_eq!(tested.ask(number + 1, begin), [Said::Answer(number + 1)]);
            tested.ask(number + 2, RequestKind::PicturePart { offset: 0, pixels: &sent.pixels });
            let end = RequestKind::PictureEnd { crc: crc32(&sent.pixels) };
            assert_eq!(tested.ask(number + 3, end), [Said::Answer(number + 3)]);
            tested.camera([Step::Whole(picture.clone())]);
            let seen = Said::Seen { number: 2 * index as u32 + 2, seen: expected[index] };
            assert_eq!(tested.wait(260), [seen], "picture {index}");
        }
    });
}

#[test]
fn a_camera_that_stops_is_said_once_and_goes_on_when_it_can() {
    with_device(|mut tested| {
        assert_eq!(tested.wait(2990), []);
        let silent = line(&format!("{STOPPED}no picture for 3 s; check the camera and the line to it"));
        assert_eq!(tested.wait(20), [silent]);
        let begun = tested.begun();
        assert_eq!(tested.wait(10_000), [], "it is said once");
        assert!((2..=4).contains(&(tested.begun() - begun)), "it is tried again: {} times", tested.begun() - begun);
        tested.camera([Step::Whole(Picture::plain(9, 9, 9))]);
        assert_eq!(tested.wait(2000), [line("no face  0 ms  seq 1")]);
        tested.camera([Step::Partial(3), Step::Error, Step::Error, Step::Error]);
        assert_eq!(tested.wait(2900), [line(&format!("{STOPPED}a wire is loose"))]);
        tested.camera([Step::Whole(Picture::plain(321, 1, 9)), Step::Whole(Picture::plain(9, 9, 9))]);
        assert_eq!(tested.wait(2900), [line("no face  0 ms  seq 3")], "it goes on after a picture that is too large");
        tested.camera([Step::Whole(Picture::plain(321, 1, 9))]);
        let large = line(&format!("{STOPPED}a picture of 321x1 pixels; it takes 1x1 to 320x240"));
        assert_eq!(tested.wait(5), [large]);
        // The device answers all the while.
        assert_eq!(tested.ask(1, RequestKind::Hello { protocol: PROTOCOL_VERSION }), [Said::Answer(1)]);
        tested.bench.0.borrow_mut().unplugged = true;
        assert_eq!(tested.wait(2000), [], "it is said already");
        let view = RequestKind::View { view: View::Picture, offset: 0 };
        assert_eq!(tested.ask(2, view), [Said::Refused(2, ErrorCode::Camera)]);
        assert_eq!(tested.ask(3, RequestKind::Stats), [Said::Answer(3)]);
        tested.bench.0.borrow_mut().unplugged = false;
        tested.camera([Step::Whole(Picture::plain(5, 5, 5)), Step::Error]);
        assert_eq!(tested.wait(2000), [Said::Seen { number: 5, seen: None }, Said::Refused(0, ErrorCode::Camera)]);
    });
}

#[test]
fn a_host_sees_what_the_camera_saw_last_and_keeps_it_until_it_has_all_of_it() {
    let view = |offset| RequestKind::View { view: View::Picture, offset };
    let picture = Picture::drawn(64, 40, &[]);
    let part = |number, range: std::ops::Range<usize>| Said::View {
        number,
        size: picture.size,
        pixels: picture.pixels[range].to_vec(),
    };
    with_device(|mut tested| {
        tested.ask(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
        tested.camera([Step::Whole(picture.clone())]);
        tested.wait(300);
        assert_eq!(tested.ask(2, view(0)), [part(1, 0..PART_BYTES)]);
        // The camera would go on, but the host was slow.
        tested.camera([Step::Partial(0), Step::Partial(1), Step::Whole(picture.clone())]);
        assert_eq!(tested.wait(2500), []);
        assert_eq!(tested.ask(2, view(0)), [part(1, 0..PART_BYTES)], "a retry");
        assert_eq!(tested.ask(3, view(1024)), [part(1, 1024..2048)]);
        assert_eq!(tested.ask(4, view(2048)), [part(1, 2048..2560)]);
        assert_eq!(tested.ask(5, view(2560)), [Said::Refused(5, ErrorCode::NoView)], "there is no more");
        let face = RequestKind::View { view: View::Face, offset: 0 };
        assert_eq!(tested.ask(6, face), [Said::Refused(6, ErrorCode::NoView)], "there is no face in it");
        // A part of the next picture is written; it is finished first, and the host is told what is in it.
        tested.bench.0.borrow_mut().camera.truncate(1);
        tested.wait(3300);
        tested.camera([Step::Partial(1), Step::Waiting, Step::Whole(picture.clone())]);
        let seen = Said::Seen { number: 2, seen: None };
        assert_eq!(tested.ask(7, view(0)), [seen, part(2, 0..PART_BYTES)]);
    });
}

#[test]
fn a_hosts_picture_takes_the_place_of_the_cameras_which_begins_anew() {
    let picture = Picture::drawn(160, 120, &[(3, [50, 40], 1)]);
    with_device(|mut tested| {
        tested.camera([Step::Partial(0)]);
        tested.wait(1);
        let begun = tested.begun();
        tested.ask(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
        tested.ask(2, RequestKind::PictureBegin { size: picture.size, video: false });
        let mut sequence = 2;
        for (index, pixels) in picture.pixels.chunks(PART_BYTES).enumerate() {
            sequence += 1;
            // It would spoil the host's picture.
            tested.camera([Step::Partial(255)]);
            let part = RequestKind::PicturePart { offset: (index * PART_BYTES) as u32, pixels };
            assert_eq!(tested.ask(sequence, part), [Said::Answer(sequence)]);
            assert_eq!(tested.wait(300), [], "the camera rests");
            let view = RequestKind::View { view: View::Picture, offset: 0 };
            assert_eq!(tested.ask(sequence + 100, view), [Said::Refused(sequence + 100, ErrorCode::NoView)]);
        }
        let end = RequestKind::PictureEnd { crc: crc32(&picture.pixels) };
        assert_eq!(tested.ask(50, end), [Said::Answer(50)]);
        let face = RequestKind::View { view: View::Face, offset: 0 };
        assert!(matches!(tested.ask(51, face)[..], [Said::View { number: 1, .. }]), "the host's picture has a face");
        assert_eq!(tested.begun(), begun);
        tested.wait(3300);
        assert_eq!(tested.begun(), begun + 1);
    });
}

#[test]
fn a_picture_whose_host_is_gone_is_dropped() {
    with_device(|mut tested| {
        tested.ask(1, RequestKind::Hello { protocol: PROTOCOL_VERSION });
        let begin = RequestKind::PictureBegin { size: FrameSize { columns: 4, rows: 1 }, video: false };
        let part = RequestKind::PicturePart { offset: 0, pixels: &[1, 2] };
        assert_eq!(tested.ask(2, begin), [Said::Answer(2)]);
        tested.wait(4900);
        assert_eq!(tested.ask(3, part), [Said::Answer(3)], "it is there");
        tested.wait(5000);
        assert_eq!(tested.ask(4, part), [Said::Refused(4, ErrorCode::NoPicture)]);
    });
}

#[test]
fn memory_that_does_not_suffice_is_named() {
    let bytes = sample_model(1).encode().expect("the sample is sound");
    let model = Model::parse(bytes.as_slice()).expect("sound");
    let finder = Finder::parse(&FINDER.0).expect("it ships");
    let need = memory_bytes(&finder, 320, 240).expect("a size");
    assert!(arena_bytes(&model) < need, "the finder needs more than the model");
    let check = |arena: usize, picture: usize, largest: FrameSize| {
        let (mut arena, mut picture) = (vec![0; arena], vec![0; picture]);
        let engine = Engine::new(&model, &mut arena).expect("large enough");
        let board = Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 0 };
        let sight = Sight { finder, picture: &mut picture, largest, camera: None::<Bench> };
        Device::new(engine, Bench::default(), Bench::default(), board).with_sight(sight).err()
    };
    assert_eq!(check(need, 76_800, LARGEST), None);
    let too_small = EngineError::ArenaTooSmall { need: need as u32, have: need - 1 };
    assert_eq!(check(need - 1, 76_800, LARGEST), Some(NoSight::Arena(too_small)));
    assert_eq!(check(need, 76_799, LARGEST), Some(NoSight::Picture { need: 76_800, have: 76_799 }));
    for (columns, rows) in [(0, 1), (1, 0), (321, 240), (320, 241)] {
        let size = FrameSize { columns, rows };
        assert_eq!(check(need, 100_000, size), Some(NoSight::Size(size)));
    }
}

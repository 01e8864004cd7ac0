//! A device with a camera of its own, on a clock that the test sets: what it prints, what it tells a host, and what happens when
//! the camera stops.

mod bench;

use bench::{Bench, Said, Step, with_device};
use firmware::{
    camera::FrameSize,
    device::{Board, Device, NoSight, SeenLine, Sight},
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
        Classified, ErrorCode, FaceBox, Options, Output, PART_BYTES, PROTOCOL_VERSION, RequestKind, Seen, SeenFace,
        View,
    },
};
use tests::{
    drawn_picture::{Followed, Picture, follow},
    sample_model::sample_model,
};

static PICO: &Aligned<[u8]> = &Aligned(*include_bytes!("../../firmware/models/pico.fer"));
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../../firmware/models/finder.ferf"));

const LARGEST: FrameSize = FrameSize { columns: 320, rows: 240 };

const STOPPED: &str = "the camera stopped: ";

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
        tested.set_unplugged(true);
        assert_eq!(tested.wait(2000), [], "it is said already");
        let view = RequestKind::View { view: View::Picture, offset: 0 };
        assert_eq!(tested.ask(2, view), [Said::Refused(2, ErrorCode::Camera)]);
        assert_eq!(tested.ask(3, RequestKind::Stats), [Said::Answer(3)]);
        tested.set_unplugged(false);
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
        tested.drop_steps_after(1);
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

//! The boards' programs in emulation, against the core on this host: every row of `firmware/boards/boards.txt`, and what is
//! particular to a board.
//!
//! ```text
//! cargo test --test emulated_boards -- --ignored
//! ```
//!
//! With `FER2013=…/fer2013.csv.gz` in the environment, real faces are compared as well as drawn ones. A row makes several
//! tests, which the compiler cannot make of a table, so this file has a `main` of its own.

mod emulator;

use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::{env, fs, path::Path};

use crc::{CRC_32_MPEG_2, Crc};
use emulator::boards::{Board, boards};
use emulator::camera::{self, Shot, Shots};
use emulator::compile;
use emulator::elf::{flash_bytes, memory, ram_bytes};
use emulator::host::Host;
use emulator::process::{Running, file, start};
use emulator::{MOST_PICO_RAM, PICO_FLASH, PICO_RAM, copied, store, uploads, usb_port};
use firmware::finder::frame::Frame;
use firmware::finder::search::{Effort, Search, memory_bytes};
use host_trainer::data::{self, Split};
use host_trainer::synthetic;
use libtest_mimic::{Arguments, Trial};
use programs::scene::{DRAWN, HEIGHT, PIXELS, WIDTH, digest, draw};
use shared::finder::Finder;
use shared::model::{AlignedBytes, Model};
use shared::preprocessing::FACE_PIXELS;
use shared::wire::ErrorCode;
use tests::drawn_picture::Picture;
use tests::lasting::engine;

/// Code, constants, model, faces and finder of the image, in bytes; a third of it is code.
const MOST_FLASH: u32 = 544 * 1024;

/// The stack of a board without an operating system, in bytes, and what must be left of it.
const STACK: u32 = 64 * 1024;
const SPARE_STACK: u32 = STACK / 2;

/// The longest time from the beginning of a picture's transfer to the readout, in milliseconds.
const MOST_MILLISECONDS: u64 = 850;

fn main() -> ExitCode {
    let pico = store::TESTS
        .into_iter()
        .chain(usb_port::TESTS)
        .chain(uploads::TESTS)
        .chain(copied::TESTS)
        .map(|(what, run)| test("pico", what, run));
    let tests = boards().flat_map(of_a_row).chain(of_one_board()).chain(pico);
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit_code()
}

/// A test that needs compilers and emulators; .ci/run runs it.
fn test(board: &str, what: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    let run = move || {
        run();
        Ok(())
    };
    Trial::test(format!("{board}::{what}"), run).with_ignored_flag(true)
}

/// What is tested of every board, as far as its row says so.
fn of_a_row(board: Board) -> Vec<Trial> {
    let start_device = move || start(&board, &compile::device(&board), &[]);
    let mut tests = Vec::new();
    if board.has("device") {
        tests.push(test(board.name, "prints_a_banner_and_what_the_host_thinks_of_the_demo_faces", move || {
            prints_a_banner_and_readouts(start_device(), board.model());
        }));
        tests.push(test(board.name, "gives_the_same_logits_as_the_host_byte_by_byte", move || {
            let mut host = gives_the_same_logits(start_device(), board.model(), board.faces);
            match host.stats().stack_high_water {
                Some(stack) => assert!((1..=STACK - SPARE_STACK).contains(&stack), "{stack} bytes of stack in use"),
                None => assert!(board.is_linux(), "the board does not know its stack"),
            }
        }));
        tests.push(test(board.name, "sees_in_pictures_what_the_host_sees_byte_by_byte", move || {
            sees_what_the_host_sees(start_device(), board.model());
        }));
        tests.push(test(board.name, "answers_a_damaged_frame_with_an_error_and_the_next_good_one", move || {
            survives_a_damaged_frame(start_device(), board.model());
        }));
    }
    if board.has("models") {
        tests.push(test(board.name, "takes_other_models_over_its_link_and_answers_with_them", move || {
            let faces = read("firmware/models/demo_faces.bin");
            let [pico, levorse] = ["pico", "levorse"].map(|name| read(&format!("firmware/models/{name}.fer")));
            uploads::takes_other_models(&board, [&pico, &levorse], faces.as_chunks().0);
        }));
    }
    if board.has("kernels") {
        tests.push(test(board.name, "random_operators_are_the_same_as_in_plain_rust", move || {
            let hosted = board.is_linux() || board.is_wasm();
            kernels_agree(&start(&board, &compile::program(&board, "agreement"), &[]), hosted);
        }));
    }
    tests
}

/// What is particular to a board.
fn of_one_board() -> Vec<Trial> {
    vec![
        test("mps2", "the_image_takes_at_most_544_kib_of_flash", || {
            let flash = flash_bytes(&fs::read(compile::device(&Board::named("mps2"))).unwrap());
            assert!(flash <= MOST_FLASH, "{flash} bytes of flash, at most {MOST_FLASH} are allowed");
        }),
        test("mps2", "after_an_hour_in_which_nobody_read_it_the_clock_is_right", || an_unread_hour("mps2")),
        test("mps2-an505", "after_an_hour_in_which_nobody_read_it_the_clock_is_right", || an_unread_hour("mps2-an505")),
        test("mps2", "a_search_finds_what_the_host_finds_in_at_most_5_million_instructions", || {
            searches_frames("mps2", &["-icount", "shift=6"], 5_000_000);
        }),
        test("pico", "a_search_finds_what_the_host_finds_in_at_most_10_million_cycles", || {
            searches_frames("pico", &[], 10_000_000);
        }),
        test("pico", "sees_with_its_camera_what_the_host_sees_in_time_and_goes_on_when_it_stops", pico_sees),
        test("pico", "the_image_begins_with_a_second_boot_stage_and_its_checksum", pico_begins_with_a_boot_stage),
        test(
            "pico2",
            "the_image_begins_with_vectors_and_a_definition_that_its_boot_rom_accepts",
            pico2_begins_with_vectors_and_a_definition,
        ),
    ]
}

/// The program `agreement` compares so many operators; 250 of each kind on a board without an operating system; 2000 where it is
/// that of a host.
fn kernels_agree(board: &Running, hosted: bool) {
    let lines = BufReader::new(&board.port).lines().map(|line| line.expect("it has fallen silent"));
    let lines: Vec<_> = lines.take_while(|line| line != "end").collect();
    let operators = if hosted { "18250 operators agree" } else { "2282 operators agree" };
    assert_eq!(lines, [operators, "1344 at the limits agree"]);
}

/// The program `clock` compares with a counter of seconds.
fn an_unread_hour(name: &str) {
    let board = Board::named(name);
    // An instruction takes 64 ns, and sleep takes none of the host's time.
    let board = start(&board, &compile::program(&board, "clock"), &["-icount", "shift=6,sleep=off"]);
    let mut line = String::new();
    BufReader::new(&board.port).read_line(&mut line).expect("the board has fallen silent");
    let (milliseconds, seconds) = line.trim_end().split_once(" ms after ").expect("both times");
    let milliseconds: u64 = milliseconds.parse().expect("a number");
    assert_eq!(seconds, "3600 s");
    // The first second had begun, and one tick of each counter may be missing.
    assert!((3_598_900..=3_600_100).contains(&milliseconds), "{line}");
}

/// The program `finder` searches drawn frames: each line tells what the core finds on this host, bit by bit, and what the search took,
/// which is `most` on average and no frame twice as much.
fn searches_frames(name: &str, more: &[&str], most: u64) {
    let board = Board::named(name);
    let board = start(&board, &compile::program(&board, "finder"), more);
    let file = AlignedBytes::new(&read("firmware/models/finder.ferf"));
    let finder = Finder::parse(file.as_slice()).unwrap();
    let mut memory = vec![0; memory_bytes(&finder, WIDTH, HEIGHT).unwrap()];
    let mut search = Search::new(&finder, &mut memory);
    let mut lines = BufReader::new(&board.port).lines().map(|line| line.expect("the board has fallen silent"));
    let heading = lines.next().expect("a heading");
    assert!(heading.starts_with("frame"), "{heading}");
    let (mut pixels, mut work) = ([0; PIXELS], Vec::new());
    for index in 0..DRAWN {
        draw(index, &mut pixels);
        let frame = Frame::new(&pixels, WIDTH, HEIGHT, WIDTH).unwrap();
        let faces = search.faces(frame, finder.header.take).unwrap();
        let Effort { windows, confirmed, placed } = search.effort;
        let expected = format!("{index} {windows} {confirmed} {placed} {} {:x}", faces.len(), digest(&faces));
        let line = lines.next().expect("a line for every frame");
        let columns: Vec<_> = line.split_whitespace().collect();
        let (found, taken) = columns.split_at(6);
        assert_eq!(found.join(" "), expected);
        work.push(taken.last().and_then(|whole| whole.parse::<u64>().ok()).expect("what the whole search took"));
    }
    let (mean, worst) = (work.iter().sum::<u64>() / DRAWN as u64, work.iter().max().copied().unwrap());
    assert!(mean <= most && worst <= 2 * most, "{mean} on average, {worst} at most");
}

fn pico_begins_with_a_boot_stage() {
    let image = memory(&fs::read(compile::device(&Board::named("pico"))).unwrap(), PICO_FLASH, 0x108);
    let (stage, rest) = image.split_at(252);
    // RP2040 datasheet, section 2.8.1.3.1.
    let checksum = Crc::<u32>::new(&CRC_32_MPEG_2).checksum(stage);
    assert_eq!(words(rest)[0], checksum, "the boot ROM starts no stage with another checksum");
    assert_vectors(&words(rest)[1..], 0x2000_0000..=0x2004_2000);
}

/// What the Pico's camera takes: faces of several sizes, some that move on, two, one of which the border cuts a part off, and none.
fn shots() -> Shots {
    let drawn = |faces: &[_]| Picture::drawn(camera::SIZE.columns, camera::SIZE.rows, faces);
    let plain = |grey| Picture::plain(camera::SIZE.columns, camera::SIZE.rows, grey);
    let whole = |picture| (picture, Shot::Whole);
    vec![
        whole(plain(0)),
        whole(drawn(&[(3, [60, 30], 2)])),
        whole(drawn(&[(3, [66, 33], 2)])),
        (drawn(&[(3, [72, 36], 2)]), Shot::Hangs),
        whole(drawn(&[(4, [100, 60], 3)])),
        (drawn(&[(4, [90, 60], 3)]), Shot::Unplugged),
        whole(drawn(&[(5, [20, 20], 1), (6, [150, 80], 3)])),
        whole(drawn(&[(8, [-20, 90], 2)])),
        whole(drawn(&[(3, [250, 170], 1)])),
        whole(drawn(&[])),
    ]
}

fn pico_sees() {
    let (model, finder) =
        (AlignedBytes::new(&read("firmware/models/pico.fer")), AlignedBytes::new(&read("firmware/models/finder.ferf")));
    let (model, finder) = (Model::parse(model.as_slice()).unwrap(), Finder::parse(finder.as_slice()).unwrap());
    let (shots, board) = (shots(), Board::named("pico"));
    let (pictures, events) = (file("pictures.yuv"), file("events"));
    camera::write_pictures(&shots, &pictures);
    let expected = camera::lines_of_the_host(&model, finder, &shots);
    let program = compile::device_with(&board, "pico.fer");
    let [hangs, unplugged] = [Shot::Hangs, Shot::Unplugged].map(|shot| camera::number(&shots, shot));
    let options = ["--camera", pictures.to_str().unwrap(), "--events", events.to_str().unwrap()];
    let running = start(&board, &program, &[&options[..], &["--hangs", &hangs, "--unplugged", &unplugged]].concat());

    let lines = BufReader::new(&running.port).lines().map(|line| line.expect("the board has fallen silent"));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).skip(1).take(shots.len()).collect();
    let without_times = |lines: &[String]| lines.iter().map(|line| camera::without_time(line)).collect::<Vec<_>>();
    assert_eq!(without_times(&lines), without_times(&expected));
    for (what, count) in [("no face  ", 2), ("  face ", 6), ("the camera stopped: ", 2)] {
        assert_eq!(lines.iter().filter(|line| line.contains(what)).count(), count, "{what:?} in {lines:#?}");
    }

    let times = camera::milliseconds(&fs::read_to_string(&events).unwrap(), &shots);
    println!("{}\nfrom the beginning of the transfer to the readout: {times:?} ms", lines.join("\n"));
    let late: Vec<_> = times.iter().filter(|&&time| time > MOST_MILLISECONDS).collect();
    assert!(late.is_empty(), "{late:?} ms in place of {MOST_MILLISECONDS}: {times:?}");

    let stack = Host::greet(running, model.crc()).stats().stack_high_water.expect("the board knows its stack");
    let variables = ram_bytes(&fs::read(&program).unwrap(), PICO_RAM);
    println!("{variables} bytes of variables, {stack} of stack");
    assert!(stack > 0 && variables + stack <= MOST_PICO_RAM, "{variables} bytes of variables, {stack} of stack");
    for file in [pictures, events] {
        fs::remove_file(file).unwrap();
    }
}

fn pico2_begins_with_vectors_and_a_definition() {
    let image = words(&memory(&fs::read(compile::device(&Board::named("pico2"))).unwrap(), PICO_FLASH, 4096));
    assert_vectors(&image, 0x2000_0000..=0x2008_2000);
    // RP2350 datasheet, section 5.9.5.1: an executable of secure code for Arm, a block and a loop of one.
    let definition = [0xffff_ded3, 0x1021_0142, 0x0000_01ff, 0x0000_0000, 0xab12_3579];
    assert!(image.windows(5).any(|words| words == definition), "no image definition in the first 4 KiB");
}

/// The first two entries of a vector table: the stack is in RAM, the program in flash.
fn assert_vectors(table: &[u32], ram: RangeInclusive<u32>) {
    assert!(ram.contains(&table[0]), "the stack begins at {:#x}", table[0]);
    assert!((PICO_FLASH..PICO_FLASH + MOST_FLASH).contains(&table[1]) && table[1] & 1 == 1, "{:#x}", table[1]);
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect()
}

fn prints_a_banner_and_readouts(board: Running, model: &str) {
    let file = shipped_model(model);
    let model = Model::parse(file.as_slice()).unwrap();
    let mut engine = engine(&model);
    let faces = read("firmware/models/demo_faces.bin");
    let mut lines = BufReader::new(&board.port)
        .lines()
        .map(|line| line.expect("the board has fallen silent"))
        .skip_while(|line| line.is_empty());

    let banner = lines.next().unwrap();
    for part in [model.name(), &format!("{:08x}", model.crc()), &format!("{} bytes", model.arena_bytes())] {
        assert!(banner.contains(part), "no {part:?} in the banner {banner:?}");
    }
    let faces = faces.as_chunks().0;
    assert!(!faces.is_empty(), "no demo face, so no line is compared");
    for (sequence, face) in (1..).zip(faces) {
        let readout = engine.classify(face).unwrap();
        let line = lines.next().unwrap();
        let start = format!("{} {:.2}  margin {:.2}  ", readout.label, readout.confidence, readout.margin);
        assert!(line.starts_with(&start), "{line:?} should start with {start:?}");
        let end = format!(" ms  seq {sequence}{}", if readout.uncertain { "  uncertain" } else { "" });
        assert!(line.ends_with(&end), "{line:?} should end with {end:?}");
    }
}

/// Compares so many faces of each kind.
fn gives_the_same_logits(board: Running, model: &str, count: usize) -> Host {
    let file = shipped_model(model);
    let model = Model::parse(file.as_slice()).unwrap();
    let mut engine = engine(&model);
    let faces = faces(count);
    assert!(!faces.is_empty(), "boards.txt: a board with a device compares faces");

    let mut host = Host::greet(board, model.crc());
    for (index, face) in faces.iter().enumerate() {
        let expected = engine.run(face).unwrap();
        let logits = host.classify(face).logits;
        assert_eq!(logits[..expected.len()], *expected, "face {index}");
    }
    let stats = host.stats();
    assert_eq!((stats.faces as usize, stats.bad_frames), (faces.len(), 0), "faces and damaged frames");
    host
}

fn sees_what_the_host_sees(board: Running, model: &str) {
    let (model, finder) = (shipped_model(model), AlignedBytes::new(&read("firmware/models/finder.ferf")));
    let model = Model::parse(model.as_slice()).unwrap();
    let finder = Finder::parse(finder.as_slice()).unwrap();
    let mut host = Host::greet(board, model.crc());
    emulator::pictures::sees_what_the_host_sees(&mut host, &model, &finder);
}

fn survives_a_damaged_frame(board: Running, model: &str) {
    let file = shipped_model(model);
    let model = Model::parse(file.as_slice()).unwrap();
    let mut host = Host::greet(board, model.crc());
    let face = synthetic::face(0, 0).pixels;
    let before = host.classify(&face);
    assert_eq!(host.classify_damaged(&face), ErrorCode::Corrupt);
    let after = host.classify(&face);
    assert_eq!((after.logits, after.label), (before.logits, before.label));
    let stats = host.stats();
    assert_eq!((stats.faces, stats.bad_frames), (2, 1), "faces and damaged frames");
}

/// So many drawn faces, then real ones where there are any.
fn faces(count: usize) -> Vec<[u8; FACE_PIXELS]> {
    let mut faces: Vec<_> = (0..count as u64).map(|index| synthetic::face(2013, index).pixels).collect();
    if let Some(path) = env::var_os("FER2013") {
        let dataset = data::locate(Some(Path::new(&path))).unwrap().read(&mut |_, _| {}).unwrap();
        faces.extend(dataset.faces(Split::PublicTest).iter().take(count).map(|(face, _)| face));
    }
    faces
}

fn shipped_model(name: &str) -> AlignedBytes {
    AlignedBytes::new(&read(&format!("firmware/models/{name}")))
}

/// A file of the repository.
fn read(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

//! The boards' programs in emulation, against the core on this host.
//!
//! ```text
//! cargo test --test emulated_boards -- --ignored
//! ```
//!
//! With `FER2013=…/fer2013.csv.gz` in the environment, real faces are compared as well as drawn ones.

mod emulator;

use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::{env, fs, path::Path};

use crc::{CRC_32_MPEG_2, Crc};
use emulator::compile;
use emulator::elf::{flash_bytes, memory};
use emulator::host::Host;
use emulator::process::{self, Board};
use firmware::engine::Engine;
use host_trainer::data::{self, Split};
use host_trainer::synthetic;
use shared::model::{AlignedBytes, Model};
use shared::preprocessing::FACE_PIXELS;
use shared::wire::ErrorCode;

/// Code, constants, model and faces of the image, in bytes.
const MOST_FLASH: u32 = 384 * 1024;

/// The stack of mps2, of pico and of rpi3, in bytes, and what must be left of it.
const STACK: u32 = 64 * 1024;
const SPARE_STACK: u32 = STACK / 2;

/// The processor of the FPGA image AN505.
const CORTEX_M33: &str = "thumbv8m.main-none-eabihf";

/// Linux on the processors of Raspberry Pis, and one of each: of the 3, of the Zero, of the 2. The 5's has dot products.
const AARCH64: &str = "aarch64-unknown-linux-gnu";
const WITHOUT_DOT_PRODUCTS: &str = "cortex-a53";
const WITH_DOT_PRODUCTS: &str = "neoverse-n1";
const ARMV6: &str = "arm-unknown-linux-gnueabi";
const ARM1176: &str = "arm1176";
const ARMV7: &str = "armv7-unknown-linux-gnueabihf";
const CORTEX_A7: &str = "cortex-a7";

/// Faces of each kind that are compared.
const FACES: usize = 100;

/// Faces of each kind that are compared on a board whose emulator takes more than a second for one.
const FEW_FACES: usize = 10;

/// First address of the flash of RP2040 and RP2350.
const PICO_FLASH: u32 = 0x1000_0000;

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn the_image_of_mps2_takes_at_most_384_kib_of_flash() {
    let flash = flash_bytes(&fs::read(compile::mps2()).unwrap());
    assert!(flash <= MOST_FLASH, "{flash} bytes of flash, at most {MOST_FLASH} are allowed");
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn random_operators_are_the_same_on_a_cortex_m4_as_in_plain_rust() {
    kernels_agree("mps2-an386", "thumbv7em-none-eabihf");
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn random_operators_are_the_same_in_code_for_a_cortex_m0_as_in_plain_rust() {
    kernels_agree("mps2-an386", "thumbv6m-none-eabi");
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn random_operators_are_the_same_on_a_cortex_m33_as_in_plain_rust() {
    kernels_agree("mps2-an505", CORTEX_M33);
}

#[test]
#[ignore = "needs qemu-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn random_operators_are_the_same_on_aarch64_as_in_plain_rust() {
    kernels_agree_on_linux(process::linux_aarch64(WITHOUT_DOT_PRODUCTS, &compile::agreement(AARCH64)));
}

#[test]
#[ignore = "needs qemu-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn random_operators_are_the_same_by_dot_products_on_aarch64_as_in_plain_rust() {
    kernels_agree_on_linux(process::linux_aarch64(WITH_DOT_PRODUCTS, &compile::agreement(AARCH64)));
}

#[test]
#[ignore = "needs qemu-arm and an Armv6 compiler; .ci/run runs it"]
fn random_operators_are_the_same_on_armv6_as_in_plain_rust() {
    kernels_agree_on_linux(process::linux_arm(ARM1176, &compile::agreement(ARMV6)));
}

#[test]
#[ignore = "needs qemu-arm and an Armv7 compiler; .ci/run runs it"]
fn random_operators_are_the_same_on_armv7_as_in_plain_rust() {
    kernels_agree_on_linux(process::linux_arm(CORTEX_A7, &compile::agreement(ARMV7)));
}

fn kernels_agree_on_linux(board: Board) {
    let lines: Vec<_> = BufReader::new(&board.port).lines().map(|line| line.expect("it has fallen silent")).collect();
    assert_eq!(lines, ["8250 operators agree", "720 at the limits agree"]);
}

fn kernels_agree(machine: &str, triple: &str) {
    let board = process::mps2(machine, &compile::mps2_program(triple, "agreement"));
    let lines = BufReader::new(&board.port).lines().map(|line| line.expect("the board has fallen silent"));
    let lines: Vec<_> = lines.take_while(|line| line != "end").collect();
    assert_eq!(lines, ["1000 operators agree", "576 at the limits agree"]);
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn mps2_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::mps2("mps2-an386", &compile::mps2()));
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn after_an_hour_in_which_nobody_read_it_the_clock_of_mps2_is_right() {
    an_unread_hour("mps2-an386", "thumbv7em-none-eabihf");
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn after_an_hour_in_which_nobody_read_it_the_clock_of_a_cortex_m33_is_right() {
    an_unread_hour("mps2-an505", CORTEX_M33);
}

/// The program `clock` compares with a counter of seconds.
fn an_unread_hour(machine: &str, triple: &str) {
    let board = process::mps2_without_sleep(machine, &compile::mps2_program(triple, "clock"));
    let mut line = String::new();
    BufReader::new(&board.port).read_line(&mut line).expect("the board has fallen silent");
    let (milliseconds, seconds) = line.trim_end().split_once(" ms after ").expect("both times");
    let milliseconds: u64 = milliseconds.parse().expect("a number");
    assert_eq!(seconds, "3600 s");
    // The first second had begun, and one tick of each counter may be missing.
    assert!((3_598_900..=3_600_100).contains(&milliseconds), "{line}");
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn mps2_gives_the_same_logits_as_the_host_byte_by_byte() {
    let mut host = gives_the_same_logits(process::mps2("mps2-an386", &compile::mps2()), FACES);
    let stack = host.stats().stack_high_water.expect("mps2 knows its stack");
    assert!((1..=STACK - SPARE_STACK).contains(&stack), "{stack} bytes of stack were in use");
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn mps2_answers_a_damaged_frame_with_an_error_and_the_next_good_one_with_a_result() {
    survives_a_damaged_frame(process::mps2("mps2-an386", &compile::mps2()));
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn a_cortex_m33_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::mps2("mps2-an505", &compile::mps2_program(CORTEX_M33, "mps2")));
}

#[test]
#[ignore = "needs qemu-system-arm and a Cortex-M compiler; .ci/run runs it"]
fn a_cortex_m33_gives_the_same_logits_as_the_host_byte_by_byte() {
    gives_the_same_logits(process::mps2("mps2-an505", &compile::mps2_program(CORTEX_M33, "mps2")), FACES);
}

#[test]
#[ignore = "needs a Cortex-M compiler; .ci/run runs it"]
fn the_image_of_pico_begins_with_a_second_boot_stage_and_its_checksum() {
    let image = memory(&fs::read(compile::pico("pico")).unwrap(), PICO_FLASH, 0x108);
    let (stage, rest) = image.split_at(252);
    // RP2040 datasheet, section 2.8.1.3.1.
    let checksum = Crc::<u32>::new(&CRC_32_MPEG_2).checksum(stage);
    assert_eq!(words(rest)[0], checksum, "the boot ROM starts no stage with another checksum");
    assert_vectors(&words(rest)[1..], 0x2000_0000..=0x2004_2000);
}

#[test]
#[ignore = "needs a Cortex-M compiler; .ci/run runs it"]
fn the_image_of_pico2_begins_with_vectors_and_a_definition_that_its_boot_rom_accepts() {
    let image = words(&memory(&fs::read(compile::pico2()).unwrap(), PICO_FLASH, 4096));
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

#[test]
#[ignore = "needs node, rp2040js and a Cortex-M compiler; .ci/run runs it"]
fn a_pico_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::pico(&compile::pico("pico")));
}

#[test]
#[ignore = "needs node, rp2040js and a Cortex-M compiler; .ci/run runs it"]
fn a_pico_gives_the_same_logits_as_the_host_byte_by_byte() {
    let mut host = gives_the_same_logits(process::pico(&compile::pico("pico")), FEW_FACES);
    let stack = host.stats().stack_high_water.expect("pico knows its stack");
    assert!((1..=STACK - SPARE_STACK).contains(&stack), "{stack} bytes of stack were in use");
}

#[test]
#[ignore = "needs node, rp2040js and a Cortex-M compiler; .ci/run runs it"]
fn a_pico_answers_a_damaged_frame_with_an_error_and_the_next_good_one_with_a_result() {
    survives_a_damaged_frame(process::pico(&compile::pico("pico")));
}

#[test]
#[ignore = "needs qemu-system-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn a_raspberry_pi_3_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::rpi3(&compile::rpi3()));
}

#[test]
#[ignore = "needs qemu-system-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn a_raspberry_pi_3_gives_the_same_logits_as_the_host_byte_by_byte() {
    let mut host = gives_the_same_logits(process::rpi3(&compile::rpi3()), FACES);
    let stack = host.stats().stack_high_water.expect("rpi3 knows its stack");
    assert!((1..=STACK - SPARE_STACK).contains(&stack), "{stack} bytes of stack were in use");
}

#[test]
#[ignore = "needs qemu-system-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn a_raspberry_pi_3_answers_a_damaged_frame_with_an_error_and_the_next_good_one_with_a_result() {
    survives_a_damaged_frame(process::rpi3(&compile::rpi3()));
}

#[test]
#[ignore = "needs qemu-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn linux_on_aarch64_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::linux_aarch64(WITH_DOT_PRODUCTS, &compile::linux(AARCH64)));
}

#[test]
#[ignore = "needs qemu-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn linux_on_aarch64_gives_the_same_logits_as_the_host_byte_by_byte() {
    gives_the_same_logits(process::linux_aarch64(WITHOUT_DOT_PRODUCTS, &compile::linux(AARCH64)), FACES);
}

#[test]
#[ignore = "needs qemu-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn linux_on_aarch64_gives_the_same_logits_by_dot_products_as_the_host_byte_by_byte() {
    gives_the_same_logits(process::linux_aarch64(WITH_DOT_PRODUCTS, &compile::linux(AARCH64)), FACES);
}

#[test]
#[ignore = "needs qemu-aarch64 and an AArch64 compiler; .ci/run runs it"]
fn linux_on_aarch64_answers_a_damaged_frame_with_an_error_and_the_next_good_one_with_a_result() {
    survives_a_damaged_frame(process::linux_aarch64(WITH_DOT_PRODUCTS, &compile::linux(AARCH64)));
}

#[test]
#[ignore = "needs qemu-arm and an Armv6 compiler; .ci/run runs it"]
fn linux_on_armv6_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::linux_arm(ARM1176, &compile::linux(ARMV6)));
}

#[test]
#[ignore = "needs qemu-arm and an Armv6 compiler; .ci/run runs it"]
fn linux_on_armv6_gives_the_same_logits_as_the_host_byte_by_byte() {
    gives_the_same_logits(process::linux_arm(ARM1176, &compile::linux(ARMV6)), FACES);
}

#[test]
#[ignore = "needs qemu-arm and an Armv6 compiler; .ci/run runs it"]
fn linux_on_armv6_answers_a_damaged_frame_with_an_error_and_the_next_good_one_with_a_result() {
    survives_a_damaged_frame(process::linux_arm(ARM1176, &compile::linux(ARMV6)));
}

#[test]
#[ignore = "builds the board in release mode; .ci/run runs it"]
fn linux_on_this_machine_prints_a_banner_and_then_what_the_host_thinks_of_the_demo_faces() {
    prints_a_banner_and_readouts(process::linux(&compile::linux(&this_machine())));
}

#[test]
#[ignore = "builds the board in release mode; .ci/run runs it"]
fn linux_on_this_machine_gives_the_same_logits_as_the_host_byte_by_byte() {
    gives_the_same_logits(process::linux(&compile::linux(&this_machine())), FACES);
}

#[test]
#[ignore = "builds the board in release mode; .ci/run runs it"]
fn linux_on_this_machine_answers_a_damaged_frame_with_an_error_and_the_next_good_one_with_a_result() {
    survives_a_damaged_frame(process::linux(&compile::linux(&this_machine())));
}

fn this_machine() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

fn prints_a_banner_and_readouts(board: Board) {
    let file = shipped_model();
    let model = Model::parse(file.as_slice()).unwrap();
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).unwrap();
    let faces = read("firmware/models/demo_faces.bin");
    let mut lines = BufReader::new(&board.port)
        .lines()
        .map(|line| line.expect("the board has fallen silent"))
        .skip_while(|line| line.is_empty());

    let banner = lines.next().unwrap();
    for part in [model.name(), &format!("{:08x}", model.crc()), &format!("{} bytes", model.arena_bytes())] {
        assert!(banner.contains(part), "no {part:?} in the banner {banner:?}");
    }
    for (sequence, face) in (1..).zip(faces.as_chunks().0) {
        let readout = engine.classify(face).unwrap();
        let line = lines.next().unwrap();
        let start = format!("{} {:.2}  margin {:.2}  ", readout.label, readout.confidence, readout.margin);
        assert!(line.starts_with(&start), "{line:?} should start with {start:?}");
        let end = format!(" ms  seq {sequence}{}", if readout.uncertain { "  uncertain" } else { "" });
        assert!(line.ends_with(&end), "{line:?} should end with {end:?}");
    }
}

/// Compares so many faces of each kind.
fn gives_the_same_logits(board: Board, count: usize) -> Host {
    let file = shipped_model();
    let model = Model::parse(file.as_slice()).unwrap();
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).unwrap();
    let faces = faces(count);

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

fn survives_a_damaged_frame(board: Board) {
    let file = shipped_model();
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

fn shipped_model() -> AlignedBytes {
    AlignedBytes::new(&read("firmware/models/edge.fer"))
}

/// A file of the repository.
fn read(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

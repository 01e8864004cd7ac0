extern crate std;

use std::{format, vec, vec::Vec};

use embedded_hal_mock::eh1::{
    delay::NoopDelay,
    spi::{Mock, Transaction},
};

use super::*;

type Transactions = Vec<Transaction<u8>>;

/// What writing a register is on the bus.
fn write(register: u8, value: u8) -> Transactions {
    transaction(vec![Transaction::write_vec(vec![register | 0x80, value])])
}

/// What reading one is.
fn read(register: u8, value: u8) -> Transactions {
    transaction(vec![Transaction::transfer_in_place(vec![register, 0, 0], vec![0xee, 0xdd, value])])
}

/// What a burst is: the command, and what the module answers.
fn burst(command: &[u8], bytes: Vec<u8>) -> Transactions {
    transaction(vec![Transaction::write_vec(command.to_vec()), Transaction::read_vec(bytes)])
}

fn transaction(inner: Transactions) -> Transactions {
    [vec![Transaction::transaction_start()], inner, vec![Transaction::transaction_end()]].concat()
}

/// A module's answers from the reset on until it is found.
fn found() -> Transactions {
    [write(0x07, 0x40), read(0x40, 0x81)].concat()
}

/// From there until it takes its first picture.
fn set_up(resolution: u8) -> Transactions {
    [
        vec![read(0x44, 0x00), read(0x44, 0x02), write(0x0a, 0x78), write(0x20, 3)],
        vec![read(0x44, 0x01), read(0x44, 0x02), write(0x21, resolution)],
        vec![read(0x44, 0x02), exposed()],
    ]
    .concat()
    .concat()
}

/// What begins a picture.
fn exposed() -> Transactions {
    [write(0x04, 1), write(0x04, 2)].concat()
}

/// A picture of so many bytes is ready.
fn done(length: u32) -> Transactions {
    let [low, middle, high, _] = length.to_le_bytes();
    [read(0x44, 0x02), read(0x44, 0x06), read(0x47, high), read(0x46, middle), read(0x45, low)].concat()
}

/// Calls of `fetch` until the first pixels: while it is set up, and while the picture is taken.
const SET_UP: usize = 5;
const EXPOSED: usize = 2;

/// Grey levels of a picture, and the bytes that a module makes of them.
fn picture(pixels: usize, order: ByteOrder) -> (Vec<u8>, Vec<u8>) {
    let grey: Vec<u8> = (0..pixels).map(|index| (index * 7 % 251) as u8).collect();
    let colour = |index: usize| (255 - index % 13) as u8;
    let bytes = grey.iter().enumerate().flat_map(|(index, &grey)| match order {
        ByteOrder::Yuyv => [grey, colour(index)],
        ByteOrder::Uyvy => [colour(index), grey],
    });
    (grey.clone(), bytes.collect())
}

/// The bursts of a picture in pieces of so many pixels.
fn bursts(bytes: &[u8], pixels: usize) -> Transactions {
    let piece = |(index, bytes): (usize, &[u8])| {
        let command: &[u8] = if index == 0 { &[0x3c, 0] } else { &[0x3c] };
        burst(command, bytes.to_vec())
    };
    bytes.chunks(2 * pixels).enumerate().flat_map(piece).collect()
}

/// Has a camera do something, and checks that these were the transactions on the bus, all of them and no others.
fn on_bus<T>(
    transactions: &[Transactions],
    resolution: Resolution,
    order: ByteOrder,
    act: impl FnOnce(Result<ArducamMega<Mock<u8>, NoopDelay>, Error>) -> T,
) -> T {
    let mut bus = Mock::new(&transactions.concat());
    let result = act(ArducamMega::probe(bus.clone(), NoopDelay, resolution, order));
    bus.done();
    result
}

/// A camera that was found and whose first picture was begun.
fn begun(camera: Result<ArducamMega<Mock<u8>, NoopDelay>, Error>) -> ArducamMega<Mock<u8>, NoopDelay> {
    let mut camera = camera.expect("a camera");
    camera.start().expect("nothing is written");
    camera
}

/// Fetches so often that nothing is to be seen yet.
fn wait(camera: &mut ArducamMega<Mock<u8>, NoopDelay>, frame: &mut [u8], times: usize) {
    for _ in 0..times {
        assert_eq!(camera.fetch(frame), Ok(Progress::Waiting));
    }
}

/// The pieces of a picture until it is whole, or fails.
fn rows(camera: &mut ArducamMega<Mock<u8>, NoopDelay>, frame: &mut [u8]) -> (usize, Result<FrameSize, Error>) {
    for pieces in 1.. {
        match camera.fetch(frame) {
            Ok(Progress::Partial) => {}
            Ok(Progress::Whole(size)) => return (pieces, Ok(size)),
            Ok(Progress::Waiting) => panic!("there is nothing to wait for within a picture"),
            Err(error) => return (pieces, Err(error)),
        }
    }
    unreachable!()
}

#[test]
fn pictures_of_every_size_and_order_are_read_row_by_row_and_only_their_grey_is_kept() {
    let sizes =
        [(Resolution::Qvga, 1, 320, 240), (Resolution::Square96, 10, 96, 96), (Resolution::Square128, 11, 128, 128)];
    for (resolution, code, columns, rows_of_it) in sizes {
        for order in [ByteOrder::Yuyv, ByteOrder::Uyvy] {
            let (grey, bytes) = picture(columns * rows_of_it, order);
            let whole = [done(bytes.len() as u32), bursts(&bytes, columns), read(0x44, 0x06)].concat();
            let script = [found(), set_up(code), whole.clone(), exposed(), whole];
            on_bus(&script, resolution, order, |camera| {
                let mut camera = camera.expect("a camera");
                let mut frame = vec![0; grey.len() + 5];
                for calls in [SET_UP + EXPOSED, EXPOSED] {
                    frame.fill(0);
                    camera.start().unwrap_or_else(|error| panic!("{error}"));
                    wait(&mut camera, &mut frame, calls);
                    let size = FrameSize { columns: columns as u16, rows: rows_of_it as u16 };
                    assert_eq!(rows(&mut camera, &mut frame), (rows_of_it, Ok(size)));
                    assert_eq!(frame[..grey.len()], grey, "{resolution:?} {order:?}");
                    assert_eq!(frame[grey.len()..], [0; 5], "bytes behind the picture");
                }
            });
        }
    }
}

#[test]
fn pieces_may_have_any_size_and_a_dummy_byte_stands_before_the_first_alone() {
    for sizes in [vec![1, 1, 2, 3, 319], vec![320, 320], vec![7], vec![0, 5]] {
        let (grey, bytes) = picture(sizes.iter().sum(), ByteOrder::Yuyv);
        let mut rest = &bytes[..];
        let mut script = vec![found()];
        for (index, &size) in sizes.iter().enumerate().filter(|&(_, &size)| size > 0) {
            let (piece, behind) = rest.split_at(2 * size);
            rest = behind;
            script.push(burst(if index == 0 { &[0x3c, 0] } else { &[0x3c] }, piece.to_vec()));
        }
        on_bus(&script, Resolution::Qvga, ByteOrder::Yuyv, |camera| {
            let mut camera = camera.expect("a camera");
            let mut pixels = vec![0; grey.len()];
            let mut begin = 0;
            for (index, &size) in sizes.iter().enumerate() {
                camera.read(index == 0, &mut pixels[begin..begin + size]).expect("a piece");
                begin += size;
            }
            assert_eq!(pixels, grey, "{sizes:?}");
        });
    }
}

#[test]
fn more_pixels_than_a_piece_has_are_read_in_several_bursts() {
    let (grey, bytes) = picture(2 * PIECE + 9, ByteOrder::Uyvy);
    on_bus(&[found(), bursts(&bytes, PIECE)], Resolution::Qvga, ByteOrder::Uyvy, |camera| {
        let mut pixels = vec![0; grey.len()];
        camera.expect("a camera").read(true, &mut pixels).expect("pixels");
        assert_eq!(pixels, grey);
    });
}

#[test]
fn where_nothing_answers_for_a_second_there_is_no_camera() {
    for sensor in [0x00, 0xff, 0x26] {
        let script = [vec![write(0x07, 0x40)], vec![read(0x40, sensor); 100]].concat();
        let error = on_bus(&script, Resolution::Qvga, ByteOrder::Yuyv, |camera| camera.map(drop));
        assert_eq!(error, Err(Error::NoCamera(sensor)));
    }
}

#[test]
fn a_camera_that_starts_slowly_is_found() {
    let script = [vec![write(0x07, 0x40)], vec![read(0x40, 0); 99], vec![read(0x40, 0x84)]].concat();
    on_bus(&script, Resolution::Qvga, ByteOrder::Yuyv, |camera| assert!(camera.is_ok()));
}

#[test]
fn a_picture_of_another_length_is_refused_and_everything_begins_anew() {
    // JPEG in place of YUV, a row missing, another resolution, and a bus that nobody drives.
    for have in [5_120, 2 * 96 * 95, 2 * 2 * 96 * 96, 0xff_ffff] {
        let script = [found(), set_up(10), done(have), write(0x07, 0x40), set_up(10)];
        on_bus(&script, Resolution::Square96, ByteOrder::Yuyv, |camera| {
            let (mut camera, mut frame) = (begun(camera), [0; 96 * 96]);
            wait(&mut camera, &mut frame, SET_UP + EXPOSED - 1);
            assert_eq!(camera.fetch(&mut frame), Err(Error::Length { need: 2 * 96 * 96, have }));
            camera.start().expect("a reset");
            wait(&mut camera, &mut frame, SET_UP);
        });
    }
}

#[test]
fn a_few_bytes_behind_the_picture_are_left_alone() {
    let (grey, bytes) = picture(96 * 96, ByteOrder::Yuyv);
    let script = [found(), set_up(10), done(2 * 96 * 96 + 8), bursts(&bytes, 96), read(0x44, 0x06)];
    on_bus(&script, Resolution::Square96, ByteOrder::Yuyv, |camera| {
        let (mut camera, mut frame) = (begun(camera), [0; 96 * 96]);
        wait(&mut camera, &mut frame, SET_UP + EXPOSED);
        assert!(rows(&mut camera, &mut frame).1.is_ok());
        assert_eq!(frame[..], grey);
    });
}

#[test]
fn a_camera_that_is_taken_away_within_a_picture_is_noticed_at_its_end() {
    let (_, bytes) = picture(96 * 96, ByteOrder::Yuyv);
    for state in [0x00, 0xff] {
        let script = [found(), set_up(10), done(2 * 96 * 96), bursts(&bytes, 96), read(0x44, state), write(0x07, 0x40)];
        on_bus(&script, Resolution::Square96, ByteOrder::Yuyv, |camera| {
            let (mut camera, mut frame) = (begun(camera), [0; 96 * 96]);
            wait(&mut camera, &mut frame, SET_UP + EXPOSED);
            assert_eq!(rows(&mut camera, &mut frame), (96, Err(Error::Lost(state))));
            camera.start().expect("a reset");
        });
    }
}

#[test]
fn a_picture_that_is_dropped_half_way_is_followed_by_one_that_begins_with_a_dummy_byte() {
    let (grey, bytes) = picture(96 * 96, ByteOrder::Yuyv);
    let part = bursts(&bytes[..3 * 2 * 96], 96);
    let again = [exposed(), done(2 * 96 * 96), bursts(&bytes, 96), read(0x44, 0x06)].concat();
    let script = [found(), set_up(10), done(2 * 96 * 96), part, again];
    on_bus(&script, Resolution::Square96, ByteOrder::Yuyv, |camera| {
        let (mut camera, mut frame) = (begun(camera), [0; 96 * 96]);
        wait(&mut camera, &mut frame, SET_UP + EXPOSED);
        (0..3).for_each(|_| assert_eq!(camera.fetch(&mut frame), Ok(Progress::Partial)));
        camera.start().expect("another picture");
        wait(&mut camera, &mut frame, EXPOSED);
        assert!(rows(&mut camera, &mut frame).1.is_ok());
        assert_eq!(frame[..], grey);
    });
}

#[test]
fn a_picture_that_is_never_done_is_waited_for_without_waiting_and_the_next_begins_with_a_reset() {
    let script = [found(), set_up(10), vec![read(0x44, 0x02); 50].concat(), write(0x07, 0x40), set_up(10)];
    on_bus(&script, Resolution::Square96, ByteOrder::Yuyv, |camera| {
        let (mut camera, mut frame) = (begun(camera), [0; 96 * 96]);
        wait(&mut camera, &mut frame, SET_UP + 50);
        camera.start().expect("a reset");
        wait(&mut camera, &mut frame, SET_UP);
    });
}

#[test]
fn memory_that_is_too_small_is_refused_before_anything_is_read() {
    let script = [found(), write(0x07, 0x40)];
    on_bus(&script, Resolution::Qvga, ByteOrder::Yuyv, |camera| {
        let mut camera = begun(camera);
        let need = 320 * 240;
        assert_eq!(camera.fetch(&mut vec![0; need - 1]), Err(Error::Memory { need, have: need - 1 }));
        camera.start().expect("a reset");
    });
}

/// A bus that fails.
struct Broken;

impl embedded_hal::spi::ErrorType for Broken {
    type Error = ErrorKind;
}

impl SpiDevice for Broken {
    fn transaction(&mut self, _: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        Err(ErrorKind::ChipSelectFault)
    }
}

#[test]
fn a_bus_that_fails_says_so_and_a_reset_follows() {
    let error = ArducamMega::probe(Broken, NoopDelay, Resolution::Qvga, ByteOrder::Yuyv).map(drop);
    assert_eq!(error, Err(Error::Bus(ErrorKind::ChipSelectFault)));

    let mut camera = ArducamMega {
        spi: Broken,
        delay: NoopDelay,
        resolution: Resolution::Square96,
        order: ByteOrder::Yuyv,
        step: Step::Ready,
    };
    assert_eq!(camera.start(), Err(Error::Bus(ErrorKind::ChipSelectFault)));
    assert_eq!(camera.step, Step::Unknown);
    camera.step = Step::Reading(96);
    assert_eq!(camera.fetch(&mut [0; 96 * 96]), Err(Error::Bus(ErrorKind::ChipSelectFault)));
    assert_eq!(camera.step, Step::Unknown);
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    for (error, words) in [
        (Error::NoCamera(0), "no Arducam Mega answers (sensor 0x00); check its power and the lines of SPI"),
        (Error::Lost(0xff), "lost within a picture (state 0xff); check its power and the lines of SPI"),
        (Error::Memory { need: 9, have: 4 }, "the memory has 4 bytes and a picture 9; choose a lower resolution"),
    ] {
        assert_eq!(format!("{error}"), words);
    }
}

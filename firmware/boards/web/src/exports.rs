//! The functions that JavaScript calls. Numbers are arguments; bytes go into the input before a call, and come out of the output after
//! it. A function gives 1 if it is done; else 0, and the output is `{"error": "…"}` with words for a person.

use std::cell::RefCell;

use serde::Serialize;
use shared::wire::{FrameSize, Options, Output, PART_BYTES, PROTOCOL_VERSION, RequestKind, UPLOAD_ALIGNMENT};

use crate::{
    board,
    core::{self, Core},
    link::{self, Incoming},
};

#[derive(Default)]
struct Page {
    core: Core,
    incoming: Incoming,
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
}

#[derive(Serialize)]
struct Failure {
    error: String,
}

/// Runs a call that leaves bytes in the output.
fn bytes(call: impl FnOnce(&mut Core, &mut Incoming, &[u8]) -> anyhow::Result<Vec<u8>>) -> i32 {
    PAGE.with_borrow_mut(|page| {
        let Page { core, incoming, input, output } = page;
        match call(core, incoming, input) {
            Ok(bytes) => {
                *output = bytes;
                1
            }
            Err(error) => {
                let failure = Failure { error: format!("{error:#}") };
                *output = serde_json::to_vec(&failure).unwrap_or_default();
                0
            }
        }
    })
}

/// Runs a call that leaves JSON there.
fn json<T: Serialize>(call: impl FnOnce(&mut Core, &[u8]) -> anyhow::Result<T>) -> i32 {
    bytes(|core, _, input| Ok(serde_json::to_vec(&call(core, input)?)?))
}

/// Runs a call that leaves the bytes of a request there.
fn request(call: impl FnOnce(&[u8]) -> anyhow::Result<Vec<u8>>) -> i32 {
    bytes(|_, _, input| call(input))
}

/// Bytes that there may not be.
fn some<'a>(found: Option<impl Into<Option<&'a [u8]>>>, what: &str) -> anyhow::Result<Vec<u8>> {
    found.and_then(Into::into).map(<[u8]>::to_vec).ok_or_else(|| anyhow::anyhow!("there is no {what}"))
}

/// Makes the input so many bytes long, and gives its place. Memory may grow by it.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut u8 {
    PAGE.with_borrow_mut(|page| {
        page.input.resize(length, 0);
        page.input.as_mut_ptr()
    })
}

/// The place of the output.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    PAGE.with_borrow(|page| page.output.as_ptr())
}

/// Its bytes.
#[unsafe(no_mangle)]
pub extern "C" fn output_bytes() -> usize {
    PAGE.with_borrow(|page| page.output.len())
}

/// Whether the kernels are those with 128-bit SIMD.
#[unsafe(no_mangle)]
pub extern "C" fn simd() -> i32 {
    cfg!(target_feature = "simd128").into()
}

/// Takes the finder file in the input.
#[unsafe(no_mangle)]
pub extern "C" fn finder_take() -> i32 {
    json(Core::take_finder)
}

/// Takes the model file in the input.
#[unsafe(no_mangle)]
pub extern "C" fn model_take() -> i32 {
    json(Core::take_model)
}

/// Looks at the frame in the input.
#[unsafe(no_mangle)]
pub extern "C" fn look(columns: usize, rows: usize, stride: usize, video: i32) -> i32 {
    json(|core, input| core.look(input, [columns, rows, stride], video != 0))
}

/// The picture in the input, made smaller so that it has at most so many columns and rows: its columns and its rows, 16 bits each, the
/// lower byte first, and its grey levels.
#[unsafe(no_mangle)]
pub extern "C" fn fit(columns: usize, rows: usize, most_columns: usize, most_rows: usize) -> i32 {
    bytes(|_, _, input| core::fit(input, [columns, rows], [most_columns, most_rows]))
}

/// The last frame as it was searched.
#[unsafe(no_mangle)]
pub extern "C" fn searched() -> i32 {
    bytes(|core, _, _| some(core.searched().as_deref().map(Some), "frame yet"))
}

/// The face that was looked at last.
#[unsafe(no_mangle)]
pub extern "C" fn crop() -> i32 {
    bytes(|core, _, _| some(core.crop().map(|face| Some(face.as_slice())), "face"))
}

/// Its normalization.
#[unsafe(no_mangle)]
pub extern "C" fn normalized() -> i32 {
    bytes(|core, _, _| some(core.normalized().as_ref().map(|face| Some(face.as_slice())), "face"))
}

/// Classifies the face in the input.
#[unsafe(no_mangle)]
pub extern "C" fn classify() -> i32 {
    json(Core::classify)
}

/// All faces of the picture in the input.
#[unsafe(no_mangle)]
pub extern "C" fn faces(columns: usize, rows: usize) -> i32 {
    json(|core, input| core.faces(input, columns, rows))
}

/// One of them.
#[unsafe(no_mangle)]
pub extern "C" fn crop_of(index: usize) -> i32 {
    bytes(|core, _, _| some(core.crop_of(index).map(|face| Some(face.as_slice())), "such face"))
}

/// Forgets the frames before.
#[unsafe(no_mangle)]
pub extern "C" fn reset() {
    PAGE.with_borrow_mut(|page| page.core.forget());
}

/// A drawn face.
#[unsafe(no_mangle)]
pub extern "C" fn drawn_face(index: usize) -> i32 {
    bytes(|_, _, _| some(core::drawn_face(index).map(|face| Some(face.as_slice())), "such drawn face"))
}

/// The UF2 file of a board: in the input lies its firmware, of so many bytes, or the beginning of that for a model alone, and behind it
/// the model file.
#[unsafe(no_mangle)]
pub extern "C" fn uf2(index: usize, firmware_bytes: usize, alone: i32) -> i32 {
    request(|input| {
        let split = input.split_at_checked(firmware_bytes);
        let (firmware, model) = split.ok_or_else(|| anyhow::anyhow!("the input ends within the firmware"))?;
        board::uf2(index, firmware, model, alone != 0)
    })
}

/// Most pixels or bytes of a part.
#[unsafe(no_mangle)]
pub extern "C" fn part_bytes() -> usize {
    PART_BYTES
}

/// Bytes that are uploaded of a model file of so many.
#[unsafe(no_mangle)]
pub extern "C" fn upload_bytes(model_bytes: usize) -> usize {
    model_bytes.next_multiple_of(UPLOAD_ALIGNMENT)
}

/// Forgets what arrived of an unfinished reply.
#[unsafe(no_mangle)]
pub extern "C" fn link_reset() {
    PAGE.with_borrow_mut(|page| page.incoming = Incoming::default());
}

/// What the bytes in the input complete.
#[unsafe(no_mangle)]
pub extern "C" fn link_received() -> i32 {
    bytes(|_, incoming, input| Ok(incoming.receive(input)?.into_bytes()))
}

/// Hello.
#[unsafe(no_mangle)]
pub extern "C" fn link_hello(sequence: u32) -> i32 {
    request(|_| link::request(sequence, RequestKind::Hello { protocol: PROTOCOL_VERSION }))
}

/// The options: smoothing, threshold, and whether the mirror image answers as well and the device speaks text.
#[unsafe(no_mangle)]
pub extern "C" fn link_options(sequence: u32, smoothing: f32, threshold: f32, mirror: i32, text: i32) -> i32 {
    let output = if text != 0 { Output::Text } else { Output::Frames };
    let options = Options { output, smoothing, threshold, mirror: mirror != 0 };
    request(|_| link::request(sequence, RequestKind::SetOptions(options)))
}

/// Classify, of the face in the input.
#[unsafe(no_mangle)]
pub extern "C" fn link_classify(sequence: u32) -> i32 {
    request(|input| link::classify(sequence, input))
}

/// The beginning of a picture.
#[unsafe(no_mangle)]
pub extern "C" fn link_picture_begin(sequence: u32, columns: u16, rows: u16, video: i32) -> i32 {
    let size = FrameSize { columns, rows };
    request(|_| link::request(sequence, RequestKind::PictureBegin { size, video: video != 0 }))
}

/// The part of it in the input.
#[unsafe(no_mangle)]
pub extern "C" fn link_picture_part(sequence: u32, offset: u32) -> i32 {
    request(|input| link::picture_part(sequence, offset, input))
}

/// Its end; all its pixels are in the input.
#[unsafe(no_mangle)]
pub extern "C" fn link_picture_end(sequence: u32) -> i32 {
    request(|input| link::picture_end(sequence, input))
}

/// The beginning of an upload of the model file in the input.
#[unsafe(no_mangle)]
pub extern "C" fn link_upload_begin(sequence: u32) -> i32 {
    request(|input| link::upload_begin(sequence, input))
}

/// The part of it in the input.
#[unsafe(no_mangle)]
pub extern "C" fn link_upload_part(sequence: u32, offset: u32) -> i32 {
    request(|input| link::upload_part(sequence, offset, input))
}

/// Its end; the whole model file is in the input.
#[unsafe(no_mangle)]
pub extern "C" fn link_upload_commit(sequence: u32) -> i32 {
    request(|input| link::upload_commit(sequence, input))
}

/// Boot loader.
#[unsafe(no_mangle)]
pub extern "C" fn link_boot_loader(sequence: u32) -> i32 {
    request(|_| link::request(sequence, RequestKind::BootLoader))
}

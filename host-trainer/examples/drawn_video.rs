//! Writes a video of drawn faces, to try `watch` without a camera: `cargo run --release -p host-trainer --example drawn_video --
//! faces.y4m`. A face wanders over the picture; every second and a half it is another one, or none. 320x240 pixels, ten frames a
//! second, 21 seconds.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use host_trainer::synthetic;

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// Pixels of the video that one of a drawn face becomes.
const SCALE: usize = 2;

/// Rows and columns of a face in the video.
const SIDE: usize = 48 * SCALE;

const FRAMES: usize = 210;

/// Frames that a face is there.
const FRAMES_A_FACE: usize = 15;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "faces.y4m".into());
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Cmono")?;
    for number in 0..FRAMES {
        file.write_all(b"FRAME\n")?;
        file.write_all(&frame(number))?;
    }
    file.flush()
}

fn frame(number: usize) -> Vec<u8> {
    let mut pixels: Vec<u8> = (0..WIDTH * HEIGHT).map(|index| (90 + index % WIDTH * 60 / WIDTH) as u8).collect();
    let which = number / FRAMES_A_FACE;
    if which % 8 == 7 {
        return pixels;
    }
    let face = synthetic::face(9, which as u64);
    // Back and forth, more often across than down.
    let sway = |steps: usize, room: usize| {
        let place = number * steps % (2 * room);
        place.min(2 * room - place)
    };
    let (left, top) = (sway(3, WIDTH - SIDE), sway(1, HEIGHT - SIDE));
    for y in 0..SIDE {
        for x in 0..SIDE {
            pixels[(top + y) * WIDTH + left + x] = face.pixels[y / SCALE * 48 + x / SCALE];
        }
    }
    pixels
}

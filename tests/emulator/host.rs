//! The host's side of the serial link, frame by frame and without the monitor's retries, so that a lost or doubled answer
//! shows.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use shared::checksum::crc32;
use shared::preprocessing::FACE_PIXELS;
use shared::wire::{
    Classified, ENCODE_BYTES, ErrorCode, FRAME_BYTES, Frame, FrameReader, FrameSize, PART_BYTES, PROTOCOL_VERSION,
    Reply, ReplyKind, Request, RequestKind, Seen, Stats, View, decode, encode,
};

use super::process::Running;

/// A host at one end of a serial line, a board at the other.
pub struct Host {
    port: UnixStream,
    /// The board, where nobody else keeps it running.
    _board: Option<Running>,
    sequence: u32,
}

impl Host {
    /// Says hello, skips the text that the device printed until then, and checks that it runs the model with this CRC.
    pub fn greet(board: Running, model_crc: u32) -> Self {
        let port = board.port.try_clone().unwrap();
        Self { _board: Some(board), ..Self::greet_at(port, model_crc) }
    }

    /// The same at a port of a board that somebody else keeps running.
    pub fn greet_at(port: UnixStream, model_crc: u32) -> Self {
        let mut host = Self { port, _board: None, sequence: 0 };
        // The first delimiter ends whatever stands on the line.
        host.port.write_all(&[0]).unwrap();
        host.send(RequestKind::Hello { protocol: PROTOCOL_VERSION });
        loop {
            let Some(answer) = host.next_frame(|reply| match reply.kind {
                ReplyKind::Hello(hello) => (reply.sequence, hello.model_crc),
                other => panic!("{other:?} answers a hello"),
            }) else {
                continue;
            };
            assert_eq!(answer, (1, model_crc), "sequence number and CRC of the model");
            return host;
        }
    }

    /// The answer to a face.
    pub fn classify(&mut self, face: &[u8; FACE_PIXELS]) -> Classified {
        self.send(RequestKind::Classify { face });
        self.reply(|kind| match kind {
            ReplyKind::Result(result) => result,
            other => panic!("{other:?} answers a face"),
        })
    }

    /// What the device sees in a picture on its own.
    pub fn look(&mut self, size: FrameSize, pixels: &[u8]) -> Seen {
        self.send(RequestKind::PictureBegin { size, video: false });
        self.arrived(0);
        for (index, part) in pixels.chunks(PART_BYTES).enumerate() {
            let offset = index * PART_BYTES;
            self.send(RequestKind::PicturePart { offset: offset as u32, pixels: part });
            self.arrived(offset + part.len());
        }
        self.send(RequestKind::PictureEnd { crc: crc32(pixels) });
        self.reply(|kind| match kind {
            ReplyKind::Seen(seen) => seen,
            other => panic!("{other:?} answers a picture"),
        })
    }

    fn arrived(&mut self, expected: usize) {
        self.reply(|kind| match kind {
            ReplyKind::Arrived { pixels } => assert_eq!(pixels as usize, expected),
            other => panic!("{other:?} answers a part"),
        });
    }

    /// The face of the last picture, as the model saw it.
    pub fn view_face(&mut self) -> [u8; FACE_PIXELS] {
        let mut face = [0; FACE_PIXELS];
        for (index, part) in face.chunks_mut(PART_BYTES).enumerate() {
            self.send(RequestKind::View { view: View::Face, offset: (index * PART_BYTES) as u32 });
            self.reply(|kind| match kind {
                ReplyKind::View(seen) => part.copy_from_slice(seen.pixels),
                other => panic!("{other:?} answers a view"),
            });
        }
        face
    }

    /// The device's counters.
    pub fn stats(&mut self) -> Stats {
        self.send(RequestKind::Stats);
        self.reply(|kind| match kind {
            ReplyKind::Stats(stats) => stats,
            other => panic!("{other:?} answers a question for stats"),
        })
    }

    /// The error that a damaged request for `face` is answered with: one bit of the frame is wrong.
    pub fn classify_damaged(&mut self, face: &[u8; FACE_PIXELS]) -> ErrorCode {
        let mut buffer = [0; ENCODE_BYTES];
        let request = Request { sequence: self.sequence + 1, kind: RequestKind::Classify { face } };
        let mut frame = encode(&request, &mut buffer).unwrap().to_vec();
        // Not a zero before, and none afterwards.
        let byte = frame[1000..].iter().position(|&byte| byte & !0x10 != 0).unwrap() + 1000;
        frame[byte] ^= 0x10;
        self.port.write_all(&frame).unwrap();
        let answer = self.next_frame(|reply| match reply.kind {
            ReplyKind::Error(error) => (reply.sequence, error),
            other => panic!("{other:?} answers a damaged frame"),
        });
        let (sequence, error) = answer.expect("the answer is damaged");
        assert_eq!(sequence, 0, "a damaged frame has no sequence number");
        error
    }

    fn send(&mut self, kind: RequestKind<'_>) {
        self.sequence += 1;
        let mut buffer = [0; ENCODE_BYTES];
        let frame = encode(&Request { sequence: self.sequence, kind }, &mut buffer).unwrap();
        self.port.write_all(frame).unwrap();
    }

    /// Applies `read` to the answer to the last request.
    fn reply<T>(&mut self, read: impl FnOnce(ReplyKind<'_>) -> T) -> T {
        let expected = self.sequence;
        let answer = self.next_frame(|reply| {
            assert_eq!(reply.sequence, expected, "{reply:?}");
            read(reply.kind)
        });
        answer.expect("the answer is damaged")
    }

    /// Applies `read` to the next frame; `None` if it is damaged, or text.
    fn next_frame<T>(&mut self, read: impl FnOnce(Reply<'_>) -> T) -> Option<T> {
        let mut reader = FrameReader::<FRAME_BYTES>::new();
        let mut byte = [0];
        loop {
            self.port.read_exact(&mut byte).expect("the board has fallen silent");
            match reader.push(byte[0]) {
                None => {}
                Some(Frame::Whole(body)) => return Some(read(decode(body).expect("the answer is no reply"))),
                Some(Frame::Corrupt | Frame::Oversized) => return None,
            }
        }
    }
}

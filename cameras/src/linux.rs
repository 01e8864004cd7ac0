//! V4L2 through the system's calls. There is no logic here that a test without a camera could not see elsewhere.

use std::{io, path::Path};

use linuxvideo::{
    BufType, Device,
    format::{PixFormat, PixelFormat},
    stream::ReadStream,
};

use crate::{
    CameraError, Size,
    v4l2::{Camera, Capture, Negotiated, failed},
};

struct V4l2(Device);

struct Stream(ReadStream);

/// Opens a device.
///
/// # Errors
/// [`CameraError`] if it is no camera, or may not be opened.
pub fn open(path: &Path) -> Result<impl Camera + use<>, CameraError> {
    Device::open(path).map(V4l2).map_err(|problem| failed(path, problem))
}

impl Camera for V4l2 {
    fn formats(&self) -> io::Result<Vec<[u8; 4]>> {
        self.0.formats(BufType::VIDEO_CAPTURE).map(|format| Ok(format?.pixel_format().as_fourcc())).collect()
    }

    fn start(self: Box<Self>, size: Size, fourcc: [u8; 4]) -> io::Result<(Negotiated, Box<dyn Capture>)> {
        let wanted = PixFormat::new(size.width as u32, size.height as u32, PixelFormat::from_fourcc(fourcc));
        let device = self.0.video_capture(wanted)?;
        let format = device.format();
        let negotiated = Negotiated {
            width: format.width() as usize,
            height: format.height() as usize,
            stride: format.bytes_per_line() as usize,
            fourcc: format.pixel_format().as_fourcc(),
        };
        Ok((negotiated, Box::new(Stream(device.into_stream()?))))
    }
}

impl Capture for Stream {
    fn next(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        self.0.dequeue(|view| {
            bytes.clear();
            bytes.extend_from_slice(&view);
            Ok(!view.is_error())
        })
    }
}

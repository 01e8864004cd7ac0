//! A file of comma-separated text, as spreadsheets and archives leave it: plain or gzipped, with or without a byte order mark.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::Path,
    rc::Rc,
};

use flate2::read::MultiGzDecoder;

use super::DataError;
use crate::file_kind::{self, BYTE_ORDER_MARK};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// An open file.
pub(super) struct TextFile {
    /// The text.
    pub reader: Box<dyn Read>,
    /// Whether it is gzipped.
    pub compressed: bool,
    /// Bytes of the file that have been read.
    pub done: Rc<Cell<u64>>,
    /// Bytes of the file; 0 for a pipe.
    pub total: u64,
    /// Its first bytes, without gzip around them.
    pub start: Vec<u8>,
}

impl TextFile {
    /// Opens it and reads its first bytes.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let read_error = |error: io::Error| DataError::Read { path: path.into(), error: error.to_string() };
        let file = File::open(path).map_err(read_error)?;
        let total = file.metadata().map_err(read_error)?.len();
        let done = Rc::new(Cell::new(0));
        let mut file = BufReader::with_capacity(BUFFER, Counted { inner: file, done: done.clone() });
        let magic = start_of(&mut file, 2).map_err(read_error)?;
        let compressed = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(file);
        let mut reader: Box<dyn Read> = match compressed {
            true => Box::new(MultiGzDecoder::new(whole)),
            false => Box::new(whole),
        };
        let start = start_of(&mut reader, file_kind::ENOUGH).map_err(|error| match compressed {
            true => DataError::Compressed { path: path.into(), error: error.to_string() },
            false => read_error(error),
        })?;
        let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start).to_vec();
        let reader = Box::new(BufReader::with_capacity(BUFFER, Cursor::new(text).chain(reader)));
        Ok(Self { reader, compressed, done, total, start })
    }
}

/// The error for a file that begins with `start` and lacks a column: it says what else the file is, if that can be told.
pub(super) fn missing_column(start: &[u8], path: &Path, column: &'static str, remedy: &'static str) -> DataError {
    match file_kind::of(start) {
        Some(what) if what.ends_with("archive") => DataError::Foreign {
            path: path.into(),
            what,
            remedy: "unpack it and name the CSV file, or the folder of images, in it",
        },
        Some(what) if !what.starts_with("a text that") => DataError::Foreign { path: path.into(), what, remedy },
        _ => DataError::MissingColumn { path: path.into(), column, remedy },
    }
}

/// Up to `count` bytes from the beginning.
fn start_of(reader: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(count);
    reader.take(count as u64).read_to_end(&mut start)?;
    Ok(start)
}

/// Counts the bytes that pass.
struct Counted<R> {
    inner: R,
    done: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.done.set(self.done.get() + count as u64);
        Ok(count)
    }
}

//! `fer2013.csv`: a row per face, with the columns `emotion` (0 to 6), `pixels` (2,304 grey levels, separated by spaces) and
//! `Usage` (the split), in any order; plain or gzipped.

use std::path::Path;

use shared::{label::Emotion, preprocessing::FACE_PIXELS};

use super::{
    DataError, Dataset, Progress, Split,
    text_file::{TextFile, missing_column},
};

/// Rows between two reports of progress.
const ROWS_A_REPORT: usize = 256;

/// Reads the file; `progress` counts bytes of the file.
pub(super) fn read(path: &Path, progress: Progress<'_>) -> Result<Dataset, DataError> {
    let TextFile { reader, compressed, done, total, start } = TextFile::open(path)?;
    let mut report = || progress(done.get(), total);
    let csv_error = |error: csv::Error, line: u64| match error.kind() {
        csv::ErrorKind::Io(error) if compressed => {
            DataError::Compressed { path: path.into(), error: error.to_string() }
        }
        csv::ErrorKind::Io(error) => DataError::Read { path: path.into(), error: error.to_string() },
        _ => DataError::Row { path: path.into(), line, problem: error.to_string() },
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = reader.byte_headers().map_err(|error| csv_error(error, 1))?.clone();
    if header.is_empty() {
        return Err(DataError::NoFaces { path: path.into(), remedy: "the file is empty" });
    }
    let column = |name: &'static str| {
        let found = header.iter().position(|field| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        found.ok_or_else(|| missing_column(&start, path, name, "the header must name emotion, pixels and Usage"))
    };
    let (emotion, pixels, usage) = (column("emotion")?, column("pixels")?, column("Usage")?);

    let description = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut dataset = Dataset::new(description);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| csv_error(error, 0))? {
        let line = record.position().map_or(0, csv::Position::line);
        let field = |index: usize, column: &'static str| {
            let problem = format!("the row ends before it: {} of {} fields", record.len(), header.len());
            record.get(index).ok_or(DataError::Field { path: path.into(), line, column, problem })
        };
        let wrong =
            |column: &'static str, problem: String| DataError::Field { path: path.into(), line, column, problem };
        let label = parse_label(field(emotion, "emotion")?).map_err(|problem| wrong("emotion", problem))?;
        let face = parse_pixels(field(pixels, "pixels")?).map_err(|problem| wrong("pixels", problem))?;
        let split = parse_split(field(usage, "Usage")?).map_err(|problem| wrong("Usage", problem))?;
        dataset.faces_mut(split).push(&face, label);
        if dataset.total().is_multiple_of(ROWS_A_REPORT) {
            report();
        }
    }
    report();
    if dataset.total() == 0 {
        return Err(DataError::NoFaces { path: path.into(), remedy: "there is no row below the header" });
    }
    Ok(dataset)
}

fn parse_label(field: &[u8]) -> Result<Emotion, String> {
    let index = match field.trim_ascii() {
        [digit @ b'0'..=b'9'] => usize::from(digit - b'0'),
        _ => usize::MAX,
    };
    Emotion::FER2013.get(index).copied().ok_or_else(|| format!("the label is `{}`; it must be 0 to 6", shown(field)))
}

fn parse_split(field: &[u8]) -> Result<Split, String> {
    let text = shown(field);
    let found = Split::ALL.into_iter().find(|split| split.name().eq_ignore_ascii_case(text.trim()));
    found.ok_or_else(|| format!("`{text}` is not Training, PublicTest or PrivateTest"))
}

/// Exactly 2,304 numbers of 0 to 255, separated by spaces.
fn parse_pixels(field: &[u8]) -> Result<[u8; FACE_PIXELS], String> {
    let mut face = [0; FACE_PIXELS];
    let mut count = 0;
    for number in field.split(u8::is_ascii_whitespace).filter(|number| !number.is_empty()) {
        let value = number.iter().try_fold(0u32, |value, &byte| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            (digit <= 9 && value <= 255).then_some(value * 10 + digit)
        });
        let value = value.and_then(|value| u8::try_from(value).ok());
        let Some(value) = value else {
            return Err(format!("pixel {} is `{}`; it must be 0 to 255", count + 1, shown(number)));
        };
        if let Some(slot) = face.get_mut(count) {
            *slot = value;
        }
        count += 1;
    }
    if count == FACE_PIXELS { Ok(face) } else { Err(format!("{count} pixels; there must be 2304 (48x48)")) }
}

/// The beginning of a field, for an error.
fn shown(field: &[u8]) -> String {
    String::from_utf8_lossy(&field[..field.len().min(24)]).into_owned()
}

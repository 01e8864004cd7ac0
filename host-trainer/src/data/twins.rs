//! Which faces of a split have a near twin in `Training`, kept in a file: finding them takes seconds.
//!
//! The file is: `FERTWIN1`, CRC-32 of the rest, then in postcard a hash of the source and a byte per face. A file of another
//! source, or one that is damaged, is made anew.

use std::{borrow::Cow, fs, path::Path};

use shared::checksum::crc32;

use super::{DataError, Dataset, Source, Split, cache::write, near_duplicates};

const MAGIC: &[u8; 8] = b"FERTWIN1";

/// For each face of `split`, in the source's order, whether it has a near twin in `Training`. From the folder `cache` if they
/// are there, else found in what `read` gives, which is all faces of `source`, and kept there. `None` for `Training` itself,
/// where either split has no faces, and for synthetic faces, which are drawn apart. With them comes a warning if the file
/// could not be written.
///
/// # Errors
/// [`DataError`] if the source cannot be read.
pub fn load_twins<'a>(
    source: &Source,
    split: Split,
    cache: &Path,
    read: impl FnOnce() -> Result<Cow<'a, Dataset>, DataError>,
) -> Result<(Option<Vec<bool>>, Option<String>), DataError> {
    if split == Split::Training || matches!(source, Source::Synthetic(_)) {
        return Ok((None, None));
    }
    let key = match source.hash() {
        // A pipe: its faces are not kept, but they are there.
        Err(DataError::Pipe { .. }) => return read().map(|dataset| (found(&dataset, split), None)),
        key => key?,
    };
    let name = source.path().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let file = cache.join(format!("{name}-twins-{split}.bin"));
    if let Some(near) = fs::read(&file).ok().and_then(|bytes| decode(&bytes, key)) {
        return Ok((Some(near).filter(|near| !near.is_empty()), None));
    }
    let near = found(&*read()?, split).unwrap_or_default();
    let warning = write(&file, &encode(&near, key)).err().map(|error| {
        format!("{}: the near twins cannot be kept ({error}); they will be found again next time", file.display())
    });
    Ok((Some(near).filter(|near| !near.is_empty()), warning))
}

fn found(dataset: &Dataset, split: Split) -> Option<Vec<bool>> {
    let [training, faces] = [Split::Training, split].map(|split| &dataset.faces(split).pixels);
    (!training.is_empty() && !faces.is_empty()).then(|| near_duplicates(faces, training))
}

fn encode(near: &[bool], key: u64) -> Vec<u8> {
    let body = postcard::to_stdvec(&(key, near)).unwrap_or_default();
    [MAGIC.as_slice(), &crc32(&body).to_le_bytes(), &body].concat()
}

/// Decodes a file; `None` if it is cut short or damaged, or of another source.
fn decode(bytes: &[u8], key: u64) -> Option<Vec<bool>> {
    let (crc, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    if u32::from_le_bytes(*crc) != crc32(body) {
        return None;
    }
    let (stored, near): (u64, Vec<bool>) = postcard::from_bytes(body).ok()?;
    (stored == key).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    /// Twelve faces to train on and six to validate on, of which the first three are nearly such.
    fn dataset() -> Dataset {
        let mut dataset = Dataset::new("drawn".into());
        for index in 0..12 {
            let face = synthetic::face(1, index);
            dataset.faces_mut(Split::Training).push(&face.pixels, face.emotion);
        }
        for index in 0..6 {
            let face = if index < 3 { synthetic::face(1, 2 * index) } else { synthetic::face(2, index) };
            let dimmed = face.pixels.map(|grey| grey / 2 + 40);
            dataset.faces_mut(Split::PublicTest).push(&dimmed, face.emotion);
        }
        dataset
    }

    #[test]
    fn twins_are_found_once_and_found_again_when_the_source_changes_or_the_file_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("faces.csv");
        let source = Source::Csv(file.clone());
        let dataset = dataset();
        let reads = std::cell::Cell::new(0);
        let twins = |split| {
            let read = || {
                reads.set(reads.get() + 1);
                Ok(Cow::Borrowed(&dataset))
            };
            let (near, warning) = load_twins(&source, split, folder.path(), read).expect("found");
            assert_eq!(warning, None);
            near
        };
        let expected = Some(vec![true, true, true, false, false, false]);
        fs::write(&file, "one").expect("written");
        for _ in 0..3 {
            assert_eq!(twins(Split::PublicTest), expected);
        }
        assert_eq!(reads.get(), 1, "the file is read");
        fs::write(&file, "another").expect("written");
        assert_eq!((twins(Split::PublicTest), reads.get()), (expected.clone(), 2));
        let kept = folder.path().join("faces.csv-twins-PublicTest.bin");
        let mut bytes = fs::read(&kept).expect("kept");
        *bytes.last_mut().expect("not empty") ^= 1;
        fs::write(&kept, bytes).expect("written");
        assert_eq!((twins(Split::PublicTest), reads.get()), (expected, 3));
        assert_eq!(twins(Split::PrivateTest), None, "there are no such faces");
        assert_eq!((twins(Split::Training), reads.get()), (None, 4));
    }

    #[test]
    fn faces_that_are_drawn_have_no_twins() {
        let source = Source::Synthetic(crate::data::SyntheticFaces::default());
        let read = || panic!("nothing is to be looked at");
        assert_eq!(load_twins(&source, Split::PublicTest, Path::new("no/folder"), read).expect("none"), (None, None));
    }
}

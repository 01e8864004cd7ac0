//! Teachers: what trained networks think of the training faces, for another network to learn from.

use std::path::{Path, PathBuf};

use shared::{checksum::crc32, label::Emotion, preprocessing::FACE_SIZE};

use super::{RECORD_FILE, RunFolder, TrainingError, write_atomically};
use crate::{
    evaluation::Prediction,
    network::{Network, logits},
    normalization::normalize,
};

/// A face's probabilities, 0 for emotions that no teacher knows.
pub type SoftTargets = Vec<[f32; Emotion::COUNT]>;

/// Name of the file that keeps them in a run's folder, so that the run goes on without its teachers.
pub(super) const SOFT_TARGETS: &str = "soft_targets.bin";

/// Name of the folder in a run's with what teachers think of its views, a file a view.
const VIEWS: &str = "views";

/// The beginning of such a file; then the CRC-32 of the rest, which is little-endian `f32`: eight a face, seven in older files.
const MAGIC: &[u8; 8] = b"FERSOFT1";

/// What `teachers` think of faces (2,304 grey levels each): for each face the mean, over the teachers and over the face and
/// its mirror image, of the softmax of the logits over `temperature` (Hinton, Vinyals and Dean 2015, "Distilling the
/// Knowledge in a Neural Network", equation 1). `progress(done)` is told the number of faces done, in all passes.
pub fn soft_targets(
    teachers: &[Network],
    pixels: &[u8],
    temperature: f32,
    mut progress: impl FnMut(usize),
) -> SoftTargets {
    let views = [pixels.to_vec(), mirrored(pixels)];
    let passes = (teachers.len() * views.len()).max(1) as f32;
    let mut sums: SoftTargets = Vec::new();
    let mut done = 0;
    for teacher in teachers {
        for view in &views {
            let faces = normalize(teacher.architecture.preprocessing, view);
            let rows = logits(teacher, &faces, |faces| progress(done + faces));
            done += rows.len();
            sums.resize(rows.len(), [0.0; Emotion::COUNT]);
            for (sum, row) in sums.iter_mut().zip(rows) {
                let probabilities = Prediction::from_logits(&row, temperature).probabilities;
                sum.iter_mut().zip(probabilities).for_each(|(sum, p)| *sum += p / passes);
            }
        }
    }
    sums
}

/// Every face left for right.
fn mirrored(pixels: &[u8]) -> Vec<u8> {
    pixels.chunks_exact(FACE_SIZE).flat_map(|row| row.iter().rev()).copied().collect()
}

/// The soft targets that were kept in a run's folder; `None` if there are none, not `faces` of them, or a damaged file.
pub fn read_soft_targets(run: &RunFolder, faces: usize) -> Option<SoftTargets> {
    read_rows(&run.file(SOFT_TARGETS), faces)
}

/// What [`write_view`] has kept of a view; `None` if there is nothing, or a damaged file.
pub(super) fn read_view(run: &RunFolder, view: usize, faces: usize) -> Option<SoftTargets> {
    read_rows(&run.file(&view_file(view)), faces)
}

fn read_rows(file: &Path, faces: usize) -> Option<SoftTargets> {
    let bytes = std::fs::read(file).ok()?;
    let (crc, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let values = body.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect::<Vec<_>>();
    let columns =
        [Emotion::COUNT, Emotion::FER2013.len()].into_iter().find(|columns| values.len() == faces * columns)?;
    let row = |row: &[f32]| std::array::from_fn(|class| row.get(class).copied().unwrap_or(0.0));
    (u32::from_le_bytes(*crc) == crc32(body)).then(|| values.chunks_exact(columns).map(row).collect())
}

/// The folder, in a run's, of one of its teachers, `index` from 0.
pub fn teacher_folder(run: &Path, index: usize) -> PathBuf {
    run.join(format!("teacher-{}", index + 1))
}

/// Copies what teachers have left in a run's folder, their answers or their networks, into the folder of another run on the same
/// faces.
///
/// # Errors
/// [`TrainingError::Write`].
pub fn copy_taught(run: &Path, to: &Path) -> Result<(), TrainingError> {
    let folders = (0..).map(|index| teacher_folder(run, index));
    let teachers: Vec<PathBuf> = folders.take_while(|folder| folder.join(RECORD_FILE).exists()).collect();
    keep_teachers(&teachers, to)?;
    match std::fs::read(run.join(SOFT_TARGETS)) {
        Ok(bytes) => write_atomically(&to.join(SOFT_TARGETS), &bytes),
        Err(_) => Ok(()),
    }
}

/// Copies the networks of finished runs into the folder of a run that they teach, so that it goes on without them.
///
/// # Errors
/// [`TrainingError::Read`] for a teacher that is neither where it was nor in the folder, [`TrainingError::Write`].
pub fn keep_teachers(teachers: &[PathBuf], run: &Path) -> Result<(), TrainingError> {
    for (index, teacher) in teachers.iter().enumerate() {
        let kept = teacher_folder(run, index);
        // The network is written last: where it is, the copy is whole.
        if kept.join(RECORD_FILE).exists() {
            continue;
        }
        std::fs::create_dir_all(&kept)
            .map_err(|error| TrainingError::Write { file: kept.clone(), error: error.to_string() })?;
        for name in ["config.toml", RECORD_FILE] {
            let file = teacher.join(name);
            let bytes = std::fs::read(&file)
                .map_err(|error| TrainingError::Read { file: file.clone(), error: error.to_string() })?;
            write_atomically(&kept.join(name), &bytes)?;
        }
    }
    Ok(())
}

/// Keeps soft targets in a run's folder.
///
/// # Errors
/// [`TrainingError::Write`].
pub fn write_soft_targets(run: &RunFolder, targets: &[[f32; Emotion::COUNT]]) -> Result<(), TrainingError> {
    write_rows(&run.file(SOFT_TARGETS), targets)
}

/// Keeps in a run's folder what teachers think of the faces as one of the run's [`views`](crate::architecture::Distillation::views)
/// shows them, in the order of its batches.
///
/// # Errors
/// [`TrainingError::Write`].
pub(super) fn write_view(run: &RunFolder, view: usize, targets: &[[f32; Emotion::COUNT]]) -> Result<(), TrainingError> {
    let folder = run.file(VIEWS);
    std::fs::create_dir_all(&folder)
        .map_err(|error| TrainingError::Write { file: folder.clone(), error: error.to_string() })?;
    write_rows(&run.file(&view_file(view)), targets)
}

/// The file of a view, from 0.
fn view_file(view: usize) -> String {
    format!("{VIEWS}/{}.bin", view + 1)
}

fn write_rows(file: &Path, targets: &[[f32; Emotion::COUNT]]) -> Result<(), TrainingError> {
    let body: Vec<u8> = targets.as_flattened().iter().flat_map(|value| value.to_le_bytes()).collect();
    let bytes = [MAGIC.as_slice(), &crc32(&body).to_le_bytes(), &body].concat();
    write_atomically(file, &bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::tensor::Device;
    use shared::preprocessing::FACE_PIXELS;

    use super::*;
    use crate::{architecture::Architecture, synthetic, training::Configuration};

    fn teacher(seed: u64) -> Network {
        let architecture = Architecture::find("levorse").expect("built in");
        Network::new(Arc::new(architecture), seed, &Device::flex())
    }

    fn pixels(faces: u64) -> Vec<u8> {
        (0..faces).flat_map(|index| synthetic::face(1, index).pixels).collect()
    }

    #[test]
    fn soft_targets_are_the_mean_of_the_teachers_and_the_same_for_a_mirrored_face() {
        let pixels = pixels(3);
        let (one, two) = (teacher(1), teacher(2));
        let alone = [
            soft_targets(std::slice::from_ref(&one), &pixels, 2.0, |_| {}),
            soft_targets(std::slice::from_ref(&two), &pixels, 2.0, |_| {}),
        ];
        let both = soft_targets(&[one, two], &pixels, 2.0, |_| {});
        let mirror = soft_targets(&[teacher(1)], &mirrored(&pixels), 2.0, |_| {});
        assert_eq!(both.len(), 3);
        for (face, row) in both.iter().enumerate() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
            for class in 0..Emotion::COUNT {
                let mean = (alone[0][face][class] + alone[1][face][class]) / 2.0;
                assert!((row[class] - mean).abs() < 1e-6, "{} {mean}", row[class]);
                assert!((mirror[face][class] - alone[0][face][class]).abs() < 1e-5);
            }
        }
        assert_ne!(alone[0], alone[1]);
    }

    #[test]
    fn a_higher_temperature_softens() {
        let pixels = pixels(2);
        let largest = |temperature: f32| {
            let rows = soft_targets(&[teacher(1)], &pixels, temperature, |_| {});
            rows[0].iter().copied().fold(0.0, f32::max)
        };
        assert!(largest(0.2) > largest(1.0) && largest(1.0) > largest(8.0));
    }

    #[test]
    fn mirroring_turns_every_row() {
        let face: Vec<u8> = (0..FACE_PIXELS).map(|index| (index % 251) as u8).collect();
        let mirror = mirrored(&face);
        assert_eq!((mirror[0], mirror[FACE_SIZE - 1]), (face[FACE_SIZE - 1], face[0]));
        assert_eq!(mirrored(&mirror), face);
    }

    #[test]
    fn a_run_keeps_its_soft_targets_and_a_damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let architecture = Architecture::find("levorse").expect("built in");
        let configuration = Configuration::new(&architecture, "levorse.toml", 1, None, "none".into());
        let run = RunFolder::create(folder.path(), &configuration).expect("new");
        assert_eq!(read_soft_targets(&run, 2), None);
        let targets = vec![[0.125, 0.5, 0.0, 0.375, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]];
        write_soft_targets(&run, &targets).expect("written");
        assert_eq!(read_soft_targets(&run, 2).as_ref(), Some(&targets));
        assert_eq!(read_soft_targets(&run, 3), None, "of other faces");
        let seven: Vec<u8> = targets.iter().flat_map(|row| &row[..7]).flat_map(|value| value.to_le_bytes()).collect();
        let older = [MAGIC.as_slice(), &crc32(&seven).to_le_bytes(), &seven].concat();
        std::fs::write(run.file(SOFT_TARGETS), older).expect("written");
        assert_eq!(read_soft_targets(&run, 2).as_ref(), Some(&targets), "of a run from before there were eight");
        let mut bytes = std::fs::read(run.file(SOFT_TARGETS)).expect("there");
        bytes[20] ^= 1;
        std::fs::write(run.file(SOFT_TARGETS), bytes).expect("damaged");
        assert_eq!(read_soft_targets(&run, 2), None);
    }
}

//! Where a run lies.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use super::{Configuration, EpochMetrics, TrainingError, checkpoint::Checkpoint};

/// The file in a run's folder with the weights that it begins with, if those are not fresh.
pub const START_FILE: &str = "start.burnpack";

/// The float network in a finished run's folder.
pub const RECORD_FILE: &str = "network.burnpack";

/// The quantized model in a finished run's folder.
pub const MODEL_FILE: &str = "model.fer";

/// The folder of one training run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a folder for a new run and writes its `config.toml`.
    ///
    /// # Errors
    /// [`TrainingError::Exists`] if there is a run already; [`TrainingError::Write`].
    pub fn create(path: &Path, configuration: &Configuration) -> Result<Self, TrainingError> {
        let run = Self { path: path.into() };
        if run.file("config.toml").exists() {
            return Err(TrainingError::Exists { folder: path.into() });
        }
        let folder = run.file("checkpoints");
        fs::create_dir_all(&folder)
            .map_err(|error| TrainingError::Write { file: folder.clone(), error: error.to_string() })?;
        let text = toml::to_string(configuration)
            .map_err(|error| TrainingError::Write { file: run.file("config.toml"), error: error.to_string() })?;
        write_atomically(&run.file("config.toml"), text.as_bytes())?;
        Ok(run)
    }

    /// Opens the folder of a run and reads its `config.toml`.
    ///
    /// # Errors
    /// [`TrainingError::Read`] if it is no run.
    pub fn open(path: &Path) -> Result<(Self, Configuration), TrainingError> {
        let run = Self { path: path.into() };
        let file = run.file("config.toml");
        let text = fs::read_to_string(&file)
            .map_err(|error| TrainingError::Read { file: file.clone(), error: error.to_string() })?;
        let configuration =
            toml::from_str(&text).map_err(|error| TrainingError::Read { file, error: error.to_string() })?;
        Ok((run, configuration))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The newest checkpoint that is whole: a torn one falls back to the one before; `None` before the first epoch's.
    pub(super) fn last_checkpoint(&self) -> Result<Option<Checkpoint>, TrainingError> {
        let (last, previous) = (self.file("checkpoints/last.ckpt"), self.file("checkpoints/previous.ckpt"));
        if let Some(checkpoint) = read_checkpoint(&last)? {
            return Ok(Some(checkpoint));
        }
        let checkpoint = read_checkpoint(&previous)?;
        if checkpoint.is_none() && (last.exists() || previous.exists()) {
            return Err(TrainingError::Damaged { file: last });
        }
        Ok(checkpoint)
    }

    /// The checkpoint of the best epoch; an error if it is not whole, as no other one holds its weights.
    pub(super) fn best_checkpoint(&self) -> Result<Checkpoint, TrainingError> {
        let file = self.file("checkpoints/best.ckpt");
        read_checkpoint(&file)?.ok_or(TrainingError::Damaged { file })
    }

    pub(super) fn write_best(&self, checkpoint: &Checkpoint) -> Result<(), TrainingError> {
        write_atomically(&self.file("checkpoints/best.ckpt"), &checkpoint.encode()?)
    }

    pub(super) fn write_last(&self, checkpoint: &Checkpoint) -> Result<(), TrainingError> {
        let (last, previous) = (self.file("checkpoints/last.ckpt"), self.file("checkpoints/previous.ckpt"));
        // A torn one must not take the place of a whole one.
        if read_checkpoint(&last)?.is_some() {
            fs::rename(&last, &previous)
                .map_err(|error| TrainingError::Write { file: previous, error: error.to_string() })?;
        }
        write_atomically(&last, &checkpoint.encode()?)
    }

    /// Writes `metrics.csv` anew, a row an epoch.
    pub(super) fn write_metrics(&self, metrics: &[EpochMetrics]) -> Result<(), TrainingError> {
        let file = self.file("metrics.csv");
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: String| TrainingError::Write { file: file.clone(), error };
        for row in metrics {
            writer.serialize(row).map_err(|error| failed(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
        write_atomically(&file, &bytes)
    }
}

fn read_checkpoint(file: &Path) -> Result<Option<Checkpoint>, TrainingError> {
    match fs::read(file) {
        Ok(bytes) => Ok(Checkpoint::decode(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TrainingError::Read { file: file.into(), error: error.to_string() }),
    }
}

/// Writes a file so that at any moment there is the old one or the new one, whole. What is not a file, such as `/dev/null`
/// or a pipe, is written to: a file put in its place would break it for everyone. A link goes on pointing where it points.
///
/// # Errors
/// [`TrainingError::Write`]; the old file is still there then.
pub fn write_atomically(file: &Path, bytes: &[u8]) -> Result<(), TrainingError> {
    let target = fs::canonicalize(file).unwrap_or(file.into());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
            return fs::write(&target, bytes);
        }
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(bytes)?;
        temporary.as_file().sync_all()?;
        temporary.persist(&target)?;
        Ok(())
    };
    write().map_err(|error| TrainingError::Write { file: file.into(), error: error.to_string() })
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::fs::FileTypeExt, process::Command, thread};

    use super::*;

    #[test]
    fn a_pipe_is_written_to_and_stays_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe)
        });
        write_atomically(&pipe, b"a model").expect("written");
        assert!(fs::metadata(&pipe).expect("there").file_type().is_fifo());
        assert_eq!(reader.join().expect("ends").expect("read"), b"a model");
    }

    #[test]
    fn a_link_goes_on_pointing_where_it_points() {
        let folder = tempfile::tempdir().expect("a folder");
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, b"old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        write_atomically(&link, b"new").expect("written");
        assert_eq!(fs::read(&file).expect("read"), b"new");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    }
}

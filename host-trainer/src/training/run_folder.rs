//! The folder of a run.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Configuration, EpochMetrics, TrainingError,
    checkpoint::Checkpoint,
    distillation::{SOFT_TARGETS, teacher_folder},
};
use crate::files;

/// The file in a run's folder with the weights that it begins with, if those are not fresh.
pub const START_FILE: &str = "start.burnpack";

/// The float network in a finished run's folder.
pub const RECORD_FILE: &str = "network.burnpack";

/// The quantized model in a finished run's folder.
pub const MODEL_FILE: &str = "model.fer";

/// The run's [`Configuration`]. It is written last: a run that has it is complete.
const CONFIGURATION: &str = "config.toml";

/// The folder, in a run's, of its checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";

/// The table of epochs.
const METRICS: &str = "metrics.csv";

/// The file that the program that trains holds a lock on. It stays; the lock goes with the program, however that ends.
const LOCK: &str = "lock";

/// The folder of one training run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// While this is held, no other program trains in the folder.
    _lock: Option<Arc<File>>,
}

impl RunFolder {
    /// Makes a folder for a new run, locks it against other programs and writes its `config.toml`.
    ///
    /// # Errors
    /// As [`claim`](Self::claim) and [`begin`](Self::begin).
    pub fn create(path: &Path, configuration: &Configuration) -> Result<Self, TrainingError> {
        let run = Self::claim(path)?;
        run.begin(configuration)?;
        Ok(run)
    }

    /// Makes a folder for a new run and locks it against other programs; what the run begins with can be put into it now. A
    /// folder whose run has learned nothing yet, because it failed at its start, is taken again.
    ///
    /// # Errors
    /// [`TrainingError::Exists`] if there is a run already, [`TrainingError::Busy`] if one is just being made or trained there,
    /// [`TrainingError::Leftovers`]; [`TrainingError::Write`].
    pub fn claim(path: &Path) -> Result<Self, TrainingError> {
        Self::claim_with(path, false)
    }

    /// As [`claim`](Self::claim), but checkpoints without a run, which an interrupted copy has left, are removed.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub fn claim_over(path: &Path) -> Result<Self, TrainingError> {
        Self::claim_with(path, true)
    }

    fn claim_with(path: &Path, over_leftovers: bool) -> Result<Self, TrainingError> {
        let checkpoints = path.join(CHECKPOINTS);
        fs::create_dir_all(&checkpoints)
            .map_err(|error| TrainingError::Write { file: checkpoints.clone(), error: error.to_string() })?;
        let run = Self { path: path.into(), _lock: lock(path)? };
        match (Self::is_run(path), Self::has_learned(path)) {
            (true, true) => Err(TrainingError::Exists { folder: path.into() }),
            (false, true) if over_leftovers => {
                let failed =
                    |error: io::Error| TrainingError::Write { file: checkpoints.clone(), error: error.to_string() };
                fs::remove_dir_all(&checkpoints).and_then(|()| fs::create_dir(&checkpoints)).map_err(failed)?;
                Ok(run)
            }
            (false, true) => Err(TrainingError::Leftovers { folder: path.into() }),
            (true, false) => run.forget_failed_start().map(|()| run),
            (false, false) => Ok(run),
        }
    }

    /// Removes what a run keeps before its first epoch, so that another one does not take it for its own.
    fn forget_failed_start(&self) -> Result<(), TrainingError> {
        let failed = |file: PathBuf, error: io::Error| TrainingError::Write { file, error: error.to_string() };
        for name in [CONFIGURATION, START_FILE, SOFT_TARGETS] {
            let file = self.file(name);
            if file.exists() {
                fs::remove_file(&file).map_err(|error| failed(file, error))?;
            }
        }
        for teacher in teachers(&self.path) {
            fs::remove_dir_all(&teacher).map_err(|error| failed(teacher, error))?;
        }
        Ok(())
    }

    /// Writes `config.toml`, which makes the folder a run.
    ///
    /// # Errors
    /// [`TrainingError::Write`].
    pub fn begin(&self, configuration: &Configuration) -> Result<(), TrainingError> {
        let file = self.file(CONFIGURATION);
        let text = toml::to_string(configuration)
            .map_err(|error| TrainingError::Write { file: file.clone(), error: error.to_string() })?;
        write_atomically(&file, text.as_bytes())
    }

    /// Opens the folder of a run to look at it and reads its `config.toml`.
    ///
    /// # Errors
    /// [`TrainingError::Read`] if it is no run.
    pub fn open(path: &Path) -> Result<(Self, Configuration), TrainingError> {
        let run = Self { path: path.into(), _lock: None };
        let file = run.file(CONFIGURATION);
        let text = fs::read_to_string(&file)
            .map_err(|error| TrainingError::Read { file: file.clone(), error: error.to_string() })?;
        let configuration =
            toml::from_str(&text).map_err(|error| TrainingError::Read { file, error: error.to_string() })?;
        Ok((run, configuration))
    }

    /// Opens the folder of a run to train in it, and locks it against other programs.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`TrainingError::Busy`] if another program trains there.
    pub fn resume(path: &Path) -> Result<(Self, Configuration), TrainingError> {
        let (run, configuration) = Self::open(path)?;
        Ok((Self { _lock: lock(path)?, ..run }, configuration))
    }

    /// Whether a folder is a run's.
    pub fn is_run(path: &Path) -> bool {
        path.join(CONFIGURATION).exists()
    }

    /// Whether a run, or one of the teachers that are trained in its folder, has left what it learned there.
    pub fn has_learned(path: &Path) -> bool {
        let any_checkpoint =
            fs::read_dir(path.join(CHECKPOINTS)).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok()));
        any_checkpoint || path.join(METRICS).exists() || teachers(path).any(|teacher| Self::has_learned(&teacher))
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

    /// The rows of `metrics.csv`, one per epoch; `None` if the file is not there.
    ///
    /// # Errors
    /// [`TrainingError::Read`] for a file that cannot be read, or whose rows are not those of epochs.
    pub fn metrics(&self) -> Result<Option<Vec<EpochMetrics>>, TrainingError> {
        let file = self.file(METRICS);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TrainingError::Read { file, error: error.to_string() }),
        };
        let rows: Result<_, _> = csv::Reader::from_reader(bytes.as_slice()).deserialize().collect();
        rows.map(Some).map_err(|error| TrainingError::Read { file, error: error.to_string() })
    }

    /// Writes `metrics.csv` anew, a row per epoch.
    pub(super) fn write_metrics(&self, metrics: &[EpochMetrics]) -> Result<(), TrainingError> {
        let file = self.file(METRICS);
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
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TrainingError::Read { file: file.into(), error: error.to_string() }),
    }
}

/// Locks a run's folder; `None` where the file system knows no locks.
fn lock(folder: &Path) -> Result<Option<Arc<File>>, TrainingError> {
    let file = folder.join(LOCK);
    match files::lock(&file) {
        Ok(lock) => Ok(lock.map(Arc::new)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(TrainingError::Busy { folder: folder.into() }),
        Err(error) => Err(TrainingError::Write { file, error: error.to_string() }),
    }
}

/// The folders of a run's teachers, those that are trained there and copies of others.
fn teachers(run: &Path) -> impl Iterator<Item = PathBuf> {
    (0..).map(|index| teacher_folder(run, index)).take_while(|folder| folder.exists())
}

/// [`files::write_atomically`], with the error of a training.
///
/// # Errors
/// [`TrainingError::Write`]; the old file then stays.
pub fn write_atomically(file: &Path, bytes: &[u8]) -> Result<(), TrainingError> {
    files::write_atomically(file, bytes)
        .map_err(|error| TrainingError::Write { file: file.into(), error: error.to_string() })
}

//! Models that hosts upload, as files of a folder: two places, and a file that names the newer.
//!
//! ```text
//! a.fer, b.fer         models; the one that does not run is replaced
//! newest               `a` or `b`: which is tried first
//! SIZE-CHECKSUM.part   what there is of an upload
//! ```
//!
//! A file is written beside the one that it replaces and then renamed, and each step is on the disk before the next begins. So
//! whenever the power is cut, `newest` names a whole model: the one before, or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use firmware::{device::ModelStore, kernels::PROCESSOR};
use shared::{
    checksum::crc32,
    model::{AlignedBytes, FORMAT_VERSION, OLDEST_VERSION},
    wire::{ErrorCode, Running, StoreIdentity, UPLOAD_ALIGNMENT, Wear},
};

/// Bytes of memory for tensors: more than any network takes that a Raspberry Pi runs in a second.
pub const ARENA_BYTES: u32 = 4 << 20;

/// Most bytes of a model file.
const MOST_BYTES: u32 = 16 << 20;

const NEWEST: &str = "newest";

/// A folder with models.
#[derive(Debug)]
pub struct Models {
    folder: PathBuf,
    running: Running,
    upload: Option<Upload>,
}

/// An upload that is under way.
#[derive(Debug)]
struct Upload {
    model_bytes: u32,
    crc: u32,
    path: PathBuf,
    file: File,
    arrived: u32,
    /// The model file, once it is whole.
    whole: Option<AlignedBytes>,
}

impl Upload {
    fn contents(&self) -> u32 {
        self.model_bytes.next_multiple_of(UPLOAD_ALIGNMENT as u32)
    }
}

impl Models {
    /// A folder, which is made if it is missing.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let place = || {
            let hint = "models that hosts upload are kept there; can this user write to it?";
            format!("{} ({hint})", folder.display())
        };
        fs::create_dir_all(folder).with_context(place)?;
        // A folder that cannot be written is better known before the first upload.
        let probe = folder.join(".probe");
        File::create(&probe).and_then(|_| fs::remove_file(&probe)).with_context(place)?;
        Ok(Self { folder: folder.into(), running: Running::BuiltIn, upload: None })
    }

    /// The models, the newest first, with their places.
    pub fn models(&self) -> impl Iterator<Item = (Running, PathBuf, AlignedBytes)> + '_ {
        let newest = fs::read_to_string(self.folder.join(NEWEST)).unwrap_or_default();
        let order = if newest.trim() == "b" { [Running::B, Running::A] } else { [Running::A, Running::B] };
        order.into_iter().filter_map(|place| {
            let path = self.folder.join(file_name(place)?);
            let bytes = fs::read(&path).ok()?;
            Some((place, path, AlignedBytes::new(&bytes)))
        })
    }

    /// Says which model runs.
    pub fn runs(&mut self, running: Running) {
        self.running = running;
    }

    /// Renames `from`, which is on the disk, to a file of the folder.
    fn put(&self, from: &Path, name: &str) -> io::Result<()> {
        fs::rename(from, self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(upload) = self.upload.take() else { return Ok(()) };
        let (name, letter) = if self.running == Running::A { ("b.fer", "b") } else { ("a.fer", "a") };
        upload.file.set_len(upload.model_bytes.into())?;
        upload.file.sync_all()?;
        self.put(&upload.path, name)?;
        let path = self.folder.join("newest.part");
        let mut file = File::create(&path)?;
        file.write_all(letter.as_bytes())?;
        file.sync_all()?;
        self.put(&path, NEWEST)
    }

    /// Removes what there is of other uploads.
    fn clear(&self, keep: &Path) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in entries.filter(|path| path.extension().is_some_and(|extension| extension == "part")) {
            if path != keep {
                // What stays takes room, and does no other harm.
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn file_name(place: Running) -> Option<&'static str> {
    match place {
        Running::A => Some("a.fer"),
        Running::B => Some("b.fer"),
        Running::BuiltIn => None,
    }
}

/// The host is told that the store failed; the journal of the system gets the reason.
fn failed(path: &Path) -> impl Fn(io::Error) -> ErrorCode + '_ {
    move |error| {
        let full = if error.kind() == ErrorKind::StorageFull { "; free some room on this disk" } else { "" };
        let _ = writeln!(io::stderr(), "{}: {error}{full}", path.display());
        ErrorCode::Store
    }
}

impl ModelStore for Models {
    fn identity(&self) -> StoreIdentity<'static> {
        StoreIdentity {
            board: "linux",
            arena_bytes: ARENA_BYTES,
            processor: PROCESSOR,
            model_bytes: MOST_BYTES,
            formats: [OLDEST_VERSION, FORMAT_VERSION],
            running: self.running,
        }
    }

    fn wear(&self) -> Option<Wear> {
        None
    }

    fn begin(&mut self, model_bytes: u32, crc: u32) -> Result<u32, ErrorCode> {
        self.upload = None;
        if model_bytes == 0 || model_bytes > MOST_BYTES {
            return Err(ErrorCode::ModelSize { bytes: model_bytes, most: MOST_BYTES });
        }
        let path = self.folder.join(format!("{model_bytes}-{crc:08x}.part"));
        self.clear(&path);
        let open = || {
            let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            let arrived = file.seek(SeekFrom::End(0))?;
            Ok((file, arrived))
        };
        let (file, arrived) = open().map_err(failed(&path))?;
        let mut upload = Upload { model_bytes, crc, path, file, arrived: 0, whole: None };
        // What is longer than the contents is none of this program's.
        if arrived <= u64::from(upload.contents()) {
            upload.arrived = arrived as u32;
        } else {
            upload.file.set_len(0).and_then(|()| upload.file.rewind()).map_err(failed(&upload.path))?;
        }
        let arrived = upload.arrived;
        self.upload = Some(upload);
        Ok(arrived)
    }

    fn take(&mut self, offset: u32, bytes: &[u8]) -> Result<u32, ErrorCode> {
        let upload = self.upload.as_mut().ok_or(ErrorCode::NoUpload)?;
        if offset != upload.arrived {
            return Err(ErrorCode::UploadOrder { expected: upload.arrived, found: offset });
        }
        let end = u32::try_from(bytes.len()).ok().and_then(|count| offset.checked_add(count)).unwrap_or(u32::MAX);
        if end > upload.contents() {
            return Err(ErrorCode::UploadOrder { expected: upload.contents(), found: end });
        }
        let written = upload.file.seek(SeekFrom::Start(offset.into())).and_then(|_| upload.file.write_all(bytes));
        written.map_err(failed(&upload.path))?;
        upload.arrived = end;
        Ok(end)
    }

    fn whole(&mut self) -> Result<&[u8], ErrorCode> {
        let upload = self.upload.as_mut().ok_or(ErrorCode::NoUpload)?;
        if upload.arrived != upload.contents() {
            return Err(ErrorCode::UploadOrder { expected: upload.arrived, found: upload.contents() });
        }
        let mut contents = Vec::new();
        let read = upload.file.rewind().and_then(|()| upload.file.read_to_end(&mut contents));
        read.map_err(failed(&upload.path))?;
        let length = upload.model_bytes as usize;
        if crc32(&contents) != upload.crc {
            // Whatever is wrong with it, it does not get better.
            let _ = fs::remove_file(&upload.path);
            self.upload = None;
            return Err(ErrorCode::UploadChecksum);
        }
        let whole = AlignedBytes::new(contents.get(..length).unwrap_or(&contents));
        let upload = self.upload.as_mut().ok_or(ErrorCode::NoUpload)?;
        Ok(upload.whole.insert(whole).as_slice())
    }

    fn commit(&mut self) -> Result<(), ErrorCode> {
        if self.upload.as_ref().is_none_or(|upload| upload.whole.is_none()) {
            return Err(ErrorCode::NoUpload);
        }
        let folder = self.folder.clone();
        self.finish().map_err(failed(&folder))
    }
}

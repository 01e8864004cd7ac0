//! Files on disk: written whole, and known by their contents.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use shared::checksum::CRC_32;

/// Held while a file is put into its place.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes a file so that at any moment either the old one or the new one is there, complete, with the permissions that the
/// user's umask gives. A device or a pipe, such as `/dev/null`, is written to: a file in its place would break it for
/// everyone. A link keeps its target.
///
/// # Errors
/// The system's error; the old file then stays.
pub fn write_atomically(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(file).unwrap_or(file.into());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        return fs::write(&target, bytes);
    }
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut temporary = readable().tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target)?;
    Ok(())
}

/// Waits until no file is being written, and lets none be written any more while the result lives: a process that ends then
/// leaves no temporary file behind.
pub fn no_more_writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Temporary files are private by default; what is made here is for other users too, as far as the umask allows.
fn readable() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Locks a file, which is made if it is not there, until the result is dropped or the program ends, however it ends; `None` where
/// the file system knows no locks.
///
/// # Errors
/// [`ErrorKind::WouldBlock`] if another program holds it; the system's error.
pub fn lock(file: &Path) -> io::Result<Option<File>> {
    let lock = File::options().create(true).truncate(false).write(true).open(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A checksum of the contents of a file.
///
/// # Errors
/// The system's error.
pub fn contents(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut digest = CRC_32.digest();
    let mut length = 0u64;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(length << 32 ^ u64::from(digest.finalize())),
            count => {
                digest.update(&buffer[..count]);
                length += count as u64;
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        os::unix::fs::{FileTypeExt, PermissionsExt},
        process::Command,
        thread,
    };

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

    #[test]
    fn a_file_has_the_permissions_that_any_other_new_file_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let [ours, others] = ["ours", "others"].map(|name| folder.path().join(name));
        // The umask of this process, whatever it is, makes both.
        write_atomically(&ours, b"a model").expect("written");
        fs::write(&others, b"a model").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(format!("{:o}", mode(&ours)), format!("{:o}", mode(&others)));
        // A file of a stricter program before it does not stay strict.
        fs::set_permissions(&ours, fs::Permissions::from_mode(0o600)).expect("set");
        write_atomically(&ours, b"another").expect("written");
        assert_eq!(format!("{:o}", mode(&ours)), format!("{:o}", mode(&others)));
    }

    #[test]
    fn contents_are_the_same_under_another_name_and_other_bytes_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let number = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("written");
            contents(&path).expect("readable")
        };
        assert_eq!(number("a", b"faces"), number("b", b"faces"));
        assert_ne!(number("a", b"faces"), number("a", b"faced"));
        assert_ne!(number("a", b""), number("a", b"\0"));
        assert!(contents(&folder.path().join("none")).is_err());
    }
}

//! Drives of boards that are in their boot loaders.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use images::Board;

/// The file by which such a drive is known (the specification of UF2 has it).
const INFORMATION: &str = "INFO_UF2.TXT";

/// What to do so that there is a drive.
pub const REMEDY: &str = "hold BOOTSEL while you plug the board in, and its drive appears; or name a file with --out";

/// A drive, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    pub path: PathBuf,
    pub board: Board,
}

/// How a copy onto a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// The system says that everything was written.
    Whole,
    /// Everything was handed over, and then the drive went away, as it does when the board starts anew.
    Gone,
}

impl Drive {
    /// The drive that is mounted at `path`.
    ///
    /// # Errors
    /// If it is no board's, or that of a board without an image here.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        let file = path.join(INFORMATION);
        let text = fs::read(&file).map_err(|error| {
            let place = path.display();
            match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => {
                    anyhow!("{place} is no drive of a board in its boot loader, for it has no {INFORMATION}; {REMEDY}")
                }
                _ => anyhow::Error::from(error).context(file.display().to_string()),
            }
        })?;
        let text = String::from_utf8_lossy(&text);
        let id = text.lines().find_map(|line| line.trim().strip_prefix("Board-ID:")).map(str::trim);
        let Some(board) = Board::ALL.into_iter().find(|board| id == Some(board.drive())) else {
            let known = Board::ALL.map(|board| format!("{} ({})", board.drive(), board.label())).join(" and ");
            let found = id.map_or("no Board-ID".into(), |id| format!("the Board-ID {id}"));
            bail!(
                "the drive {} is of another kind of board: its {INFORMATION} has {found}; there are images for {known}",
                path.display()
            );
        };
        Ok(Self { path: path.into(), board })
    }

    /// The only drive of a board, or of `board`.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn only(board: Option<Board>) -> anyhow::Result<Self> {
        only(&mounted(), board)
    }

    /// Copies a file onto the drive, where the boot loader writes it into flash as it comes. With the last block the board starts anew
    /// and takes its drive away.
    ///
    /// # Errors
    /// If the drive is full, cannot be written, or goes away before everything was handed over.
    pub fn copy(&self, name: &str, bytes: &[u8]) -> anyhow::Result<(PathBuf, Copied)> {
        let path = self.path.join(name);
        match copy(&path, bytes) {
            Ok(()) => Ok((path, Copied::Whole)),
            Err(Failure::AtTheEnd(_)) if self.is_gone() => Ok((path, Copied::Gone)),
            Err(Failure::AtTheEnd(error) | Failure::Before(error)) => {
                let advice = match error.kind() {
                    ErrorKind::StorageFull | ErrorKind::FileTooLarge => {
                        "the drive is full; delete what is on it, or plug the board in anew"
                    }
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                        "the drive cannot be written; mount it for writing"
                    }
                    _ if self.is_gone() => {
                        "the drive went away before everything was written; what the board had before may be damaged; hold BOOTSEL while you plug it \
                         in, and try again"
                    }
                    _ => "not everything was written; plug the board in anew, and try again",
                };
                Err(error).with_context(|| path.display().to_string()).context(advice)
            }
        }
    }

    fn is_gone(&self) -> bool {
        !self.path.join(INFORMATION).exists()
    }
}

/// When a copy failed.
enum Failure {
    Before(io::Error),
    /// After everything was handed over.
    AtTheEnd(io::Error),
}

fn copy(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // No file under another name beside it first, as for other files: the boot loader takes what it is given at once.
    let mut file = File::create(path).map_err(Failure::Before)?;
    file.write_all(bytes).map_err(Failure::Before)?;
    file.sync_all().map_err(Failure::AtTheEnd)
}

fn only(mounted: &[PathBuf], board: Option<Board>) -> anyhow::Result<Drive> {
    let mut drives: Vec<_> = mounted.iter().filter_map(|path| Drive::at(path).ok()).collect();
    let others = drives.len();
    drives.retain(|drive| board.is_none_or(|board| drive.board == board));
    match (&drives[..], board) {
        ([drive], _) => Ok(drive.clone()),
        ([], Some(board)) if others > 0 => {
            bail!("there is no drive of a {}, only one of another board; {REMEDY}", board.label())
        }
        ([], _) => bail!("no board is in its boot loader; {REMEDY}"),
        (several, _) => {
            let names: Vec<_> = several.iter().map(|drive| drive.path.display().to_string()).collect();
            bail!("several boards are in their boot loaders; name one with --drive: {}", names.join(", "))
        }
    }
}

/// Where drives are mounted that may be boards'.
#[cfg(target_os = "linux")]
fn mounted() -> Vec<PathBuf> {
    linux(&fs::read("/proc/mounts").unwrap_or_default())
}

/// Where drives are mounted that may be boards'.
#[cfg(target_os = "macos")]
fn mounted() -> Vec<PathBuf> {
    let volumes = fs::read_dir("/Volumes").into_iter().flatten();
    volumes.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Where drives are mounted that may be boards'.
#[cfg(windows)]
fn mounted() -> Vec<PathBuf> {
    // A and B are for disks of old.
    ('C'..='Z').map(|letter| PathBuf::from(format!("{letter}:\\"))).collect()
}

/// Where drives are mounted that may be boards'.
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn mounted() -> Vec<PathBuf> {
    Vec::new()
}

/// The drives with a FAT file system in a table like `/proc/mounts` (fstab(5)): no others are looked at, because one on a network may
/// not answer.
#[cfg(target_os = "linux")]
fn linux(mounts: &[u8]) -> Vec<PathBuf> {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    let of_fat = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b' ').skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        matches!(kind, b"vfat" | b"msdos" | b"fuseblk").then(|| OsString::from_vec(unescaped(path)).into())
    };
    mounts.split(|&byte| byte == b'\n').filter_map(of_fat).collect()
}

/// A field in which a space is `\040`, and so on.
#[cfg(target_os = "linux")]
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut rest = field;
    let mut bytes = Vec::new();
    while let Some((&first, others)) = rest.split_first() {
        let code = others.get(..3).filter(|_| first == b'\\').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &others[3..] } else { others };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICO: &str = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n";
    const PICO2: &str = "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n";

    /// Folders with the files of drives.
    fn drives(texts: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = (0..texts.len()).map(|index| folder.path().join(index.to_string())).collect::<Vec<_>>();
        for (path, text) in paths.iter().zip(texts) {
            fs::create_dir(path).expect("made");
            fs::write(path.join(INFORMATION), text).expect("written");
        }
        (folder, paths)
    }

    #[test]
    fn a_drive_says_which_board_it_is() {
        let (folder, paths) = drives(&[PICO, PICO2, "UF2 Bootloader\nBoard-ID: SAMD21\n", "no board"]);
        assert_eq!(Drive::at(&paths[0]).expect("a drive").board, Board::Pico);
        assert_eq!(Drive::at(&paths[1]).expect("a drive").board, Board::Pico2);
        for (path, words) in [(&paths[2], "SAMD21"), (&paths[3], "no Board-ID")] {
            let error = Drive::at(path).expect_err("of another kind").to_string();
            assert!(error.contains(words) && error.contains("RPI-RP2") && error.contains("RP2350"), "{error}");
        }
        for path in [folder.path().into(), folder.path().join("none"), paths[0].join(INFORMATION)] {
            let error = Drive::at(&path).expect_err("no drive").to_string();
            assert!(error.contains("hold BOOTSEL"), "{error}");
        }
    }

    #[test]
    fn the_only_drive_is_found_and_of_several_the_one_that_is_named() {
        let (folder, paths) = drives(&[PICO, PICO2]);
        let elsewhere = folder.path().join("none");
        let found =
            |paths: &[PathBuf], board| only(paths, board).map(|drive| drive.path).map_err(|error| error.to_string());
        assert_eq!(found(&[elsewhere.clone(), paths[1].clone()], None), Ok(paths[1].clone()));
        assert_eq!(found(&paths, Some(Board::Pico)), Ok(paths[0].clone()));
        assert_eq!(found(&paths, Some(Board::Pico2)), Ok(paths[1].clone()));
        let several = found(&paths, None).expect_err("two");
        assert!(several.contains("--drive") && several.contains(paths[1].to_str().expect("UTF-8")), "{several}");
        let none = found(&[elsewhere], None).expect_err("none");
        assert!(none.contains("hold BOOTSEL") && none.contains("--out"), "{none}");
        let other = found(&paths[1..], Some(Board::Pico)).expect_err("another board's");
        assert!(other.contains("no drive of a Raspberry Pi Pico, only one of another board"), "{other}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn mounted_drives_are_read_from_the_systems_table() {
        let table = b"proc /proc proc rw 0 0\n/dev/sdb1 /media/me/RPI-RP2 vfat rw 0 0\n\
            server:/home /home nfs rw 0 0\n/dev/sdc1 /run/media/me/my\\040pico\\134 vfat rw,nosuid 0 0\n\nshort line\n";
        let expected = ["/media/me/RPI-RP2", "/run/media/me/my pico\\"].map(PathBuf::from);
        assert_eq!(linux(table), expected);
        assert_eq!(linux(b""), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_drive_that_goes_away_when_everything_was_written_is_no_failure() {
        let (_folder, paths) = drives(&[PICO]);
        let drive = Drive::at(&paths[0]).expect("a drive");
        let (path, copied) = drive.copy("a.uf2", b"blocks").expect("written");
        assert_eq!((fs::read(&path).expect("there"), copied), (b"blocks".to_vec(), Copied::Whole));
        fs::remove_dir_all(&paths[0]).expect("gone");
        let error = format!("{:#}", drive.copy("a.uf2", b"blocks").expect_err("gone before"));
        assert!(error.starts_with("the drive went away before everything was written"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_drive_says_so() {
        let (_folder, paths) = drives(&[PICO]);
        std::os::unix::fs::symlink("/dev/full", paths[0].join("a.uf2")).expect("linked");
        let error = format!("{:#}", Drive::at(&paths[0]).expect("a drive").copy("a.uf2", b"blocks").expect_err("full"));
        assert!(error.starts_with("the drive is full"), "{error}");
    }
}

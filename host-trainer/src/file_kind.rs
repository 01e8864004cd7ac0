//! Names the kind of an unexpected file, for an error.

use infer::MatcherType;

/// Bytes that are enough to tell: a tar archive says what it is at 257.
pub const ENOUGH: usize = 512;

/// Formats that hold other files; the library counts more formats as archives, even documents.
const ARCHIVES: [&str; 8] = ["zip", "tar", "gz", "bz2", "xz", "zst", "7z", "rar"];

/// What Windows programs write before a text.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Brands of ISO/IEC 23008-12, B.4, that the library does not know: sequences, layers, more bits.
const HEIC_BRANDS: [&[u8; 4]; 7] = [b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];

/// Characters of a text that are shown.
const SHOWN: usize = 40;

/// The kind of the file that begins with `start`, such as `a tar archive`; `None` if it is unknown.
pub fn of(start: &[u8]) -> Option<String> {
    if start.is_empty() {
        return Some("an empty file".into());
    }
    if start.starts_with(b"version https://git-lfs") {
        return Some("a pointer of Git LFS to a file that is not here (`git lfs pull` fetches it)".into());
    }
    let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    if let [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] = start
        && HEIC_BRANDS.iter().any(|known| brand.starts_with(*known))
    {
        return Some("a HEIC photograph".into());
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Some("a text in UTF-16 (save it as UTF-8)".into());
    }
    let Some(kind) = infer::get(start) else { return text(start) };
    let name = kind.extension().to_ascii_uppercase();
    Some(match (kind.extension(), kind.matcher_type()) {
        ("heif" | "heic", _) => "a HEIC photograph".into(),
        ("html", _) => "a web page (HTML)".into(),
        (extension, MatcherType::Archive) if ARCHIVES.contains(&extension) => format!("a {extension} archive"),
        (_, MatcherType::Image) => format!("an image in the format {name}"),
        (_, MatcherType::Video) => format!("a video ({name})"),
        (_, MatcherType::Audio) => format!("a sound ({name})"),
        (_, MatcherType::Text) => format!("a text ({name})"),
        _ => format!("a file in the format {name}"),
    })
}

/// A text with its beginning, if it is one.
fn text(start: &[u8]) -> Option<String> {
    let readable = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character may be cut in two at the end.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&start[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let printable = |letter: char| !letter.is_control() || letter.is_whitespace();
    if !readable.chars().all(printable) {
        return None;
    }
    let line = readable.trim_start().lines().next().unwrap_or_default();
    Some(format!("a text that begins with `{}`", line.chars().take(SHOWN).collect::<String>().trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_people_have_are_known() {
        let mut tar = vec![0; 512];
        tar[..19].copy_from_slice(b"fer2013/fer2013.csv");
        tar[257..262].copy_from_slice(b"ustar");
        let cases: [(&[u8], &str); 16] = [
            (&tar, "a tar archive"),
            (b"PK\x03\x04\x14\0\0\0", "a zip archive"),
            (b"\xfd7zXZ\0\0", "a xz archive"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photograph"),
            (b"\0\0\0\x18ftyphevc\0\0\0\0hevcmif1", "a HEIC photograph"),
            (b"\0\0\0\x18ftypheix\0\0\0\0mif1heix", "a HEIC photograph"),
            (b"\xef\xbb\xbf\r\n<HTML>", "a web page (HTML)"),
            (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "an image in the format AVIF"),
            (b"\n<!DOCTYPE html>\n<html>", "a web page (HTML)"),
            (b"<html><head>", "a web page (HTML)"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a video (MP4)"),
            (b"%PDF-1.7\n", "a file in the format PDF"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
            (b"\xff\xfee\0m\0o\0", "a text in UTF-16"),
            (b"404: Not Found", "a text that begins with `404: Not Found`"),
            (b"", "an empty file"),
        ];
        for (bytes, words) in cases {
            let found = of(bytes).unwrap_or_default();
            assert!(found.starts_with(words), "{words}: {found}");
        }
        assert_eq!(of(&[0, 1, 2, 200, 201]), None);
    }

    #[test]
    fn a_long_text_is_shown_to_its_first_line_and_a_character_cut_in_two_is_no_harm() {
        assert_eq!(of(b"  one\ntwo").as_deref(), Some("a text that begins with `one`"));
        let long = "ä".repeat(400);
        let cut = &long.as_bytes()[..511];
        assert_eq!(of(cut), Some(format!("a text that begins with `{}`", "ä".repeat(SHOWN))));
    }
}

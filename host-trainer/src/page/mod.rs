//! The page that shows the core in a browser: its files, which are part of the program, and a server for them.

mod server;

pub use self::server::{Hosts, serve};

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Where it is, relative to the page.
    pub path: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File { path: $path, bytes: include_bytes!(concat!("../../../docs/page/", $path)) }),*]
    };
}

/// The files of `docs/page`. They are named one by one, so that cargo compiles anew when one changes, and so that the server can hand
/// out nothing else.
pub static FILES: &[File] = files![
    "answer.js",
    "camera.js",
    "comparison.js",
    "core-simd.wasm",
    "core.js",
    "core.wasm",
    "device.js",
    "drawn.js",
    "engine.js",
    "frames.js",
    "icon.svg",
    "index.html",
    "intake.js",
    "link.js",
    "live.js",
    "main.js",
    "models.js",
    "models/edge.fer",
    "models/finder.ferf",
    "models/levorse.fer",
    "models/models.json",
    "models/pi.fer",
    "models/pico.fer",
    "overlay.js",
    "parts.js",
    "photographs.js",
    "pico.bin",
    "pico2.head",
    "strip.js",
    "style.css",
    "transports.js",
    "worker.js",
];

impl File {
    /// The page itself.
    const INDEX: &'static str = "index.html";

    /// The file that a server has at a path.
    pub fn at(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let path = if path.is_empty() { Self::INDEX } else { path };
        FILES.iter().find(|file| file.path == path).copied()
    }

    /// Its media type. A browser takes modules and WebAssembly of these types alone.
    pub fn media_type(self) -> &'static str {
        match self.path.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "css" => "text/css; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "json" => "application/json",
            "svg" => "image/svg+xml",
            "wasm" => "application/wasm",
            _ => "application/octet-stream",
        }
    }
}

/// What the page says of itself that it may load (its content security policy), and that no other page may show it in a frame, which
/// only a server can say. Scripts of other threads are under the policy that they come with, so every file has it.
fn policy() -> String {
    let index = File::at("/").map_or("", |file| str::from_utf8(file.bytes).unwrap_or_default());
    let policy = index
        .split_once("http-equiv=\"Content-Security-Policy\" content=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    policy.map_or("", |(policy, _)| policy).trim().trim_end_matches(';').to_owned() + "; frame-ancestors 'none'"
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Every file of a folder, with those of its folders.
    fn files(folder: &Path, before: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("there").map(|entry| entry.expect("readable"));
        entries
            .flat_map(|entry| {
                let name = format!("{before}{}", entry.file_name().into_string().expect("text"));
                if entry.path().is_dir() { files(&entry.path(), &format!("{name}/")) } else { [name].into() }
            })
            .collect()
    }

    #[test]
    fn every_file_of_the_page_is_in_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/page");
        let table: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(table, files(&folder, ""), "the table in src/page/mod.rs and docs/page");
        assert_eq!(table.len(), FILES.len(), "each once");
        for file in FILES {
            assert!(fs::read(folder.join(file.path)).expect("there") == file.bytes, "{}", file.path);
        }
    }

    #[test]
    fn the_page_is_small() {
        let loaded_on_demand = ["models/pi.fer"];
        let files = FILES.iter().filter(|file| !loaded_on_demand.contains(&file.path));
        let bytes: usize = files.map(|file| file.bytes.len()).sum();
        assert!(bytes < 2 << 20, "{bytes} bytes");
    }

    #[test]
    fn paths_name_files_and_nothing_else() {
        assert_eq!(File::at("/").expect("the page").path, "index.html");
        assert_eq!(File::at("/models/edge.fer").expect("a model").path, "models/edge.fer");
        for path in [
            "",
            "index.html",
            "//",
            "/models",
            "/models/",
            "/../Cargo.toml",
            "/models/../index.html",
            "/%2e%2e/",
            "/Index.html",
        ] {
            assert!(File::at(path).is_none(), "{path}");
        }
    }

    #[test]
    fn every_kind_of_file_has_its_type() {
        for file in FILES {
            let expected = match Path::new(file.path).extension().and_then(|extension| extension.to_str()) {
                Some("fer" | "ferf" | "bin" | "head") => "application/octet-stream",
                Some(_) => {
                    assert_ne!(file.media_type(), "application/octet-stream", "{} is of no known type", file.path);
                    continue;
                }
                None => panic!("{} has no extension", file.path),
            };
            assert_eq!(file.media_type(), expected, "{}", file.path);
        }
    }

    #[test]
    fn the_policy_is_that_of_the_page_and_keeps_it_out_of_frames() {
        let policy = policy();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.ends_with("; frame-ancestors 'none'") && !policy.contains(";;"), "{policy}");
        let index = str::from_utf8(File::at("/").expect("the page").bytes).expect("text");
        assert!(index.contains(policy.strip_suffix("; frame-ancestors 'none'").expect("the end")), "{policy}");
    }
}

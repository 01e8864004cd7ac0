//! The page, served and written.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use super::{
    faces::workplace,
    program::{program, run},
};

/// The files of the repository's page, by their paths from there.
fn page() -> BTreeMap<String, Vec<u8>> {
    fn read(folder: &Path, before: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("there").map(|entry| entry.expect("readable")) {
            let name = format!("{before}{}", entry.file_name().into_string().expect("text"));
            if entry.path().is_dir() {
                read(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).expect("readable"));
            }
        }
    }
    let mut files = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/page"), "", &mut files);
    files
}

/// A running server; it ends with this value, however the test ends.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(address: &str) -> Self {
        let mut command = program(Path::new("."));
        command.args(["page", "--serve", address]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("printed");
        let address = line.strip_prefix("page: http://").and_then(|line| line.strip_suffix("/  (Ctrl-C ends it)\n"));
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { process, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("accepted");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
        stream
    }

    /// The answer to a request of this method, for this path, with this header `Host`.
    fn ask(&self, method: &str, path: &str, host: &str) -> Answer {
        let mut stream = self.connect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("answered");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        Answer {
            head: String::from_utf8(bytes[..end].to_vec()).expect("text").to_ascii_lowercase(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the server says; the head in small letters.
#[derive(Debug)]
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).expect("a status")
    }

    #[track_caller]
    fn has(&self, name: &str, value: &str) {
        let line = format!("{name}: {value}");
        assert!(self.head.lines().any(|header| header == line), "no {line} in\n{}", self.head);
    }
}

#[test]
fn every_file_of_the_page_is_served_byte_for_byte_with_its_type() {
    let server = Server::start("127.0.0.1:0");
    let files = page();
    assert!(files.contains_key("index.html") && files.contains_key("core.wasm"), "{:?}", files.keys());
    for (path, bytes) in &files {
        let answer = server.get(&format!("/{path}"));
        assert_eq!(answer.status(), "200", "{path}");
        assert!(answer.body == *bytes, "{path}");
        let media_type = match path.rsplit_once('.').expect("an extension").1 {
            "css" => "text/css; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "json" => "application/json",
            "svg" => "image/svg+xml",
            "wasm" => "application/wasm",
            _ => "application/octet-stream",
        };
        answer.has("content-type", media_type);
        answer.has("content-length", &bytes.len().to_string());
        answer.has("x-content-type-options", "nosniff");
        answer.has("referrer-policy", "no-referrer");
        answer.has("cache-control", "no-cache");
        let policy = answer.head.lines().find_map(|line| line.strip_prefix("content-security-policy: "));
        let policy = policy.expect("a policy");
        assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("; frame-ancestors 'none'"), "{policy}");
    }
    assert!(server.get("/").body == files["index.html"]);
    assert!(server.get("/?smoothing=0").body == files["index.html"], "a query is the page's own");
}

#[test]
fn the_server_answers_head_and_refuses_what_it_has_not() {
    let server = Server::start("127.0.0.1:0");
    let answer = server.ask("HEAD", "/core.wasm", &server.address);
    assert_eq!((answer.status(), &*answer.body), ("200", &b""[..]));
    answer.has("content-length", &page()["core.wasm"].len().to_string());
    answer.has("content-type", "application/wasm");
    for path in ["/none.js", "/models", "/../Cargo.toml", "/models/../../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/etc/passwd"] {
        let answer = server.get(path);
        assert_eq!((answer.status(), &*answer.body), ("404", &b"There is no such file\n"[..]), "{path}");
        answer.has("content-type", "text/plain; charset=utf-8");
        answer.has("x-content-type-options", "nosniff");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = server.ask(method, "/", &server.address);
        assert_eq!(answer.status(), "405", "{method}");
        answer.has("allow", "GET, HEAD");
    }
    let mut stream = server.connect();
    stream.write_all(b"\x16\x03\x01 no request\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("closed");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(server.get("/").status(), "200", "it goes on");
}

#[test]
fn a_name_that_is_not_the_servers_is_refused() {
    let server = Server::start("127.0.0.1:0");
    let port = server.address.strip_prefix("127.0.0.1:").expect("the address that was asked for");
    for host in ["localhost".to_owned(), format!("localhost:{port}"), "127.0.0.1".into()] {
        assert_eq!(server.ask("GET", "/", &host).status(), "200", "{host}");
    }
    for host in [format!("example.org:{port}"), "192.0.2.1".into(), format!("127.0.0.1.example.org:{port}"), String::new()] {
        let answer = server.ask("GET", "/index.html", &host);
        assert_eq!(answer.status(), "421", "{host}");
        assert!(answer.body.starts_with(b"The page is not at this address"), "{host}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_a_remedy() {
    let folder = workplace();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let words = format!("error: {address}: another program has this port; --serve 127.0.0.1:0 takes a free one\n");
    run(folder.path(), &format!("page --serve {address}")).refused(1, &words);
    run(folder.path(), "page --serve 8000").refused(1, "error: 8000 (an address and a port are needed, such as 127.0.0.1:8000): ");
    run(folder.path(), "page --serve 127.0.0.1:0 --out there").refused(2, "cannot be used with");
    assert!(!folder.path().join("there").exists());
}

#[test]
fn an_address_that_other_machines_reach_comes_with_a_word_on_cameras() {
    let mut server = Server::start("0.0.0.0:0");
    assert!(server.address.starts_with("localhost:"), "{}", server.address);
    assert_eq!(server.get("/").status(), "200");
    assert_eq!(server.ask("GET", "/", "192.0.2.1").status(), "200", "whichever address this machine has");
    assert_eq!(server.ask("GET", "/", "example.org").status(), "421");
    server.process.kill().expect("it runs");
    let mut words = String::new();
    server.process.stderr.take().expect("piped").read_to_string(&mut words).expect("text");
    assert!(words.contains("browsers give it no camera and no serial port there"), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_server_while_clients_are_connected() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let mut server = Server::start("127.0.0.1:0");
        let mut asks = server.connect();
        write!(asks, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        let mut first = [0; 15];
        asks.read_exact(&mut first).expect("answered, and kept open");
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        let _silent = server.connect();
        super::program::signal(&server.process, name);
        assert_eq!(server.process.wait().expect("ends").code(), Some(status), "{name}");
        let mut words = String::new();
        server.process.stderr.take().expect("piped").read_to_string(&mut words).expect("text");
        assert_eq!(words, "");
    }
}

/// The files that were written to a folder.
fn written(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = page().keys().map(|path| folder.join(path)).collect();
    paths.sort();
    paths
}

#[test]
fn the_page_is_written_and_other_files_of_the_folder_stay() {
    let folder = workplace();
    let site = folder.path().join("a/site");
    fs::create_dir_all(site.join("models")).expect("made");
    for (path, text) in [("notes.txt", "mine"), ("models/mine.fer", "mine as well"), ("index.html", "of an older version")] {
        fs::write(site.join(path), text).expect("written");
    }
    for _ in 0..2 {
        let ended = run(folder.path(), "page --out a/site").done();
        assert!(ended.out.starts_with(&format!("a/site: {} files, ", page().len())), "{}", ended.out);
        for (path, bytes) in page() {
            assert!(fs::read(site.join(&path)).expect("there") == bytes, "{path}");
        }
    }
    assert_eq!(fs::read_to_string(site.join("notes.txt")).expect("there"), "mine");
    assert_eq!(fs::read_to_string(site.join("models/mine.fer")).expect("there"), "mine as well");
    let count = |folder: &Path| fs::read_dir(folder).expect("there").count();
    let ours = |below: &str| written(&site).iter().filter(|path| path.parent() == Some(&site.join(below))).count();
    // Nothing else is left there, such as a file that is half written. The folder with the models counts itself.
    assert_eq!((count(&site), count(&site.join("models"))), (ours("") + 2, ours("models") + 1));
    // A folder that is not there is made.
    run(folder.path(), "page --out another/site").done();
    assert!(folder.path().join("another/site/models/edge.fer").exists());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = workplace();
    fs::write(folder.path().join("file"), "no folder").expect("written");
    run(folder.path(), "page --out file").refused(1, "error: file: ");
    fs::create_dir_all(folder.path().join("site/index.html")).expect("made");
    run(folder.path(), "page --out site").refused(1, "error: site/index.html: ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let folder = workplace();
    fs::create_dir(folder.path().join("site")).expect("made");
    std::os::unix::fs::symlink("/dev/full", folder.path().join("site/core.wasm")).expect("linked");
    run(folder.path(), "page --out site").refused(1, "error: site/core.wasm (free some room on this disk): ");
}

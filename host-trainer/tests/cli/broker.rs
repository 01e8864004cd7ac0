//! A real MQTT broker, mosquitto, that is told of changes.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    photographs::picture,
    program::{program, run, signal},
};

const SIZE: [usize; 2] = [160, 120];

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A broker that asks for a password, and its port. It ends with this.
struct Broker {
    child: Child,
    port: u16,
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Whether it has ended before is all the same.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Debian puts the broker where users do not look for programs.
fn mosquitto() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("mosquitto");
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
    command
}

impl Broker {
    fn start(folder: &Path, port: u16) -> Self {
        let passwords = folder.join("passwords");
        if !passwords.exists() {
            let made =
                Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&passwords).args(["ann", "p@ss"]).status();
            assert!(made.expect("mosquitto is installed").success());
        }
        let configuration = folder.join("mosquitto.conf");
        let lines = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser root\npersistence false\n",
            passwords.display()
        );
        fs::write(&configuration, lines).expect("written");
        let mut command = mosquitto();
        let child =
            command.arg("-c").arg(&configuration).stderr(Stdio::null()).spawn().expect("mosquitto is installed");
        let broker = Self { child, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "the broker does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        broker
    }

    fn url(&self) -> String {
        format!("mqtt://ann:p%40ss@127.0.0.1:{}/home/mood", self.port)
    }

    /// Retained and other messages from now on, as `1 text` and `0 text`.
    fn subscribe(&self) -> (Child, impl Iterator<Item = String> + use<>) {
        let mut command = Command::new("mosquitto_sub");
        let port = self.port.to_string();
        command.args(["-h", "127.0.0.1", "-p", &port, "-u", "ann", "-P", "p@ss", "-t", "home/mood", "-F", "%r %p"]);
        let seconds = PATIENCE.as_secs().to_string();
        let mut child =
            command.args(["-W", &seconds]).stdout(Stdio::piped()).spawn().expect("mosquitto-clients is installed");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        (child, lines.map(|line| line.expect("text")))
    }

    /// The message that the broker has retained, once it has one.
    fn retained(&self) -> String {
        let start = Instant::now();
        loop {
            let (mut child, mut lines) = self.subscribe();
            let line = lines.next().expect("a retained message");
            child.kill().and_then(|()| child.wait()).expect("ends");
            // What is published at this very moment arrives as a new message.
            if let Some(message) = line.strip_prefix("1 ") {
                return message.to_string();
            }
            assert!(start.elapsed() < PATIENCE, "not retained: {line}");
        }
    }
}

/// A video: no face three times, then a face five times.
fn video() -> Vec<u8> {
    let (empty, face) = (picture(SIZE, &[]).0, picture(SIZE, &[(3, [56, 36], 1)]).0);
    let mut bytes = b"YUV4MPEG2 W160 H120 F10:1 Cmono\n".to_vec();
    for index in 0..8 {
        bytes.extend(b"FRAME\n");
        bytes.extend(if index < 3 { &empty } else { &face });
    }
    bytes
}

fn message(line: &str) -> Value {
    let text = line.split_once(' ').map_or(line, |(_, text)| text);
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
#[ignore = "needs Debian's packages mosquitto and mosquitto-clients; .ci/run installs them"]
fn changes_are_published_once_retained_and_offline_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(folder.path(), free_port());
    fs::write(folder.path().join("a.y4m"), video()).expect("written");
    let (mut subscriber, mut lines) = broker.subscribe();
    // Heard once it is there.
    let greet = format!("mosquitto_pub -h 127.0.0.1 -p {} -u ann -P p@ss -t home/mood -m ready", broker.port);
    let greeted =
        loop_until(&mut lines, || Command::new("bash").args(["-c", &greet]).status().expect("bash").success());
    assert_eq!(greeted, "0 ready");
    let ended = run(folder.path(), &format!("watch --json --mqtt {} a.y4m", broker.url())).done();
    let mut published = Vec::new();
    for line in lines.by_ref().filter(|line| line != "0 ready") {
        published.push(line);
        if published.last().is_some_and(|line| line == "0 offline") {
            break;
        }
    }
    subscriber.kill().and_then(|()| subscriber.wait()).expect("ends");
    // A change each: no face, a face, and the end.
    let answers: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut changes: Vec<(Value, Value)> = Vec::new();
    for answer in &answers {
        let face = &answer["faces"][0];
        let change = (face["label"].clone(), face["uncertain"].clone());
        if changes.last() != Some(&change) {
            changes.push(change);
        }
    }
    let heard: Vec<(Value, Value)> = published[..published.len() - 1]
        .iter()
        .map(|line| message(line))
        .map(|message| (message["label"].clone(), message["uncertain"].clone()))
        .collect();
    assert_eq!(heard, changes, "{published:?}");
    assert!(heard.len() >= 2 && heard[0].0.is_null() && heard[1].0.is_string(), "{published:?}");
    let face = message(&published[1]);
    assert!(face["box"].is_array() && face["probabilities"].is_array() && face["seq"] == 4, "{face}");
    assert_eq!(broker.retained(), "offline");
}

/// Calls `greet` until the first line is there.
fn loop_until(lines: &mut impl Iterator<Item = String>, greet: impl Fn() -> bool + Sync) -> String {
    let heard = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !heard.load(std::sync::atomic::Ordering::Relaxed) && greet() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        let line = lines.next();
        heard.store(true, std::sync::atomic::Ordering::Relaxed);
        line.expect("a line")
    })
}

#[test]
#[ignore = "needs Debian's packages mosquitto and mosquitto-clients; .ci/run installs them"]
fn a_program_that_is_gone_is_offline_and_a_broker_that_comes_back_hears_the_newest() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let broker = Broker::start(folder.path(), port);
    let mut command = program(folder.path());
    command.args(["watch", "--json", "--timeout", "600", "--mqtt", &broker.url(), "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(&video()).expect("written");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut last = String::new();
    for _ in 0..8 {
        last = answers.next().expect("eight answers").expect("text");
    }
    let label = message(&last)["faces"][0]["label"].clone();
    let retained_label = |broker: &Broker| {
        let start = Instant::now();
        loop {
            let retained = broker.retained();
            if retained.starts_with('{') && message(&retained)["label"] == label {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{retained}");
        }
    };
    retained_label(&broker);
    // A broker without memory of its own comes back.
    drop(broker);
    let broker = Broker::start(folder.path(), port);
    retained_label(&broker);
    signal(&child, "KILL");
    child.wait().expect("ends");
    let start = Instant::now();
    while broker.retained() != "offline" {
        assert!(start.elapsed() < PATIENCE, "the last will");
    }
    let mut notices = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut notices).expect("text");
    assert!(notices.contains("trying again") && notices.contains("connected again"), "{notices}");
    assert!(!notices.contains("p@ss"), "{notices}");
    drop(input);
}

#[test]
#[ignore = "needs Debian's packages mosquitto and mosquitto-clients; .ci/run installs them"]
fn a_wrong_password_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(folder.path(), free_port());
    let url = format!("mqtt://ann:wrong@127.0.0.1:{}/home/mood", broker.port);
    run(folder.path(), &format!("watch --mqtt {url} -")).refused(1, "the broker refuses user and password");
}

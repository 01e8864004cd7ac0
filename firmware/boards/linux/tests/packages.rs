//! The Debian packages: made, looked into, installed and started in emulation.
//!
//! ```text
//! cargo test -p fer-linux --test packages -- --ignored
//! ```
//!
//! They need cargo-deb, the cross compilers, dpkg and qemu-user; .ci/run installs them. No systemd runs here: dpkg installs into a folder,
//! and the program is started as the unit and the options file there say, with a TCP port in place of the serial one.

mod host;

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use host::{Device, Host, Identity, model_crc};
use shared::wire::Running;
use tempfile::TempDir;

const BUILT_IN: &[u8] = include_bytes!("../../../models/pi.fer");
const PICO: &[u8] = include_bytes!("../../../models/pico.fer");

/// What a package is made for, and what runs its program here: the oldest processor of its kind in a Raspberry Pi.
struct Kind {
    architecture: &'static str,
    emulator: &'static [&'static str],
}

const ARM64: Kind =
    Kind { architecture: "arm64", emulator: &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", "cortex-a53"] };
const ARMHF: Kind = Kind { architecture: "armhf", emulator: &["qemu-arm", "-cpu", "arm1176"] };

/// What Debian 12 has of what the packages need.
const LIBRARIES: &str = "2.36-9+deb12u13";

/// Standard output of a command that succeeds.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{command:?}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

impl Kind {
    /// The package, made once.
    fn package(&self) -> PathBuf {
        static FOLDER: OnceLock<PathBuf> = OnceLock::new();
        let folder = FOLDER.get_or_init(|| {
            let (target, here) = (Path::new(env!("CARGO_TARGET_TMPDIR")), env!("CARGO_MANIFEST_DIR"));
            let folder = target.join("packages");
            let mut command = Command::new(Path::new(here).join("packages"));
            // The libraries of the toolchain that runs these tests are not those of the other compiler.
            command
                .arg(&folder)
                .env("CARGO_TARGET_DIR", target.parent().expect("target"))
                .env_remove("LD_LIBRARY_PATH");
            let printed = output(&mut command);
            assert_eq!(printed.lines().count(), 2, "a path for each package: {printed}");
            folder
        });
        folder.join(format!("fer-linux_{}-1_{}.deb", env!("CARGO_PKG_VERSION"), self.architecture))
    }

    /// The program of the package, started by the emulator with these options.
    fn program(&self, system: &System, options: &[String]) -> Command {
        let mut command = Command::new(self.emulator[0]);
        command.args(&self.emulator[1..]).arg(system.path("usr/bin/fer-linux")).args(options);
        command.env("STATE_DIRECTORY", system.path("var/lib/private/fer-linux"));
        command
    }
}

/// A folder that dpkg takes for the root of a system.
struct System(TempDir);

impl System {
    /// A system of an architecture with a C library of a version, and no more than the packages need.
    fn new(architecture: &str, libraries: &str) -> Self {
        let system = Self(tempfile::tempdir().expect("made"));
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "commands"] {
            fs::create_dir_all(system.path(folder)).expect("made");
        }
        let installed = [("libc6", architecture, libraries), ("libgcc-s1", architecture, "12.2.0-14+deb12u1")];
        let status: String = installed
            .into_iter()
            .chain([("init-system-helpers", "all", "1.65.2")])
            .map(|(name, architecture, version)| {
                let multi_arch = if architecture == "all" { "foreign" } else { "same" };
                format!(
                    "Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nMulti-Arch: {multi_arch}\n\
                     Version: {version}\nMaintainer: nobody <nobody@fer-linux.invalid>\nDescription: none\n\n"
                )
            })
            .collect();
        fs::write(system.path("var/lib/dpkg/status"), status).expect("written");
        let own = output(Command::new("dpkg").arg("--print-architecture"));
        fs::write(system.path("var/lib/dpkg/arch"), format!("{own}{architecture}\n")).expect("written");
        // The scripts of a package run with the commands of this machine. They must not stop a service of it.
        for command in ["systemctl", "deb-systemd-invoke"] {
            symlink("/bin/true", system.path("commands").join(command)).expect("made");
        }
        system
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs dpkg on this system, with the scripts of the packages.
    fn try_dpkg(&self, arguments: &[&str]) -> Output {
        let commands = self.path("commands");
        // dpkg looks for commands of root's, whoever runs it.
        let path = format!("{}:{}:/usr/sbin:/sbin", commands.display(), env::var("PATH").expect("set"));
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", self.0.path().display())).arg(format!("--log={}", self.path("log").display()));
        command.args(["--force-script-chrootless", "--force-not-root"]).args(arguments).env("PATH", path);
        command.env_remove("LD_LIBRARY_PATH").env("LC_ALL", "C").output().expect("dpkg is installed")
    }

    fn dpkg(&self, arguments: &[&str]) {
        let output = self.try_dpkg(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
    }

    /// The words of the command that the unit starts, once the options file has been read.
    fn command(&self) -> Vec<String> {
        let unit = self.read("usr/lib/systemd/system/fer-linux.service");
        let setting = |name: &str| {
            let mut lines = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            let value = lines.next().unwrap_or_else(|| panic!("no {name} in {unit}"));
            assert_eq!(lines.next(), None, "{name} once");
            value
        };
        let options = self.read(setting("EnvironmentFile").strip_prefix('/').expect("absolute"));
        let options = options.lines().filter_map(options_of).next_back().expect("options");
        setting("ExecStart").replace("$OPTIONS", options).split_whitespace().map(str::to_owned).collect()
    }
}

/// What a line of the options file sets `OPTIONS` to, if it does.
fn options_of(line: &str) -> Option<&str> {
    line.strip_prefix("OPTIONS=\"")?.strip_suffix('"')
}

/// Installs a package, and starts its program as its service does.
fn installs_and_runs(kind: &Kind) {
    let system = System::new(kind.architecture, LIBRARIES);
    let package = kind.package();
    let package = package.to_str().expect("text");
    system.dpkg(&["--install", package]);
    assert!(system.read("var/lib/dpkg/status").contains("Package: fer-linux\nStatus: install ok installed\n"));
    assert!(!system.path("etc/systemd").exists(), "the service starts when its owner says so");

    let words = system.command();
    assert_eq!(words, ["/usr/bin/fer-linux", "--port", "/dev/serial0"]);
    let options = ["--tcp", "127.0.0.1:0"].map(str::to_owned);
    let device = Device::start(&mut kind.program(&system, &options));
    let (mut host, identity) = Host::greet(&device);
    assert_eq!(identity, Identity { model_crc: model_crc(BUILT_IN), running: Some(Running::BuiltIn) });
    host.assert_answers(BUILT_IN);
    let uploaded = Identity { model_crc: model_crc(PICO), running: Some(Running::A) };
    assert_eq!(host.upload(PICO), uploaded);
    assert_eq!(device.kill(), "");

    // An upgrade keeps the options and the models.
    let file = system.path("etc/default/fer-linux");
    fs::write(&file, "OPTIONS=\"--tcp 127.0.0.1:0\"\n").expect("written");
    system.dpkg(&["--install", package]);
    let words = system.command();
    assert_eq!(words, ["/usr/bin/fer-linux", "--tcp", "127.0.0.1:0"]);
    let device = Device::start(&mut kind.program(&system, &words[1..]));
    let (mut host, identity) = Host::greet(&device);
    assert_eq!(identity, uploaded);
    host.assert_answers(PICO);
    drop(device);

    system.dpkg(&["--remove", "fer-linux"]);
    assert!(!system.path("usr/bin/fer-linux").exists());
    assert!(file.exists() && system.path("var/lib/private/fer-linux/a.fer").exists(), "what is its owner's stays");
    system.dpkg(&["--purge", "fer-linux"]);
    assert!(!file.exists() && !system.path("var/lib/private/fer-linux").exists(), "until it is purged");
}

#[test]
#[ignore = "compiles for other processors; needs cargo-deb, dpkg and qemu"]
fn the_package_for_arm64_is_installed_and_answers_as_the_host_does() {
    installs_and_runs(&ARM64);
}

#[test]
#[ignore = "compiles for other processors; needs cargo-deb, dpkg and qemu"]
fn the_package_for_armhf_is_installed_and_answers_on_the_processor_of_a_pi_zero() {
    installs_and_runs(&ARMHF);
}

#[test]
#[ignore = "compiles for other processors; needs cargo-deb, dpkg and qemu"]
fn packages_hold_what_they_should_and_all_of_it_is_roots() {
    for kind in [ARM64, ARMHF] {
        let package = kind.package();
        let listing = output(Command::new("dpkg-deb").arg("--contents").arg(&package));
        let files = listing.lines().filter(|line| !line.starts_with('d')).map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            assert!(["0/0", "root/root"].contains(&words[1]), "{line}");
            (words[0], words[words.len() - 1])
        });
        let mut files: Vec<_> = files.collect();
        files.sort_by_key(|&(_, name)| name);
        let expected = [
            ("-rw-r--r--", "./etc/default/fer-linux"),
            ("-rwxr-xr-x", "./usr/bin/fer-linux"),
            ("-rw-r--r--", "./usr/lib/systemd/system/fer-linux.service"),
            ("-rw-r--r--", "./usr/share/doc/fer-linux/README.md"),
            ("-rw-r--r--", "./usr/share/doc/fer-linux/copyright"),
        ];
        assert_eq!(files, expected);
        for line in listing.lines().filter(|line| line.starts_with('d')) {
            assert!(line.starts_with("drwxr-xr-x 0/0 ") || line.starts_with("drwxr-xr-x root/root "), "{line}");
        }
        let conffiles = output(Command::new("dpkg-deb").arg("--info").arg(&package).arg("conffiles"));
        assert_eq!(conffiles, "/etc/default/fer-linux\n");
        let field = |name| output(Command::new("dpkg-deb").arg("--field").arg(&package).arg(name));
        assert_eq!(field("Architecture").trim_end(), kind.architecture);
    }
}

#[test]
#[ignore = "compiles for other processors; needs cargo-deb, dpkg and qemu"]
fn packages_name_the_libraries_that_their_programs_ask_for() {
    let system = System::new("arm64", LIBRARIES);
    system.dpkg(&["--install", ARM64.package().to_str().expect("text")]);
    let program = system.path("usr/bin/fer-linux");
    let readelf = |option| output(Command::new("readelf").arg(option).arg(&program));
    let dynamic = readelf("--dynamic");
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let libraries: Vec<_> = needed.filter_map(|line| line.split_once('[')?.1.strip_suffix(']')).collect();
    assert!(libraries.contains(&"libc.so.6"), "{dynamic}");
    for library in libraries {
        let of_libc6 = ["libc.so.6", "libm.so.6", "ld-linux-aarch64.so.1"].contains(&library);
        assert!(of_libc6 || library == "libgcc_s.so.1", "{library} is in no package that Depends names");
    }
    let versions = readelf("--version-info");
    let minor =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u32>().ok());
    let newest = versions.split("GLIBC_2.").skip(1).filter_map(minor).max().expect("it asks for versions");
    let depends = output(Command::new("dpkg-deb").arg("--field").arg(ARM64.package()).arg("Depends"));
    let named = depends.split("libc6 (>= 2.").nth(1).and_then(minor).expect("a version of libc6");
    assert!(named >= newest, "{depends}, and the program asks for 2.{newest}");
    assert!(depends.contains("libgcc-s1"), "{depends}");
    // So a system with an older one says what is missing.
    let older = System::new("arm64", "2.31-13+deb11u11");
    let refused = older.try_dpkg(&["--install", ARM64.package().to_str().expect("text")]);
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("fer-linux:arm64 depends on libc6 (>= 2."), "{error}");

    // The one for armhf has all in itself, compiled for the processor of a Pi Zero at the newest.
    let system = System::new("armhf", "0");
    system.dpkg(&["--install", ARMHF.package().to_str().expect("text")]);
    let program = system.path("usr/bin/fer-linux");
    let readelf = |option| output(Command::new("readelf").arg(option).arg(&program));
    assert!(!readelf("--program-headers").contains("INTERP"), "it is linked statically");
    let attributes = readelf("--arch-specific");
    let processor = attributes.lines().find_map(|line| line.trim().strip_prefix("Tag_CPU_arch: "));
    assert_eq!(processor, Some("v6"), "{attributes}");
}

#[test]
#[ignore = "compiles for other processors; needs cargo-deb, dpkg and qemu"]
fn the_program_knows_all_options_that_its_options_file_proposes() {
    let system = System::new("armhf", LIBRARIES);
    system.dpkg(&["--install", ARMHF.package().to_str().expect("text")]);
    let file = system.read("etc/default/fer-linux");
    let proposed: Vec<_> = file.lines().filter_map(|line| options_of(line.trim_start_matches('#'))).collect();
    assert_eq!(proposed.len(), file.matches("OPTIONS=").count(), "{file}");
    for options in proposed {
        // Nothing of this machine is opened.
        let options = options.replace("/dev/", "/dev/no-such-").replace("0.0.0.0:", "no-such-address-");
        let options: Vec<_> = options.split_whitespace().map(str::to_owned).collect();
        let ended = ARMHF.program(&system, &options).output().expect("starts");
        let error = String::from_utf8_lossy(&ended.stderr);
        // 2 would be an option that it does not know.
        assert_eq!(ended.status.code(), Some(1), "{options:?}: {error}");
    }
}

#[test]
#[ignore = "compiles for other processors; needs cargo-deb, dpkg and qemu"]
fn systemd_finds_no_fault_in_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("not checked, for systemd-analyze is not installed");
        return;
    }
    let system = System::new("armhf", LIBRARIES);
    system.dpkg(&["--install", ARMHF.package().to_str().expect("text")]);
    // What every unit stands on.
    for name in ["sysinit", "basic", "shutdown", "network", "multi-user"] {
        let path = system.path("usr/lib/systemd/system").join(name).with_extension("target");
        fs::write(path, format!("[Unit]\nDescription={name}\nDefaultDependencies=no\n")).expect("written");
    }
    let mut command = Command::new("systemd-analyze");
    command.arg("verify").arg(format!("--root={}", system.0.path().display())).arg("fer-linux.service");
    let verified = command.output().expect("it is installed");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}

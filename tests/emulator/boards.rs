//! The table of the boards, `firmware/boards/boards.txt`.

use std::env;

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// Name of the row.
    pub name: &'static str,
    /// What the program is compiled for; none stands for Linux on this machine.
    target: Option<&'static str>,
    /// What is tested.
    tests: &'static str,
    /// So many faces of each kind are compared.
    pub faces: usize,
    /// The command that runs a program.
    pub command: &'static str,
}

/// All boards, in the order of the table.
pub fn boards() -> impl Iterator<Item = Board> {
    include_str!("../../firmware/boards/boards.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            row(line).unwrap_or_else(|| panic!("boards.txt: this row has too few columns, or no number: {line}"))
        })
}

fn row(line: &'static str) -> Option<Board> {
    let mut rest = line;
    let mut column = || {
        let (column, behind) = rest.split_once(' ')?;
        rest = behind.trim_start();
        Some(column)
    };
    let (name, target, tests, faces) = (column()?, column()?, column()?, column()?);
    let target = Some(target).filter(|&target| target != "host");
    Some(Board { name, target, tests, faces: faces.parse().ok()?, command: rest })
}

impl Board {
    /// The row of this name.
    pub fn named(name: &str) -> Self {
        boards().find(|board| board.name == name).unwrap_or_else(|| panic!("boards.txt: no row {name}"))
    }

    /// Its folder beside the table.
    pub fn folder(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(folder, _)| folder)
    }

    /// The model that is part of its programs, a file of `firmware/models`.
    pub fn model(&self) -> &'static str {
        match self.folder() {
            "linux" => "pi.fer",
            // `FER_MODEL` in the board's .cargo/config.toml.
            "pico" => "pico.fer",
            _ => "edge.fer",
        }
    }

    /// What its programs are compiled for.
    pub fn target(&self) -> String {
        self.target.map_or_else(|| format!("{}-unknown-linux-gnu", env::consts::ARCH), str::to_owned)
    }

    /// Whether its programs run on Linux.
    pub fn is_linux(&self) -> bool {
        self.target().contains("-linux-")
    }

    /// Whether it runs WebAssembly.
    pub fn is_wasm(&self) -> bool {
        self.target().starts_with("wasm32-")
    }

    /// Whether a test of this kind is made.
    pub fn has(&self, test: &str) -> bool {
        self.tests.split(',').any(|listed| listed == test)
    }
}

//! The rows of a split of FER2013 that have a near twin in `Training`, counted from 0 within the split, one a line.
//!
//! ```text
//! cargo run --release -p host-trainer --example twins -- fer2013.csv.gz PublicTest
//! ```
//!
//! `benches/peers.py` counts by it what other networks answer on those rows and on the others.

use std::{borrow::Cow, path::Path};

use anyhow::Context;
use host_trainer::data::{Split, load_twins, locate};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("name fer2013.csv, plain or gzipped")?;
    let split: Split = arguments.next().as_deref().unwrap_or("PublicTest").parse().map_err(anyhow::Error::msg)?;
    let source = locate(Some(path.as_ref()))?;
    let read = || source.read(&mut |_, _| {}).map(Cow::Owned);
    let (near, warning) = load_twins(&source, split, Path::new("runs/cache"), read)?;
    if let Some(warning) = warning {
        eprintln!("warning: {warning}");
    }
    let near = near.with_context(|| format!("{path}: {split} or Training has no faces"))?;
    for (row, _) in near.iter().enumerate().filter(|(_, near)| **near) {
        println!("{row}");
    }
    Ok(())
}

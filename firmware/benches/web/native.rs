//! `native`: answers, on standard input a line each, `scan COUNT` and `infer COUNT` by the milliseconds of each of so many calls, and
//! `digests` by those of all frames and of an inference.

use std::{io, time::Instant};

use web_bench::{Bench, FRAMES, values};

fn main() -> io::Result<()> {
    let mut bench = Bench::default();
    let values = values();
    for line in io::stdin().lines() {
        let line = line?;
        let (word, count) = line.split_once(' ').unwrap_or((&line, "0"));
        let count: usize = count.parse().map_err(io::Error::other)?;
        let answers: Vec<String> = match word {
            "scan" => (0..count).map(|index| milliseconds(|| bench.scan(index))).collect(),
            "infer" => (0..count).map(|_| milliseconds(|| bench.infer(&values))).collect(),
            _ => {
                let mut digests: Vec<String> = (0..FRAMES).map(|index| bench.scan(index).to_string()).collect();
                digests.push(bench.infer(&values).to_string());
                digests
            }
        };
        println!("{}", answers.join(" "));
    }
    Ok(())
}

fn milliseconds(call: impl FnOnce() -> u32) -> String {
    let start = Instant::now();
    std::hint::black_box(call());
    format!("{:.4}", start.elapsed().as_secs_f64() * 1e3)
}

//! The program as people start it: what it prints, what it returns, what it leaves.
//!
//! ```text
//! program.rs   starting it, and what came of it
//! faces.rs     small data sets
//! output.rs    standard output and standard error, whoever reads them
//! images.rs    images that are named on the command line
//! data.rs      data sets as people have them
//! runs.rs      a run knows what it was begun with, and has its folder to itself
//! stopping.rs  Ctrl-C, SIGTERM, terminals
//! device.rs    ports
//! terminal.rs  pseudo-terminals
//! ```

mod data;
mod device;
mod faces;
mod images;
mod output;
mod program;
mod runs;
#[cfg(unix)]
mod stopping;
#[cfg(unix)]
mod terminal;

//! The program as users start it: what it prints, its exit status, the files that it leaves.
//!
//! ```text
//! program.rs   starts the program and checks how it ended
//! faces.rs     small data sets
//! output.rs    standard output and standard error, whoever reads them
//! images.rs    images that are named on the command line
//! flash.rs     files for boot loaders, and drives
//! finder.rs    the training of a finder
//! found.rs     trainings on faces that are found in photographs
//! photographs.rs  pictures with faces in them
//! watch.rs     videos and cameras, frame by frame
//! broker.rs    an MQTT broker that is told of changes
//! page.rs      the page in a browser, served and written
//! data.rs      data sets as users have them
//! runs.rs      a run knows its data, and one program at a time has its folder
//! stopping.rs  Ctrl-C, SIGTERM, terminals
//! device.rs    ports
//! terminal.rs  pseudo-terminals
//! ```

#[cfg(unix)]
mod broker;
mod data;
mod device;
mod faces;
mod finder;
mod flash;
mod found;
mod images;
mod monitor;
mod output;
mod page;
mod photographs;
mod program;
mod runs;
#[cfg(unix)]
mod stopping;
#[cfg(unix)]
mod terminal;
mod uploads;
mod watch;

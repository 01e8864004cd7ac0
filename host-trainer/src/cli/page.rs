//! `page`: the page that shows the core in a browser, served or written into a folder.

use std::{
    fs,
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Args;

use super::{
    output::{err, out},
    stop::Stop,
};
use crate::{
    files::write_atomically,
    page::{FILES, Hosts, serve},
};

#[derive(Args, Debug)]
pub struct PageArguments {
    /// Serve the page at this address until Ctrl-C; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000", conflicts_with = "out")]
    serve: String,
    /// Write the page into this folder, for any server of static files; other files there stay
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &PageArguments) -> anyhow::Result<()> {
    // Ctrl-C ends a server that has clients as well, and leaves no half of a file.
    let _stop = Stop::watch()?;
    match &arguments.out {
        Some(folder) => write(folder),
        None => serve_at(&arguments.serve),
    }
}

fn write(folder: &Path) -> anyhow::Result<()> {
    for file in FILES {
        let path = folder.join(file.path);
        let within = path.parent().unwrap_or(folder);
        fs::create_dir_all(within).with_context(|| within.display().to_string())?;
        write_atomically(&path, file.bytes).map_err(|error| {
            let full = if error.kind() == ErrorKind::StorageFull { " (free some room on this disk)" } else { "" };
            anyhow::Error::from(error).context(format!("{}{full}", path.display()))
        })?;
    }
    let bytes: usize = FILES.iter().map(|file| file.bytes.len()).sum();
    writeln!(
        out(),
        "{}: {} files, {} KB; put them on any server of static files, or open them by `host-trainer page`",
        folder.display(),
        FILES.len(),
        bytes / 1000
    )?;
    Ok(())
}

fn serve_at(written: &str) -> anyhow::Result<()> {
    let listener = listen(written)?;
    let address = listener.local_addr()?;
    let local =
        if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
    writeln!(out(), "page: http://{local}/  (Ctrl-C ends it)")?;
    out().flush()?;
    if !address.ip().to_canonical().is_loopback() {
        writeln!(
            err(),
            "other machines can open the page at this one's address; browsers give it no camera and no serial port there, for they ask for \
             https or localhost"
        )?;
    }
    let error = serve(listener, Hosts::new(address, written)).unwrap_err();
    Err(error).with_context(|| written.to_owned())
}

fn listen(written: &str) -> anyhow::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = written
        .to_socket_addrs()
        .with_context(|| format!("{written} (an address and a port are needed, such as 127.0.0.1:8000)"))?
        .collect();
    TcpListener::bind(&*addresses).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("{written}: another program has this port; --serve 127.0.0.1:0 takes a free one")
        }
        _ => anyhow::Error::from(error).context(written.to_owned()),
    })
}

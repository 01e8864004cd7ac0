//! `--port` and `--baud`.

use std::time::Duration;

use clap::Args;

use crate::monitor::{FindError, Port, find, open};

/// Where a device is.
#[derive(Args, Clone, Debug)]
pub struct PortArguments {
    /// A serial port, a pty, or tcp:HOST:PORT [default: the only device that is plugged into USB]
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Bits a second of a serial port; USB has no such thing
    #[arg(long, value_name = "N", default_value_t = 115_200)]
    baud: u32,
}

impl PortArguments {
    /// Opens the port, and tells its name.
    pub fn open(&self, timeout: Duration) -> anyhow::Result<(Port, String)> {
        let name = self.port.clone().map_or_else(find, Ok::<_, FindError>)?;
        Ok((open(&name, self.baud, timeout)?, name))
    }
}

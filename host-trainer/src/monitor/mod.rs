//! The host's end of the serial link.
//!
//! ```text
//! port.rs     a serial port, a pty, or tcp:HOST:PORT
//! client.rs   requests and replies, with retries
//! pictures.rs pictures, sent in parts, and those that a device looked at
//! pipe.rs     a link in memory, with a device at its other end
//! fault.rs    a link that loses, changes and repeats bytes
//! ```

mod client;
mod fault;
mod pictures;
mod pipe;
mod port;

pub use self::{
    client::{Client, Identity, LinkError, Notice},
    fault::{FaultInjector, Faults},
    pipe::{DeviceEnd, HostEnd, PipeClosed, pipe, run_device, run_seeing_device},
    port::{Port, open},
};

//! The host's end of the serial link.
//!
//! ```text
//! find.rs     devices at USB
//! port.rs     a serial port, a pty, or tcp:HOST:PORT
//! client.rs   requests and replies, with retries
//! identity.rs what a device says of itself
//! uploads.rs  models, sent in parts
//! pictures.rs pictures, sent in parts, and those that a device looked at
//! pipe.rs     a link in memory, with a device at its other end
//! fault.rs    a link that loses, changes and repeats bytes
//! ```

mod client;
mod fault;
mod find;
mod identity;
mod pictures;
mod pipe;
mod port;
mod uploads;

pub use self::{
    client::{Client, LinkError, Notice},
    fault::{FaultInjector, Faults},
    find::{FindError, find},
    identity::{DeviceStore, Identity},
    pipe::{DeviceEnd, HostEnd, PipeClosed, pipe, run_device, run_keeping_device, run_seeing_device},
    port::{Port, open},
    uploads::Upload,
};

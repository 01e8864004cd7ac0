//! `host-trainer`: trains, evaluates and quantizes facial expression networks, and talks to devices that run them.

use std::process::ExitCode;

/// Training allocates and frees the same large tensors every step; this allocator keeps them, the system's gives them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    host_trainer::cli::main()
}

//! The clock.

use firmware::device::Clock;

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    safe fn now() -> f64;
}

#[cfg(not(target_arch = "wasm32"))]
fn now() -> f64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1000.0
}

/// Milliseconds since some moment.
pub fn milliseconds() -> f64 {
    now()
}

/// The browser's `performance.now()`, which the page hands in.
#[derive(Clone, Copy, Debug)]
pub struct PageClock;

impl Clock for PageClock {
    fn microseconds(&mut self) -> u64 {
        (now() * 1000.0) as u64
    }
}

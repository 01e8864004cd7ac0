//! Tells the kernels which instructions the target has where rustc's own `cfg` does not.

use std::env;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(cortex_m_dsp)");
    println!("cargo::rustc-check-cfg=cfg(cortex_m_base)");
    println!("cargo::rustc-check-cfg=cfg(cortex_m_armv8)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let target = env::var("TARGET").unwrap_or_default();
    // Armv7E-M has the DSP extension; Armv8-M may leave it out, and rustc does so unless a processor is named.
    let armv8m_dsp = target.starts_with("thumbv8m.main") && flags_name_the_dsp_extension();
    if target.starts_with("thumbv7em") || armv8m_dsp {
        println!("cargo::rustc-cfg=cortex_m_dsp");
    }
    if armv8m_dsp {
        println!("cargo::rustc-cfg=cortex_m_armv8");
    }
    if target.starts_with("thumbv6m") || target.starts_with("thumbv8m.base") {
        println!("cargo::rustc-cfg=cortex_m_base");
    }
}

/// Whether the compiler's flags name a processor with the DSP extension, or the extension itself: `-C
/// target-cpu=cortex-m33` in the `rustflags` of a board's `.cargo/config.toml`.
fn flags_name_the_dsp_extension() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let names =
        ["target-cpu=cortex-m33", "target-cpu=cortex-m35p", "target-cpu=cortex-m55", "target-cpu=cortex-m85", "+dsp"];
    names.iter().any(|name| flags.contains(name))
}

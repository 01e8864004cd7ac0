//! Tells the kernels which instructions the target has where rustc's own `cfg` does not.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(cortex_m_dsp)");
    println!("cargo::rustc-check-cfg=cfg(cortex_m_base)");
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    // Armv7E-M has the DSP extension; Armv8-M may leave it out, but every Cortex-M33 in a microcontroller that this core
    // was made for has it (RP2350, STM32U5, nRF53).
    if target.starts_with("thumbv7em") || target.starts_with("thumbv8m.main") {
        println!("cargo::rustc-cfg=cortex_m_dsp");
    }
    if target.starts_with("thumbv6m") || target.starts_with("thumbv8m.base") {
        println!("cargo::rustc-cfg=cortex_m_base");
    }
}

//! Tells the kernels which instructions the target has where rustc's own `cfg` does not.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let target = env::var("TARGET").unwrap_or_default();
    // Armv7E-M has the DSP extension; Armv8-M may leave it out, and rustc does so unless a processor is named.
    let armv8m_dsp = target.starts_with("thumbv8m.main") && flags_name_the_dsp_extension();
    // Armv6 and Armv7-A have the instructions of the DSP extension as well, here with Arm's encoding (A32); Linux lets a
    // single load or store be unaligned. `arm-unknown-linux-*` is Armv6 in Rust.
    let a32 = target.starts_with("arm-unknown-linux-") || target.starts_with("armv7-unknown-linux-");
    let cortex_m_dsp = target.starts_with("thumbv7em") || armv8m_dsp || a32;
    let cortex_m_base = target.starts_with("thumbv6m") || target.starts_with("thumbv8m.base");
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let aarch64_neon = architecture == "aarch64" && features.split(',').any(|feature| feature == "neon");
    let wasm_simd128 = architecture == "wasm32" && features.split(',').any(|feature| feature == "simd128");
    // Whether `kernels::processor` exists.
    let processor_kernels = cortex_m_dsp || cortex_m_base || aarch64_neon || wasm_simd128 || architecture == "x86_64";
    let names = [
        ("cortex_m_dsp", cortex_m_dsp),
        ("cortex_m_armv8", armv8m_dsp),
        ("a32", a32),
        ("cortex_m_base", cortex_m_base),
        ("aarch64_neon", aarch64_neon),
        ("wasm_simd128", wasm_simd128),
        ("processor_kernels", processor_kernels),
    ];
    for (name, is_set) in names {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if is_set {
            println!("cargo::rustc-cfg={name}");
        }
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

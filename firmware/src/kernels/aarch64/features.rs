//! What the processor has beyond NEON.

/// Whether the processor has the dot-product extension (FEAT_DotProd: Cortex-A55, A75 and later, Neoverse, Apple), which
/// came with Armv8.2.
///
/// It does where the compiler was told so (`target_feature`, which Apple's targets set by themselves). Otherwise Linux and
/// Android know, and pass it to every program in the auxiliary vector: what all cores of the machine have, and there is
/// nothing to emulate or to trap, as there would be in reading the identification register from a program. Without an
/// operating system that register is read; it is there at exception level 1 and above, where such programs run. On other
/// systems the answer is no.
pub fn has_dotprod() -> bool {
    cfg!(target_feature = "dotprod") || detected()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn detected() -> bool {
    use core::ffi::c_ulong;

    /// `AT_HWCAP` of `linux/auxvec.h`.
    const HARDWARE_CAPABILITIES: c_ulong = 16;
    /// `HWCAP_ASIMDDP` of `asm/hwcap.h`.
    const DOT_PRODUCTS: c_ulong = 1 << 20;

    unsafe extern "C" {
        /// Of the C library: glibc since 2.16, musl, Android since version 4.3.
        safe fn getauxval(kind: c_ulong) -> c_ulong;
    }

    getauxval(HARDWARE_CAPABILITIES) & DOT_PRODUCTS != 0
}

#[cfg(target_os = "none")]
fn detected() -> bool {
    let register: u64;
    // SAFETY: reads a register that only identifies the processor.
    unsafe {
        core::arch::asm!(
            "mrs {register}, id_aa64isar0_el1", register = out(reg) register,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    // The field DP.
    register >> 44 & 0xf != 0
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "none")))]
fn detected() -> bool {
    false
}

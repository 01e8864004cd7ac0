//! What the processor has beyond NEON.

/// Whether the processor has the dot-product extension (FEAT_DotProd: Cortex-A55, A75 and later, Neoverse, Apple), which
/// came with Armv8.2.
///
/// Where the compiler was told so (`target_feature`, which Apple's targets set by themselves), the answer is yes. Otherwise
/// Linux and Android pass the features that all cores have to every program, in the auxiliary vector. A program cannot read
/// the identification register there without a trap. Without an operating system that register is read: programs then run at
/// exception level 1 or above, where it can be read.
/// On other systems the answer is no.
pub fn has_dotprod() -> bool {
    cfg!(target_feature = "dotprod") || detected()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn detected() -> bool {
    use core::ffi::c_ulong;

    /// `AT_HWCAP` from `linux/auxvec.h`.
    const HARDWARE_CAPABILITIES: c_ulong = 16;
    /// `HWCAP_ASIMDDP` from `asm/hwcap.h`.
    const DOT_PRODUCTS: c_ulong = 1 << 20;

    unsafe extern "C" {
        /// From the C library: glibc since 2.16, musl, Android since version 4.3.
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

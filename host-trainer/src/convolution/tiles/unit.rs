//! The tile unit (Intel AMX): whether it is there, its configuration, and its loops.
//!
//! Rust has no stable intrinsics for it. Each loop is one block of assembly, so that no tile outlives a block. Intel 64 and IA-32
//! Architectures Software Developer's Manual, volume 1, chapter "Programming with Intel AMX".

use std::sync::LazyLock;

/// Bytes of a tile register: 16 rows of 64.
pub(super) const TILE_BYTES: usize = 1024;

/// Bytes of a row of a tile register.
pub(super) const ROW_BYTES: usize = 64;

/// Rows of a tile register.
pub(super) const ROWS: usize = 16;

/// Whether the processor has tiles and the vectors that fill them, and the kernel lets this process use them.
static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
    let vectors = std::arch::is_x86_feature_detected!("avx512bf16")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl");
    // Leaf 7, EDX: bit 22 is AMX-BF16, bit 24 is AMX-TILE.
    let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
    vectors && features & (1 << 22) != 0 && features & (1 << 24) != 0 && permitted()
});

/// Asks the kernel for the state that tiles need (Linux, Documentation/arch/x86/xstate.rst).
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XTILEDATA: libc::c_long = 18;
    // SAFETY: the call changes nothing but what the process may do.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// Whether this process may use tiles.
pub(in crate::convolution) fn available() -> bool {
    *AVAILABLE
}

/// The shapes of the tiles of a loop: sums in registers 0 to 3, left factors in 4 and 5, right factors in 6 and 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Rows of the left factors and of the sums, 1 to 16.
    pub rows: usize,
    /// Pairs of 16-bit numbers in a row of a left factor, and rows of a right factor, 1 to 16.
    pub pairs: usize,
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// The configuration of this thread's tiles, until it is dropped.
pub(super) struct Tiles(());

impl Tiles {
    /// Tiles of a shape.
    ///
    /// # Panics
    /// If there are none, or not of this shape.
    pub fn of(shape: Shape) -> Self {
        assert!(available() && (1..=ROWS).contains(&shape.rows) && (1..=ROWS).contains(&shape.pairs));
        let mut configuration =
            Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        for tile in 0..8 {
            let (rows, bytes) = match tile {
                0..4 => (shape.rows, ROW_BYTES),
                4..6 => (shape.rows, shape.pairs * 4),
                _ => (shape.pairs, ROW_BYTES),
            };
            configuration.rows[tile] = rows as u8;
            configuration.row_bytes[tile] = bytes as u16;
        }
        // SAFETY: the processor has tiles and the process may use them; the configuration is a valid one.
        unsafe { std::arch::asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly)) };
        Self(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the processor has tiles; no tile is in use between two blocks of assembly.
        unsafe { std::arch::asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// `sums[i][j] = sum over s of left[i][s] x right[s][j]`.
pub(super) struct Correlation {
    /// `steps` tiles of each of the two blocks of rows, [`TILE_BYTES`] apart.
    pub left: [*const u8; 2],
    /// For step `s`, the right factors begin at `right + offsets[s]` and 64 bytes behind it.
    pub right: *const u8,
    pub offsets: *const usize,
    pub steps: usize,
    /// Bytes between rows of the right factors.
    pub right_row: usize,
    /// The sums of a block of rows; those of the second factor lie 64 bytes behind those of the first.
    pub sums: [*mut u8; 2],
    /// Bytes between rows of the sums.
    pub sums_row: usize,
}

impl Correlation {
    /// Both blocks of rows.
    ///
    /// # Safety
    /// Every row of every tile lies in memory that the pointers may read or write; `steps` is not zero.
    #[inline(always)]
    pub unsafe fn two(&self, _tiles: &Tiles) {
        // SAFETY: the contract; the tiles that are named here belong to this block alone.
        unsafe {
            std::arch::asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "mov {at}, [{offsets}]",
                "add {at}, {right}",
                "tileloadd tmm4, [{a} + {row} * 1]",
                "tileloadd tmm6, [{at} + {right_row} * 1]",
                "tileloadd tmm7, [{at} + {right_row} * 1 + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{b} + {row} * 1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 1024",
                "add {b}, 1024",
                "add {offsets}, 8",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{c} + {sums_row} * 1], tmm0",
                "tilestored [{c} + {sums_row} * 1 + 64], tmm1",
                "tilestored [{d} + {sums_row} * 1], tmm2",
                "tilestored [{d} + {sums_row} * 1 + 64], tmm3",
                at = out(reg) _,
                offsets = inout(reg) self.offsets => _,
                right = in(reg) self.right,
                a = inout(reg) self.left[0] => _,
                b = inout(reg) self.left[1] => _,
                row = in(reg) ROW_BYTES,
                right_row = in(reg) self.right_row,
                steps = inout(reg) self.steps => _,
                c = in(reg) self.sums[0],
                d = in(reg) self.sums[1],
                sums_row = in(reg) self.sums_row,
                options(nostack),
            );
        }
    }

    /// The first block of rows alone.
    ///
    /// # Safety
    /// As of [`two`](Self::two).
    #[inline(always)]
    pub unsafe fn one(&self, _tiles: &Tiles) {
        // SAFETY: the contract; the tiles that are named here belong to this block alone.
        unsafe {
            std::arch::asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "2:",
                "mov {at}, [{offsets}]",
                "add {at}, {right}",
                "tileloadd tmm4, [{a} + {row} * 1]",
                "tileloadd tmm6, [{at} + {right_row} * 1]",
                "tileloadd tmm7, [{at} + {right_row} * 1 + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {a}, 1024",
                "add {offsets}, 8",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{c} + {sums_row} * 1], tmm0",
                "tilestored [{c} + {sums_row} * 1 + 64], tmm1",
                at = out(reg) _,
                offsets = inout(reg) self.offsets => _,
                right = in(reg) self.right,
                a = inout(reg) self.left[0] => _,
                row = in(reg) ROW_BYTES,
                right_row = in(reg) self.right_row,
                steps = inout(reg) self.steps => _,
                c = in(reg) self.sums[0],
                sums_row = in(reg) self.sums_row,
                options(nostack),
            );
        }
    }
}

/// `sums[i][j] += sum over s of left[i][s] x right[j][s]`, over neighbouring steps.
pub(super) struct Outer {
    /// Two blocks of rows; a step is 64 bytes wide.
    pub left: [*const u8; 2],
    /// Bytes between rows of the left factors.
    pub left_row: usize,
    /// `steps` tiles of each of the two blocks of columns, [`TILE_BYTES`] apart.
    pub right: [*const u8; 2],
    pub steps: usize,
    /// Tiles of sums: rows 0 and columns 0, rows 0 and columns 1, rows 1 and columns 0, both 1.
    pub sums: [*mut u8; 4],
}

impl Outer {
    /// # Safety
    /// Every row of every tile lies in memory that the pointers may read or write; `steps` is not zero.
    #[inline(always)]
    pub unsafe fn add(&self, _tiles: &Tiles) {
        // SAFETY: the contract; the tiles that are named here belong to this block alone.
        unsafe {
            std::arch::asm!(
                "tileloadd tmm0, [{p} + {row} * 1]",
                "tileloadd tmm1, [{q} + {row} * 1]",
                "tileloadd tmm2, [{r} + {row} * 1]",
                "tileloadd tmm3, [{s} + {row} * 1]",
                "2:",
                "tileloadd tmm4, [{a} + {left_row} * 1]",
                "tileloadd tmm6, [{c} + {row} * 1]",
                "tileloadd tmm7, [{d} + {row} * 1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{b} + {left_row} * 1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 64",
                "add {b}, 64",
                "add {c}, 1024",
                "add {d}, 1024",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{p} + {row} * 1], tmm0",
                "tilestored [{q} + {row} * 1], tmm1",
                "tilestored [{r} + {row} * 1], tmm2",
                "tilestored [{s} + {row} * 1], tmm3",
                a = inout(reg) self.left[0] => _,
                b = inout(reg) self.left[1] => _,
                left_row = in(reg) self.left_row,
                c = inout(reg) self.right[0] => _,
                d = inout(reg) self.right[1] => _,
                row = in(reg) ROW_BYTES,
                steps = inout(reg) self.steps => _,
                p = in(reg) self.sums[0],
                q = in(reg) self.sums[1],
                r = in(reg) self.sums[2],
                s = in(reg) self.sums[3],
                options(nostack),
            );
        }
    }
}

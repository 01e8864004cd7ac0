//! Takes the memory layout of the FPGA image that the target's processor is in.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let armv8m = env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv8m.main"));
    println!("cargo::rustc-check-cfg=cfg(an505)");
    if armv8m {
        println!("cargo::rustc-cfg=an505");
    }
    let layout = if armv8m { "memory/an505.x" } else { "memory/an386.x" };
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // link.x of cortex-m-rt includes a file of this name.
    fs::copy(layout, directory.join("memory.x")).expect("the layout can be copied");
    println!("cargo::rustc-link-search={}", directory.display());
    println!("cargo::rerun-if-changed=memory");
}

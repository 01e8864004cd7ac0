#!/usr/bin/env python3
"""Instructions of single layers on Cortex-M processors, by this core's kernels, in plain Rust and by CMSIS-NN.

Usage: cortex_m.py

Builds the program `layers` of boards/mps2 for every processor, runs it in QEMU (qemu-system-arm), writes cortex_m.csv beside
this file and prints the table of firmware/README.md and that of boards/mps2/README.md. The counts are the same on every
machine. They are instructions, not cycles.
"""

import csv
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BOARD = HERE.parent / "boards" / "mps2"
ROOT = HERE.parent.parent
CROSS_CARGO = ROOT / ".ci" / "cross-cargo"

# Processor, target, QEMU's machine. Code for Armv6-M is counted on a Cortex-M4, which runs it as well.
PROCESSORS = [
    ("Cortex-M4", "thumbv7em-none-eabihf", "mps2-an386"),
    ("Armv6-M", "thumbv6m-none-eabi", "mps2-an386"),
]

# CMSIS-NN, commit 99f736a6 (July 2026), GCC 12.2.1 -O3 for cortex-m4 and cortex-m0plus, arm_convolve_wrapper_s8,
# arm_depthwise_conv_wrapper_s8, arm_fully_connected_s8 and arm_max_pool_s8 on the same shapes, counted on mps2-an386 with the
# same timer.
CMSIS_NN = {
    "Cortex-M4": {
        "L1": 5452060, "L2": 25422453, "L3": 7941471, "L4": 4906431, "W": 13096007, "A": 5668099, "B": 1226656,
        "C": 706532, "D": 4923624, "E": 9348523, "F": 3492222, "L5": 318268, "L6": 2458, "P1": 364666, "P2": 61138,
    },
    "Armv6-M": {
        "L1": 11110656, "L2": 84381785, "L3": 25751146, "L4": 15331291, "W": 27423155, "A": 18941394, "B": 4454046,
        "C": 3064092, "D": 17333790, "E": 33620961, "F": 7091899, "L5": 1009341, "L6": 7303, "P1": 1280867, "P2": 211413,
    },
}  # fmt: skip

LAYERS = {
    "L1": "5x5, 1 to 14, 48x48",
    "L2": "5x5, 14 to 14, 48x48",
    "L3": "7x7, 14 to 8, 24x24",
    "L4": "7x7, 8 to 8, 24x24",
    "W": "9x9, 1 to 14, 48x48",
    "A": "3x3, 16 to 32, 24x24",
    "B": "1x1, 64 to 64, 12x12",
    "C": "depthwise 3x3, 64, 12x12",
    "D": "3x3 stride 2, 32 to 64, 24x24",
    "E": "3x3, 64 to 64, 12x12",
    "F": "3x3, 1 to 16, 48x48",
    "L5": "fully connected, 1,152 to 144",
    "L6": "fully connected, 144 to 7",
    "P1": "max-pool 2x2, 48x48x14",
    "P2": "max-pool 2x2, 24x24x8",
}


def build(target):
    """The program for a target: what cargo says it has made."""
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "boards"
    command = [CROSS_CARGO, target, "build", "--release", "--bin", "layers", "--target-dir", folder]
    command += ["--message-format", "json"]
    output = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=BOARD).stdout
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return next(message["executable"] for message in messages if message.get("executable"))


def run(program, machine):
    """The lines that the program prints until it says that this was all."""
    command = ["qemu-system-arm", "-machine", machine, "-display", "none", "-monitor", "none", "-serial", "stdio"]
    command += ["-icount", "shift=6", "-kernel", program]
    process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        for line in process.stdout:
            if line.strip() == "end":
                return
            if "panicked" in line:
                sys.exit(f"{program} panicked")
            yield line
    finally:
        process.kill()
        process.wait()


def measure():
    rows = []
    for processor, target, machine in PROCESSORS:
        for line in list(run(build(target), machine))[1:]:
            name, macs, instructions, _, plain, verdict = line.split()
            if verdict != "same":
                sys.exit(f"{name} on {processor}: another result than in plain Rust")
            cmsis_nn = CMSIS_NN.get(processor, {}).get(name, "")
            counts = {"instructions": int(instructions), "plain_rust": int(plain), "cmsis_nn": cmsis_nn}
            rows.append({"layer": name, "macs": int(macs), "processor": processor} | counts)
    return rows


def print_tables(rows):
    found = {(row["layer"], row["processor"]): row for row in rows}

    def count(row):
        return f"{row['instructions']:,}", f"{row['instructions'] / row['cmsis_nn']:.2f}"

    print("| layer | MACs | Cortex-M4 | of CMSIS-NN's | Armv6-M | of CMSIS-NN's |\n|---|---:|---:|---:|---:|---:|")
    for name, shape in LAYERS.items():
        m4, v6 = found[name, "Cortex-M4"], found[name, "Armv6-M"]
        macs = f"{m4['macs']:,}" if m4["macs"] else ""
        print("|", " | ".join([f"{name} {shape}", macs, *count(m4), *count(v6)]), "|")
    print("\n| layer | MACs | instructions | plain Rust | CMSIS-NN | of CMSIS-NN's |\n|---|---:|---:|---:|---:|---:|")
    for name, shape in LAYERS.items():
        row = found[name, "Cortex-M4"]
        macs, (ours, ratio) = f"{row['macs']:,}" if row["macs"] else "", count(row)
        cells = [f"{name} {shape}", macs, ours, f"{row['plain_rust']:,}", f"{row['cmsis_nn']:,}", ratio]
        print("|", " | ".join(cells), "|")


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    rows = measure()
    with open(HERE / "cortex_m.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print_tables(rows)


if __name__ == "__main__":
    main()

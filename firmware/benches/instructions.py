"""Counts the instructions of single layers, and of an inference, in QEMU's user mode: this processor's kernels beside plain
Rust. Prints a table and writes it as CSV beside this file.

    python3 firmware/benches/instructions.py aarch64
    python3 firmware/benches/instructions.py armv6

Needs qemu-user, a C compiler, and for the target what `.ci/cross-cargo` and `boards/linux/README.md` name. Counts are the
same on every machine for the same compiler: what a program of one repetition more takes.
"""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Multiplications and additions, those with padding included; none for a pool.
LAYERS = {
    "L1": 806_400, "L2": 11_289_600, "L3": 3_161_088, "L4": 1_806_336, "W": 2_612_736, "A": 2_654_208, "B": 589_824,
    "C": 82_944, "D": 2_654_208, "E": 5_308_416, "F": 331_776, "L5": 165_888, "L6": 1_008, "P1": 0, "P2": 0,
}

# Target, emulator, and for each version's column: processor, and which kernels run.
PROCESSORS = {
    "aarch64": (
        "aarch64-unknown-linux-gnu",
        ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
        {"plain": ("cortex-a53", "plain"), "neon": ("cortex-a53", "ours"), "sdot": ("neoverse-n1", "ours")},
    ),
    "armv6": (
        "arm-unknown-linux-gnueabi",
        ["qemu-arm"],
        {"plain": ("arm1176", "plain"), "dsp": ("arm1176", "ours")},
    ),
}


def build(triple: str, plugin: Path) -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "boards"
    arguments = ["build", "--release", "--locked", "--package", "programs", "--bin", "layers"]
    subprocess.run([ROOT / ".ci/cross-cargo", triple, *arguments, "--target-dir", target], cwd=ROOT, check=True)
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", plugin, HERE / "count_instructions.c"], check=True)
    return target / triple / "release/layers"


def count(command: list, plugin: Path) -> int:
    """Instructions of a whole program."""
    emulator, *arguments = command
    command = [emulator, "-plugin", plugin, "-d", "plugin", *arguments]
    result = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    return int(result.stderr.split("instructions ")[1].split()[0])


def main() -> None:
    if sys.argv[1:] not in [[name] for name in PROCESSORS]:
        sys.exit(__doc__)
    name = sys.argv[1]
    triple, emulator, versions = PROCESSORS[name]
    with tempfile.TemporaryDirectory() as directory:
        plugin = Path(directory) / "count_instructions.so"
        program = build(triple, plugin)
        rows = []
        for layer, macs in [*LAYERS.items(), ("network", "")]:
            row = {"layer": layer, "macs": macs}
            for version, (processor, kernels) in versions.items():
                if (layer, kernels) == ("network", "plain"):
                    row[version] = ""
                    continue
                command = [*emulator, "-cpu", processor, program, layer, kernels]
                row[version] = count([*command, "2"], plugin) - count([*command, "1"], plugin)
            print("  ".join(f"{value:>11}" for value in row.values()), *ratios(row), sep="  ", flush=True)
            rows.append(row)
    with open(HERE / f"instructions_{name}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def ratios(row: dict) -> list:
    """Each version's instructions by those of plain Rust."""
    others = [value for name, value in row.items() if name not in ("layer", "macs", "plain")]
    return [f"{value / row['plain']:.2f}" for value in others] if row["plain"] else []


if __name__ == "__main__":
    main()

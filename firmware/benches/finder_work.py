#!/usr/bin/env python3
"""What a full search of a 160x120 frame takes on a Cortex-M4F (instructions) and an RP2040 (cycles), stage by stage.

Usage: finder_work.py [FRAMES]

Builds the program `finder` of boards/mps2 and boards/pico and runs it in QEMU (qemu-system-arm) and rp2040js. FRAMES is a file
of frames, 19,200 bytes each; without it the program draws its own. Prints a table and writes finder_work.csv beside this file,
a row for each frame, or finder_work_drawn.csv. The counts are the same on every machine.
"""

import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

FRAME_BYTES = 160 * 120

# Frames that a program is built with at a time: a Pico's firmware has 960 KiB of flash.
MOST_FRAMES = 40

# Board, unit, target, and what runs the program.
BOARDS = [
    (
        "mps2",
        "instructions",
        "thumbv7em-none-eabihf",
        "qemu-system-arm -machine mps2-an386 -display none -monitor none -serial stdio -icount shift=6 -kernel".split(),
    ),
    ("pico", "cycles", "thumbv6m-none-eabi", ["node", str(ROOT / "tests" / "emulator" / "rp2040.mjs")]),
]

STAGES = ["levels", "trees", "merging", "squares", "confirming", "eyes", "whole"]
COLUMNS = ["windows", "confirmed", "placed", "faces", "digest", *STAGES]


def build(board, target, frames):
    """The program for a board: what cargo says it has made."""
    command = [ROOT / ".ci" / "cross-cargo", target, "build", "--release", "--bin", "finder"]
    command += ["--target-dir", TARGET / "boards", "--message-format", "json"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)} | ({"FER_FRAMES": str(frames)} if frames else {})
    folder = HERE.parent / "boards" / board
    output = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=folder, env=environment).stdout
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return next(message["executable"] for message in messages if message.get("executable"))


def run(command):
    """The lines that a program prints until it says that this was all."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    # rp2040js ends with its input.
    process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    try:
        for line in process.stdout:
            if line.strip() == "end":
                return
            if "panicked" in line:
                sys.exit(f"{command[-1]}: {line}")
            yield line.split()
    finally:
        process.kill()
        process.wait()


def measure(board, unit, target, emulator, parts):
    rows = []
    for frames in parts:
        for words in list(run([*emulator, build(board, target, frames)])):
            if words[0].isdigit() and len(words) == 1 + len(COLUMNS):
                rows.append({"board": board, "unit": unit, "frame": len(rows)} | dict(zip(COLUMNS, words[1:])))
            elif words[1:2] == ["bytes"] or "MACs" in words or words[0] == "network":
                print(" ".join(words))
    return rows


def print_table(rows):
    """For each board the mean of the stages, and the frame that took most."""
    print("\n| | " + " | ".join(STAGES) + " |\n|---|" + "---:|" * len(STAGES))
    for board, unit, *_ in BOARDS:
        taken = [[int(row[stage]) for stage in STAGES] for row in rows if row["board"] == board]
        mean = [round(sum(column) / len(taken)) for column in zip(*taken)]
        for name, values in [("mean", mean), ("worst frame", max(taken, key=lambda stages: stages[-1]))]:
            print(f"| {board}, {unit}, {name} of {len(taken)} |", " | ".join(f"{value:,}" for value in values), "|")


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as directory:
        parts, name = [None], "finder_work_drawn.csv"
        if len(sys.argv) == 2:
            content, length = pathlib.Path(sys.argv[1]).read_bytes(), MOST_FRAMES * FRAME_BYTES
            if not content or len(content) % FRAME_BYTES:
                sys.exit(f"{sys.argv[1]}: {len(content)} bytes are no whole frames of {FRAME_BYTES}")
            parts, name = [], "finder_work.csv"
            for start in range(0, len(content), length):
                parts.append(pathlib.Path(directory) / f"frames_{start}.bin")
                parts[-1].write_bytes(content[start : start + length])
        rows = [row for board in BOARDS for row in measure(*board, parts)]
    with open(HERE / name, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print_table(rows)


if __name__ == "__main__":
    main()

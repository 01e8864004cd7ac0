"""Labels the eyes of FER2013's faces by dlib, once: the tables beside this script.

    python -m venv venv && venv/bin/pip install dlib-bin==20.0.1 numpy opencv-python-headless==4.12.0.88 face_recognition_models==0.3.0
    venv/bin/python host-trainer/finder/label_eyes.py fer2013.csv.gz Training fer2013-eyes.csv.gz
    venv/bin/python host-trainer/finder/label_eyes.py fer2013.csv.gz PublicTest fer2013-public-eyes.csv.gz

A face is kept where dlib's frontal detector finds one (from -0.6 on) in the crop with its edge continued by 24 pixels and three
times enlarged, and where the predictors of 5 and of 68 points place both eyes within 1.5 pixels of each other. The places are those
of the first: the 68 points were learned from pictures that forbid commercial use, so they only filter.
"""

import csv
import gzip
import importlib.util
import sys
from pathlib import Path

import cv2
import dlib
import numpy as np

SCALE, BORDER = 3, 24


def points(shape, *indices):
    return np.mean([(shape.part(index).x, shape.part(index).y) for index in indices], axis=0)


def main():
    models = Path(importlib.util.find_spec("face_recognition_models").origin).parent / "models"
    detector = dlib.get_frontal_face_detector()
    five = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    many = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
    data, split, out = sys.argv[1:]
    rows = csv.DictReader(gzip.open(data, "rt"))
    with gzip.GzipFile(out, "wb", 9, mtime=0) as table:
        table.write(b"face,left_x,left_y,right_x,right_y\n")
        of_split = (row for row in rows if row["Usage"] == split)
        for index, row in enumerate(of_split):
            face = np.array(row["pixels"].split(), dtype=np.uint8).reshape(48, 48)
            bordered = cv2.copyMakeBorder(face, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE)
            large = cv2.resize(bordered, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
            found, scores, _ = detector.run(large, 0, -0.6)
            if not found:
                continue
            middle = large.shape[0] / 2

            def near_the_middle(k):
                centre = found[k].center()
                return scores[k] - abs(centre.x - middle) / 100 - abs(centre.y - middle) / 100

            box = found[max(range(len(found)), key=near_the_middle)]
            shape = five(large, box)
            eyes = sorted([points(shape, 0, 1), points(shape, 2, 3)], key=lambda eye: eye[0])
            shape = many(large, box)
            others = [points(shape, 36, 39), points(shape, 42, 45)]
            apart = max(np.hypot(*(a - b)) for a, b in zip(eyes, others)) / SCALE
            (left_x, left_y), (right_x, right_y) = [(eye + 0.5) / SCALE - BORDER - 0.5 for eye in eyes]
            # The table that ships was made from places of two decimals; three faces whose eyes are 8 pixels apart depend on it.
            if apart > 1.5 or round(right_x, 2) - round(left_x, 2) < 8:
                continue
            table.write(b"%d,%.1f,%.1f,%.1f,%.1f\n" % (index, left_x, left_y, right_x, right_y))


main()

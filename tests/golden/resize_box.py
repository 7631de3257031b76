#!/usr/bin/python3
"""Resized images by Pillow's resize(..., box=...): a part of the pixels whose edges lie on eighths of a pixel,
as a JPEG decoded at a reduced size has it. A crop is cut out of the covering size, which is torchvision's for
the picture that the box holds. The inputs are the noise of resize.py. A case: width, height, channels, target
width and height, crop, and the eighths left out at left, top, right and bottom as four decimal digits.
Run with Pillow 11 (13 takes y first where that costs less, and is a level off then) and numpy; writes
tests/golden/resize_box.bin."""
import numpy as np
from PIL import Image

import image_cases

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def noise(width, height, channels):
    counter = np.arange(width * height * channels, dtype=np.uint64)
    values = ((counter * 2654435761 + 12345) % 2**32 >> 24).astype(np.uint8)
    return values.reshape((height, width, channels) if channels > 1 else (height, width))


def resized(width, height, channels, to_width, to_height, crop, left, top, right, bottom):
    image = Image.fromarray(noise(width, height, channels), MODES[channels])
    box = (left / 8, top / 8, width - right / 8, height - bottom / 8)
    if not crop:
        return image.resize((to_width, to_height), Image.Resampling.BILINEAR, box=box)
    full_width, full_height = 8 * width - left - right, 8 * height - top - bottom
    if to_height * full_width >= to_width * full_height:
        size = (to_height * full_width // full_height, to_height)
    else:
        size = (to_width, to_width * full_height // full_width)
    image = image.resize(size, Image.Resampling.BILINEAR, box=box)
    left, top = round((size[0] - to_width) / 2), round((size[1] - to_height) / 2)
    return image.crop((left, top, left + to_width, top + to_height))


SHAPES = [
    (19, 15, 3, 9, 7, 0, 0, 0, 4, 0), (19, 15, 3, 9, 7, 0, 0, 0, 0, 3), (19, 15, 3, 9, 7, 0, 7, 0, 0, 0),
    (19, 15, 3, 9, 7, 0, 0, 5, 0, 0), (125, 94, 3, 28, 28, 1, 0, 0, 0, 2), (94, 125, 3, 28, 28, 1, 2, 0, 0, 0),
    (125, 94, 1, 28, 28, 1, 0, 7, 7, 0), (75, 56, 3, 28, 28, 1, 0, 0, 4, 2), (56, 75, 3, 20, 28, 1, 2, 4, 0, 0),
    (130, 129, 1, 64, 64, 1, 0, 0, 7, 1), (129, 130, 1, 64, 64, 1, 0, 0, 1, 7), (150, 75, 4, 33, 20, 1, 3, 0, 0, 6),
    (31, 20, 3, 31, 20, 0, 0, 0, 4, 4), (31, 20, 3, 31, 10, 0, 4, 0, 0, 4), (3, 3, 1, 1, 1, 1, 0, 0, 7, 7),
    (5, 4, 3, 1, 1, 1, 0, 0, 3, 3), (40, 40, 1, 20, 20, 1, 0, 0, 0, 7), (2, 2, 1, 5, 5, 0, 0, 0, 7, 7),
]
cases = []
for shape in SHAPES:
    excess = int("".join(map(str, shape[6:])))
    cases.append(("x".join(map(str, shape)), (*shape[:6], excess), resized(*shape).tobytes(), b""))
image_cases.write("resize_box.bin", cases)

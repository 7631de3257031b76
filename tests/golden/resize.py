#!/usr/bin/python3
"""Resized images by Pillow, and cropped ones by torchvision's Resize and CenterCrop; a crop that is not
square is Pillow's resize to the covering size, cut out. The inputs are noise by a formula that
tests/unit/test_resize.c has too. A case: width, height, channels, target width and height, crop, contrast.
Run with Debian's python3-pil, python3-numpy and python3-torchvision; writes tests/golden/resize.bin."""
import warnings

import numpy as np
from PIL import Image

import image_cases

warnings.simplefilter("ignore")
import torchvision.transforms as transforms  # noqa: E402

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def noise(width, height, channels, contrast):
    counter = np.arange(width * height * channels, dtype=np.uint64)
    values = ((counter * 2654435761 + 12345) % 2**32 >> 24).astype(np.uint8)
    if contrast:
        values = np.where(values > 127, 255, 0).astype(np.uint8)
    return values.reshape(height, width, channels)


def resized(width, height, channels, to_width, to_height, crop, contrast):
    pixels = noise(width, height, channels, contrast)
    image = Image.fromarray(pixels if channels > 1 else pixels[:, :, 0], MODES[channels])
    if not crop:
        image = image.resize((to_width, to_height), Image.BILINEAR)
    elif to_width == to_height:
        image = transforms.CenterCrop(to_height)(transforms.Resize(to_height)(image))
    else:
        scale = max(to_width / width, to_height / height)
        image = image.resize((int(width * scale + 1e-9), int(height * scale + 1e-9)), Image.BILINEAR)
        left, top = round((image.width - to_width) / 2), round((image.height - to_height) / 2)
        image = image.crop((left, top, left + to_width, top + to_height))
    return np.asarray(image).tobytes()


SHAPES = [
    (64, 48, 3, 16, 12, 0), (500, 375, 3, 64, 64, 1), (92, 112, 1, 64, 64, 1), (28, 28, 1, 28, 28, 0),
    (7, 5, 1, 23, 31, 0), (5, 9, 4, 12, 3, 0), (33, 17, 2, 9, 40, 0), (1, 1, 3, 4, 4, 0), (40, 1, 1, 7, 1, 0),
    (1, 40, 1, 1, 7, 0), (300, 2, 1, 5, 5, 0), (100, 30, 3, 100, 10, 0), (100, 30, 3, 20, 30, 0),
    (31, 20, 3, 9, 9, 1), (20, 31, 3, 9, 9, 1), (20, 31, 4, 9, 9, 1), (17, 17, 1, 33, 33, 1), (10, 25, 1, 10, 10, 1),
    (25, 10, 1, 10, 10, 1), (47, 31, 3, 20, 8, 1), (31, 47, 3, 8, 20, 1), (31, 47, 1, 20, 8, 1),
    (640, 100, 1, 8, 8, 1), (100, 640, 1, 8, 8, 1), (2000, 3, 1, 2, 2, 0),
]
cases = []
for shape in SHAPES:
    for contrast in (0, 1):
        name = "%dx%dx%d_to_%dx%d" % shape[:5] + ("_crop" if shape[5] else "") + ("_contrast" if contrast else "")
        if shape[0] * shape[1] > 100000 and contrast:
            continue
        cases.append((name, (*shape, contrast), resized(*shape, contrast), b""))
image_cases.write("resize.bin", cases)

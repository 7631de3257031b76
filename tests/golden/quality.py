#!/usr/bin/python3
"""Writes quality.h: what OpenCV and numpy make of a few pictures for test_quality.
Run in this folder with opencv-python and numpy."""
import cv2
import numpy as np

rng = np.random.default_rng(5)


def picture(height, width, channels, sigma):
    noise = rng.integers(0, 256, (height, width, channels), dtype="u1")
    if sigma > 0:
        noise = cv2.GaussianBlur(noise, (0, 0), sigma).reshape(height, width, channels)
    return noise


def measure(image):
    channels = image.shape[2]
    grey = image[:, :, 0] / 255 if channels < 3 else image[:, :, :3] @ [0.299, 0.587, 0.114] / 255
    laplacian = cv2.Laplacian(grey, cv2.CV_64F, ksize=1)[1:-1, 1:-1]
    gradient = (np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean()
    return (laplacian ** 2).mean() / gradient, grey.mean(), grey.std()


text = "/* Written by golden/quality.py: cv2.Laplacian and numpy. */\n"
rows = []
for i, case in enumerate([(9, 12, 1, 0), (12, 9, 1, 2), (3, 5, 2, 0), (8, 8, 3, 1), (7, 8, 4, 0)]):
    image = picture(*case)
    values = ", ".join(str(v) for v in image.ravel())
    text += f"static const uint8_t quality_pixels_{i}[] = {{{values}}};\n"
    sharpness, brightness, contrast = measure(image)
    rows.append(f"    {{quality_pixels_{i}, {case[1]}, {case[0]}, {case[2]}, "
                f"{{{sharpness:.17g}, {brightness:.17g}, {contrast:.17g}}}}},\n")
text += "static const struct {\n    const uint8_t *pixels;\n    size_t width, height;\n    int channels;\n" \
        "    cen_quality quality;\n} quality_cases[] = {\n" + "".join(rows) + "};\n"
open("quality.h", "w").write(text)

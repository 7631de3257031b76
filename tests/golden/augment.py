#!/usr/bin/python3
"""Turned, scaled and moved images by PyTorch's affine_grid and grid_sample (bilinear, the edge repeated), in
float64. A case: width, height, channels, angle and factor and the way right and down, each times 1000 and plus a
million; the bytes [c, h, w]; the result in float32, as pixel / 255. Run with Debian's python3-torch and
python3-numpy; writes tests/golden/augment.bin."""
import math

import numpy as np
import torch

import image_cases


def moved(pixels, angle, factor, right, down):
    """To the middle of the image and back is what affine_grid's coordinates of -1 .. 1 already do."""
    channels, height, width = pixels.shape
    forward = np.array([[factor * math.cos(angle), -factor * math.sin(angle), right],
                        [factor * math.sin(angle), factor * math.cos(angle), down],
                        [0, 0, 1]])
    scale = np.diag([width / 2, height / 2, 1])
    theta = np.linalg.inv(scale) @ np.linalg.inv(forward) @ scale
    grid = torch.nn.functional.affine_grid(torch.tensor(theta[None, :2]), (1, channels, height, width),
                                           align_corners=False)
    image = torch.tensor(pixels[None] / 255.0)
    result = torch.nn.functional.grid_sample(image, grid, mode="bilinear", padding_mode="border",
                                             align_corners=False)
    return result[0].numpy().astype("<f4")


MOVES = [
    (0, 1000, 0, 0), (0, 1000, 2000, -1000), (0, 1000, 300, 700), (100, 1000, 0, 0), (-260, 1000, 0, 0),
    (0, 1150, 0, 0), (0, 870, 0, 0), (200, 900, 1500, -800), (-3000, 1100, -2200, 1700), (1571, 1000, 0, 0),
    (50, 300, 100, 0), (500, 3000, -40000, 9000),
]
rng = np.random.RandomState(1)
cases = []
for width, height, channels in [(9, 7, 1), (7, 9, 3), (70, 3, 1), (1, 5, 1), (5, 1, 3), (1, 1, 1)]:
    for number, move in enumerate(MOVES):
        pixels = rng.randint(0, 256, (channels, height, width)).astype("u1")
        result = moved(pixels, *(value / 1000 for value in move))
        name = "%dx%dx%d_move_%d" % (width, height, channels, number)
        numbers = (width, height, channels, *(value + 1000000 for value in move))
        cases.append((name, numbers, pixels.tobytes(), result.tobytes()))
image_cases.write("augment.bin", cases)

#!/usr/bin/python3
"""PNM files beside their pixels by Pillow. Files of one channel with more than 255 values, which Pillow
keeps at 16 bits, are compared with the same samples in three channels, which it scales to 255.
Run with Debian's python3-pil and python3-numpy: tests/golden/pnm.py writes tests/golden/pnm.bin."""
import io

import numpy as np
from PIL import Image

import image_cases

rng = np.random.default_rng(11)
cases = []


def add(name, file, oracle=None):
    image = Image.open(io.BytesIO(oracle or file))
    pixels = np.asarray(image.convert("RGB" if image.mode == "RGB" else "L"))
    pixels = pixels.reshape(image.height, image.width, -1)
    if oracle:
        pixels = pixels[:, :, :1]
    cases.append(image_cases.decoded(name, file, np.ascontiguousarray(pixels)))


def plain(samples):
    return b" ".join(b"%d" % v for v in samples.ravel()) + b"\n"


for maximum in (1, 7, 15, 100, 254, 255, 256, 1023, 4095, 65535):
    kind = np.uint8 if maximum < 256 else ">u2"
    grey = rng.integers(0, maximum + 1, (3, 5, 1))
    rgb = rng.integers(0, maximum + 1, (4, 3, 3))
    three = np.repeat(grey, 3, 2)
    add("P6_%d" % maximum, b"P6\n3 4\n%d\n" % maximum + rgb.astype(kind).tobytes())
    add("P3_%d" % maximum, b"P3\n3 4\n%d\n" % maximum + plain(rgb))
    add("P5_%d" % maximum, b"P5\n5 3\n%d\n" % maximum + grey.astype(kind).tobytes(),
        b"P6\n5 3\n%d\n" % maximum + three.astype(kind).tobytes())
    add("P2_%d" % maximum, b"P2\n5 3\n%d\n" % maximum + plain(grey), b"P3\n5 3\n%d\n" % maximum + plain(three))
bits = rng.integers(0, 2, (3, 19))
add("P1", b"P1 19 3 " + plain(bits))
add("P1_without_spaces", b"P1\n19 3\n" + plain(bits).replace(b" ", b""))
add("P4", b"P4\n19 3\n" + np.packbits(bits, axis=1).tobytes())
grey = rng.integers(0, 256, (3, 5))
raw = grey.astype(np.uint8).tobytes()
add("P5_comments", b"P5 # made by hand\n# twice\n5\t3\r\n#and here\n255\n" + raw)
add("P5_more_behind", b"P5 5 3 255 " + raw + b"P5 1 1 255 a")
add("P2_comments", b"P2\n5 3 255\n" + plain(grey[:2]) + b"# between\n" + plain(grey[2:]))
add("P5_above_maximum", b"P5 5 3 100 " + raw)
image_cases.write("pnm.bin", cases)

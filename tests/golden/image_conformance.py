#!/usr/bin/python3
"""What Pillow 13 makes of the BMP, PNM and GIF files in CEN_TEST_DATA: a line "PATH WIDTH HEIGHT CHANNELS CRC32" a
file, or "PATH refused". Samples of 16 bits, which Pillow keeps, are scaled to 255 here.
Run with numpy: CEN_TEST_DATA=... tests/golden/image_conformance.py"""
import glob
import os
import warnings
import zlib

import numpy as np
from PIL import Image

warnings.simplefilter("ignore")
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(os.environ["CEN_TEST_DATA"])
patterns = ("conformance_*/**/*.bmp", "conformance_*/**/*.p[bgp]m", "conformance_*/**/*.gif", "fuzz_gofuzz/bmp/**/*",
            "fuzz_gofuzz/gif/**/*", "att_faces/**/*.pgm")
paths = sorted(p for pattern in patterns for p in glob.glob(pattern, recursive=True) if os.path.isfile(p))
with open(os.path.join(here, "image_conformance.txt"), "w") as out:
    for path in paths:
        try:
            with Image.open(path) as image:
                image.load()
                if image.mode == "I":
                    pixels = np.rint(np.asarray(image) / 65535 * 255).astype(np.uint8)
                else:
                    mode = {"1": "L", "P": "RGB"}.get(image.mode, image.mode)
                    pixels = np.asarray(image.convert(mode))
        except Exception:
            print(path, "refused", file=out)
            continue
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        print(path, pixels.shape[1], pixels.shape[0], channels, zlib.crc32(pixels.tobytes()), file=out)

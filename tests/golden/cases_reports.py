#!/usr/bin/python3
"""What Pillow makes of the pictures of cases_reports in CEN_TEST_DATA, turned by ImageOps.exif_transpose: a line
"PATH MODE WIDTH HEIGHT CRC32" for each of L, RGB and RGBA, or "PATH refused". Pillow cuts what it converts from
16 bits to L at 255; here it is divided by 256 first, as its own conversion from I;16 does.
Run with Pillow (11 and 13 give the same) and numpy: CEN_TEST_DATA=... tests/golden/cases_reports.py"""
import glob
import os
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps

warnings.simplefilter("ignore")
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(os.environ["CEN_TEST_DATA"])
paths = sorted(p for p in glob.glob("cases_reports/**/*", recursive=True) if os.path.isfile(p))
with open(os.path.join(here, "cases_reports.txt"), "w") as out:
    for path in paths:
        if path.endswith("README.txt"):
            continue
        try:
            with Image.open(path) as opened:
                image = ImageOps.exif_transpose(opened)
                if image.mode in ("I", "I;16", "I;16B"):
                    image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
                converted = [image.convert(mode) for mode in ("L", "RGB", "RGBA")]
        except Exception as error:
            print(path, "refused", "#", type(error).__name__, file=out)
            continue
        for image in converted:
            print(path, image.mode, image.width, image.height, zlib.crc32(image.tobytes()), file=out)

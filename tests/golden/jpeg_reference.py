"""What libjpeg-turbo makes of a JPEG: through Pillow, and through djpeg where Pillow gives up.

Pillow shows pixels only of whole files (or, told so, of files cut short). djpeg writes what it has
up to an error, and makes up end markers where a file ends within a segment.
"""
import collections
import io
import os
import subprocess
import zlib

import numpy
from PIL import Image, ImageFile

Picture = collections.namedtuple("Picture", "width height channels crc")


def picture(pixels):
    height, width = pixels.shape[:2]
    return Picture(width, height, 1 if pixels.ndim == 2 else pixels.shape[2], zlib.crc32(pixels.tobytes()))


def decoded(image, reduction=1):
    """The pixels of an opened image as libcenterloss gives them, decoded at 1 / reduction."""
    if reduction > 1:
        image.draft(None, (max(1, image.width // reduction), max(1, image.height // reduction)))
    image.load()
    return numpy.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


def pillow(data, reduction=1):
    """A picture or None; the message of a refusal; whether the file was cut short and all is black."""
    refusal = ""
    for ImageFile.LOAD_TRUNCATED_IMAGES in (False, True):
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.format not in ("JPEG", "MPO"):
                    return None, "no JPEG", False
                pixels = decoded(image, reduction)
                return picture(pixels), refusal, bool(refusal) and not pixels.any()
        except Exception as error:
            refusal = refusal or str(error).split("'")[0].strip()
            if "truncated" not in refusal:
                break
    return None, refusal, False


def djpeg(path):
    """A picture or None, and the last thing it says."""
    done = subprocess.run(["djpeg", "-pnm", path], capture_output=True)
    said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
    try:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        with Image.open(io.BytesIO(done.stdout)) as image:
            return picture(numpy.asarray(image)), said
    except Exception:
        return None, said


def without_simd():
    """The environment in which libjpeg-turbo uses its C code alone."""
    return dict(os.environ, JSIMD_FORCENONE="1")

"""Writes the cases that tests/support/golden_pairs.h reads. Used by bmp.py, pnm.py, resize.py, image.py."""
import os


def write(name, cases):
    """cases: (name, numbers, bytes, bytes)"""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(path, "wb") as out:
        for case, numbers, first, second in cases:
            line = [case, len(numbers), *numbers, len(first), len(second)]
            out.write(" ".join(map(str, line)).encode() + b"\n" + first + second)
    print(path, len(cases), "cases", os.path.getsize(path), "bytes")


def decoded(name, file, pixels):
    """A file and the pixels [height, width, channels] that it decodes to."""
    height, width, channels = pixels.shape
    return name, (width, height, channels), file, pixels.tobytes()

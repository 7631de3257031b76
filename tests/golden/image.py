#!/usr/bin/python3
"""Orientation and channels by Pillow: files beside the pixels of ImageOps.exif_transpose and convert.
A case: width, height, channels, the channels asked for (0: as in the file). image_kinds.bin has the first
bytes of kinds that are not read. Run with Debian's python3-pil and python3-numpy; writes
tests/golden/image.bin and image_kinds.bin."""
import io
import struct

import numpy as np
from PIL import Image, ImageOps

import image_cases

rng = np.random.default_rng(3)
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
cases = []


def noise(width, height, channels):
    pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels if channels > 1 else pixels[:, :, 0], MODES[channels])


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def add(name, file, wanted):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    if wanted:
        image = image.convert(MODES[wanted])
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    numbers = (image.width, image.height, pixels.shape[2], wanted)
    cases.append((name, numbers, file, np.ascontiguousarray(pixels).tobytes()))


def exif(orientation, order):
    """A directory of three entries, the orientation in the middle."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    entries = [(0x0100, 4, 77), (0x0112, 3, orientation), (0x0131, 4, 1)]
    body = struct.pack(order + "IH", 8, len(entries))
    for tag, kind, value in entries:
        body += struct.pack(order + "HHI", tag, kind, 1)
        body += struct.pack(order + ("I" if kind == 4 else "HH"), value, *([0] if kind == 3 else []))
    return head + body + struct.pack(order + "I", 0)


def behind_pixels(png):
    """The eXIf chunk moved behind the last IDAT."""
    at, chunks = 8, []
    while at < len(png):
        size, = struct.unpack(">I", png[at:at + 4])
        chunks.append(png[at:at + 12 + size])
        at += 12 + size
    moved = [c for c in chunks if c[4:8] == b"eXIf"]
    rest = [c for c in chunks if c[4:8] != b"eXIf"]
    return png[:8] + b"".join(rest[:-1] + moved + rest[-1:])


for orientation in range(1, 9):
    for channels in (1, 3, 4):
        file = saved(noise(5, 3, channels), "PNG", exif=exif(orientation, "<>"[orientation % 2]))
        add("png_orientation_%d_of_%d" % (orientation, channels), file, 0)
    for order in "<>":
        file = saved(noise(16, 8, 3), "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0" + exif(orientation, order))
        add("jpeg_orientation_%d_%s" % (orientation, "little" if order == "<" else "big"), file, 0)
add("png_orientation_behind_pixels", behind_pixels(saved(noise(40, 50, 3), "PNG", exif=exif(6, "<"))), 0)
add("png_orientation_of_tiles", saved(noise(70, 41, 1), "PNG", exif=exif(8, "<")), 0)
add("png_orientation_9", saved(noise(4, 3, 1), "PNG", exif=exif(9, "<")), 0)
for channels in (1, 2, 3, 4):
    for wanted in (0, 1, 3, 4):
        add("convert_%d_to_%d" % (channels, wanted), saved(noise(19, 7, channels), "PNG"), wanted)
add("convert_and_turn", saved(noise(19, 7, 3), "PNG", exif=exif(5, ">")), 1)
image_cases.write("image.bin", cases)

image, kinds = noise(16, 16, 3), []
for name, kind in (("JPEG_2000", "JPEG2000"), ("ICO", "ICO"), ("DDS", "DDS"), ("PCX", "PCX")):
    kinds.append((name, (), saved(image, kind)[:64], b""))
image_cases.write("image_kinds.bin", kinds)

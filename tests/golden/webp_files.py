#!/usr/bin/python3
"""WebP files beside Pillow's pixels: from libwebp's encoder with every option that changes the stream, from
webp_streams.py what no encoder writes, and containers put together by hand.
Run with Pillow 11 or later and the package `webp` of PyPI: tests/golden/webp_files.py writes tests/golden/webp.bin."""
import io
import os
import random
import re
import struct

import numpy as np
import webp
from PIL import Image, ImageOps

import image_cases
import webp_streams as streams
from webp_streams import ANIM, anmf, chunk, riff, vp8x

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "../../src/image/webp_lossy_tables.c")) as table:  # as RFC 6386, section 13.4
    UPDATES = list(map(int, re.findall(r"\d+", table.read().split("updates[4][8][3][11] =")[1].split(";")[0])))
cases = []


def picture(width, height, channels, colors=None, seed=1):
    """Smooth areas, edges and some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    planes = [128 + 90 * np.sin(x / (3 + c) + y / (7 - c) + c) + 30 * ((x // 5 + y // 7) % 2) for c in range(channels)]
    image = np.clip(np.stack(planes, 2) + rng.normal(0, 6, (height, width, channels)), 0, 255).astype(np.uint8)
    if colors:
        image = (np.arange(colors * channels).reshape(colors, channels) * 37 % 256).astype(np.uint8)[(x // 3 + y // 2) % colors]
    return np.ascontiguousarray(image)


def encoded(image, **options):
    config = webp.WebPConfig.new(quality=options.pop("quality", 75), lossless=options.pop("lossless", False))
    partitions = options.pop("partitions", 0)
    for key, value in options.items():
        setattr(config.ptr, key, value)
    webp._webp.ffi.cast("int *", config.ptr)[18] = partitions
    return bytes(webp.WebPPicture.from_numpy(image).encode(config).buffer())


def add(name, file):
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        pixels = np.asarray(ImageOps.exif_transpose(image))
    cases.append(image_cases.decoded(name, file, pixels))


def chunk_of(file, name):
    """A chunk of a file, with its header."""
    at = 12
    while file[at:at + 4] != name:
        at += 8 + struct.unpack("<I", file[at + 4:at + 8])[0] + 1 & ~1
    return file[at:at + 8 + struct.unpack("<I", file[at + 4:at + 8])[0] + 1 & ~1]


# ---- libwebp's encoder

rgb, rgba = picture(25, 19, 3), picture(18, 11, 4)
for quality in (0, 20, 60, 90, 100):
    for method in (0, 4):
        add("lossy_q%d_m%d" % (quality, method), encoded(rgb, quality=quality, method=method))
for strength, sharpness, kind in [(0, 0, 1), (30, 0, 1), (100, 0, 1), (60, 3, 1), (100, 7, 1), (30, 0, 0), (100, 0, 0), (60, 5, 0)]:
    add("filter_%d_%d_%s" % (strength, sharpness, "normal" if kind else "simple"), encoded(
        rgb, quality=30, filter_strength=strength, filter_sharpness=sharpness, filter_type=kind))
for segments in (1, 2, 4):
    add("segments_%d" % segments, encoded(picture(40, 17, 3), quality=20, segments=segments, sns_strength=100))
for partitions in (1, 2, 3):
    add("partitions_%d" % (1 << partitions), encoded(picture(3, 140, 3), quality=50, partitions=partitions, method=3))
for width, height in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5), (15, 16), (16, 17), (17, 15), (33, 1), (1, 33), (32, 17)]:
    add("lossy_%dx%d" % (width, height), encoded(picture(width, height, 3)))
    add("lossless_%dx%d" % (width, height), encoded(picture(width, height, 3), lossless=True))
for method in (0, 2, 4, 6):
    for quality in (0, 75, 100):
        add("lossless_m%d_q%d" % (method, quality), encoded(rgb, lossless=True, method=method, quality=quality))
add("lossless_alpha", encoded(rgba, lossless=True))
for colors in (1, 2, 3, 4, 5, 16, 17, 256):
    add("palette_%d" % colors, encoded(picture(20, 15, 3, colors), lossless=True))
for filtering in (0, 1, 2):
    for compression in (0, 1):
        for quality in (100, 30):
            add("alpha_f%d_c%d_q%d" % (filtering, compression, quality), encoded(
                rgba, alpha_filtering=filtering, alpha_compression=compression, alpha_quality=quality))
flat = rgba.copy()
flat[..., 3] = 255 * (flat[..., 3] > 128)
add("alpha_of_two_values", encoded(flat))

# ---- drawn streams

rng = random.Random(7)
for i in range(16):
    width, height = rng.choice([1, 6, 17]), rng.choice([1, 5])
    add("frame_%d" % i, riff(streams.vp8(rng, width, height, UPDATES)))
for transforms in ([0], [1], [2], [3], [0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3], []):
    for busy in (6, 100):
        add("stream_%s_%d" % ("".join(map(str, transforms)), busy), riff(streams.vp8l(
            rng, rng.choice([3, 18, 35]), rng.choice([2, 17]), transforms, 1, busy)))
for head in (0, 4, 8, 12, 16 + 12):  # raw alpha by each filter
    frame = chunk_of(encoded(picture(9, 7, 3)), b"VP8 ")
    add("raw_alpha_%d" % head, riff(vp8x(16, 9, 7), chunk(b"ALPH", bytes([head]) + rng.randbytes(63)), frame))
    stream = streams.lossless_stream(rng, 9, 7, [3] if head == 4 else [])
    add("packed_alpha_%d" % head, riff(vp8x(16, 9, 7), chunk(b"ALPH", bytes([head | 1]) + stream), frame))

# ---- containers

lossy, alpha, lossless = (encoded(picture(9, 7, c), lossless=l) for c, l in ((3, False), (4, False), (4, True)))
frame, alph, vp8l = chunk_of(lossy, b"VP8 "), chunk_of(alpha, b"ALPH"), chunk_of(lossless, b"VP8L")


def exif(orientation, order="<"):
    entry = struct.pack(order + "HHIHH", 0x112, 3, 1, orientation, 0)
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def xmp(orientation):
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation


add("what_follows_a_simple_file", lossy + b"more")
add("extended", riff(vp8x(0, 9, 7), frame))
add("extended_lossless", riff(vp8x(16, 9, 7), vp8l))
add("flag_without_alpha", riff(vp8x(16, 9, 7), frame))
add("alpha_without_flag", riff(vp8x(0, 9, 7), alph, frame))
add("lossless_alpha_without_flag", riff(vp8x(0, 9, 7), vp8l))
add("unknown_chunks", riff(vp8x(32, 9, 7), chunk(b"ICCP", b"profile"), chunk(b"none", b"abc"), frame, chunk(b"more", b"")))
for orientation in range(1, 9):
    add("exif_%d" % orientation, riff(vp8x(8, 9, 7), frame, chunk(b"EXIF", exif(orientation, "<>"[orientation % 2]))))
add("exif_named", riff(vp8x(8, 9, 7), frame, chunk(b"EXIF", b"Exif\0\0" + exif(6))))
add("exif_before", riff(vp8x(8, 9, 7), chunk(b"EXIF", exif(6)), frame, chunk(b"EXIF", exif(3))))
add("exif_without_flag", riff(vp8x(0, 9, 7), frame, chunk(b"EXIF", exif(6))))
add("exif_without_orientation", riff(vp8x(12, 9, 7), frame, chunk(b"EXIF", exif(6).replace(b"\x12\x01", b"\x13\x01")), chunk(b"XMP ", xmp(8))))
add("xmp", riff(vp8x(4, 9, 7), frame, chunk(b"XMP ", xmp(8))))
add("exif_and_xmp", riff(vp8x(12, 9, 7), vp8l, chunk(b"XMP ", xmp(8)), chunk(b"EXIF", exif(3))))
for name, flags, frames in [
        ("opaque", 2, [anmf(0, 0, 9, 7, frame), anmf(0, 0, 9, 7, vp8l)]), ("lossless", 18, [anmf(0, 0, 9, 7, vp8l)]),
        ("placed", 2, [anmf(4, 6, 9, 7, frame)]), ("placed_alpha", 18, [anmf(2, 0, 9, 7, alph, frame)]),
        ("placed_lossless", 18, [anmf(4, 2, 9, 7, vp8l, flags=2)]), ("alpha_not_said", 2, [anmf(0, 6, 9, 7, alph, frame)]),
        ("no_alpha", 18, [anmf(0, 0, 9, 7, frame)])]:
    side = (9, 7) if name in ("opaque", "lossless") else (13, 13)
    add("animation_" + name, riff(vp8x(flags, *side), ANIM, *frames))
stacked = io.BytesIO()
Image.fromarray(rgba).save(stacked, "WEBP", save_all=True, append_images=[Image.fromarray(rgba[::-1])], duration=50)
add("animation_by_pillow", stacked.getvalue())
image_cases.write("webp.bin", cases)

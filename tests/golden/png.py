#!/usr/bin/python3
"""PNG files of every color type, depth and interlace, with and without tRNS, beside the pixels that
libpng makes of them; Pillow has to agree, but for its tRNS of grey (see png_conformance.py).
Run with Debian's python3-pil and python3-numpy: tests/golden/png.py writes tests/golden/png.bin."""
import struct
import zlib

import numpy as np

import image_cases
from png_reference import libpng, pillow

rng = np.random.default_rng(5)
cases = []
N_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def to_bytes(row, depth):
    """The samples of a row, high bits first."""
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:]
    return np.packbits(bits.ravel()).tobytes()


def paeth(a, b, c):
    distances = [abs(b - c), abs(a - c), abs(a + b - 2 * c)]
    return (a, b, c)[distances.index(min(distances))]


def filtered(row, above, step, kind):
    out = bytearray([kind])
    for i, x in enumerate(row):
        a, c = (row[i - step], above[i - step]) if i >= step else (0, 0)
        b = above[i]
        out.append((x - (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) & 255)
    return bytes(out)


def rows_of(samples, depth, first_filter):
    step = max(1, samples.shape[2] * depth // 8)
    out, above = b"", None
    for y, row in enumerate(samples):
        row = to_bytes(row.ravel(), depth)
        above = above or bytes(len(row))
        out += filtered(row, above, step, (first_filter + y) % 5)
        above = row
    return out


def samples_of(height, width, n, depth):
    """Waves and a little noise, so that every filter has something to do."""
    y, x, k = np.mgrid[:height, :width, :n]
    wave = np.sin(x * 0.3 + k) + np.cos(y * 0.2 - k) + rng.normal(0, 0.1, x.shape)
    return np.clip((wave + 2) / 4 * (1 << depth), 0, (1 << depth) - 1).astype(np.uint16)


def add(name, color_type, depth, height, width, interlaced=0, transparent=False, n_idat=1, level=6):
    samples = samples_of(height, width, N_SAMPLES[color_type], depth)
    extra = b""
    if color_type == 3:
        extra = chunk(b"PLTE", rng.integers(0, 256, 3 << depth, np.uint8).tobytes())
        if transparent:
            extra += chunk(b"tRNS", rng.integers(0, 256, (1 << depth) * 2 // 3, np.uint8).tobytes())
    elif transparent:
        extra = chunk(b"tRNS", samples[height // 2, width // 2].astype(">u2").tobytes())
    if interlaced:
        raw = b"".join(rows_of(samples[y::dy, x::dx], depth, i)
                       for i, (x, y, dx, dy) in enumerate(ADAM7) if samples[y::dy, x::dx].size)
    else:
        raw = rows_of(samples, depth, 1)
    packed = zlib.compress(raw, level)
    size = -(-len(packed) // n_idat)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    file = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + b"".join(chunk(b"IDAT", packed[i:i + size]) for i in range(0, len(packed), size))
            + chunk(b"IEND", b""))
    picture, error = libpng(file)
    assert picture and not error, (name, error)
    if not (transparent and color_type in (0, 2)):
        assert pillow(file)[0].rgba == picture.rgba, name
    pixels = np.frombuffer(picture.rgba, np.uint8).reshape(height, width, 4)
    pixels = pixels[:, :, {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[picture.channels]]
    cases.append(image_cases.decoded(name, file, pixels))


for color_type, depths in DEPTHS.items():
    for depth in depths:
        for interlaced in (0, 1):
            for transparent in (False, True) if color_type in (0, 2, 3) else (False,):
                name = f"type{color_type}-depth{depth}" + "-adam7" * interlaced + "-trns" * transparent
                add(name, color_type, depth, 11, 13, interlaced, transparent)
for height, width in ((1, 1), (1, 2), (2, 1), (3, 5), (5, 3), (9, 8), (1, 40), (40, 1)):
    add(f"adam7-{height}x{width}", 2, 8, height, width, 1)
    add(f"bits-{height}x{width}", 0, 1, height, width, 1)
for n_idat in (2, 7, 1000):
    add(f"idat-{n_idat}", 6, 8, 11, 13, 0, n_idat=n_idat)
add("stored", 2, 8, 11, 13, level=0)
image_cases.write("png.bin", cases)

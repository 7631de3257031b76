#!/usr/bin/python3
"""BMP files of every kind beside the pixels they stand for. The files are written here, from the
pixels, by the layout of the format; where Pillow reads the kind, it has to agree.
Run with Debian's python3-pil and python3-numpy: tests/golden/bmp.py writes tests/golden/bmp.bin."""
import io
import struct
import warnings

import numpy as np
from PIL import Image

import image_cases

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
cases = []


def add(name, file, pixels, pillow=True):
    pixels = np.ascontiguousarray(pixels, np.uint8)
    if pillow:
        image = Image.open(io.BytesIO(file))
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
        theirs = np.asarray(image.convert(mode)).reshape(pixels.shape)
        assert (theirs == pixels).all(), name
    cases.append(image_cases.decoded(name, file, pixels))


def info(size, width, height, bits, compression=0, data_size=0, n_colors=0, masks=()):
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, data_size, 2835, 2835,
                       n_colors, 0)
    head += b"".join(struct.pack("<I", mask) for mask in masks)
    return head[:size] if size < 40 else head.ljust(size, b"\0")


def core(width, height, bits):
    return struct.pack("<IHHHH", 12, width, height, 1, bits)


def bmp(header, palette, data, offset=None):
    start = 14 + len(header) + len(palette)
    return (b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start if offset is None else offset)
            + header + palette + data)


def pad(row):
    return row + b"\0" * (-len(row) % 4)


def pack_indices(indices, bits):
    rows = []
    for row in indices:
        digits = "".join(format(int(i), "0%db" % bits) for i in row)
        digits += "0" * (-len(digits) % 8)
        rows.append(pad(bytes(int(digits[i:i + 8], 2) for i in range(0, len(digits), 8))))
    return rows


def flip(rows):
    return b"".join(reversed(rows))


def palette_bytes(colors, entry=4):
    return b"".join(bytes(color[::-1]) + b"\0" * (entry - 3) for color in colors.tolist())


def palettes():
    for bits, n, (height, width) in ((1, 2, (5, 11)), (4, 16, (4, 7)), (8, 20, (3, 6)), (8, 256, (2, 5))):
        colors = rng.integers(0, 256, (n, 3), dtype=np.uint8)
        indices = rng.integers(0, n, (height, width))
        rows = pack_indices(indices, bits)
        used = n if n < 1 << bits else 0
        add("indices%d_%d" % (bits, n),
            bmp(info(40, width, height, bits, n_colors=used), palette_bytes(colors), flip(rows)), colors[indices])
        if n == 1 << bits:
            add("os2_indices%d" % bits,
                bmp(core(width, height, bits), palette_bytes(colors, 3), flip(rows)), colors[indices])
        if n < 256:
            add("os2_short_indices%d" % bits,
                bmp(info(16, width, height, bits), palette_bytes(colors), flip(rows)), colors[indices], False)
        add("topdown_indices%d_%d" % (bits, n),
            bmp(info(40, width, -height, bits, n_colors=used), palette_bytes(colors), b"".join(rows)),
            colors[indices])
    indices = rng.integers(0, 256, (4, 6))
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
    rows = pack_indices(indices, 8)
    add("grey8", bmp(info(40, 6, 4, 8), palette_bytes(grey), flip(rows)), indices[:, :, None])
    add("grey8_reversed", bmp(info(40, 6, 4, 8), palette_bytes(grey[::-1]), flip(rows)), 255 - indices[:, :, None])
    add("grey8_no_offset", bmp(info(40, 6, 4, 8), palette_bytes(grey), flip(rows), 0), indices[:, :, None])
    add("grey8_offset_of_palette", bmp(info(40, 6, 4, 8), palette_bytes(grey), flip(rows), 54),
        indices[:, :, None])
    bits = rng.integers(0, 2, (3, 33))
    add("black_white", bmp(info(40, 33, 3, 1), palette_bytes(grey[[0, 255]]), flip(pack_indices(bits, 1))),
        255 * bits[:, :, None])
    colors = rng.integers(0, 256, (3, 3), dtype=np.uint8)
    indices = np.array([[0, 1, 2, 3], [9, 2, 1, 255]])
    full = np.concatenate([colors, grey[3:]])
    add("indices_beyond_palette",
        bmp(info(40, 4, 2, 8, n_colors=3), palette_bytes(colors), flip(pack_indices(indices, 8))), full[indices])


def direct():
    height, width = 5, 7
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    rgba = np.concatenate([rgb, rng.integers(0, 256, (height, width, 1), dtype=np.uint8)], 2)
    rows24 = [pad(row[:, ::-1].tobytes()) for row in rgb]
    rows32 = [row[:, [2, 1, 0, 3]].tobytes() for row in rgba]
    add("rgb24", bmp(info(40, width, height, 24), b"", flip(rows24)), rgb)
    add("rgb24_topdown", bmp(info(40, width, -height, 24), b"", b"".join(rows24)), rgb)
    add("rgb24_os2", bmp(core(width, height, 24), b"", flip(rows24)), rgb)
    add("rgb24_os2_v2", bmp(info(64, width, height, 24), b"", flip(rows24)), rgb)
    add("rgb24_v5", bmp(info(124, width, height, 24), b"", flip(rows24)), rgb)
    add("rgb24_gap", bmp(info(40, width, height, 24), b"gap!" * 3, flip(rows24)), rgb)
    add("rgb24_last_padding_missing", bmp(info(40, width, height, 24), b"", flip(rows24))[:-3], rgb)
    add("rgbx32", bmp(info(40, width, height, 32), b"", flip(rows32)), rgb)
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    add("rgba32_v4", bmp(info(108, width, height, 32, 3, masks=masks), b"", flip(rows32)), rgba)
    add("rgba32_v3", bmp(info(56, width, height, 32, 3, masks=masks), b"", flip(rows32)), rgba, False)
    add("rgb32_v2", bmp(info(52, width, height, 32, 3, masks=masks[:3]), b"", flip(rows32)), rgb, False)
    add("rgbx32_masks_after", bmp(info(40, width, height, 32, 3) + struct.pack("<III", *masks[:3]), b"",
                                  flip(rows32)), rgb)
    add("rgba32_alpha_masks_after", bmp(info(40, width, height, 32, 6) + struct.pack("<IIII", *masks), b"",
                                        flip(rows32)), rgba, False)
    add("rgba32_no_masks", bmp(info(124, width, height, 32, 3, masks=(0, 0, 0, 0)), b"", flip(rows32)), rgba)
    turned = [row[:, [3, 2, 1, 0]].tobytes() for row in rgba]
    add("abgr32", bmp(info(124, width, height, 32, 3, masks=(0xFF000000, 0xFF0000, 0xFF00, 0xFF)), b"",
                      flip(turned)), rgba)


def fields():
    def expand(values, bits):
        return values * 255 // ((1 << bits) - 1)

    def packed(masks, bits_a_pixel, height=4, width=5):
        sizes = [bin(mask).count("1") for mask in masks]
        shifts = [(mask & -mask).bit_length() - 1 for mask in masks]
        values = [rng.integers(0, 1 << size, (height, width), dtype=np.int64) for size in sizes]
        words = sum(v << s for v, s in zip(values, shifts))
        rows = [pad(row.astype("<u%d" % (bits_a_pixel // 8)).tobytes()) for row in words]
        return rows, np.stack([expand(v, size) for v, size in zip(values, sizes)], 2)

    rows, pixels = packed((0x7C00, 0x3E0, 0x1F), 16)
    add("rgb16_555", bmp(info(40, 5, 4, 16), b"", flip(rows)), pixels)
    rows, pixels = packed((0xF800, 0x7E0, 0x1F), 16)
    add("rgb16_565", bmp(info(40, 5, 4, 16, 3) + struct.pack("<III", 0xF800, 0x7E0, 0x1F), b"", flip(rows)),
        pixels)
    add("rgb16_565_topdown", bmp(info(124, 5, -4, 16, 3, masks=(0xF800, 0x7E0, 0x1F)), b"", b"".join(rows)),
        pixels)
    for name, masks, bits in (("rgba16_4444", (0xF00, 0xF0, 0xF, 0xF000), 16),
                              ("rgba16_1555", (0x7C00, 0x3E0, 0x1F, 0x8000), 16),
                              ("rgba32_1010102", (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000), 32),
                              ("rgb32_888_shifted", (0xFF00, 0xFF0000, 0xFF000000), 32)):
        rows, pixels = packed(masks, bits)
        add(name, bmp(info(124, 5, 4, bits, 3, masks=masks), b"", flip(rows)), pixels, False)


def runs():
    colors = rng.integers(0, 256, (16, 3), dtype=np.uint8)
    # Rows from below: a run and a literal; a literal of odd length; a row cut short; a row of runs.
    eight = bytes([3, 5, 0, 4, 1, 2, 3, 4, 0, 0,
                   0, 7, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0,
                   2, 9, 2, 8, 0, 0,
                   7, 3, 0, 1])
    indices = np.array([[3] * 7, [9, 9, 8, 8, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7], [5, 5, 5, 1, 2, 3, 4]])
    add("rle8", bmp(info(40, 7, 4, 8, 1, len(eight), 16), palette_bytes(colors), eight), colors[indices])
    # (0, 2, dx, dy) moves right and up; what it jumps over keeps color 0. (Pillow 9.4 takes the two
    # bytes after them for dx and dy.)
    delta = bytes([2, 5, 0, 2, 3, 1, 2, 6, 0, 0, 7, 4, 0, 1])
    indices = np.array([[4] * 7, [0, 0, 0, 0, 0, 6, 6], [5, 5, 0, 0, 0, 0, 0]])
    add("rle8_delta", bmp(info(40, 7, 3, 8, 1, len(delta), 16), palette_bytes(colors), delta),
        colors[indices], False)
    early = bytes([7, 3, 0, 0, 2, 4, 0, 1])
    indices = np.array([[0] * 7, [4, 4, 0, 0, 0, 0, 0], [3] * 7])
    add("rle8_early_end", bmp(info(40, 7, 3, 8, 1, len(early), 16), palette_bytes(colors), early),
        colors[indices], False)
    long = bytes([9, 3, 0, 0, 7, 4, 0, 1])
    indices = np.array([[4] * 7, [3] * 7])
    add("rle8_run_too_long", bmp(info(40, 7, 2, 8, 1, len(long), 16), palette_bytes(colors), long),
        colors[indices])
    four = bytes([5, 0x12, 2, 0x33, 0, 0,
                  0, 4, 0x45, 0x67, 3, 0x80, 0, 0,
                  7, 0x9A, 0, 1])
    indices = np.array([[9, 10, 9, 10, 9, 10, 9], [4, 5, 6, 7, 8, 0, 8], [1, 2, 1, 2, 1, 3, 3]])
    add("rle4", bmp(info(40, 7, 3, 4, 2, len(four), 16), palette_bytes(colors), four), colors[indices])
    # 3 literals take two bytes; 5 take three and one of padding.
    odd = bytes([0, 3, 0x12, 0x30, 4, 0x44, 0, 0,
                 0, 5, 0x56, 0x78, 0x90, 0, 2, 0xAB, 0, 1])
    indices = np.array([[5, 6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 4, 4, 4]])
    add("rle4_odd_literals", bmp(info(40, 7, 2, 4, 2, len(odd), 16), palette_bytes(colors), odd),
        colors[indices], False)
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
    data = bytes([4, 200, 0, 0, 0, 4, 9, 8, 7, 6, 0, 1])
    indices = np.array([[9, 8, 7, 6], [200] * 4])
    add("rle8_grey", bmp(info(40, 4, 2, 8, 1, len(data)), palette_bytes(grey), data), indices[:, :, None])


palettes()
direct()
fields()
runs()
image_cases.write("bmp.bin", cases)

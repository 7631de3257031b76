#!/usr/bin/python3
"""GIF files of every kind beside Pillow's pixels of their first picture. Pillow and gifsicle write some, and the
files that neither writes are put together here.
Run with Pillow 13, numpy and gifsicle: tests/golden/gif.py writes tests/golden/gif.bin."""
import io
import struct
import subprocess
import warnings

import numpy as np
from PIL import Image

import image_cases

warnings.simplefilter("ignore")
rng = np.random.default_rng(11)
cases = []


def add(name, file, pixels=None):
    """Grey palettes are one channel here; transparency adds alpha."""
    if pixels is not None:
        cases.append(image_cases.decoded(name, file, pixels.astype(np.uint8)))
        return
    image = Image.open(io.BytesIO(file))
    image.load()
    has_alpha = "transparency" in image.info
    pixels = np.asarray(image.convert("RGBA"))
    palette = np.asarray(image.getpalette("RGB") or [0] * 3).reshape(-1, 3)
    is_grey = (palette == palette[:, :1]).all()
    keep = ([0] if is_grey else [0, 1, 2]) + ([3] if has_alpha else [])
    cases.append(image_cases.decoded(name, file, np.ascontiguousarray(pixels[:, :, keep])))


def pack(codes_and_widths):
    bits = n = 0
    for code, width in codes_and_widths:
        bits |= code << n
        n += width
    return bits.to_bytes((n + 7) // 8, "little")


def lzw(indices, bits, clear_when_full=True, literal=False):
    """literal: a clear code before the table would make a code longer, so that every pixel is a code."""
    clear, end = 1 << bits, (1 << bits) + 1
    out, table, width = [(clear, bits + 1)], {}, bits + 1
    following, last = clear + 2, None
    for i, index in enumerate(indices):
        index = int(index)
        if literal:
            if i and i % (clear - 2) == 0:
                out.append((clear, width))
            out.append((index, width))
            continue
        if last is None:
            last = (index,)
        elif last + (index,) in table:
            last += (index,)
        else:
            out.append((table.get(last, last[0]), width))
            if following < 4096:
                table[last + (index,)] = following
                following += 1
                if following > 1 << width and width < 12:
                    width += 1
            elif clear_when_full:
                out.append((clear, width))
                table, width, following = {}, bits + 1, clear + 2
            last = (index,)
    if not literal:
        out.append((table.get(last, last[0]), width))
        if following == 1 << width and width < 12:
            width += 1
    return pack(out + [(end, width)])


def blocks(data, size=255):
    return b"".join(bytes([len(data[i:i + size])]) + data[i:i + size] for i in range(0, len(data), size)) + b"\0"


def picture(indices, bits, left=0, top=0, palette=None, interlaced=False, block=255, **options):
    height, width = indices.shape
    if interlaced:
        rows = [y for first, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(first, height, step)]
        indices = indices[rows]
    flags = 64 * interlaced | (0 if palette is None else 128 | (len(palette) // 3).bit_length() - 2)
    return (b"," + struct.pack("<HHHHB", left, top, width, height, flags) + (palette or b"") + bytes([bits])
            + blocks(lzw(indices.ravel(), bits, **options), block))


def gif(width, height, parts, palette=None, version=b"89a", background=0):
    flags = 0x70 | (0 if palette is None else 128 | (len(palette) // 3).bit_length() - 2)
    return (b"GIF" + version + struct.pack("<HHBBB", width, height, flags, background, 0) + (palette or b"")
            + b"".join(parts) + b";")


def control(transparent):
    return b"!\xf9\4" + bytes([1 if transparent is not None else 0, 5, 0, transparent or 0]) + b"\0"


def colors(n):
    return rng.integers(0, 256, 3 * n, dtype=np.uint8).tobytes()


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "GIF", **options)
    return out.getvalue()


def made_here():
    for bits in range(1, 9):
        n = 1 << bits
        indices = rng.integers(0, n, (7, 13))
        add("bits%d" % bits, gif(13, 7, [picture(indices, max(bits, 2))], colors(n), b"87a"))
        add("local%d" % bits, gif(13, 7, [picture(indices, max(bits, 2), palette=colors(n))], colors(4)))
    indices = rng.integers(0, 16, (21, 10))
    add("interlaced", gif(10, 21, [picture(indices, 4, interlaced=True)], colors(16)))
    for height in (1, 2, 3, 4, 5, 8, 9):
        add("interlaced%d" % height, gif(10, height, [picture(indices[:height], 4, interlaced=True)], colors(16)))
    add("transparent", gif(10, 21, [control(3), picture(indices, 4)], colors(16)))
    add("not_transparent", gif(10, 21, [control(None), picture(indices, 4)], colors(16)))
    add("no_palette", gif(10, 21, [picture(indices, 4)]))
    add("no_palette_transparent", gif(10, 21, [control(2), picture(indices, 4)]))
    grey = bytes(v for i in range(16) for v in [i * 17] * 3)
    add("grey", gif(10, 21, [picture(indices, 4)], grey))
    add("grey_transparent", gif(10, 21, [control(15), picture(indices, 4)], grey))
    add("two_bits_of_one", gif(10, 21, [picture(indices % 2, 2)], colors(2)))
    # Pillow does not make its codes longer then.
    add("indices_of_one_bit", gif(10, 21, [picture(indices % 2, 1)]), indices[:, :, None] % 2)
    add("beyond_palette", gif(10, 21, [picture(indices, 4)], colors(8)))
    small = rng.integers(0, 16, (4, 5))
    add("smaller_than_canvas", gif(12, 9, [picture(small, 4, 3, 2)], colors(16), background=7))
    add("smaller_transparent", gif(12, 9, [control(9), picture(small, 4, 7, 5)], colors(16), background=7))
    add("beyond_canvas", gif(6, 5, [picture(small, 4, 3, 2)], colors(16)))
    add("canvas_of_0", gif(0, 0, [picture(small, 4)], colors(16)))
    add("second_picture", gif(12, 9, [picture(small, 4), control(1), picture(indices, 4)], colors(16)))
    comment = b"!\xfe" + blocks(b"a comment " * 60)
    loop = b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    add("comments", gif(5, 4, [comment, loop, control(4), comment, picture(small, 4)], colors(16)))
    add("zeros_between", gif(5, 4, [b"\0\0", control(4), b"\0", picture(small, 4)], colors(16)))
    for block in (1, 2, 7, 254):
        add("blocks_of_%d" % block, gif(10, 21, [picture(indices, 4, block=block)], colors(16)))
    add("no_strings", gif(10, 21, [picture(indices, 4, literal=True)], colors(16)))
    flat = np.full((40, 61), 5)
    add("flat", gif(61, 40, [picture(flat, 3)], colors(8)))
    large = rng.integers(0, 200, (70, 66))
    large[50:] = large[:20]
    add("full_table_cleared", gif(66, 70, [picture(large, 8)]))
    add("full_table_kept", gif(66, 70, [picture(large, 8, clear_when_full=False)]))
    add("no_trailer", gif(5, 4, [picture(small, 4)], colors(16))[:-1])
    add("data_go_on", gif(5, 3, [picture(small, 4).replace(struct.pack("<HHHH", 0, 0, 5, 4), struct.pack("<HHHH", 0, 0, 5, 3))],
                          colors(16)))


def made_by_others():
    y, x = np.mgrid[0:19, 0:23]
    rgb = Image.fromarray(np.stack([x * 11, y * 13, (x + y) * 6], 2).astype(np.uint8))
    add("pillow_rgb", saved(rgb))
    add("pillow_grey", saved(rgb.convert("L")))
    add("pillow_black_white", saved(rgb.convert("1")))
    add("pillow_not_interlaced", saved(rgb, interlace=0))
    add("pillow_transparent", saved(rgb.convert("P"), transparency=3))
    add("pillow_animation", saved(rgb, save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)]))
    for name, options in (("optimized", ["-O3"]), ("interlaced", ["-i"]), ("16_colors", ["-k16"]), ("cropped", ["--crop", "3,4+9x8"])):
        add("gifsicle_" + name, subprocess.run(["gifsicle", *options], input=saved(rgb), capture_output=True, check=True).stdout)


made_here()
made_by_others()
image_cases.write("gif.bin", cases)

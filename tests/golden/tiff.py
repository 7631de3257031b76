#!/usr/bin/python3
"""TIFF files of every kind beside their pixels. tifffile, Pillow and libtiff's tiffcp write them; the pixels are those
they were made of, and Pillow has to agree if it reads the kind. Of JPEG the pixels are Pillow's, that is libtiff's.
Samples of 16 bits are cut to the upper 8, floats spread from 0..1 to 0..255 and rounded.
Run with Pillow 13, numpy, tifffile, imagecodecs and tiffcp: tests/golden/tiff.py writes tests/golden/tiff.bin."""
import io
import os
import subprocess
import tempfile
import warnings

import numpy as np
import tifffile
from PIL import Image

import image_cases

warnings.simplefilter("ignore")
rng = np.random.default_rng(12)
cases = []
folder = tempfile.mkdtemp()
HEIGHT, WIDTH = 17, 19


def to_bytes(values):
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    if values.dtype == np.float32:
        return np.floor(np.clip(values, 0, 1).astype(float) * 255 + .5).astype(np.uint8)
    return values.astype(np.uint8)


def pillows(file):
    """None if Pillow does not read it."""
    try:
        image = Image.open(io.BytesIO(file))
        image.load()
    except Exception:
        return None
    if image.mode.startswith("I;16") or image.mode == "F":
        pixels = to_bytes(np.asarray(image).astype(np.float32 if image.mode == "F" else np.uint16))
    else:
        mode = {"1": "L", "La": "LA", "P": "RGB", "PA": "RGBA", "CMYK": "RGB"}.get(image.mode, image.mode)
        pixels = np.asarray(image.convert(mode))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def add(name, file, pixels=None, pillow=True):
    """pillow: it reads the file right, or not at all."""
    theirs = pillows(file)
    if pixels is None:
        pixels = theirs
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    if pillow and theirs is not None:
        assert theirs.shape == pixels.shape and (theirs == pixels).all(), (name, theirs.shape, pixels.shape)
    cases.append(image_cases.decoded(name, file, np.ascontiguousarray(pixels)))


def noise(channels, dtype=np.uint8, height=HEIGHT, width=WIDTH):
    """Steps and runs, so that every packing has something to do."""
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack([(x // 3 * 37 + y * 11 + c * 50 + (y % 4 == 0) * x) % 256 for c in range(channels)], 2)
    if dtype == np.float32:
        return (values / np.float32(255)).astype(dtype)
    if dtype == np.uint16:
        return (values * 257 - (x * 5 % 99)[:, :, None] * (values > 0)).astype(dtype)
    return values.astype(dtype)


def written(values, planar=False, **options):
    out = io.BytesIO()
    if planar:
        values, options["planarconfig"] = np.ascontiguousarray(values.transpose(2, 0, 1)), "separate"
    elif values.shape[2] == 1:
        values = values[:, :, 0]
    tifffile.imwrite(out, values, metadata=None, software=False, **options)
    return out.getvalue()


def tiffcp(file, *options):
    paths = [os.path.join(folder, name) for name in ("in.tif", "out.tif")]
    with open(paths[0], "wb") as out:
        out.write(file)
    subprocess.run(["tiffcp", *options, *paths], check=True)
    with open(paths[1], "rb") as file:
        return file.read()


def changed(file, entry, to):
    assert file.count(entry) == 1
    return file.replace(entry, to)


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    return out.getvalue()


def packings():
    layouts = {"": {}, "_strips": {"rowsperstrip": 4}, "_tiles": {"tile": (16, 16)}}
    for packing, predictor in (("none", 1), ("lzw", 1), ("lzw", 2), ("zlib", 1), ("zlib", 2), ("packbits", 1), ("zlib", 3)):
        for dtype in (np.uint8, np.uint16, np.float32):
            if (predictor == 3) != (dtype == np.float32) and (predictor > 1 or packing == "lzw"):
                continue
            for order in "<>":
                for layout, options in layouts.items():
                    if layout and (order == ">" or packing == "none" and layout == "_strips"):
                        continue
                    values = noise(3 if dtype == np.uint8 else 1, dtype)
                    file = written(values, photometric="rgb" if dtype == np.uint8 else "minisblack", byteorder=order,
                                   compression=None if packing == "none" else packing, predictor=predictor if predictor > 1 else None,
                                   **options)
                    name = "%s%d_%s_%s%s" % (packing, predictor, np.dtype(dtype).name, "big" if order == ">" else "little", layout)
                    # Pillow 13 takes floats that libtiff has turned for those of the file.
                    add(name, file, to_bytes(values), not (dtype == np.float32 and order == ">"))
    rgb = written(noise(3), photometric="rgb")
    add("deflate_old", changed(tiffcp(rgb, "-c", "zip"), b"\3\1\3\0\1\0\0\0\x08\0", b"\3\1\3\0\1\0\0\0\xb2\x80"), noise(3))
    add("fill_order_none", tiffcp(rgb, "-f", "lsb2msb", "-c", "none"), noise(3))
    add("fill_order_lzw", tiffcp(rgb, "-f", "lsb2msb", "-c", "lzw:2"), noise(3))
    add("fill_order_zip", tiffcp(rgb, "-f", "lsb2msb", "-c", "zip"), noise(3))
    add("fill_order_packbits", tiffcp(rgb, "-f", "lsb2msb", "-c", "packbits"), noise(3))
    add("big_little", tiffcp(rgb, "-8", "-c", "lzw"), noise(3))
    add("big_big", tiffcp(rgb, "-8", "-B", "-c", "zip", "-r", "3"), noise(3))
    add("strips_of_a_row", tiffcp(rgb, "-r", "1", "-c", "lzw"), noise(3))
    large = rng.integers(0, 255, (80, 64, 1), dtype=np.uint8)
    large[60:] = large[:20]
    add("lzw_table_full", written(large, photometric="minisblack", compression="lzw"), large)
    flat = np.full((40, 60, 1), 3, np.uint8)
    add("lzw_flat", written(flat, photometric="minisblack", compression="lzw"), flat)
    add("zlib_flat", written(flat, photometric="minisblack", compression="zlib"), flat)


def colors():
    for planar in (False, True):
        planes = "_planar" if planar else ""
        # Pillow 13 takes the second plane of grey with alpha for the first, and planes of 16 bits for planes of 8.
        add("grey_alpha" + planes, written(noise(2), planar, photometric="minisblack", extrasamples=["unassalpha"]), noise(2), not planar)
        add("rgb" + planes, written(noise(3), planar, photometric="rgb", tile=(16, 32)), noise(3))
        add("rgba" + planes, written(noise(4), planar, photometric="rgb", extrasamples=["unassalpha"]), noise(4))
        add("rgbx" + planes, written(noise(4), planar, photometric="rgb", extrasamples=["unspecified"]), noise(4)[:, :, :3])
        add("rgba_and_more" + planes, written(noise(6), planar, photometric="rgb", extrasamples=["unassalpha", 0, 0]), noise(6)[:, :, :4])
        values = noise(4, np.uint16)
        add("rgba16" + planes, written(values, planar, photometric="rgb", extrasamples=["unassalpha"]), to_bytes(values), not planar)
        add("rgb16" + planes, written(values[:, :, :3], planar, photometric="rgb", compression="zlib"), to_bytes(values[:, :, :3]))
        ink = np.asarray(Image.fromarray(noise(4), "CMYK").convert("RGB"))
        add("cmyk" + planes, written(noise(4), planar, photometric="separated", compression="lzw"), ink)
    add("grey_and_more", written(noise(2), photometric="minisblack", extrasamples=["unspecified"]), noise(2)[:, :, :1])
    add("rgb_float", written(noise(3, np.float32), photometric="rgb"), to_bytes(noise(3, np.float32)))
    alpha = noise(4)
    alpha[:, :, :3] = alpha[:, :, :3].astype(int) * alpha[:, :, 3:] // 255
    alpha[2, 3] = (200, 100, 50, 40)  # more than there can be
    add("rgba_multiplied", written(alpha, photometric="rgb", extrasamples=["assocalpha"]))
    add("grey_alpha_multiplied", written(alpha[:, :, 2:][2 * HEIGHT // 3:], photometric="minisblack", extrasamples=["assocalpha"]))
    add("white_is_zero", written(noise(1), photometric="miniswhite"), 255 - noise(1))
    # Pillow 13 does not turn these.
    add("white_is_zero16", written(noise(1, np.uint16), photometric="miniswhite"), 255 - to_bytes(noise(1, np.uint16)), False)
    add("no_extra_samples", changed(saved(Image.fromarray(noise(4), "RGBA")), b"\x52\1\3\0\1\0\0\0\2", b"\x60\1\3\0\1\0\0\0\2"), noise(4))


def depths():
    for bits in range(1, 17):
        dtype = np.uint8 if bits <= 8 else np.uint16
        values = rng.integers(0, 1 << bits, (7, 11, 3)).astype(dtype)
        most = (1 << bits) - 1
        pixels = (values.astype(int) * 255 + most // 2) // most if bits <= 8 else values >> (bits - 8)
        pixels = pixels.astype(np.uint8)
        add("grey%d" % bits, written(values[:, :, :1], photometric="minisblack", bitspersample=bits), pixels[:, :, :1], bits != 12)
        add("white%d" % bits, written(values[:, :, :1], photometric="miniswhite", bitspersample=bits), 255 - pixels[:, :, :1], bits < 12)
        add("rgb%d" % bits, written(values, photometric="rgb", bitspersample=bits), pixels)
    add("black_white", saved(Image.fromarray(noise(1)[:, :, 0]).convert("1"), compression="packbits"))
    add("black_white_reversed", tiffcp(saved(Image.fromarray(noise(1)[:, :, 0]).convert("1")), "-f", "lsb2msb"))
    palette = rng.integers(0, 65536, (3, 256)).astype(np.uint16)
    indices = noise(1)
    add("palette", written(indices, photometric="palette", colormap=palette), (palette.T >> 8).astype(np.uint8)[indices[:, :, 0]])
    for colors_, bits in ((2, 1), (4, 2), (16, 4)):
        image = Image.fromarray(rng.integers(0, colors_, (9, 13), dtype=np.uint8), "P")
        image.putpalette(rng.integers(0, 256, 3 * colors_, dtype=np.uint8).tobytes())
        add("palette%d" % bits, packed_palette(image, bits))
    add("pillow_palette", saved(Image.fromarray(noise(3)).convert("P"), compression="tiff_lzw"))


def packed_palette(image, bits):
    """Written by Pillow with 8 bits, packed here: only the strip, the depth and the map differ."""
    values = np.asarray(image)
    rows = [np.packbits(((row[:, None] >> np.arange(bits)[::-1]) & 1).ravel()).tobytes() for row in values]
    colors_ = np.array(image.getpalette()[:3 << bits]).reshape(-1, 3).T.ravel() * 257
    file = io.BytesIO()
    image.save(file, "TIFF")
    tags = dict(Image.open(file).tag_v2)
    tags.update({258: (bits,), 279: len(b"".join(rows)), 320: tuple(int(c) for c in colors_)})
    from PIL import TiffImagePlugin
    out = io.BytesIO()
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in tags.items():
        directory[tag] = value
    directory[273] = 0
    start = directory.save(out)
    out.write(b"".join(rows))
    data = bytearray(out.getvalue())
    at = data.index(b"\x11\1")  # StripOffsets
    data[at + 8:at + 12] = (len(data) - len(b"".join(rows))).to_bytes(4, "little")
    return bytes(data)


def jpegs():
    y, x = np.mgrid[0:37, 0:50]
    rgb = np.stack([x * 5, y * 6, (x + y) * 2], 2).astype(np.uint8)
    file, grey = saved(Image.fromarray(rgb)), saved(Image.fromarray(rgb[:, :, 0]))
    for name, options in (("ycc", ["jpeg", "-r", "48"]), ("rgb", ["jpeg:r", "-r", "48"]), ("ycc_strips", ["jpeg", "-r", "16"]), ("rgb_strips", ["jpeg:r", "-r", "8"]),
                          ("ycc_tiles", ["jpeg", "-t", "-w", "32", "-l", "48"]), ("planar", ["jpeg:r", "-p", "separate", "-r", "48"])):
        add("jpeg_" + name, tiffcp(file, "-c", *options))
    add("jpeg_grey", tiffcp(grey, "-c", "jpeg", "-r", "48"))
    add("jpeg_grey_tiles", tiffcp(grey, "-c", "jpeg", "-t", "-w", "32", "-l", "16"))
    add("jpeg_pillow", saved(Image.fromarray(rgb), compression="jpeg", quality=90))
    add("jpeg_rgba", saved(Image.fromarray(np.dstack([rgb, rgb[:, ::-1, 1]])), compression="jpeg"))
    add("jpeg_cmyk", saved(Image.fromarray(np.dstack([rgb, rgb[:, ::-1, 1]]), "CMYK"), compression="jpeg"))


def orientations():
    rgb = Image.fromarray(noise(3, height=5, width=7))
    for orientation in range(1, 10):
        add("orientation%d" % orientation, saved(rgb, tiffinfo={274: orientation}))
    add("orientation6_big", saved(rgb, tiffinfo={274: 6}, big_tiff=True, compression="tiff_lzw"))
    add("two_pages", saved(rgb, save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)]))


packings()
colors()
depths()
jpegs()
orientations()
image_cases.write("tiff.bin", cases)

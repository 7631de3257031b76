"""What Pillow and libpng make of a PNG, in one layout: RGBA, 8 bits, rows from the top.

libpng is called through ctypes with the transformations that libcenterloss promises: palettes and
tRNS expanded, fewer than 8 bits scaled, 16 bits cut to the upper 8. Pillow reads PNG with zlib and
code of its own, so the two are independent witnesses.
"""
import collections
import ctypes
import io
import os
import zlib

import numpy
from PIL import Image

Picture = collections.namedtuple("Picture", "width height channels crc rgba")
SMALL = 1 << 16  # only up to that many bytes the pixels are kept

PNG = ctypes.CDLL("libpng16.so.16")
ERROR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
READ = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
for name in ("png_create_read_struct", "png_create_info_struct", "png_get_libpng_ver"):
    getattr(PNG, name).restype = ctypes.c_void_p
PNG.png_get_libpng_ver.restype = ctypes.c_char_p


def libpng_in_child(data, answer):
    """Writes one line for the pixels and one for the end; the first error ends the process."""

    def fail(_, message):
        os.write(answer, b"error " + message + b"\n")
        os._exit(0)

    at = [0]

    def read(png, to, size):
        if at[0] + size > len(data):
            PNG.png_error(ctypes.c_void_p(png), b"Read Error")
        ctypes.memmove(to, data[at[0]:at[0] + size], size)
        at[0] += size

    callbacks = ERROR(fail), ERROR(lambda *_: None), READ(read)
    png = ctypes.c_void_p(PNG.png_create_read_struct(PNG.png_get_libpng_ver(None), None,
                                                     callbacks[0], callbacks[1]))
    info = ctypes.c_void_p(PNG.png_create_info_struct(png))
    PNG.png_set_read_fn(png, None, callbacks[2])
    PNG.png_set_user_limits(png, 0x7fffffff, 0x7fffffff)
    PNG.png_read_info(png, info)
    color_type = PNG.png_get_color_type(png, info)
    channels = 3 if color_type == 3 else PNG.png_get_channels(png, info)
    if PNG.png_get_valid(png, info, 0x10):  # PNG_INFO_tRNS
        channels += 1
    PNG.png_set_expand(png)
    PNG.png_set_strip_16(png)
    PNG.png_set_gray_to_rgb(png)
    PNG.png_set_add_alpha(png, 255, 1)  # PNG_FILLER_AFTER
    PNG.png_set_interlace_handling(png)
    PNG.png_read_update_info(png, info)
    width = PNG.png_get_image_width(png, info)
    height = PNG.png_get_image_height(png, info)
    if width * height > 1 << 28:
        fail(None, b"more than 2^28 pixels")
    pixels = ctypes.create_string_buffer(4 * width * height)
    start = ctypes.addressof(pixels)
    rows = (ctypes.c_void_p * height)(*(start + 4 * width * y for y in range(height)))
    PNG.png_read_image(png, rows)
    rgba = pixels.raw.hex() if len(pixels) <= SMALL else ""
    line = f"pixels {width} {height} {channels} {zlib.crc32(pixels)} {rgba}\n"
    with os.fdopen(os.dup(answer), "w") as out:
        out.write(line)
    PNG.png_read_end(png, info)
    os.write(answer, b"end\n")
    os._exit(0)


def libpng(data):
    """(Picture or None, None or the error): both where the error came behind the pixels."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        libpng_in_child(data, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        lines = pipe.read().decode().splitlines()
    os.waitpid(child, 0)
    picture = error = None
    for line in lines:
        if line.startswith("pixels "):
            words = line.split(" ")
            picture = Picture(*map(int, words[1:5]), bytes.fromhex(words[5]))
        if line.startswith("error "):
            error = line[6:]
    return picture, error


def pillow(data):
    """(Picture without channels, None), or (None, the error)."""
    Image.MAX_IMAGE_PIXELS = None
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()
    except Exception as error:
        return None, f"{type(error).__name__}: {error}".splitlines()[0]
    if image.mode.startswith("I"):
        # 16-bit grey. Pillow's convert("L") clips to 255; the upper 8 bits are value >> 8.
        high = (numpy.asarray(image).astype(numpy.int64) >> 8).astype(numpy.uint8)
        image = Image.fromarray(high)
    rgba = image.convert("RGBA").tobytes()
    return Picture(image.width, image.height, None, zlib.crc32(rgba), rgba), None

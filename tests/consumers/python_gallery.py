"""Keeps a gallery with Python's ctypes, and reads its file with numpy.

    python_gallery.py LIBRARY
"""
import ctypes
import hashlib
import json
import sys
import tempfile
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_float, c_int, c_size_t, c_uint8, c_void_p

import numpy

lib = ctypes.CDLL(sys.argv[1])
D = 3


class cen_error(Structure):
    _fields_ = [("status", c_int), ("message", c_char * 512)]


class cen_gallery_row(Structure):
    _fields_ = [("name", c_char_p), ("source", c_char_p), ("digest", c_uint8 * 16), ("is_negative", c_bool),
                ("feature", POINTER(c_float))]


class cen_gallery_options(Structure):
    _fields_ = [("size", c_size_t), ("d", c_size_t), ("metric", c_int), ("model", c_char_p)]


def need(function, *arguments):
    error = cen_error()
    if function(*arguments, byref(error)) != 0:
        raise RuntimeError(error.message.decode())


def read_gallery(path):
    """What tools/README.md shows: the arrays of all segments of an open file, one by one."""
    features, names, sources, digests, negatives = [], [], [], [], []
    with open(path, "rb") as file:
        while file.peek(1):
            info = json.loads(numpy.load(file).tobytes())
            state, numbers, rows, negative, places, text = [numpy.load(file) for _ in range(6)]
            text = text.tobytes()
            names += [text[i:text.index(0, i)].decode() for i in places]
            sources += [text[i:text.index(0, i)].decode() for i in rows["source"]]
            negatives += [len(digests) + i for i in negative]
            digests += [row.tobytes() for row in rows["digest"]]
            features += [(names[i], x) for i, x in zip(rows["name"], numbers)]
    return info, features, sources, digests, negatives


rows = [("anna", "a/1.png", (1, 2, 3), False), ("bo", "", (4, 5, 6), False), ("anna", "a/2.png", (7, 8, 9.5), True),
        ("Zoë", "z.png", (0, -1, 1e-9), False), ("bo", "b.png", (2, 2, 2), True)]
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/people.gallery"
    gallery = c_void_p()
    options = cen_gallery_options(size=ctypes.sizeof(cen_gallery_options), d=D, metric=1, model=b"a/model")
    need(lib.cen_gallery_create, None, byref(gallery), byref(options))
    for i, (name, source, feature, is_negative) in enumerate(rows):
        digest = (c_uint8 * 16)(*hashlib.blake2b(source.encode(), digest_size=16).digest())
        row = cen_gallery_row(name.encode(), source.encode(), digest, is_negative, (c_float * D)(*feature))
        need(lib.cen_gallery_add, gallery, byref(row), c_size_t(1))
        if i > 1:
            need(lib.cen_gallery_save, gallery, path.encode())  # the first, and then segments of one row
    lib.cen_gallery_free(gallery)
    info, features, sources, digests, negatives = read_gallery(path)
assert (info["format"], info["metric"], info["d"], info["model"]) == ("centerloss gallery 1", "cosine", D, "a/model")
assert [name for name, _ in features] == [row[0] for row in rows]
assert all((x == numpy.float32(row[2])).all() for (_, x), row in zip(features, rows))
assert sources == [row[1] for row in rows]
assert digests == [hashlib.blake2b(row[1].encode(), digest_size=16).digest() for row in rows]
assert negatives == [2, 4]
print(f"numpy: {len(rows)} rows of a gallery")

#!/usr/bin/python3
"""Small JPEG files of every kind beside what Pillow (libjpeg-turbo) makes of them, whole and at 1/2,
1/4 and 1/8. The number of a case says whether a warning is due; behind the file come lines of
reduction, width, height, channels and CRC-32 of the pixels. Run with Debian's python3-pil, python3-numpy and libjpeg-turbo-progs (cjpeg):
tests/golden/jpeg.py writes tests/golden/jpeg.bin."""
import io
import os
import subprocess
import tempfile

import numpy as np
from PIL import Image

import image_cases
from jpeg_reference import pillow

cases = []


def scene(height, width):
    """Slopes, an edge, a disc and some noise."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    red = 255 * x / max(width - 1, 1)
    green = np.where((x - width / 3) ** 2 + (y - height / 2) ** 2 < height ** 2 / 9, 230, 40)
    blue = np.where(x + y > (width + height) / 2, 200, 255 * y / height)
    noisy = np.stack([red, green, blue], 2) + rng.normal(0, 12, (height, width, 1))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def cjpeg(*options, height=29, width=37, scans=None):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "scene.ppm")
        Image.fromarray(scene(height, width)).save(source)
        if scans:
            with open(os.path.join(folder, "scans"), "w") as file:
                file.write(scans)
            options += ("-scans", file.name)
        return subprocess.run(["cjpeg", "-quality", "60", *options, source], capture_output=True, check=True).stdout


def cmyk(transform):
    """Pillow writes CMYK; with the transform 2 of Adobe's marker the same bytes are YCCK."""
    out = io.BytesIO()
    ink = np.concatenate([scene(17, 23), scene(17, 23)[::-1, :, :1]], 2)
    Image.fromarray(ink, "CMYK").save(out, "JPEG", quality=60)
    data = bytearray(out.getvalue())
    data[data.index(b"Adobe") + 11] = transform
    return bytes(data)


def markers(data):
    """(code, begin, end) of each segment up to the first scan."""
    at = 2
    while data[at + 1] != 0xda:
        end = at + 2 + int.from_bytes(data[at + 2:at + 4], "big")
        yield data[at + 1], at, end
        at = end


def without(data, code):
    """The file without its segments of one kind."""
    for found, begin, end in reversed(list(markers(data))):
        if found == code:
            data = data[:begin] + data[end:]
    return data


def scan_begins(data):
    """Where the tables of each scan begin: behind the entropy-coded bytes of the one before."""
    return [i for i in range(2, len(data) - 1) if data[i] == 255 and data[i + 1] in (0xc4, 0xda)]


def add(name, data, reductions=(1,), warned=False):
    answers = ""
    for reduction in reductions:
        found, refusal, black = pillow(data, reduction)
        assert found and not black, (name, refusal)
        answers += " ".join(map(str, (reduction, *found))) + "\n"
    cases.append((name, (int(warned),), data, answers.encode()))


def main():
    every = (1, 2, 4, 8)
    add("grey", cjpeg("-grayscale"), every)
    add("grey_sampling_2x2", cjpeg("-grayscale", "-sample", "2x2"))
    add("444", cjpeg("-sample", "1x1"), every)
    add("422", cjpeg("-sample", "2x1"), every)
    add("420", cjpeg("-sample", "2x2"), every)
    add("440", cjpeg("-sample", "1x2"), every)
    add("411", cjpeg("-sample", "4x1"), every)
    add("410", cjpeg("-sample", "4x2"), every)
    add("triple", cjpeg("-sample", "3x1"), every)
    add("mixed", cjpeg("-sample", "2x2,1x2,2x1"), every)
    add("fine_colour", cjpeg("-sample", "1x1,2x2,2x2"), every)
    add("rgb", cjpeg("-rgb"))
    add("best", cjpeg("-quality", "100", "-sample", "1x1"))
    add("worst", cjpeg("-quality", "3"))
    add("long_codes", cjpeg("-quality", "98", "-optimize", height=48, width=64))
    for width, height in ((1, 1), (2, 3), (3, 2), (8, 8), (16, 16), (17, 9), (64, 1), (130, 7)):
        add(f"420_{width}x{height}", cjpeg(height=height, width=width))
        add(f"422_{width}x{height}", cjpeg("-sample", "2x1", height=height, width=width))
    add("cmyk", cmyk(0))
    add("ycck", cmyk(2))
    add("restart", cjpeg("-restart", "1B"), every)
    add("restart_rows", cjpeg("-restart", "1"))
    add("three_scans", cjpeg(scans="0;1;2;"), every)
    add("two_scans", cjpeg("-restart", "3B", scans="1 2;0;"))
    add("motion_jpeg", without(cjpeg(), 0xc4))
    add("stuffed", cjpeg().replace(b"\xff\xdb", b"\xff\xff\xff\xdb").replace(b"\xff\xc4", b"junk\xff\xff\xc4"))

    progressive = cjpeg("-progressive")
    add("progressive", progressive, every)
    add("progressive_444", cjpeg("-progressive", "-sample", "1x1"))
    add("progressive_grey", cjpeg("-progressive", "-grayscale"))
    add("progressive_restart", cjpeg("-progressive", "-restart", "2B"))
    for n, begin in enumerate(scan_begins(progressive)[3:], 3):
        if progressive[begin + 1] == 0xda:
            continue
        add(f"unfinished_{n}", progressive[:begin] + b"\xff\xd9")
    narrow = cjpeg("-progressive", "-sample", "1x1", width=16)
    add("unfinished_narrow", narrow[:scan_begins(narrow)[4]] + b"\xff\xd9")

    baseline = cjpeg("-sample", "1x1")
    add("cut", baseline[:len(baseline) * 2 // 3], every, warned=True)
    add("no_end", baseline[:-2], warned=True)
    restarts = cjpeg("-restart", "1B", "-sample", "1x1")
    scan = restarts.index(b"\xff\xda")
    second = restarts.index(b"\xff\xd1", scan)
    third = restarts.index(b"\xff\xd2", scan)
    add("restart_lost", restarts[:second] + restarts[third:], warned=True)
    add("restart_twice", restarts[:second] + b"\xff\xd0" + restarts[second:], warned=True)
    add("restart_cut", restarts[:second - 4] + restarts[second:], warned=True)
    add("progressive_cut", progressive[:scan_begins(progressive)[-1] + 30], warned=True)
    image_cases.write("jpeg.bin", cases)


main()

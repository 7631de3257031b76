"""Draws 30 kinds of signs, 20 pictures of each, into a new folder: 16 arrows and 14 texts, which have no mirror images.
Needs numpy and Pillow 10.1. Run: python3 data/signs.py DIR"""
import math
import os
import sys

import numpy
from PIL import Image, ImageDraw, ImageFont

TEXTS = ["20", "30", "50", "60", "70", "80", "100", "120", "P", "R", "E4", "B", "STOP", "7.5"]
ARROWS, EACH, SIDE = 16, 20, 96
random = numpy.random.RandomState(3)


def draw_arrow(pen, kind):
    """The second eight have one barb only."""
    turn = 2 * math.pi * (kind % 8) / 8 + (0 if kind < 8 else 0.2)
    x, y = 48 + 28 * math.cos(turn), 48 + 28 * math.sin(turn)
    pen.line((48 - 28 * math.cos(turn), 48 - 28 * math.sin(turn), x, y), fill=0, width=8)
    for barb in (2.6, -2.6) if kind < 8 else (2.6,):
        pen.line((x, y, x + 18 * math.cos(turn + barb), y + 18 * math.sin(turn + barb)), fill=0, width=8)


for kind in range(ARROWS + len(TEXTS)):
    folder = os.path.join(sys.argv[1], ("arrow%02d" if kind < ARROWS else "text%02d") % kind)
    os.makedirs(folder)
    for i in range(EACH):
        image = Image.new("L", (SIDE, SIDE), int(random.uniform(40, 120)))
        pen = ImageDraw.Draw(image)
        pen.ellipse((8, 8, 88, 88), fill=int(random.uniform(150, 255)), outline=0, width=6)
        if kind < ARROWS:
            draw_arrow(pen, kind)
        else:
            text = TEXTS[kind - ARROWS]
            font = ImageFont.load_default(size=44 if len(text) < 3 else 30)
            pen.text((48, 48), text, fill=0, font=font, anchor="mm")
        image = image.rotate(random.uniform(-8, 8), resample=Image.BILINEAR,
                             translate=(int(random.uniform(-6, 6)), int(random.uniform(-6, 6))))
        grey = numpy.asarray(image.resize((48, 48), Image.BILINEAR), numpy.float32)
        grey = grey * random.uniform(.4, 1) + random.normal(0, 12, grey.shape)
        Image.fromarray(numpy.clip(grey, 0, 255).astype(numpy.uint8)).save(os.path.join(folder, "%02d.png" % i))

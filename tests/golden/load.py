"""Makes the pictures and the golden numbers of test_load with Pillow and numpy: resized as torchvision's
Resize + CenterCrop (or stretched), then ToTensor and Normalize. Run in this folder: /usr/bin/python3 load.py"""
import os
import numpy
from PIL import Image

MEAN = numpy.array([0.485, 0.456, 0.406], numpy.float32)
STD = numpy.array([0.229, 0.224, 0.225], numpy.float32)


def crop(image, height, width):
    if height * image.width >= width * image.height:  # as torchvision does, the longer side is cut
        size = (height * image.width // image.height, height)
    else:
        size = (width, width * image.height // image.width)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    return image.crop((left, top, left + width, top + height))


def stretch(image, height, width):
    return image.resize((width, height), Image.Resampling.BILINEAR)


def normalise(image):
    x = numpy.asarray(image, numpy.float32).reshape(image.height, image.width, -1) / numpy.float32(255)
    return ((x - MEAN[: x.shape[2]]) / STD[: x.shape[2]]).transpose(2, 0, 1)


rng = numpy.random.default_rng(1)
y, x = numpy.mgrid[0:23, 0:17]
waves = [127 + 90 * numpy.sin(x / 3 + y / (2 + c)) + rng.integers(-30, 31, (23, 17)) for c in range(3)]
rgb = Image.fromarray(numpy.clip(numpy.stack(waves, 2), 0, 255).astype(numpy.uint8))
grey = Image.fromarray(rng.integers(0, 256, (14, 31)).astype(numpy.uint8))
os.makedirs("load/colour", exist_ok=True)
os.makedirs("load/grey", exist_ok=True)
rgb.save("load/colour/rgb.ppm")
grey.save("load/grey/grey.pgm")

with open("load/numbers.bin", "wb") as out:  # float32, little-endian
    for image in rgb, grey:
        out.write(normalise(crop(image.convert("RGB"), 12, 10)).astype("<f4").tobytes())
    for image in rgb, grey:
        out.write(normalise(stretch(image.convert("L"), 9, 11)).astype("<f4").tobytes())
    out.write(normalise(rgb).astype("<f4").tobytes())

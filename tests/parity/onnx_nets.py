#!/usr/bin/python3
"""Every preset and every kind of layer as ONNX, read by onnx.checker, ONNX Runtime and OpenCV's dnn.

    pip install onnx onnxruntime opencv-python-headless pillow
    python3 tests/parity/onnx_nets.py BUILD PICTURES [-n 1000]

BUILD is a folder with the tools, PICTURES one with images in folders of classes. Each net is trained for 10 steps, with
flips. Printed is the largest difference of a feature's number from that of cl_features, over the largest number of that
feature (if that is not 0), with batches of 1 and of 14. Exit code 1 if one is over 1e-5."""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import onnx
import onnxruntime
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from onnx_runtime import CASES  # noqa: E402

PRESETS = [("small", (3, 64, 64)), ("article", (3, 224, 224)), ("lenet++", (1, 28, 28)),
           ("mobilefacenet", (3, 112, 112))]
NETS = [(name, name, shape) for name, shape in PRESETS]
NETS += [(name, net, shape) for name, net, shape, *_ in CASES if name != net]
CLASSES = 4


def crop(paths, folder, shape):
    """PNG files of the input's size, and their bytes [n, h, w, c] in the order of their names."""
    channels, height, width = shape
    pixels = []
    for i, path in enumerate(paths):
        image = Image.open(path).convert("RGB" if channels == 3 else "L").resize((width, height), Image.BILINEAR)
        os.makedirs(os.path.join(folder, str(i % CLASSES)), exist_ok=True)
        image.save(os.path.join(folder, str(i % CLASSES), "%06d.png" % i))
        pixels.append(np.asarray(image).reshape(height, width, channels))
    return np.stack(pixels)


def by_opencv(path):
    net = cv2.dnn.readNetFromONNX(path)

    def run(part):
        net.setInput(part.copy())
        return net.forward()

    return run


def by_runtime(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda part: session.run(["feature"], {"image": part})[0]


def row(name, net, shape, build, paths):
    with tempfile.TemporaryDirectory() as work:
        folder, run, path = (os.path.join(work, part) for part in ("pictures", "run", "net.onnx"))
        pixels = crop(paths, folder, shape)
        train = [os.path.join(build, "cl_train"), folder, "--net", net, "-o", run, "--stop-after", "10", "-q"]
        train += ["--image-size", "%dx%d" % shape[1:], "--channels", str(shape[0]), "--resize", "stretch"]
        train += ["--batch-size", "16", "--val-split", "0", "--no-report", "--flip", "--lr", "1e-4", "-t", "1"]
        subprocess.run(train, check=True)
        subprocess.run([os.path.join(build, "cl_export"), run, "-o", path], check=True)
        features = [os.path.join(build, "cl_features"), run, folder, "-o", work + "/f.npy", "-q", "-t", "1"]
        subprocess.run(features, check=True)
        with open(work + "/f.tsv", encoding="utf-8") as file:
            rows = [int(os.path.basename(line.split("\t")[1])[:6]) for line in list(file)[1:]]
        ours = np.empty_like(np.load(work + "/f.npy"))
        ours[rows] = np.load(work + "/f.npy")
        onnx.checker.check_model(onnx.load(path), full_check=True)
        found = []
        for make in (by_runtime, by_opencv):
            for batch in (1, 14):
                run = make(path)
                answer = np.concatenate([run(pixels[at:at + batch]) for at in range(0, len(pixels), batch)])
                largest = np.abs(ours).max(1)  # 0 if no relu of the last layer passes anything
                found.append((np.abs(answer - ours).max(1) / np.where(largest > 0, largest, 1)).max())
    print("| %s | %d | %s |" % (name, len(pixels), " | ".join("%.1e" % value for value in found)), flush=True)
    return max(found) < 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("pictures")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--net", help="only the nets whose names begin so")
    options = parser.parse_args()
    paths = sorted(glob.glob(os.path.join(options.pictures, "**", "*.*"), recursive=True))
    paths = [path for path in paths if path.lower().endswith((".jpg", ".png", ".pgm"))]
    paths = paths[:: max(1, len(paths) // options.n)][: options.n]
    cv2.setNumThreads(1)
    print("onnx %s, ONNX Runtime %s, OpenCV %s" % (onnx.__version__, onnxruntime.__version__, cv2.__version__))
    print("| net | pictures | Runtime, 1 | Runtime, 14 | OpenCV, 1 | OpenCV, 14 |\n|---|---|---|---|---|---|")
    nets = [net for net in NETS if net[0].startswith(options.net or "")]
    return 0 if all([row(*net, options.build, paths) for net in nets]) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Every preset and every kind of layer as ONNX, read by onnx.checker, ONNX Runtime and OpenCV's dnn.

    pip install onnx onnxruntime opencv-python-headless pillow torch
    python3 tests/parity/onnx_nets.py BUILD PICTURES [-n 1000]

BUILD is a folder with the tools, PICTURES one with images in folders of classes. Each net is trained for 10 steps, with
flips. Printed is the largest difference of a feature's number from that of cl_features, over the largest number of that
feature (if that is not 0), with batches of 1 and of 14; "of all" is the largest of these differences over the largest
number of all features. The last columns are how far cl_features and ONNX Runtime are from a float64 computation, that of
the module which tools/to_torch.py makes. Exit code 1 if a difference is over 1e-5. If ONNX Runtime's from float64 is
so, too, as float32 is, "of all" is judged."""
import argparse
import glob
import importlib.util
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
from onnx_runtime import CASES  # noqa: E402

PRESETS = [("small", (3, 64, 64)), ("article", (3, 224, 224)), ("lenet++", (1, 28, 28)),
           ("mobilefacenet", (3, 112, 112))]
NETS = [(name, name, shape) for name, shape in PRESETS]
NETS += [(name, net, shape) for name, net, shape, *_ in CASES if name != net]
CLASSES, MOST = 4, 1e-5


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


def by_float64(work, pixels):
    """Features of work/run, by PyTorch in double."""
    to_torch = os.path.join(HERE, "..", "..", "tools", "to_torch.py")
    convert = [sys.executable, to_torch, work + "/run", "-o", work + "/net.pth"]
    subprocess.run(convert, check=True, stdout=subprocess.DEVNULL)
    spec = importlib.util.spec_from_file_location("net", work + "/net.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net = module.Net()
    net.load_state_dict(torch.load(work + "/net.pth", weights_only=True))
    net.double().eval()
    x = torch.from_numpy(pixels.transpose(0, 3, 1, 2) / 255)
    with torch.no_grad():
        return torch.cat([net(part) for part in x.split(14)]).numpy()


def apart(answer, ours, axis=1):
    """The largest difference of a number over the largest number of that feature; axis None: of all features."""
    largest = np.abs(ours).max(axis)  # 0 if no relu of the last layer passes anything
    return (np.abs(answer - ours).max(axis) / np.where(largest > 0, largest, 1)).max()


def train(net, shape, build, work):
    """Trains a run on work/pictures, writes it as work/net.onnx, and returns the features of cl_features."""
    folder, run = work + "/pictures", work + "/run"
    command = [os.path.join(build, "cl_train"), folder, "--net", net, "-o", run, "--stop-after", "10", "-q"]
    command += ["--image-size", "%dx%d" % shape[1:], "--channels", str(shape[0]), "--resize", "stretch"]
    command += ["--batch-size", "16", "--val-split", "0", "--no-report", "--flip", "--lr", "1e-4", "-t", "1"]
    subprocess.run(command, check=True)
    subprocess.run([os.path.join(build, "cl_export"), run, "-o", work + "/net.onnx"], check=True)
    features = [os.path.join(build, "cl_features"), run, folder, "-o", work + "/f.npy", "-q", "-t", "1"]
    subprocess.run(features, check=True)
    with open(work + "/f.tsv", encoding="utf-8") as file:
        rows = [int(os.path.basename(line.split("\t")[1])[:6]) for line in list(file)[1:]]
    ours = np.empty_like(np.load(work + "/f.npy"))
    ours[rows] = np.load(work + "/f.npy")
    return ours


def row(name, net, shape, build, paths):
    answers = []
    with tempfile.TemporaryDirectory() as work:
        pixels = crop(paths, work + "/pictures", shape)
        ours = train(net, shape, build, work)
        onnx.checker.check_model(onnx.load(work + "/net.onnx"), full_check=True)
        for make in (by_runtime, by_opencv):
            for batch in (1, 14):
                compute = make(work + "/net.onnx")
                parts = [compute(pixels[at:at + batch]) for at in range(0, len(pixels), batch)]
                answers.append(np.concatenate(parts))
        exact = by_float64(work, pixels)
    found = [apart(answer, ours) for answer in answers]
    of_all = max(apart(answer, ours, None) for answer in answers)
    limits = [apart(ours, exact), apart(answers[0], exact)]
    columns = " | ".join("%.1e" % value for value in found + [of_all] + limits)
    print("| %s | %d | %s |" % (name, len(pixels), columns), flush=True)
    return (of_all if limits[1] > MOST else max(found)) < MOST


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
    print("| net | pictures | Runtime, 1 | Runtime, 14 | OpenCV, 1 | OpenCV, 14 | of all | ours, float64 |"
          " Runtime, float64 |\n|---|---|---|---|---|---|---|---|---|")
    torch.set_num_threads(1)
    nets = [net for net in NETS if net[0].startswith(options.net or "")]
    return 0 if all([row(*net, options.build, paths) for net in nets]) else 1


if __name__ == "__main__":
    sys.exit(main())

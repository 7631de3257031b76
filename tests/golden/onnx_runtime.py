"""What ONNX Runtime makes of our ONNX files, for tests/unit/test_onnx.c.

    python3 tests/golden/onnx_runtime.py start          writes tests/golden/onnx.h without values
    build/tests/test_onnx FOLDER
    python3 tests/golden/onnx_runtime.py FOLDER         checks the files and writes tests/golden/onnx.h

Needs onnx and onnxruntime (made with 1.23 and 1.32). Each file goes through onnx.checker; its test picture gives the
feature alone and as one of 14 pictures, and also by OpenCV's dnn if cv2 is there."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# name, net, shape, mirror, unit length
CASES = [
    ("windows", "conv 8 3x5 stride 2x1 pad 1x2, prelu, maxpool 3x2 stride 2x1 pad 1, conv 8 3x3 pad 1 groups 4, "
     "relu6, batchnorm, flatten, dense 10, prelu", (3, 12, 16), True, False),
    ("residuals", "conv 8 3x3 pad 1, gelu, residual {conv 8 3x3 pad 1, batchnorm, relu, conv 8 3x3 pad 1 | conv 8 1x1}, "
     "residual {residual {conv 8 1x1, relu}, gelu}, avgpool 3 stride 2 pad 1, gap, dense 12, batchnorm, l2norm scale 8",
     (3, 12, 16), True, False),
    ("learned_length", "conv 8 3x3, relu, gap, l2norm", (1, 9, 7), True, False),
    ("flat_branches", "conv 8 3x3, relu, residual {gap, dense 8 | gap}, dropout 0.5, dense 6, l2norm", (1, 9, 7), False,
     False),
    ("flat_shortcut", "conv 4 3x3, relu, residual {gap | gap, flatten}, relu", (1, 9, 7), False, True),
    ("article", "article", (3, 24, 24), False, False),
    ("planes", "conv 4 3x3, relu, gap", (3, 5, 8), False, False),
]


def write(lines):
    with open(os.path.join(HERE, "onnx.h"), "w") as file:
        file.write("/* Made by golden/onnx_runtime.py. */\n/* clang-format off */\n" + "\n".join(lines) +
                   "\n/* clang-format on */\n")


def start(case, digest=0, feature=()):
    name, net, (c, h, w), mirror, unit = case
    numbers = ", ".join("%.9g" % x for x in feature) or "0"
    return '{"%s", "%s", %d, %d, %d, %s, %s, 0x%xu, %d, {%s}},' % (
        name, net, c, h, w, str(mirror).lower(), str(unit).lower(), digest, len(feature), numbers)


def check(path):
    import numpy as np
    import onnx
    import onnxruntime
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    notes = {note.key: note.value for note in model.metadata_props}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape[1:]
    picture = np.frombuffer(bytes.fromhex(notes["test_image"]), np.uint8).reshape(1, *shape)
    feature = session.run(None, {"image": picture})[0][0]
    many = np.random.RandomState(0).randint(0, 256, (14, *shape)).astype(np.uint8)
    many[3] = picture[0]
    ours = np.array(notes["test_feature"].split(), np.float32)
    answers = {"our feature": ours, "one of 14": session.run(None, {"image": many})[0][3]}
    try:
        import cv2
        net = cv2.dnn.readNetFromONNX(path)
        net.setInput(picture.copy())
        answers["OpenCV"] = net.forward()[0]
    except ImportError:
        pass
    for name, answer in answers.items():
        difference = np.abs(answer - feature).max() / np.abs(feature).max()
        print("%-40s %-12s %.1e" % (path, name, difference))
        assert difference < 1e-5
    return feature


def digest(path):
    data = open(path, "rb").read()
    end = data.rindex(b"net", 0, data.rindex(b"test_image")) + 3
    end += 1
    while data[end] & 0x80:
        end += 1
    value = 0xcbf29ce484222325
    for byte in data[:end + 1]:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return value


if __name__ == "__main__":
    if sys.argv[1] == "start":
        write([start(case) for case in CASES])
    else:
        files = [os.path.join(sys.argv[1], case[0] + ".onnx") for case in CASES]
        write([start(case, digest(file), check(file)) for case, file in zip(CASES, files)])

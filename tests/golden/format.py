"""Makes the golden files of test_json, test_safetensors and test_features with Python's json and csv
and with numpy. Run in this folder: /usr/bin/python3 format.py"""
import csv, io, json, struct
import numpy
from safetensors_reader import read

rng = numpy.random.default_rng(1)


def c_string(text):
    data = text.encode() if isinstance(text, str) else text
    return '"' + "".join(f"\\{b:03o}" if b < 32 or b > 126 or b in b'"\\?' else chr(b) for b in data) + '"'


def numbers():
    doubles = [0.1, 1 / 3, 1e22, 1e23, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 123456.0,
               1e15, 1e16, 1e17, -2.5, 3e-310, 0.30000000000000004, 9007199254740993.0, -0.0]
    bits = rng.integers(0, 2**64, 60, dtype=numpy.uint64)
    doubles += [x for x in bits.view(numpy.float64).tolist() if numpy.isfinite(x)]
    floats = [0.1, 1 / 3, 1e-45, 1.1754944e-38, 3.4028235e38, 16777216, -7.5, 1e10, 8.589973e9, 3e-39, 0]
    bits = rng.integers(0, 2**32, 60, dtype=numpy.uint32)
    floats = [numpy.float32(x) for x in floats] + [x for x in bits.view(numpy.float32) if numpy.isfinite(x)]
    out = "/* Value and shortest decimal: Python's repr, numpy's float32. */\n"
    out += "static const struct {\n    double value;\n    const char *text;\n} golden_doubles[] = {\n"
    out += "".join(f'    {{{x.hex()}, "{x!r}"}},\n' for x in doubles) + "};\n"
    out += "static const struct {\n    float value;\n    const char *text;\n} golden_floats[] = {\n"
    out += "".join(f'    {{{float(x).hex()}f, "{x!s}"}},\n' for x in floats) + "};\n"
    return out


def strings():
    texts = ["", "plain", 'quote " backslash \\ slash /', "\b\f\n\r\t\x01\x1f\x7f", "Zürich 東京 😀 \u2028",
             "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"]
    out = "/* A text, json.dumps(text, ensure_ascii=False), and json.dumps(text). */\n"
    out += "static const char *const golden_strings[][3] = {\n"
    for text in texts:
        written = [text, json.dumps(text, ensure_ascii=False), json.dumps(text)]
        out += "    {" + ",\n     ".join(map(c_string, written)) + "},\n"
    return out + "};\n"


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def f32(array):
    array = numpy.asarray(array, "<f4")
    return "F32", list(array.shape), array.tobytes()


def safetensors():
    halves = numpy.array([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3C00, 0xBC00, 0x3555, 0x7BFF, 0xFBFF, 0x7C00,
                          0xFC00, 0x1234, 0x5678], "<u2")
    doubles = numpy.array([0, -0.0, 0.1, 1e300, -1e300, 1e-46, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 1e-40,
                           numpy.inf, 3.4028235677973366e38], "<f8")
    with numpy.errstate(over="ignore"):
        pairs = {"half": (("F16", [15], halves.tobytes()), halves.view("<f2")),
                 "bfloat": (("BF16", [3, 5], halves.tobytes()),
                            (halves.astype("<u4") << 16).view("<f4").reshape(3, 5)),
                 "double": (("F64", [11], doubles.tobytes()), doubles.astype("<f4"))}
        tensors = {}
        for name, (stored, expected) in pairs.items():
            tensors[name] = stored
            tensors[name + ".expected"] = f32(expected)
    write_safetensors("format_dtypes.safetensors", tensors, {})
    tensors = {"body.0.weight": f32(numpy.arange(24).reshape(2, 3, 2, 2) / 8), "scalar": f32(1.5),
               "empty": f32(numpy.zeros((0, 3))), "größe": f32([-1, 0.1])}
    write_safetensors("format_plain.safetensors", tensors,
                      {"format": "pt", "classes": '["a","ö\\n"]', "": "empty key"})
    assert read("format_plain.safetensors")[0]["body.0.weight"][1, 2, 1, 1] == 23 / 8


# As in test_features.c: path, label, class, split.
ROWS = [("a/plain.png", 0, "a", "train"), ("tab\there, comma", 1, "new\nline", "val"),
        ('quote"quote', 2, "back\\slash", ""), ("größe\r.png", -1, "", "")]


def escape(text):
    return str(text).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def escape_csv(text):
    """No field holds a control character: '\\ stands before one with the escapes of a .tsv."""
    return "'\\" + escape(text) if any(c < " " for c in str(text)) else text


def digest(values):
    """FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/."""
    result = 14695981039346656037
    for byte in values.tobytes():
        result = (result ^ byte) * 1099511628211 % 2**64
    return "%016x" % result


# The shortest texts of the features, which C's %g writes so too.
TEXTS = [["0.1", "-2", "1e-45"], ["3.4028235e+38", "-1.5", "0"], ["0.33333334", "-0", "7"],
         ["1e-10", "1e+10", "16777216"]]


def features():
    x = numpy.array(TEXTS, "<f4")
    numpy.save("format_features.npy", x)
    numpy.save("format_empty.npy", numpy.zeros((0, 5), "<f4"))
    assert digest(numpy.frombuffer(b"foobar", "u1")) == "85944171f73967e8"  # of the FNV test vectors
    for name in "format_features.tsv", "format_features.metadata.tsv":
        ties = "metadata" not in name
        with open(name, "w", newline="") as file:
            file.write("row\tpath\tlabel\tclass\tsplit" + "\tdigest" * ties + "\n")
            for i, row in enumerate(ROWS):
                file.write("\t".join(map(escape, (i, *row, *[digest(x[i])] * ties))) + "\n")
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["path", "label", "class", "split", "f0", "f1", "f2"])
    lines.writerows([*map(escape_csv, row), *texts] for row, texts in zip(ROWS, TEXTS))
    with open("format_features.csv", "w", newline="") as file:
        file.write(text.getvalue().replace("\r\n", "\n"))
    with open("format_features.fvecs", "wb") as file:
        for values in x:
            file.write(struct.pack("<i", 3) + values.tobytes())


with open("format.h", "w") as file:
    file.write("/* Made by format.py. */\n" + numbers() + strings())
safetensors()
features()

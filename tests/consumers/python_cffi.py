"""Both headers as cffi reads them: trains on arrays, predicts, saves, loads and searches, without a compiled module.

    python_cffi.py INCLUDE LIBRARY

A struct of options is filled up to the last field that is set, and its size ends there: the library knows the rest. The
inline functions of the headers are C's, so they are left out.
"""
import re
import subprocess
import sys

import cffi

N, SIDE, CLASSES, D = 120, 6, 3, 8
include, library = sys.argv[1:]

text = "".join(open(f"{include}/{name}", encoding="utf-8").read() for name in ("centerloss.h", "centerloss_eval.h"))
text = re.sub(r"^#include.*", "", text, flags=re.M)
text = subprocess.run(["cc", "-E", "-P", "-U__GNUC__", "-"], input=text, text=True, check=True, capture_output=True).stdout
text = re.sub(r"^static inline [^;{]*\{.*?^\}", "", text, flags=re.M | re.S)
ffi = cffi.FFI()
ffi.cdef(text)
lib = ffi.dlopen(library)
functions = re.findall(r"\b(cen_\w+)\((?!\*)[^;{}]*\);", re.sub(r"^enum \{[^}]*\};|\{.*?^\}|^typedef[^;{]*;", "", text, flags=re.M | re.S))
for name in functions:
    getattr(lib, name)  # it is there


def need(function, *arguments):
    error = ffi.new("cen_error *")
    if function(*arguments, error) != lib.CEN_OK:
        raise RuntimeError(ffi.string(error.message).decode())


def made(kind, function, *arguments):
    """What function makes in its first argument, or in its second, after a context."""
    place = ffi.new(f"{kind} **")
    takes_context = kind in ("cen_dataset", "cen_model")
    need(function, *([ffi.NULL] if takes_context else []), place, *arguments)
    return place[0]


def options(kind, **fields):
    """The fields in front of the last one given must be given, too."""
    struct = ffi.new(f"{kind} *", fields)
    last = list(fields)[-1]
    struct.size = ffi.offsetof(kind, last) + ffi.sizeof(dict(ffi.typeof(kind).fields)[last].type)
    names = [name for name, _ in ffi.typeof(kind).fields]
    assert names[1 : len(fields) + 1] == list(fields), f"{kind} has {names}"
    return struct


def features_of(model, x):
    predictor = made("cen_predictor", lib.cen_predictor_create, model, N)
    features, shares = ffi.new(f"float[{N * D}]"), ffi.new(f"float[{N * CLASSES}]")
    need(lib.cen_predictor_features, predictor, x, N, features)
    need(lib.cen_predictor_classes, predictor, x, N, ffi.NULL, shares)
    lib.cen_predictor_free(predictor)
    return features, shares


# Stripes of three directions, moved about.
rule = (lambda a, b: a, lambda a, b: b, lambda a, b: a + b)
x = ffi.new("float[]", [(rule[i % CLASSES](a, b) + i // CLASSES) % 3 / 2 for i in range(N) for a in range(SIDE) for b in range(SIDE)])
labels = ffi.new("int32_t[]", [i % CLASSES for i in range(N)])
words = [ffi.new("char[]", word) for word in (b"rows", b"columns", b"slanted")]
names = ffi.new("char *[]", words)

dataset = made("cen_dataset", lib.cen_arrays_create, options(
    "cen_arrays", n=N, channels=1, height=SIDE, width=SIDE, resize=lib.CEN_RESIZE_CROP, values=x, bytes=ffi.NULL,
    labels=labels, n_classes=CLASSES, class_names=names))
line = ffi.new("char[]", b"conv 8 3x3, relu, flatten, dense 8")
image = {"channels": 1, "height": SIDE, "width": SIDE, "mean": [0.5], "std": [0.5]}
model = made("cen_model", lib.cen_model_create, options(
    "cen_model_options", net=line, feature_size=0, input=image, mirror=False, n_classes=CLASSES, class_names=names))
trainer = made("cen_trainer", lib.cen_trainer_create, model, ffi.NULL)
need(lib.cen_fit, trainer, dataset, options("cen_fit_options", n_epochs=25))
lib.cen_trainer_free(trainer)

rows, inputs = ffi.new("size_t[]", list(range(N))), ffi.new(f"float[{N * SIDE * SIDE}]")
need(lib.cen_dataset_read, ffi.NULL, dataset, ffi.addressof(lib.cen_model_get(model), "input"), ffi.NULL, 1, 1, rows, N,
     inputs, ffi.NULL)
features, shares = features_of(model, inputs)
right = sum(max(range(CLASSES), key=lambda c: shares[i * CLASSES + c]) == labels[i] for i in range(N))
assert right >= 0.95 * N, f"only {right} of {N} are right"

size = ffi.new("size_t *")
need(lib.cen_model_save_memory, model, ffi.NULL, 0, size)
raw = ffi.new("char[]", size[0])
need(lib.cen_model_save_memory, model, raw, size[0], size)
loaded = made("cen_model", lib.cen_model_load_memory, raw, size[0], False, ffi.NULL)
assert bytes(ffi.buffer(features)) == bytes(ffi.buffer(features_of(loaded, inputs)[0])), "the loaded model is another"
assert ffi.string(lib.cen_model_get(loaded).class_names[2]) == b"slanted"

nearest = ffi.new("size_t[]", N)
need(lib.cen_knn_search, ffi.NULL, features, N, features, N, D, 1, lib.CEN_METRIC_L2, False, nearest, ffi.NULL)
assert all(labels[nearest[i]] == labels[i] for i in range(N))
set_of = ffi.new("cen_labelled *", {"features": features, "labels": labels, "n": N})
ratio = ffi.new("double *")
need(lib.cen_intra_inter, ffi.NULL, set_of, set_of, D, CLASSES, ratio)  # of the other header
assert 0 <= ratio[0] < 1

calls = []
tell = ffi.callback("cen_progress", lambda user, done, total: calls.append((done, total)) or 0)
again = ffi.new(f"float[{N * D}]")
need(lib.cen_model_features, loaded, dataset, again, ffi.NULL, ffi.NULL, tell, ffi.NULL)
assert calls and calls[-1] == (N, N) and bytes(ffi.buffer(again)) == bytes(ffi.buffer(features))
try:
    wrong = ffi.new("char[]", b"conv 8 3x3, banana")
    made("cen_model", lib.cen_model_create, options("cen_model_options", net=wrong))
except RuntimeError as error:
    assert "banana" in str(error), error
else:
    raise AssertionError("a net of bananas was made")
lib.cen_model_free(loaded)
lib.cen_model_free(model)
lib.cen_arrays_free(dataset)
print(f"cffi: {len(functions)} functions, {right} of {N} right")

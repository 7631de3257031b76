"""Trains on arrays, predicts, saves and loads with Python's ctypes and nothing else.

    python_ctypes.py INCLUDE LIBRARY

A struct here ends with the last field that is set, and so does its size: the library has defaults for what is beyond.
The places of the fields are held against those of the header, by a little C program.
"""
import ctypes
import subprocess
import sys
import tempfile
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_float, c_int, c_int32, c_size_t, c_void_p

N, SIDE, CLASSES, D = 120, 6, 3, 8
include, library = sys.argv[1:]
lib = ctypes.CDLL(library)


class cen_error(Structure):
    _fields_ = [("status", c_int), ("message", c_char * 512)]


class cen_arrays(Structure):
    _fields_ = [("size", c_size_t), ("n", c_size_t), ("channels", c_size_t), ("height", c_size_t),
                ("width", c_size_t), ("resize", c_int), ("values", POINTER(c_float)), ("bytes", c_void_p),
                ("labels", POINTER(c_int32)), ("n_classes", c_size_t), ("class_names", POINTER(c_char_p))]


class cen_input(Structure):
    _fields_ = [("channels", c_size_t), ("height", c_size_t), ("width", c_size_t), ("resize", c_int),
                ("mean", c_float * 64), ("std", c_float * 64)]


class cen_model_options(Structure):
    _fields_ = [("size", c_size_t), ("net", c_char_p), ("feature_size", c_size_t), ("input", cen_input),
                ("mirror", c_bool), ("n_classes", c_size_t), ("class_names", POINTER(c_char_p))]


class cen_fit_options(Structure):
    _fields_ = [("size", c_size_t), ("n_epochs", c_size_t)]


def check_places(*structs):
    printed = [f'printf("%zu ", offsetof({s.__name__}, {f}));' for s in structs for f, _ in s._fields_]
    source = f"#include <centerloss_eval.h>\n#include <stdio.h>\nint main(void) {{ {' '.join(printed)} return 0; }}\n"
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/places"
        subprocess.run(["cc", "-xc", f"-I{include}", "-o", program, "-"], input=source, text=True, check=True)
        places = subprocess.run([program], text=True, check=True, capture_output=True).stdout
    assert places.split() == [str(getattr(s, f).offset) for s in structs for f, _ in s._fields_], places


def need(function, *arguments):
    error = cen_error()
    if function(*arguments, byref(error)) != 0:
        raise RuntimeError(error.message.decode())


def options(kind, **fields):
    return byref(kind(size=ctypes.sizeof(kind), **fields))


def features_of(model, x):
    predictor = c_void_p()
    features, shares = (c_float * (N * D))(), (c_float * (N * CLASSES))()
    need(lib.cen_predictor_create, byref(predictor), model, c_size_t(N))
    need(lib.cen_predictor_features, predictor, x, c_size_t(N), features)
    need(lib.cen_predictor_classes, predictor, x, c_size_t(N), None, shares)
    lib.cen_predictor_free(predictor)
    return features, shares


check_places(cen_error, cen_arrays, cen_input, cen_model_options, cen_fit_options)

# Stripes of three directions, moved about. The input's mean and std are 0 and 1: a value is its own input.
rule = (lambda a, b: a, lambda a, b: b, lambda a, b: a + b)
values = [(rule[i % CLASSES](a, b) + i // CLASSES) % 3 - 1 for i in range(N) for a in range(SIDE) for b in range(SIDE)]
x = (c_float * len(values))(*values)
labels = (c_int32 * N)(*(i % CLASSES for i in range(N)))
names = (c_char_p * CLASSES)(b"rows", b"columns", b"slanted")
plain = cen_input(channels=1, height=SIDE, width=SIDE, std=(c_float * 64)(*[1] * 64))

dataset, model, loaded, trainer = c_void_p(), c_void_p(), c_void_p(), c_void_p()
need(lib.cen_arrays_create, None, byref(dataset), options(
    cen_arrays, n=N, channels=1, height=SIDE, width=SIDE, values=x, labels=labels, n_classes=CLASSES, class_names=names))
need(lib.cen_model_create, None, byref(model), options(
    cen_model_options, net=b"conv 8 3x3, relu, flatten, dense 8", input=plain, n_classes=CLASSES, class_names=names))
need(lib.cen_trainer_create, byref(trainer), model, None)
need(lib.cen_fit, trainer, dataset, options(cen_fit_options, n_epochs=25))
lib.cen_trainer_free(trainer)

features, shares = features_of(model, x)
right = sum(max(range(CLASSES), key=lambda c: shares[i * CLASSES + c]) == labels[i] for i in range(N))
assert right >= 0.95 * N, f"only {right} of {N} are right"

size = c_size_t()
need(lib.cen_model_save_memory, model, None, c_size_t(0), byref(size))
raw = (c_char * size.value)()
need(lib.cen_model_save_memory, model, raw, size, byref(size))
need(lib.cen_model_load_memory, None, byref(loaded), raw, size, c_bool(False), None)
assert bytes(features) == bytes(features_of(loaded, x)[0]), "the loaded model is another"

nearest = (c_size_t * N)()
need(lib.cen_knn_search, None, features, c_size_t(N), features, c_size_t(N), c_size_t(D), c_size_t(1), c_int(0),
     c_bool(False), nearest, None)
assert all(labels[nearest[i]] == labels[i] for i in range(N))
for free, thing in ((lib.cen_model_free, loaded), (lib.cen_model_free, model), (lib.cen_arrays_free, dataset)):
    free(thing)
print(f"ctypes: {right} of {N} right")

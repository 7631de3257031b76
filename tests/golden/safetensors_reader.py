"""Reads a safetensors file with the standard library and numpy alone: tensors, metadata = read(path)."""
import json, sys
import numpy

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def read(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, data = json.loads(file.read(size)), file.read()
    metadata = header.pop("__metadata__", {})
    return {name: numpy.frombuffer(data[slice(*t["data_offsets"])], DTYPES[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items()}, metadata


if __name__ == "__main__":
    tensors, metadata = read(sys.argv[1])
    print(metadata, *(f"{name} {array.shape} {array.dtype}" for name, array in tensors.items()), sep="\n")

"""Feature files as NumPy and Python's csv write them, for tests/unit/test_features_read.c.

    python3 tests/golden/features_read.py        (NumPy 1.24.2, Python 3.11)

writes tests/golden/features_read/*. Row i, column j of each readable array is (3 i + j) / 4 - 1."""
import csv
import io
import os

import numpy

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "features_read")
numbers = numpy.arange(12).reshape(4, 3) / 4 - 1


def save(name, array, version=None):
    with open(os.path.join(FOLDER, name), "wb") as file:
        numpy.lib.format.write_array(file, numpy.asanyarray(array), version=version)


for order, order_name in (("<", "little"), (">", "big")):
    for kind in ("f4", "f8"):
        array = numbers.astype(order + kind)
        save(f"{kind}_{order_name}.npy", array)
        save(f"{kind}_{order_name}_fortran.npy", numpy.asfortranarray(array))
save("version2.npy", numbers.astype("<f4"), (2, 0))
save("version3.npy", numbers.astype("<f4"), (3, 0))
save("half.npy", numbers.astype("<f2"))
save("integers.npy", numbers.astype("<i8"))
save("records.npy", numpy.zeros((4, 3), [("x", "<f4"), ("y", "<f4", (2,))]))
save("line.npy", numbers.astype("<f4").ravel())
save("block.npy", numbers.astype("<f4").reshape(2, 2, 3))
save("no_rows.npy", numpy.zeros((0, 3), "<f4"))
save("no_columns.npy", numpy.zeros((4, 0), "<f4"))
broken = numbers.astype("<f4")
broken[2, 1] = numpy.nan
save("nan.npy", broken)
broken[2, 1] = -numpy.inf
save("inf.npy", broken)
large = numbers.copy()
large[3, 0] = 1e300
save("large.npy", large)
with open(os.path.join(FOLDER, "two.npy"), "wb") as file:
    numpy.save(file, numbers.astype("<f4"))
    numpy.save(file, numbers.astype("<f4"))
numpy.savez(os.path.join(FOLDER, "several.npz"), a=numbers.astype("<f4"))

rows = [["a,b.png", 7, "z", "train"], ['say "hi"\nand go.png', 7, "z", "val"],
        ["c\r.png", 3, "", ""], ["", -1, "", "train"]]
for name, ending in (("rows.csv", "\n"), ("rows_crlf.csv", "\r\n")):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ending)
    writer.writerow(["path", "label", "class", "split", "f0", "f1", "f2"])
    for row, values in zip(rows, numbers):
        writer.writerow(row + [float(value) for value in values])
    with open(os.path.join(FOLDER, name), "w", newline="") as file:
        file.write(text.getvalue())

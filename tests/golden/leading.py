"""Makes leading.h for test_leading with numpy. Run in this folder: python3 leading.py

Rows come in pairs x, -x, so that the covariance has chosen eigenvalues: x = a_k (e_k - 2 w_k w) with a unit vector
w, which test_leading.c computes in the same way."""
import numpy

D = 160


def features(sizes):
    whole = numpy.array([1 + 5 * j % 11 for j in range(D)], "f8")
    w = whole / numpy.sqrt((whole * whole).sum())
    rows = []
    for k in range(D):
        x = -2 * w[k] * w
        x[k] = 1 - 2 * w[k] * w[k]
        rows += [sizes[k] * x, -(sizes[k] * x)]
    return numpy.array(rows).astype("f4").astype("f8")


def array(name, values):
    return f"static const double {name}[{numpy.size(values)}] = {{{', '.join(float(v).hex() for v in numpy.ravel(values))}}};\n"


falling = [2 / (1 + k) for k in range(D)]
spectra = {
    "apart": [5, 4] + falling[2:],
    "near": [3, 3 - 3e-5, 3 - 6e-5] + falling[3:],  # eigenvalues that differ by 2e-5 of their size
    "equal": [3, 3, 3] + falling[3:],
    "flat": [1 - 2e-3 * k for k in range(D)],
}
out = f"/* Made by leading.py. */\nenum {{ D = {D} }};\n"
for name, sizes in spectra.items():
    values, vectors = numpy.linalg.eigh(numpy.cov(features(sizes), rowvar=False))
    order = values.argsort()[::-1][:2]
    vectors = vectors.T[order]
    vectors *= numpy.sign([row[numpy.abs(row).argmax()] for row in vectors])[:, None]
    out += array(f"{name}_sizes", sizes) + array(f"{name}_variances", values[order])
    if name != "equal":
        out += array(f"{name}_components", vectors)
with open("leading.h", "w") as file:
    file.write(out)

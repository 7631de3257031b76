"""The matrix of a whitening for tests/unit/test_whiten.c: the covariance within classes, shrunk, from scikit-learn,
its power from SciPy.

    python3 tests/golden/whiten.py > tests/golden/whiten.h"""
import numpy
from scipy.linalg import fractional_matrix_power
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

N, N_IN, D, SHRINKAGE = 30, 7, 5, 0.1
SIZES = [1, 4, 6, 8, 11]  # rows of each class


def put(kind, name, values, form):
    print("static const %s whiten_%s[%d] = {%s};" % (kind, name, numpy.size(values),
                                              ", ".join(form % v for v in numpy.ravel(values))))


random = numpy.random.RandomState(5)
labels = random.permutation(numpy.repeat(numpy.arange(len(SIZES)), SIZES))
x = numpy.round(4 * (2 * random.randn(len(SIZES), N_IN)[labels] + random.randn(N, N_IN) * (1 + numpy.arange(N_IN)))) / 4
weight, bias = numpy.round(16 * random.randn(D, N_IN)) / 16, numpy.round(16 * random.randn(D)) / 16
features = x @ weight.T + bias

lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(features, labels)
plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0).fit(features, labels).covariance_
power = fractional_matrix_power(lda.covariance_, -0.25)
power *= numpy.sqrt(numpy.trace(plain) / numpy.trace(power @ plain @ power))

print("/* Made by whiten.py. */\nenum { N = %d, N_IN = %d, D = %d, N_CLASSES = %d };" % (N, N_IN, D, len(SIZES)))
put("int32_t", "labels", labels, "%d")
put("float", "x", x, "%ff")
put("float", "weight", weight, "%ff")
put("float", "bias", bias, "%ff")
put("double", "matrix", power, "%.12g")

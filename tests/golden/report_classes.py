"""Per-class figures of a report: precision and recall by scikit-learn, their Wilson intervals and the interval of the
head's accuracy by statsmodels. Writes report_classes.h.

    python3 report_classes.py > report_classes.h
"""
import numpy
from sklearn.metrics import precision_recall_fscore_support
from statsmodels.stats.proportion import proportion_confint

N, CLASSES = 90, 5
i = numpy.arange(N)
label = i * i % CLASSES
predicted = numpy.where(i % 3 == 0, (i * i + i // 7) % CLASSES, label)
head = numpy.where(i % 4 == 0, (label + 2) % CLASSES, label)

print("/* By report_classes.py: scikit-learn and statsmodels. */")
print("static const int32_t golden_labels[] = {%s};" % ", ".join(map(str, label)))
print("static const int32_t golden_predicted[] = {%s};" % ", ".join(map(str, predicted)))
print("static const int32_t golden_head[] = {%s};" % ", ".join(map(str, head)))
print("/* class, n, precision, recall, low, high */")
print("static const double golden_classes[][6] = {")
precision, recall, _, n = precision_recall_fscore_support(label, predicted, labels=range(CLASSES), zero_division=numpy.nan)
for c in range(CLASSES):
    if n[c] == 0 and not (predicted == c).any():
        continue
    right = int(((label == c) & (predicted == c)).sum())
    low, high = proportion_confint(right, n[c], method="wilson") if n[c] else (-1, -1)
    print("    {%d, %d, %r, %r, %r, %r}," % (c, n[c], float(numpy.nan_to_num(precision[c], nan=-1)), float(numpy.nan_to_num(recall[c], nan=-1)), float(low), float(high)))
print("};")
right = int((head == label).sum())
low, high = proportion_confint(right, N, method="wilson")
print("static const double golden_head_accuracy[3] = {%r, %r, %r};" % (right / N, float(low), float(high)))

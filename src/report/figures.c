#include <centerloss_eval.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define EPOCH(part, member) (offsetof(cen_epoch_report, part) + offsetof(cen_losses, member))

#define OF_EPOCH(member) offsetof(cen_epoch_report, member)

/* The note of a figure of an epoch is the group in which the table shows it. */
const cen__figure cen__epoch_figures[] = {
    {"train_softmax", "softmax", "training", CEN__REAL, EPOCH(train, first)},
    {"train_center", "center", "training", CEN__REAL, EPOCH(train, center)},
    {"train_total", "total", "training", CEN__REAL, EPOCH(train, total)},
    {"train_accuracy", "accuracy", "training", CEN__PERCENT, EPOCH(train, accuracy)},
    {"validation_softmax", "softmax", "validation", CEN__REAL, EPOCH(validation, first)},
    {"validation_center", "center", "validation", CEN__REAL, EPOCH(validation, center)},
    {"validation_total", "total", "validation", CEN__REAL, EPOCH(validation, total)},
    {"validation_accuracy", "accuracy", "validation", CEN__PERCENT, EPOCH(validation, accuracy)},
    {"knn_accuracy", "k-NN", "validation", CEN__PERCENT, OF_EPOCH(knn_accuracy)},
    {"intra_inter", "intra / inter", "validation", CEN__REAL, OF_EPOCH(intra_inter)},
    {"lambda", "lambda", "centers", CEN__REAL, EPOCH(train, lambda)},
    {"gradient_ratio", "gradient ratio", "centers", CEN__REAL, EPOCH(train, gradient_ratio)},
    {"center_distance", "distance", "centers", CEN__REAL, OF_EPOCH(center_distance)},
    {"center_spread", "spread", "centers", CEN__REAL, OF_EPOCH(center_spread)},
    {"center_step", "step", "centers", CEN__REAL, OF_EPOCH(center_step)},
    {"lr", "learning rate", "run", CEN__REAL, OF_EPOCH(lr)},
    {"seconds", "seconds", "run", CEN__REAL, OF_EPOCH(seconds)},
};
const size_t cen__n_epoch_figures = sizeof cen__epoch_figures / sizeof *cen__epoch_figures;

#define RETRIEVAL(member) (offsetof(cen_measures, retrieval) + offsetof(cen_retrieval, member))
#define VERIFY(member) (offsetof(cen_measures, verification) + offsetof(cen_verification, member))

const cen__figure cen__set_figures[] = {
    {"n_queries", "Queries", "pictures that were asked for", CEN__COUNT, RETRIEVAL(n_queries)},
    {"n_lone", "of these lone", "no other picture of their class: k-NN counts them as wrong",
     CEN__COUNT, RETRIEVAL(n_lone)},
    {"k", "k", "neighbours that vote", CEN__COUNT, offsetof(cen_measures, k)},
    {"knn_accuracy", "k-NN accuracy", "the k nearest vote for the right class", CEN__PERCENT,
     RETRIEVAL(knn_accuracy)},
    {"knn_low", "from", "95 % interval for queries drawn one by one (Wilson)", CEN__PERCENT,
     RETRIEVAL(knn_interval[0])},
    {"knn_high", "to", NULL, CEN__PERCENT, RETRIEVAL(knn_interval[1])},
    {"knn_macro", "k-NN accuracy, macro", "the mean of each class's own share", CEN__PERCENT,
     RETRIEVAL(knn_macro)},
    {"precision_at_1", "Precision@1", "the nearest is of the right class", CEN__PERCENT,
     RETRIEVAL(precision_at_1)},
    {"r_precision", "R-precision", "right ones among the R nearest, R being all there are",
     CEN__PERCENT, RETRIEVAL(r_precision)},
    {"map_at_r", "MAP@R", "the same, early ones counting more", CEN__PERCENT, RETRIEVAL(map_at_r)},
    {"auc", "AUC", "area under the ROC: 1 is perfect, 0.5 is chance", CEN__REAL, VERIFY(auc)},
    {"eer", "EER", "where as many strangers pass as own ones are refused", CEN__PERCENT,
     VERIFY(eer)},
    {"eer_threshold", "Distance at EER", "the threshold that gives it", CEN__REAL,
     VERIFY(eer_threshold)},
    {"tar_at_far_0.1", "TAR at FAR 10 %", "own pairs accepted where 1 of 10 other pairs passes",
     CEN__PERCENT, VERIFY(tar[0])},
    {"tar_at_far_0.01", "TAR at FAR 1 %", "where 1 of 100 passes", CEN__PERCENT, VERIFY(tar[1])},
    {"tar_at_far_0.001", "TAR at FAR 0.1 %", "where 1 of 1,000 passes", CEN__PERCENT,
     VERIFY(tar[2])},
    {"n_genuine", "Pairs of one class", NULL, CEN__COUNT, VERIFY(n_genuine)},
    {"n_impostor", "Pairs of two classes", NULL, CEN__COUNT, VERIFY(n_impostor)},
    {"intra_inter", "Intra / inter", "spread of a class over the distance between classes",
     CEN__REAL, offsetof(cen_measures, intra_inter)},
};
const size_t cen__n_set_figures = sizeof cen__set_figures / sizeof *cen__set_figures;

double cen__figure_value(const cen__figure *figure, const void *from)
{
    const char *at = (const char *)from + figure->offset;
    size_t count;
    double value;
    if (figure->unit == CEN__COUNT) {
        memcpy(&count, at, sizeof count);
        return (double)count;
    }
    memcpy(&value, at, sizeof value);
    return value;
}

/* printf writes the locale's decimal point, of one byte or more. */
static void add_printed(cen__text *text, const char *printed)
{
    while (*printed != '\0') {
        size_t size = strspn(printed, "+-0123456789e");
        cen__text_add_bytes(text, printed, size);
        printed += size;
        if (*printed == '\0') break;
        cen__text_add(text, ".");
        printed += strcspn(printed, "0123456789");
    }
}

void cen__add_fixed(cen__text *text, double value, int decimals)
{
    char printed[400];
    if (!isfinite(value)) value = 0;
    (void)snprintf(printed, sizeof printed, "%.*f", decimals, value);
    add_printed(text, printed);
}

/* Four significant digits. */
static void add_real(cen__text *text, double value)
{
    double size = fabs(value);
    if (size == 0 || (size >= 1e-4 && size < 1e6)) {
        int decimals = size == 0 ? 0 : 3 - (int)floor(log10(size));
        cen__add_fixed(text, value, decimals > 0 ? decimals : 0);
    } else {
        char printed[40];
        (void)snprintf(printed, sizeof printed, "%.3e", value);
        add_printed(text, printed);
    }
}

/* 1,234,567 */
static void add_count(cen__text *text, double value)
{
    char digits[40];
    (void)snprintf(digits, sizeof digits, "%.0f", value);
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) cen__text_add(text, ",");
        cen__text_add_bytes(text, digits + i, 1);
    }
}

void cen__add_figure(cen__text *text, const char *element, cen__unit unit, double value,
                     const char *key, ...)
{
    char path[200];
    va_list arguments;
    va_start(arguments, key);
    (void)vsnprintf(path, sizeof path, key, arguments);
    va_end(arguments);
    cen__text_print(text, "<%s data-key=\"%s\"%s>", element, path,
                    isfinite(value) ? "" : " class=\"none\"");
    if (!isfinite(value)) {
        cen__text_add(text, "not measured");
    } else if (unit == CEN__PERCENT) {
        cen__add_fixed(text, 100 * value, 2);
        cen__text_add(text, "\xC2\xA0%"); /* does not break before the % */
    } else if (unit == CEN__COUNT) {
        add_count(text, value);
    } else {
        add_real(text, value);
    }
    cen__text_print(text, "</%s>", element);
}

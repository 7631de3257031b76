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
    {"train_softmax", "softmax", "training", CEN__REAL, EPOCH(train, first), 0},
    {"train_center", "center", "training", CEN__REAL, EPOCH(train, center), 0},
    {"train_total", "total", "training", CEN__REAL, EPOCH(train, total), 0},
    {"train_accuracy", "accuracy", "training", CEN__PERCENT, EPOCH(train, accuracy), 0},
    {"validation_softmax", "softmax", "validation", CEN__REAL, EPOCH(validation, first), 0},
    {"validation_center", "center", "validation", CEN__REAL, EPOCH(validation, center), 0},
    {"validation_total", "total", "validation", CEN__REAL, EPOCH(validation, total), 0},
    {"validation_accuracy", "accuracy", "validation", CEN__PERCENT, EPOCH(validation, accuracy), 0},
    {"knn_accuracy", "k-NN", "validation", CEN__PERCENT, OF_EPOCH(knn_accuracy), 0},
    {"intra_inter", "intra / inter", "validation", CEN__REAL, OF_EPOCH(intra_inter), 0},
    {"unseen_auc", "AUC", "unseen", CEN__PERCENT, OF_EPOCH(unseen_auc), 0},
    {"lambda", "lambda", "centers", CEN__REAL, EPOCH(train, lambda), 0},
    {"gradient_ratio", "gradient ratio", "centers", CEN__REAL, EPOCH(train, gradient_ratio), 0},
    {"center_distance", "distance", "centers", CEN__REAL, OF_EPOCH(center_distance), 0},
    {"center_spread", "spread", "centers", CEN__REAL, OF_EPOCH(center_spread), 0},
    {"center_step", "step", "centers", CEN__REAL, OF_EPOCH(center_step), 0},
    {"lr", "learning rate", "run", CEN__REAL, OF_EPOCH(lr), 0},
    {"seconds", "seconds", "run", CEN__REAL, OF_EPOCH(seconds), 0},
};
const size_t cen__n_epoch_figures = sizeof cen__epoch_figures / sizeof *cen__epoch_figures;

#define OF_VIEW(member) offsetof(cen__set_view, member)

const cen__figure cen__set_figures[] = {
    {"n_queries", "Queries", "pictures that were asked for", CEN__COUNT,
     OF_VIEW(measures.retrieval.n_queries), 0},
    {"n_lone", "of these lone", "no other picture of their class: k-NN counts them as wrong",
     CEN__COUNT, OF_VIEW(measures.retrieval.n_lone), 0},
    {"k", "k", "neighbours that vote", CEN__COUNT, OF_VIEW(measures.k), 0},
    {"knn_accuracy", "k-NN accuracy", "the k nearest vote for the right class", CEN__PERCENT,
     OF_VIEW(measures.retrieval.knn_accuracy), OF_VIEW(measures.retrieval.knn_interval)},
    {"knn_macro", "k-NN accuracy, macro", "the mean of the accuracy within each class",
     CEN__PERCENT, OF_VIEW(measures.retrieval.knn_macro), OF_VIEW(macro_interval)},
    {"head_accuracy", "Head accuracy", "the class with the largest logit is the right one",
     CEN__PERCENT, OF_VIEW(head_accuracy), OF_VIEW(head_interval)},
    {"precision_at_1", "Precision@1", "the nearest is of the right class", CEN__PERCENT,
     OF_VIEW(measures.retrieval.precision_at_1), OF_VIEW(measures.retrieval.at_1_interval)},
    {"r_precision", "R-precision", "share of the right class among the R nearest, R: all there are",
     CEN__PERCENT, OF_VIEW(measures.retrieval.r_precision), 0},
    {"map_at_r", "MAP@R", "the same, nearer ones count more", CEN__PERCENT,
     OF_VIEW(measures.retrieval.map_at_r), 0},
    {"auc", "AUC", "area under the ROC: 1 is perfect, 0.5 is chance", CEN__REAL,
     OF_VIEW(measures.verification.auc), 0},
    {"eer", "EER",
     "error rate at the threshold that accepts as many wrong pairs as it refuses "
     "right ones",
     CEN__PERCENT, OF_VIEW(measures.verification.eer), 0},
    {"eer_threshold", "Distance at EER", "that threshold", CEN__REAL,
     OF_VIEW(measures.verification.eer_threshold), 0},
    {"tar_at_far_0.1", "TAR at FAR 10 %",
     "pairs of one class that are accepted if 1 of 10 pairs of "
     "two classes is",
     CEN__PERCENT, OF_VIEW(measures.verification.tar[0]), 0},
    {"tar_at_far_0.01", "TAR at FAR 1 %", "if 1 of 100 is", CEN__PERCENT,
     OF_VIEW(measures.verification.tar[1]), 0},
    {"tar_at_far_0.001", "TAR at FAR 0.1 %", "if 1 of 1,000 is", CEN__PERCENT,
     OF_VIEW(measures.verification.tar[2]), 0},
    {"n_genuine", "Pairs of one class", NULL, CEN__COUNT, OF_VIEW(measures.verification.n_genuine),
     0},
    {"n_impostor", "Pairs of two classes", NULL, CEN__COUNT,
     OF_VIEW(measures.verification.n_impostor), 0},
    {"intra_inter", "Intra / inter", "spread of a class over the distance between classes",
     CEN__REAL, OF_VIEW(measures.intra_inter), 0},
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

const double *cen__figure_interval(const cen__figure *figure, const void *from)
{
    if (figure->interval == 0) return NULL;
    return (const double *)(const void *)((const char *)from + figure->interval);
}

void cen__wilson(size_t n_right, size_t n, double interval[2])
{
    const double z = 1.959963984540054, z2 = z * z, all = (double)n, p = (double)n_right / all;
    double middle = (p + z2 / (2 * all)) / (1 + z2 / all);
    double half = z / (1 + z2 / all) * sqrt(p * (1 - p) / all + z2 / (4 * all * all));
    interval[0] = n == 0 ? NAN : fmax(0, middle - half);
    interval[1] = n == 0 ? NAN : fmin(1, middle + half);
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

void cen__add_interval(cen__text *text, const double *interval, const char *key, ...)
{
    char path[160];
    va_list arguments;
    if (interval == NULL || !isfinite(interval[0])) return;
    va_start(arguments, key);
    (void)vsnprintf(path, sizeof path, key, arguments);
    va_end(arguments);
    cen__text_add(text, "<span class=\"note\">");
    cen__add_figure(text, "span", CEN__PERCENT, interval[0], "%s_interval.0", path);
    cen__text_add(text, " to ");
    cen__add_figure(text, "span", CEN__PERCENT, interval[1], "%s_interval.1", path);
    cen__text_add(text, "</span>");
}

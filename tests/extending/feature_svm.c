/* The text of LIBSVM: a label, then the features with their numbers from 1. */
#include "format/feature_format.h"

static bool write_table(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    for (size_t i = 0; i < t->n; i++) {
        cen__text_print(line, "%ld", (long)t->rows[i].label);
        for (size_t j = 0; j < t->d; j++) {
            cen__text_print(line, " %zu:", j + 1);
            cen__text_add_float(line, t->features[i * t->d + j]);
        }
        cen__text_add(line, "\n");
        if (!cen__feature_flush(line, writer)) return false;
    }
    return true;
}

const cen__feature_format cen__svm_format = {
    .name = "svm",
    .needs_rows = true,
    .most_d = SIZE_MAX,
    .write = write_table,
};

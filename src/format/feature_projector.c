/* TensorBoard's projector: a file of numbers, and a file with the name of each row. */
#include "format/feature_format.h"

static bool write_table(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < t->d; j++) {
            if (j > 0) cen__text_add(line, "\t");
            cen__text_add_float(line, t->features[i * t->d + j]);
        }
        cen__text_add(line, "\n");
        if (!cen__feature_flush(line, writer)) return false;
    }
    return true;
}

const cen__feature_format cen__projector_format = {
    .name = "projector",
    .needs_rows = true,
    .most_d = SIZE_MAX,
    .write = write_table,
    .write_beside = cen__feature_write_metadata,
    .ending = ".tsv",
    .beside = ".metadata.tsv",
};

#include "format/feature_format.h"
#include "format/floats.h"

/* http://corpus-texmex.irisa.fr/: d as int32 before each vector. */
static bool write_table(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    (void)line; /* there is no text */
    for (size_t i = 0; i < t->n; i++) {
        cen__writer_u32(writer, (uint32_t)t->d);
        cen__writer_floats(writer, t->features + i * t->d, t->d);
    }
    return true;
}

const cen__feature_format cen__fvecs_format = {
    .name = "fvecs",
    .most_d = INT32_MAX,
    .write = write_table,
    .write_beside = cen__feature_write_rows,
    .ending = ".fvecs",
    .beside = ".fvecs.tsv",
};

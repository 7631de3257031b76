#include "format/feature_format.h"
#include "format/floats.h"

/* NumPy's format 1.0 as numpy.save writes it (numpy/lib/format.py): padded to a multiple of 64,
 * with room for the first side to grow to 21 digits. With two sides that is 128 bytes, always. */
static bool write_table(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    enum { PREFIX_SIZE = 10, HEADER_SIZE = 118 };
    static const char prefix[PREFIX_SIZE] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, HEADER_SIZE, 0};
    cen__text_add_bytes(line, prefix, sizeof prefix);
    cen__text_print(line, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", t->n,
                    t->d);
    while (!line->failed && line->size < PREFIX_SIZE + HEADER_SIZE - 1) cen__text_add(line, " ");
    cen__text_add(line, "\n");
    if (!cen__feature_flush(line, writer)) return false;
    cen__writer_floats(writer, t->features, t->n * t->d);
    return true;
}

const cen__feature_format cen__npy_format = {
    .name = "npy",
    .needs_rows = true,
    .is_tied = true,
    .most_d = SIZE_MAX,
    .write = write_table,
    .write_beside = cen__feature_write_rows,
    .ending = ".npy",
    .beside = ".tsv",
};

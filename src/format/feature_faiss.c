#include "format/feature_format.h"
#include "format/floats.h"

/* A flat L2 index as faiss.write_index writes it, which faiss.read_index reads (faiss/impl/index_write.cpp). The order
 * of bytes is little-endian, and the numbers are not aligned. */
static bool write_index(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    enum { UNUSED = 1 << 20, L2 = 1 };
    static const char is_trained = 1;
    (void)line; /* there is no text */
    cen__writer_write(writer, "IxF2", 4);
    cen__writer_u32(writer, (uint32_t)t->d);
    cen__writer_u64(writer, t->n);
    cen__writer_u64(writer, UNUSED);
    cen__writer_u64(writer, UNUSED);
    cen__writer_write(writer, &is_trained, 1);
    cen__writer_u32(writer, L2);
    cen__writer_u64(writer, (uint64_t)t->n * t->d);
    cen__writer_floats(writer, t->features, t->n * t->d);
    return true;
}

const cen__feature_format cen__faiss_format = {
    .name = "faiss",
    .most_d = INT32_MAX,
    .write = write_index,
    .write_beside = cen__feature_write_rows,
    .ending = ".faiss",
    .beside = ".faiss.tsv",
};

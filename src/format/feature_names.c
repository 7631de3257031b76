/* The .tsv that names the rows of features. */
#include <string.h>

#include "format/feature_format.h"
#include "format/features.h"
#include "format/fields.h"

bool cen__feature_flush(cen__text *line, cen__writer *writer)
{
    if (line->failed) return false;
    cen__writer_write(writer, line->data, line->size);
    line->size = 0;
    return true;
}

uint64_t cen__features_digest(const float *row, size_t d)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t j = 0; j < d; j++) {
        uint32_t bits;
        memcpy(&bits, row + j, sizeof bits);
        for (int i = 0; i < 4; i++) {
            hash = (hash ^ (bits >> 8 * i & 255)) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

static bool write_names(const cen__feature_table *t, bool has_digests, cen__text *line,
                        cen__writer *writer)
{
    cen__text_add(line, "row\tpath\tlabel\tclass\tsplit");
    cen__text_add(line, has_digests ? "\tdigest\n" : "\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!cen__feature_flush(line, writer)) return false;
        cen__text_print(line, "%zu\t", i);
        cen__field_add_tsv(line, cen__feature_text(t->rows[i].path));
        cen__text_print(line, "\t%ld\t", (long)t->rows[i].label);
        cen__field_add_tsv(line, cen__feature_text(t->rows[i].class_name));
        cen__text_add(line, "\t");
        cen__field_add_tsv(line, cen__feature_text(t->rows[i].split));
        if (has_digests) {
            const uint64_t digest = cen__features_digest(t->features + i * t->d, t->d);
            cen__text_print(line, "\t%016llx", (unsigned long long)digest);
        }
        cen__text_add(line, "\n");
    }
    return cen__feature_flush(line, writer);
}

bool cen__feature_write_rows(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    return write_names(t, true, line, writer);
}

bool cen__feature_write_metadata(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    return write_names(t, false, line, writer);
}

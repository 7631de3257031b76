/* Comma-separated, for spreadsheets and data frames. */
#include "format/feature_format.h"
#include "format/fields.h"

static bool write_table(const cen__feature_table *t, cen__text *line, cen__writer *writer)
{
    cen__text_add(line, "path,label,class,split");
    for (size_t j = 0; j < t->d; j++) cen__text_print(line, ",f%zu", j);
    cen__text_add(line, "\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!cen__feature_flush(line, writer)) return false;
        cen__field_add_csv(line, cen__feature_text(t->rows[i].path));
        cen__text_print(line, ",%ld,", (long)t->rows[i].label);
        cen__field_add_csv(line, cen__feature_text(t->rows[i].class_name));
        cen__text_add(line, ",");
        cen__field_add_csv(line, cen__feature_text(t->rows[i].split));
        for (size_t j = 0; j < t->d; j++) {
            cen__text_add(line, ",");
            cen__text_add_float(line, t->features[i * t->d + j]);
        }
        cen__text_add(line, "\n");
    }
    return cen__feature_flush(line, writer);
}

const cen__feature_format cen__csv_format = {
    .name = "csv",
    .needs_rows = true,
    .most_d = SIZE_MAX,
    .write = write_table,
};

/* The rows of a gallery's file, and the file as a set of features. */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/features.h"
#include "format/gallery_file.h"

const char *cen__gallery_name_text(const cen__gallery_block *blocks, size_t n, size_t number)
{
    size_t low = 0, high = n; /* the block is in [low, high) */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (blocks[middle].first_name <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const cen__gallery_block *block = &blocks[low];
    const uint64_t place = cen__le64(block->names + 8 * (number - block->first_name));
    return place < block->text_size ? block->text + (size_t)place : NULL;
}

const char *cen__gallery_source(const cen__gallery_block *block, const uint8_t *row)
{
    const uint64_t place = cen__le64(row + CEN__GALLERY_SOURCE);
    return place < block->text_size ? block->text + (size_t)place : NULL;
}

/* Appends the rows of a block, of which `first` is the first one. */
static cen_status take_block(const cen__gallery_file *file, const cen__gallery_block *block,
                             size_t first, cen_feature_set *set, cen_error *error)
{
    const size_t d = file->about.d;
    size_t negative = 0; /* the next one */
    for (size_t i = 0; i < block->n; i++) {
        const uint8_t *bytes = block->rows + i * CEN__GALLERY_ROW;
        const size_t number = cen__le32(bytes);
        if (negative < block->n_negatives && cen__le64(block->negatives + 8 * negative) == i) {
            negative++;
            continue;
        }
        const char *name = number < file->n_names
                               ? cen__gallery_name_text(file->blocks, file->n_blocks, number)
                               : NULL;
        const char *source = cen__gallery_source(block, bytes);
        if (name == NULL || source == NULL) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "row %zu of the gallery has no name or source that is there, so the "
                             "file is damaged; copy it again",
                             first + i);
        }
        set->rows[set->n] = (cen_feature_row){.path = source, .label = -1, .class_name = name};
        memcpy(set->features + set->n * d, block->features + i * d, d * sizeof(float));
        set->n++;
    }
    return CEN_OK;
}

cen_status cen__gallery_file_take(const cen__gallery_file *file, const char *path,
                                  cen_feature_set *set, cen_error *error)
{
    size_t n = file->n;
    for (size_t i = 0; i < file->n_blocks; i++) n -= file->blocks[i].n_negatives;
    cen_status status = cen__features_fit(path, n, file->about.d, 0, error);
    if (status != CEN_OK) return status;
    set->d = file->about.d;
    set->features = cen__alloc(file->context, n * set->d, sizeof *set->features);
    set->rows = cen__alloc(file->context, n, sizeof *set->rows);
    if (set->features == NULL || set->rows == NULL) {
        return cen__fail_memory(error, "the features of a gallery");
    }
    cen_error why = {CEN_OK, ""};
    for (size_t i = 0, first = 0; i < file->n_blocks && status == CEN_OK; i++) {
        status = take_block(file, &file->blocks[i], first, set, &why);
        first += file->blocks[i].n;
    }
    return status == CEN_OK ? CEN_OK : cen__fail(error, status, "%s: %s", path, why.message);
}

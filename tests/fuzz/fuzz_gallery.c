/* The file of a gallery. A checksum would stop nearly every input, so that of the first info is made right. */
#include "fuzz.h"

#include <centerloss_eval.h>

#include <string.h>

#include "base/blake2b.h"

/* The checksum is that of the info after it (format/gallery_file.h). */
static void repair(uint8_t *bytes, size_t size)
{
    enum { INFO = 128, CHECKSUM = INFO + 14, AFTER = CHECKSUM + 32 };
    uint8_t digest[16];
    char hex[33];
    cen__blake2b hash;
    const uint8_t *digits = size > AFTER ? memchr(bytes, '(', INFO) : NULL;
    const size_t info = digits != NULL ? strtoul((const char *)digits + 1, NULL, 10) : 0;
    if (info < 64 || info > size - INFO || info > 4096) return;
    cen__blake2b_start(&hash, sizeof digest);
    cen__blake2b_add(&hash, bytes + AFTER, INFO + info - AFTER);
    cen__blake2b_end(&hash, digest);
    cen__hex(digest, sizeof digest, hex);
    memcpy(bytes + CHECKSUM, hex, 32);
}

static void check(cen_status status, const cen_error *error)
{
    fuzz_check_error(status, error);
    FUZZ_CHECK(status == CEN_OK || status == CEN_ERROR_FORMAT);
}

static void use(cen_gallery *gallery)
{
    const size_t n = cen_gallery_get(gallery)->n;
    size_t rows[3], n_found;
    cen_gallery_row row, first = {.name = NULL};
    cen_error error;
    for (size_t i = 0; i < n; i++) {
        const cen_status status = cen_gallery_row_get(gallery, i, &row, &error);
        check(status, &error);
        if (status == CEN_OK && *row.name != '\0' && first.name == NULL) first = row;
    }
    if (first.name == NULL) return;
    check(cen_gallery_find(gallery, first.name, rows, 3, &n_found, &error), &error);
    cen_status status = cen_gallery_add(gallery, &first, 1, &error);
    fuzz_check_error(status, &error);
    FUZZ_CHECK(status == CEN_OK || status == CEN_ERROR_NOT_FINITE);
    if (n > 1) check(cen_gallery_remove(gallery, &(size_t){n / 2}, 1, &error), &error);
}

/* What can be saved is loaded again with the same rows. */
static void save_and_load(cen_gallery *gallery)
{
    static const char path[] = "fuzz_output.gallery";
    cen_gallery *again;
    cen_error error;
    cen_status status = cen_gallery_save(gallery, path, &error);
    check(status, &error);
    if (status != CEN_OK) return;
    FUZZ_CHECK(cen_gallery_load(NULL, &again, path, false, &error) == CEN_OK);
    FUZZ_CHECK(cen_gallery_get(again)->n == cen_gallery_get(gallery)->n);
    for (size_t i = 0; i < cen_gallery_get(again)->n; i++) {
        cen_gallery_row one, other;
        FUZZ_CHECK(cen_gallery_row_get(gallery, i, &one, NULL) == CEN_OK);
        FUZZ_CHECK(cen_gallery_row_get(again, i, &other, NULL) == CEN_OK);
        FUZZ_CHECK(strcmp(one.name, other.name) == 0 && strcmp(one.source, other.source) == 0);
        FUZZ_CHECK(memcmp(one.digest, other.digest, sizeof one.digest) == 0);
        FUZZ_CHECK(one.is_negative == other.is_negative);
        FUZZ_CHECK(memcmp(one.feature, other.feature, cen_gallery_get(again)->d * sizeof(float)) ==
                   0);
    }
    cen_gallery_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { MEMORY_FACTOR = 32, MEMORY_LEAST = 1 << 18 };
    static const char path[] = "fuzz_input.gallery";
    cen_gallery *gallery;
    cen_feature_set set;
    cen_error error;
    uint8_t *copy = malloc(size + 1);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    repair(copy, size);
    fuzz_write(path, copy, size);
    free(copy);
    fuzz_memory_begin();
    cen_status status = cen_gallery_load(NULL, &gallery, path, false, &error);
    fuzz_check_error(status, &error);
    if (status == CEN_OK) {
        use(gallery);
        if (fuzz_is_replay) save_and_load(gallery);
    }
    cen_gallery_free(gallery);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    const cen_status other = cen_features_read(NULL, path, &set, &error);
    fuzz_check_error(other, &error);
    FUZZ_CHECK(status == CEN_OK || other == status);
    cen_features_free(&set);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_memory_end();
    return 0;
}

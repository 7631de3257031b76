/* A gallery kept in plain arrays, to compare with. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_GALLERY_TWIN_H
#define TESTS_SUPPORT_GALLERY_TWIN_H

#include <stdio.h>
#include <string.h>

#include <centerloss.h>

enum { TWIN_MOST = 3000, TWIN_D = 5, TWIN_TEXT = 24 };

typedef struct {
    struct {
        char name[TWIN_TEXT], source[TWIN_TEXT];
        uint8_t digest[CEN_DIGEST_SIZE];
        bool is_negative;
        float feature[TWIN_D];
    } rows[TWIN_MOST];
    size_t n;
} gallery_twin;

/* A number below n of a small generator. */
static inline size_t twin_draw(uint64_t *state, size_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(*state >> 33) % n;
}

/* A row that no other is like; seed tells its name. */
static inline cen_gallery_row twin_add(gallery_twin *twin, uint64_t *state, size_t number)
{
    const size_t i = twin->n++;
    memset(&twin->rows[i], 0, sizeof twin->rows[i]);
    (void)snprintf(twin->rows[i].name, TWIN_TEXT, "name %zu", twin_draw(state, 12));
    if (twin_draw(state, 8) != 0) {
        (void)snprintf(twin->rows[i].source, TWIN_TEXT, "s/%zu.png", number);
    }
    for (size_t j = 0; j < CEN_DIGEST_SIZE; j++) {
        twin->rows[i].digest[j] = (uint8_t)twin_draw(state, 256);
    }
    twin->rows[i].is_negative = twin_draw(state, 5) == 0;
    for (size_t j = 0; j < TWIN_D; j++) {
        twin->rows[i].feature[j] = (float)twin_draw(state, 1000) / 64 - 8;
    }
    cen_gallery_row row = {twin->rows[i].name,
                           twin->rows[i].source,
                           {0},
                           twin->rows[i].is_negative,
                           twin->rows[i].feature};
    memcpy(row.digest, twin->rows[i].digest, CEN_DIGEST_SIZE);
    return row;
}

static inline void twin_remove(gallery_twin *twin, size_t i)
{
    memmove(&twin->rows[i], &twin->rows[i + 1], (twin->n - i - 1) * sizeof twin->rows[0]);
    twin->n--;
}

static inline size_t twin_rename(gallery_twin *twin, const char *from, const char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < twin->n; i++) {
        if (strcmp(twin->rows[i].name, from) != 0) continue;
        strcpy(twin->rows[i].name, to);
        n++;
    }
    return n;
}

/* NULL, or what differs. */
static inline const char *twin_differs(const gallery_twin *twin, const cen_gallery *gallery)
{
    const cen_gallery_info *info = cen_gallery_get(gallery);
    size_t n_negatives = 0;
    if (info->n != twin->n || info->d != TWIN_D) return "number of rows";
    for (size_t i = 0; i < twin->n; i++) {
        cen_gallery_row row;
        n_negatives += twin->rows[i].is_negative;
        if (cen_gallery_row_get(gallery, i, &row, NULL) != CEN_OK) return "a row";
        if (strcmp(row.name, twin->rows[i].name) != 0) return "a name";
        if (strcmp(row.source, twin->rows[i].source) != 0) return "a source";
        if (memcmp(row.digest, twin->rows[i].digest, CEN_DIGEST_SIZE) != 0) return "a digest";
        if (row.is_negative != twin->rows[i].is_negative) return "a negative";
        if (memcmp(row.feature, twin->rows[i].feature, sizeof twin->rows[i].feature) != 0) {
            return "a feature";
        }
    }
    return info->n_negatives == n_negatives ? NULL : "number of negatives";
}

#endif

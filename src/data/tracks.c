/* Finds a split that parts series of near-equal pictures, such as the frames of a film. Their files are numbered, so a picture of
 * a series looks most like those beside it in the order of names; other pictures look most like any of their class. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/folder.h"

enum {
    BESIDE = 2,       /* training images on each side */
    LEAST_TRAIN = 16, /* per class, so that four of them are few */
    LEAST_ASKED = 10,
    MOST_ASKED = 400 /* validation images */
};

void cen__thumbnail(const cen_folder *folder, const uint8_t *bytes,
                    uint8_t thumbnail[CEN__THUMBNAIL])
{
    enum { SIDE = 8 };
    size_t h = folder->input.height, w = folder->input.width, n_channels = folder->input.channels;
    uint64_t sums[CEN__THUMBNAIL] = {0}, counts[CEN__THUMBNAIL] = {0};
    for (size_t i = 0; i < n_channels * h; i++, bytes += w) {
        size_t line = i % h * SIDE / h * SIDE;
        for (size_t j = 0; j < w; j++) {
            sums[line + j * SIDE / w] += bytes[j];
            counts[line + j * SIDE / w]++;
        }
    }
    for (size_t k = 0; k < CEN__THUMBNAIL; k++) {
        thumbnail[k] = (uint8_t)(sums[k] / (counts[k] + (counts[k] == 0)));
    }
}

/* The correlation of two thumbnails; -2 if one has a single level. */
static double likeness(const uint8_t *a, const uint8_t *b)
{
    int64_t n = CEN__THUMBNAIL, sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (size_t k = 0; k < CEN__THUMBNAIL; k++) {
        sum_a += a[k];
        sum_b += b[k];
        aa += a[k] * a[k];
        bb += b[k] * b[k];
        ab += a[k] * b[k];
    }
    int64_t spread_a = n * aa - sum_a * sum_a, spread_b = n * bb - sum_b * sum_b;
    if (spread_a <= 0 || spread_b <= 0) return -2;
    return (double)(n * ab - sum_a * sum_b) / sqrt((double)spread_a * (double)spread_b);
}

/* The first image that does not come before key. */
static size_t place_of(const cen_folder *folder, const cen_folder_image *key)
{
    size_t low = 0, high = folder->info.n_images;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool is_before = cen__compare_images(&folder->images[middle], key) < 0;
        if (is_before) low = middle + 1;
        if (!is_before) high = middle;
    }
    return low;
}

typedef struct {
    size_t n_asked, n_beside, image, twin; /* image, twin: the first such pair */
    double expected, variance;             /* of n_beside by chance */
} count;

/* Does the training image of its class that looks most like this one lie beside it? */
static void ask(const cen_folder *folder, const uint8_t *thumbnails, size_t image, count *c)
{
    const cen_folder_image *own = &folder->images[image];
    const cen_folder_image key = {
        .path = own->path, .name = own->name, .label = own->label, .split = CEN_SPLIT_TRAIN};
    cen_folder_image first_key = key, end_key = key;
    first_key.name = end_key.name = first_key.path = end_key.path = "";
    end_key.label++;
    size_t place = place_of(folder, &key), first = place_of(folder, &first_key);
    size_t end = place_of(folder, &end_key), best = end;
    double most = -2;
    if (end - first < LEAST_TRAIN) return;
    for (size_t i = first; i < end; i++) {
        double like =
            likeness(thumbnails + image * CEN__THUMBNAIL, thumbnails + i * CEN__THUMBNAIL);
        if (like <= most) continue;
        most = like;
        best = i;
    }
    if (best == end) return;
    size_t low = place - first < BESIDE ? first : place - BESIDE;
    size_t high = end - place < BESIDE ? end : place + BESIDE;
    double chance = (double)(high - low) / (double)(end - first);
    c->n_asked++;
    c->expected += chance;
    c->variance += chance * (1 - chance);
    if (best < low || best >= high) return;
    if (c->n_beside++ > 0) return;
    c->image = image;
    c->twin = best;
}

static cen_status remark(cen_folder *folder, const count *c, cen_error *error)
{
    const cen_folder_image *image = &folder->images[c->image];
    const char *base = cen__base_name(image->name);
    const char *group = base != image->name         ? "1"
                        : strchr(base, '_') != NULL ? "*_*"
                        : strchr(base, '-') != NULL ? "*-*"
                                                    : "PATTERN";
    char remedy[96] = "move each series to one side of the split";
    if (!folder->info.has_own_split) {
        (void)snprintf(remedy, sizeof remedy, "keep each series on one side with --group, as '%s'",
                       group);
    }
    return cen__folder_remark(
        folder, image->path, error,
        "this and %zu more of %zu validation images look most like the training image beside them "
        "in the order of names (here %s), as frames of one film do; near copies make validation "
        "look too good: %s",
        c->n_beside - 1, c->n_asked, cen__base_name(folder->images[c->twin].path), remedy);
}

cen_status cen__remark_tracks(cen_folder *folder, const uint8_t *thumbnails, cen_error *error)
{
    count c = {0, 0, 0, 0, 0, 0};
    size_t n = 0, seen = 0;
    if (folder->options.group != NULL || folder->are_tracks_told) return CEN_OK;
    const cen_folder_image *images = folder->images;
    for (size_t i = 0; i < folder->info.n_images; i++) {
        n += images[i].split == CEN_SPLIT_VALIDATION;
    }
    size_t every = n / MOST_ASKED + 1;
    for (size_t i = 0; i < folder->info.n_images; i++) {
        if (images[i].split != CEN_SPLIT_VALIDATION || seen++ % every != 0) continue;
        ask(folder, thumbnails, i, &c);
    }
    bool is_common = c.n_asked >= LEAST_ASKED && 2 * c.n_beside > c.n_asked;
    bool is_chance = (double)c.n_beside < c.expected + 5 * sqrt(c.variance + 1);
    folder->are_tracks_told = is_common && !is_chance;
    return folder->are_tracks_told ? remark(folder, &c, error) : CEN_OK;
}

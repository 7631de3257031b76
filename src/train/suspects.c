#include "train/suspects.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "train/model.h"
#include "train/sentinel.h"

/* With these limits a sentence fits into the 512 bytes of an error. */
enum { MOST_NAMES = 3, MOST_NAME = 80, NAMES_SIZE = 320 };

typedef struct suspects {
    size_t first[MOST_NAMES], n; /* places in the batch; how many there are */
} suspects;

static void add(suspects *s, size_t place)
{
    if (s->n < MOST_NAMES) s->first[s->n] = place;
    s->n++;
}

static suspects all_of(const cen__batch *batch)
{
    suspects all = {.n = 0};
    for (size_t i = 0; i < batch->n; i++) add(&all, i);
    return all;
}

/* The end of a path; no character is cut in half. */
static const char *end_of(const char *path)
{
    size_t size = strlen(path);
    if (size <= MOST_NAME) return path;
    path += size - MOST_NAME;
    while (((unsigned char)*path & 0xC0) == 0x80) path++;
    return path;
}

/* "A, B, ...C and 5 more" */
static void name(const cen__batch *batch, const suspects *s, char text[NAMES_SIZE])
{
    char text_of_row[CEN__ROW_NAME];
    size_t n_shown = s->n < MOST_NAMES ? s->n : MOST_NAMES, at = 0;
    for (size_t i = 0; i < n_shown; i++) {
        const char *path = cen__row_name(batch->dataset, batch->rows[s->first[i]], text_of_row);
        const char *end = end_of(path);
        const char *link = i == 0 ? "" : i + 1 == s->n ? " and " : ", ";
        cen__append(text, NAMES_SIZE, &at, "%s%s%s", link, end == path ? "" : "...", end);
    }
    if (s->n > n_shown) cen__append(text, NAMES_SIZE, &at, " and %zu more", s->n - n_shown);
}

static const char remedy[] = "train with a smaller learning rate or lambda, or clip gradients";

cen_status cen__tell_step(const cen__batch *batch, size_t step, size_t epoch,
                          const cen_losses *losses, cen_error *error)
{
    const cen_model *model = cen__trainer_model(batch->trainer);
    const char *what = isfinite(losses->total) ? "square of the gradient" : "loss";
    size_t size = cen__shape_count(model->net.in);
    char names[NAMES_SIZE];
    suspects alone = {.n = 0}, all = all_of(batch);
    if (error == NULL) return CEN_ERROR_NOT_FINITE;
    if (cen__broken_tensor(model) != NULL) {
        return cen__fail(error, CEN_ERROR_NOT_FINITE, "step %zu (epoch %zu) is not taken: %s", step,
                         epoch, error->message);
    }
    for (size_t i = 0; i < batch->n; i++) {
        if (cen__trainer_would_refuse(batch->trainer, batch->x + i * size, batch->labels + i, 1)) {
            add(&alone, i);
        }
    }
    bool are_some = alone.n > 0 && alone.n < batch->n;
    name(batch, are_some ? &alone : &all, names);
    if (are_some) {
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "step %zu (epoch %zu) is not taken: the %s is not finite for %s, %zu of a "
                         "batch of %zu; look at these images, or %s",
                         step, epoch, what, names, alone.n, batch->n, remedy);
    }
    return cen__fail(
        error, CEN_ERROR_NOT_FINITE,
        "step %zu (epoch %zu) is not taken: the %s is not finite for its batch (%s), "
        "%s; %s",
        step, epoch, what, names,
        alone.n > 0 ? "nor for any image of it" : "though for each image by itself it is", remedy);
}

cen_status cen__tell_measure(const cen__batch *batch, size_t epoch, const float *features,
                             cen_error *error)
{
    size_t d = cen__trainer_model(batch->trainer)->info.feature_size;
    const cen__vectors *vectors = &cen__trainer_model(batch->trainer)->net.kernels->vectors;
    char names[NAMES_SIZE];
    suspects some = {.n = 0};
    for (size_t i = 0; i < batch->n; i++) {
        if (!cen__is_below(vectors, features + i * d, d, INFINITY, NULL)) add(&some, i);
    }
    if (some.n == 0) some = all_of(batch);
    name(batch, &some, names);
    return cen__fail(error, CEN_ERROR_NOT_FINITE,
                     "epoch %zu cannot be measured: the features or the loss of %s are not finite; "
                     "%s",
                     epoch, names, remedy);
}

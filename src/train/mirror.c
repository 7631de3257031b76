/* Whether left and right mean the same in the pictures of a dataset: faces and objects keep their class in a mirror, letters,
 * digits and signs do not.
 *
 * A picture is described by histograms of the directions of its edges (Dalal and Triggs 2005). The area under the ROC curve says
 * how well these tell pairs of one class from pairs of two. It is measured twice: on the pictures as they are, and with one of
 * each pair mirrored. Of the log odds of the first, the second keeps a share: 0.6 to 1 with faces, clothes and objects, 0 to 0.45
 * with letters, digits and signs. */
#include "train/mirror.h"

#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/reader.h"
#include "kernels/dispatch.h"

enum {
    MOST_ROWS = 1000,
    MOST_CLASSES = 200,
    BATCH = 64,
    SIDE = 32, /* pixels of a picture that is described, at most */
    CELLS = 8, /* per side */
    BINS = 8,  /* directions, over half a turn */
    D = CELLS * CELLS * BINS
};

static const double enough = 0.5, pi = 3.14159265358979323846;

typedef struct {
    size_t n, n_classes;  /* n_classes: of the dataset */
    size_t *rows;         /* [n] */
    int32_t *labels;      /* [n] */
    float *plain, *other; /* [n, D] of the pictures, and of their mirror images */
    float *grey;          /* [n, at most SIDE * SIDE] */
    float *similar;       /* [threads, 2, n] */
    double *
        areas; /* [n, 2] of a picture as the query, plain and mirrored; below 0: it has no partner */
    double *sums; /* [n_classes, 3] of areas, and the queries */
    const cen__vectors *vectors;
    cen__alike alike;
} sample;

/* ---- the rows ---- */

/* The rows of a class, and of these the next to take. */
typedef struct {
    size_t n, n_wanted, n_seen, n_taken, next;
} class_rows;

/* One row of each of n_wanted equal parts. */
static void draw_next(class_rows *of, size_t label)
{
    size_t first = of->n_taken * of->n / of->n_wanted;
    size_t end = (of->n_taken + 1) * of->n / of->n_wanted;
    uint64_t stream = cen__substream(CEN__STREAM_MIRROR, label + 1);
    of->next = first + (size_t)cen__random_below(1, stream, of->n_taken, end - first);
}

static class_rows *class_of(const cen_dataset *dataset, size_t row, class_rows *classes)
{
    int32_t label = dataset->labels[row];
    bool is_of_one = label >= 0 && (size_t)label < dataset->n_classes;
    if (!is_of_one || cen__split_of(dataset, row) != CEN_SPLIT_TRAIN) return NULL;
    return &classes[label];
}

/* Draws classes, and as many rows of each. Classes of one row have nothing to compare. */
static void draw_rows(const cen_dataset *dataset, class_rows *classes, size_t *order, sample *s)
{
    size_t n_usable = 0;
    for (size_t i = 0; i < dataset->n; i++) {
        class_rows *of = class_of(dataset, i, classes);
        if (of != NULL) of->n++;
    }
    for (size_t c = 0; c < dataset->n_classes; c++) {
        if (classes[c].n > 1) order[n_usable++] = c;
    }
    cen__shuffle(order, n_usable, 1, CEN__STREAM_MIRROR);
    if (n_usable > MOST_CLASSES) n_usable = MOST_CLASSES;
    for (size_t i = 0; i < n_usable; i++) {
        class_rows *of = &classes[order[i]];
        of->n_wanted = of->n < MOST_ROWS / n_usable ? of->n : MOST_ROWS / n_usable;
        draw_next(of, order[i]);
    }
    for (size_t i = 0; i < dataset->n; i++) {
        class_rows *of = class_of(dataset, i, classes);
        if (of == NULL || of->n_taken == of->n_wanted || of->n_seen++ != of->next) continue;
        s->rows[s->n++] = i;
        if (++of->n_taken < of->n_wanted) draw_next(of, (size_t)(of - classes));
    }
}

static cen_status choose_rows(cen_context *context, const cen_dataset *dataset, sample *s,
                              cen_error *error)
{
    class_rows *classes = cen__alloc_zeroed(context, dataset->n_classes, sizeof *classes);
    size_t *order = cen__alloc(context, dataset->n_classes, sizeof *order);
    s->rows = cen__alloc(context, MOST_ROWS, sizeof *s->rows);
    bool is_good = classes != NULL && order != NULL && s->rows != NULL;
    if (is_good) draw_rows(dataset, classes, order, s);
    cen__free(classes);
    cen__free(order);
    return is_good ? CEN_OK : cen__fail_memory(error, "the classes of mirror images");
}

/* ---- a picture ---- */

/* The mean over channels and blocks: grey[side of y, side of x]. */
static void shrink(const cen_dataset *dataset, const float *x, size_t height, size_t width,
                   float *grey)
{
    size_t h = dataset->height, w = dataset->width, block_h = h / height, block_w = w / width;
    size_t top = (h - block_h * height) / 2, left = (w - block_w * width) / 2;
    memset(grey, 0, height * width * sizeof *grey);
    for (size_t c = 0; c < dataset->channels; c++, x += h * w) {
        for (size_t i = 0; i < block_h * height; i++) {
            const float *line = x + (top + i) * w + left;
            float *sum = grey + i / block_h * width;
            for (size_t j = 0; j < block_w * width; j++) sum[j / block_w] += line[j];
        }
    }
}

/* The cell below a place, counted from 1, and the share of the one above. */
static size_t between(double place, double *upper)
{
    double low = floor(place);
    *upper = place - low;
    return (size_t)(low + 1); /* place is at least -1 */
}

static void add_edge(double y, double x, double bin, double strength, float *f)
{
    double share[3];
    size_t cell_y = between(y, &share[0]), cell_x = between(x, &share[1]);
    size_t first = between(bin, &share[2]) - 1;
    for (size_t corner = 0; corner < 8; corner++) {
        size_t i = cell_y + (corner & 1), j = cell_x + (corner >> 1 & 1), b = first + (corner >> 2);
        if (i < 1 || i > CELLS || j < 1 || j > CELLS) continue;
        double weight = (corner & 1 ? share[0] : 1 - share[0]) *
                        (corner & 2 ? share[1] : 1 - share[1]) *
                        (corner & 4 ? share[2] : 1 - share[2]);
        f[((i - 1) * CELLS + j - 1) * BINS + b % BINS] += (float)(weight * strength);
    }
}

/* f[D] of length 1; zeros for a picture without edges. */
static void describe(const float *grey, size_t height, size_t width, float *f)
{
    double square = 0;
    memset(f, 0, D * sizeof *f);
    for (size_t i = 1; i + 1 < height; i++) {
        const float *at = grey + i * width;
        for (size_t j = 1; j + 1 < width; j++) {
            double dy = (double)at[j + width] - (double)at[j - width];
            double dx = (double)at[j + 1] - (double)at[j - 1];
            double turn = atan2(dy, dx) / pi;
            if (turn < 0) turn += 1;
            add_edge(((double)i + 0.5) * CELLS / (double)height - 0.5,
                     ((double)j + 0.5) * CELLS / (double)width - 0.5, turn * BINS,
                     sqrt(dy * dy + dx * dx), f);
        }
    }
    for (size_t i = 0; i < D; i++) square += (double)f[i] * (double)f[i];
    if (!(square > 0)) return;
    for (size_t i = 0; i < D; i++) f[i] = (float)((double)f[i] / sqrt(square));
}

/* That of the mirror image: cells change sides, and directions their slant. */
static void mirror_of(const float *f, float *other)
{
    for (size_t cell = 0; cell < CELLS * CELLS; cell++) {
        size_t x = cell % CELLS, there = cell - x + (CELLS - 1 - x);
        for (size_t b = 0; b < BINS; b++) {
            other[there * BINS + (BINS - b) % BINS] = f[cell * BINS + b];
        }
    }
}

static cen_status describe_all(cen_context *context, const cen_dataset *dataset, sample *s,
                               cen_error *error)
{
    size_t height = dataset->height, width = dataset->width, n = s->n;
    if (height > SIDE) height /= (height + SIDE - 1) / SIDE;
    if (width > SIDE) width /= (width + SIDE - 1) / SIDE;
    cen__reader reader = {
        .context = context, .dataset = dataset, .size = BATCH, .unread = cen__reader_skip};
    size_t size = dataset->channels * dataset->height * dataset->width, count;
    float *x = cen__alloc(context, BATCH, size * sizeof *x);
    cen_status status = x != NULL ? cen__reader_prepare(&reader, error)
                                  : cen__fail_memory(error, "the pictures of mirror images");
    bool is_ready = status == CEN_OK;
    s->n = 0;
    for (size_t at = 0; at < n && status == CEN_OK; at += BATCH) {
        status = cen__reader_read(&reader, NULL, s->rows + at, n - at < BATCH ? n - at : BATCH, x,
                                  s->labels + s->n, &count, error);
        if (status != CEN_OK) break;
        for (size_t i = 0; i < count; i++, s->n++) {
            float *grey = s->grey + s->n * height * width;
            shrink(dataset, x + i * size, height, width, grey);
            describe(grey, height, width, s->plain + s->n * D);
            mirror_of(s->plain + s->n * D, s->other + s->n * D);
            cen__alike_normalise(grey, height * width);
        }
    }
    if (status == CEN_OK) s->alike = cen__alike_measure(s->grey, s->labels, s->n, height * width);
    if (is_ready) cen__reader_free(&reader);
    cen__free(x);
    return status;
}

/* ---- the areas ---- */

/* The area of one query: how often a picture of its class is more similar than one of another; a tie counts half. */
static double area_of(const sample *s, size_t query, const float *similar)
{
    double better = 0, pairs = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (i == query || s->labels[i] != s->labels[query]) continue;
        size_t twice = 0, n_others = 0;
        for (size_t j = 0; j < s->n; j++) {
            bool is_other = s->labels[j] != s->labels[query];
            n_others += is_other;
            twice += is_other * ((similar[j] < similar[i]) + (size_t)(similar[j] <= similar[i]));
        }
        better += (double)twice / 2;
        pairs += (double)n_others;
    }
    return pairs > 0 ? better / pairs : -1;
}

static void measure_query(void *data, size_t query, int worker)
{
    sample *s = data;
    float *similar = s->similar + (size_t)worker * s->n;
    for (size_t side = 0; side < 2; side++) {
        const float *f = (side == 0 ? s->plain : s->other) + query * D;
        for (size_t i = 0; i < s->n; i++) {
            similar[i] = (float)s->vectors->dot(D, f, s->plain + i * D);
        }
        s->areas[2 * query + side] = area_of(s, query, similar);
    }
}

static double log_odds(double sum, double n)
{
    double share = sum / n;
    share = share < 0.01 ? 0.01 : share > 0.99 ? 0.99 : share;
    return log(share / (1 - share));
}

/* Mirror images are as good as the pictures if they keep more than `enough`, by more than the standard error. Queries of one class
 * are alike, so the error is that of leaving out one class after the other (jackknife). */
static void decide(sample *s, cen__mirror *mirror)
{
    double all[3] = {0, 0, 0}, sum = 0, squares = 0, n_used = 0;
    for (size_t i = 0; i < s->n; i++) {
        const double area[3] = {s->areas[2 * i], s->areas[2 * i + 1], 1};
        for (size_t k = 0; k < 3 && area[0] >= 0; k++) {
            s->sums[3 * (size_t)s->labels[i] + k] += area[k];
            all[k] += area[k];
        }
    }
    for (size_t c = 0; c < s->n_classes; c++) {
        const double *own = s->sums + 3 * c;
        if (own[2] == 0 || own[2] == all[2]) continue;
        double n = all[2] - own[2];
        double rest = log_odds(all[1] - own[1], n) - enough * log_odds(all[0] - own[0], n);
        n_used++;
        sum += rest;
        squares += rest * rest;
    }
    if (n_used < 2) return;
    double plain = log_odds(all[0], all[2]), other = log_odds(all[1], all[2]);
    double variance = (squares - sum * sum / n_used) * (n_used - 1) / n_used;
    if (!(plain > 0)) return;
    mirror->kept = other / plain;
    mirror->is_same = other - enough * plain > sqrt(variance > 0 ? variance : 0);
}

cen_status cen__mirror_measure(cen_context *context, const cen_dataset *dataset,
                               cen__mirror *mirror, cen_error *error)
{
    sample s = {.n_classes = dataset->n_classes};
    *mirror = (cen__mirror){(double)NAN, false, {(double)NAN, false}};
    if (dataset->labels == NULL || dataset->n_classes < 2) return CEN_OK;
    cen_context *own = NULL;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    size_t n_threads = (size_t)cen_context_threads(context);
    s.vectors = &cen__kernels_of(context->instructions)->vectors;
    cen_status status = choose_rows(context, dataset, &s, error);
    if (status == CEN_OK && s.n > 1) {
        s.labels = cen__alloc(context, s.n, sizeof *s.labels);
        s.plain = cen__alloc(context, s.n, D * sizeof *s.plain);
        s.other = cen__alloc(context, s.n, D * sizeof *s.other);
        s.grey = cen__alloc(context, s.n, CEN__ALIKE_SIZE * sizeof *s.grey);
        s.similar = cen__alloc(context, n_threads, s.n * sizeof *s.similar);
        s.areas = cen__alloc(context, s.n, 2 * sizeof *s.areas);
        s.sums = cen__alloc_zeroed(context, s.n_classes, 3 * sizeof *s.sums);
        bool is_good = s.labels != NULL && s.plain != NULL && s.other != NULL && s.grey != NULL &&
                       s.similar != NULL && s.areas != NULL && s.sums != NULL;
        status = is_good ? describe_all(context, dataset, &s, error)
                         : cen__fail_memory(error, "the descriptions of mirror images");
        if (status == CEN_OK) {
            double work = 2 * (double)s.n * (double)s.n * D;
            cen__parallel(context, s.n, work, measure_query, &s);
            decide(&s, mirror);
            mirror->alike = s.alike;
        }
    }
    void *const all[] = {s.rows, s.labels, s.plain, s.other, s.grey, s.similar, s.areas, s.sums};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cen__free(all[i]);
    cen_context_free(own);
    return status;
}

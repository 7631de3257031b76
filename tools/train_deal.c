/* cl_train --folds: which images are left out together. */
#include <stdlib.h>
#include <string.h>

#include "train_fold_parts.h"

typedef struct member {
    const char *group; /* NULL: by itself */
    size_t place, row; /* in the shuffled order */
} member;

static int compare_members(const void *a, const void *b)
{
    const member *one = a, *other = b;
    if (one->group != NULL && other->group != NULL) {
        const int order = strcmp(one->group, other->group);
        if (order != 0) return order;
    } else if (one->group != other->group) {
        return one->group == NULL ? -1 : 1;
    }
    return (one->place > other->place) - (one->place < other->place);
}

/* Shuffled by the seed, the images of a class go to the folds in turn. Those of a group stay together. */
static bool deal(folds *f, const size_t *order, size_t n)
{
    const cen_folder_image *images = cen_folder_get(f->images->folder)->images;
    member *members = calloc(n + 1, sizeof *members);
    size_t *leaders = calloc(f->dataset->n, sizeof *leaders);
    size_t *next = calloc(f->dataset->n_classes, sizeof *next);
    const bool good = members != NULL && leaders != NULL && next != NULL;
    for (size_t i = 0; i < n && good; i++) {
        members[i] = (member){images[order[i]].group, i, order[i]};
    }
    if (good) qsort(members, n, sizeof *members, compare_members);
    for (size_t i = 0; i < n && good; i++) {
        const member *m = &members[i];
        const bool follows =
            i > 0 && m->group != NULL && m[-1].group != NULL && strcmp(m->group, m[-1].group) == 0;
        leaders[m->row] = follows ? leaders[m[-1].row] : m->row;
    }
    for (size_t i = 0; i < n && good; i++) {
        const size_t row = order[i], label = (size_t)f->dataset->labels[row];
        if (leaders[row] == row) f->numbers[row] = (next[label]++ + label) % s.n_folds + 1;
    }
    for (size_t i = 0; i < n && good; i++) f->numbers[order[i]] = f->numbers[leaders[order[i]]];
    free(members);
    free(leaders);
    free(next);
    return good;
}

/* A class that lies in one fold is never left out: nothing would be left to judge it by. */
static bool keep_small(folds *f, const size_t *order, size_t n)
{
    size_t *first = calloc(f->dataset->n_classes, sizeof *first);
    bool *spreads = calloc(f->dataset->n_classes, sizeof *spreads);
    const bool good = first != NULL && spreads != NULL;
    for (size_t i = 0; i < n && good; i++) {
        const size_t label = (size_t)f->dataset->labels[order[i]], number = f->numbers[order[i]];
        if (first[label] == 0) first[label] = number;
        if (first[label] != number) spreads[label] = true;
    }
    for (size_t i = 0; i < n && good; i++) {
        if (!spreads[f->dataset->labels[order[i]]]) f->numbers[order[i]] = 0;
    }
    free(first);
    free(spreads);
    return good;
}

cen_status choose_folds(folds *f, cen_error *error)
{
    size_t n = 0, *order = calloc(f->dataset->n, sizeof *order);
    const size_t epoch = 1 << 20; /* an order that no training has */
    cen_status status = CEN_ERROR_MEMORY;
    *error = (cen_error){status, "not enough memory for the folds"};
    if (order != NULL) {
        status =
            cen_dataset_order(f->r->context, f->dataset, 0, 0, s.seed, epoch, order, &n, error);
    }
    if (status == CEN_OK && !(deal(f, order, n) && keep_small(f, order, n))) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the folds"};
    }
    free(order);
    return status;
}

#include "search/classes.h"

#include <stdlib.h>

#include "base/memory.h"

typedef struct {
    int32_t label;
    size_t row;
} labelled_row;

static int compare_rows(const void *left, const void *right)
{
    const labelled_row *a = left, *b = right;
    if (a->label != b->label) return a->label < b->label ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void fill(cen__classes *classes, const labelled_row *sorted)
{
    classes->n_classes = 0;
    for (size_t i = 0; i < classes->n_rows; i++) {
        classes->rows[i] = sorted[i].row;
        if (i > 0 && sorted[i].label == sorted[i - 1].label) continue;
        classes->starts[classes->n_classes] = i;
        classes->labels[classes->n_classes++] = sorted[i].label;
    }
    classes->starts[classes->n_classes] = classes->n_rows;
}

bool cen__classes_create(cen_context *context, cen__classes *classes, const int32_t *labels,
                         size_t n)
{
    labelled_row *sorted = cen__alloc(context, n, sizeof *sorted);
    *classes = (cen__classes){.n_rows = 0};
    for (size_t i = 0; i < n && sorted != NULL; i++) {
        if (labels[i] >= 0) sorted[classes->n_rows++] = (labelled_row){labels[i], i};
    }
    classes->labels = cen__alloc(context, classes->n_rows, sizeof *classes->labels);
    classes->starts = cen__alloc(context, classes->n_rows + 1, sizeof *classes->starts);
    classes->rows = cen__alloc(context, classes->n_rows, sizeof *classes->rows);
    bool done = sorted != NULL && classes->labels != NULL && classes->starts != NULL &&
                classes->rows != NULL;
    if (done) {
        qsort(sorted, classes->n_rows, sizeof *sorted, compare_rows);
        fill(classes, sorted);
    } else {
        cen__classes_free(classes);
    }
    cen__free(sorted);
    return done;
}

void cen__classes_free(cen__classes *classes)
{
    cen__free(classes->labels);
    cen__free(classes->starts);
    cen__free(classes->rows);
    *classes = (cen__classes){.n_rows = 0};
}

size_t cen__classes_find(const cen__classes *classes, int32_t label)
{
    size_t low = 0, high = classes->n_classes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (classes->labels[middle] < label) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < classes->n_classes && classes->labels[low] == label ? low : classes->n_classes;
}

size_t cen__classes_count(const cen__classes *classes, size_t place)
{
    if (place == classes->n_classes) return 0;
    return classes->starts[place + 1] - classes->starts[place];
}

/* cl_train: rows of one split, drawn evenly. */
#include "train_split.h"

#include <stdlib.h>
#include <string.h>

void free_split(split_rows *set)
{
    free(set->features);
    free(set->labels);
    free(set->rows);
}

cen_status take_split(const page_content *content, cen_split split, size_t most, split_rows *set,
                      cen_error *error)
{
    size_t d = cen_model_get(content->model)->feature_size, n = content->n;
    const char *name = cen_split_name(split);
    *set = (split_rows){.n = 0};
    for (size_t i = 0; i < n; i++) set->n_all += strcmp(content->rows[i].split, name) == 0;
    set->n = set->n_all < most ? set->n_all : most;
    set->features = malloc((set->n * d + 1) * sizeof *set->features);
    set->labels = malloc((set->n + 1) * sizeof *set->labels);
    set->rows = malloc((set->n + 1) * sizeof *set->rows);
    if (set->features == NULL || set->labels == NULL || set->rows == NULL) {
        free_split(set);
        *set = (split_rows){.n = 0};
        return page_no_memory(error);
    }
    size_t to = 0, place = 0;
    for (size_t i = 0; i < n && to < set->n; i++) {
        if (strcmp(content->rows[i].split, name) != 0) continue;
        if (place++ != page_place(to, set->n, set->n_all)) continue;
        memcpy(set->features + to * d, content->features + i * d, d * sizeof *set->features);
        set->labels[to] = content->rows[i].label;
        set->rows[to++] = content->rows[i];
    }
    return CEN_OK;
}

cen_labelled labelled(const split_rows *set)
{
    return (cen_labelled){set->features, set->labels, set->n};
}

/* cl_train --folds: what the nets say, in its file and on the page. */
#include <stdio.h>
#include <string.h>

#include "system.h"
#include "train_fold_parts.h"

cen_status save_verdicts(const folds *f, cen_error *error)
{
    char path[PATH_SIZE];
    return cen_features_write(NULL, in_run(f->r, "folds.npy", path), CEN_FEATURES_NPY, f->verdicts,
                              f->images->n, VERDICT_SIZE, f->images->names, error);
}

static bool is_same(const folds *f, const cen_feature_set *set)
{
    bool is = set->n == f->images->n && set->d == VERDICT_SIZE;
    for (size_t i = 0; i < set->n && is; i++) {
        const float *verdict = set->features + i * VERDICT_SIZE;
        is = strcmp(set->rows[i].path, f->images->names[i].path) == 0 &&
             verdict[VERDICT_FOLDS] == (float)s.n_folds && verdict[VERDICT_EXAMPLE] >= 0 &&
             verdict[VERDICT_EXAMPLE] < (float)set->n;
    }
    return is;
}

void take_verdicts(folds *f)
{
    cen_feature_set set;
    char path[PATH_SIZE];
    if (!path_exists(in_run(f->r, "folds.npy", path)) ||
        cen_features_read(f->r->context, path, &set, NULL) != CEN_OK) {
        return;
    }
    if (is_same(f, &set)) memcpy(f->verdicts, set.features, set.n * VERDICT_SIZE * sizeof(float));
    cen_features_free(&set);
}

bool is_done(const folds *f, size_t number)
{
    for (size_t i = 0; i < f->images->n; i++) {
        if (f->numbers[f->images->rows[i]] == number &&
            f->verdicts[i * VERDICT_SIZE + VERDICT_FOLD] != (float)number) {
            return false;
        }
    }
    return true;
}

void note_misplaced(folds *f)
{
    enum { MOST = 10 };
    const double ratio = 1.5; /* audit's default */
    const cen_feature_row *names = f->images->names;
    size_t n = 0, n_shown = 0;
    for (size_t i = 0; i < f->images->n; i++) {
        const float *verdict = f->verdicts + i * VERDICT_SIZE;
        f->asked[i] = verdict[VERDICT_FOLD] >= 0 && (double)verdict[VERDICT_NEARER] > ratio;
        n += f->asked[i];
    }
    (void)snprintf(f->r->misplaced, sizeof f->r->misplaced,
                   "%zu to nets that did not train on them", n);
    for (; n_shown < n && n_shown < MOST; n_shown++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < f->images->n; i++) {
            if (f->asked[i] &&
                (best == SIZE_MAX || verdict_doubt(f->verdicts + i * VERDICT_SIZE) >
                                         verdict_doubt(f->verdicts + best * VERDICT_SIZE))) {
                best = i;
            }
        }
        f->asked[best] = false;
        const size_t like = (size_t)f->verdicts[best * VERDICT_SIZE + VERDICT_EXAMPLE];
        append(f->r->misplaced, sizeof f->r->misplaced, "%s%.300s (is %.40s, looks like %.40s)",
               n_shown == 0 ? ": " : ", ", names[best].path, names[best].class_name,
               names[like].class_name);
    }
    if (n > n_shown) append(f->r->misplaced, sizeof f->r->misplaced, "; cl_knn audit lists all");
}

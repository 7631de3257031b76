/* cl_knn sync: the work. */
#include "knn_sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

/* ---- new features ---- */

static int show(void *user, size_t done, size_t total)
{
    progress_images(user, "features", done, total);
    return 0;
}

/* cen_dataset.read of the images that are new. */
static cen_status read_new(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    const sync *y = user;
    const cen_dataset *all = cen_folder_dataset(y->folder);
    size_t *places = malloc(n * sizeof *places);
    if (places == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the list of pictures"};
        return error->status;
    }
    for (size_t i = 0; i < n; i++) places[i] = y->new[rows[i]];
    const cen_status status = all->read(all->user, places, n, x, error);
    free(places);
    return status;
}

/* Fills features[n_new]; sources of broken images are among info->skipped then. */
static cen_status make_features(sync *y, size_t *rows, const char **names, cen_error *error)
{
    knn *s = y->s;
    const size_t d = cen_model_get(s->model)->feature_size;
    cen_status status =
        cen_folder_load(y->folder, &cen_model_get(s->model)->input, 0, NULL, NULL, error);
    if (status != CEN_OK) return status;
    cen_dataset dataset = *cen_folder_dataset(y->folder);
    for (size_t i = 0; i < y->n_new; i++) names[i] = y->info->images[y->new[i]].path;
    dataset.n = y->n_new;
    dataset.names = names;
    dataset.labels = NULL;
    dataset.splits = NULL;
    dataset.user = y;
    dataset.read = read_new;
    size_t n, n_skipped = y->info->n_skipped;
    status = cen_model_features(s->model, &dataset, y->features, rows, &n, show, &s->line, error);
    progress_clear(&s->line);
    y->info = cen_folder_get(y->folder);
    if (status != CEN_OK && y->info->n_skipped - n_skipped == y->n_new) { /* all are broken */
        status = CEN_OK;
        n = 0;
    }
    for (size_t i = n; i-- > 0 && status == CEN_OK;) { /* rows[i] is at least i */
        y->is_made[rows[i]] = true;
        if (rows[i] != i) memcpy(y->features + rows[i] * d, y->features + i * d, d * sizeof(float));
    }
    return status;
}

static int read_new_images(sync *y)
{
    knn *s = y->s;
    const bool is_named =
        s->model_path != NULL; /* a wrong one is a mistake, also if nothing is new */
    if (y->n_new == 0 && !is_named) return 0;
    int code = knn_need_model(s, y->root, NULL);
    if (code != 0 || y->n_new == 0) return code;
    const size_t d = cen_model_get(s->model)->feature_size;
    if (cen_gallery_get(y->change.gallery)->d != d) {
        char text[64];
        return fail(s->tool, EXIT_FAILED,
                    "%s: the model %s makes features of %s, but the gallery holds %zu; "
                    "name the model that made them with --model",
                    y->path, s->model_path, counted(d, "number", text),
                    cen_gallery_get(y->change.gallery)->d);
    }
    size_t *rows = malloc(y->n_new * sizeof *rows);
    const char **names = malloc(y->n_new * sizeof *names);
    cen_error error;
    y->features = calloc(y->n_new, d * sizeof *y->features);
    y->is_made = calloc(y->n_new, sizeof *y->is_made);
    if (rows == NULL || names == NULL || y->features == NULL || y->is_made == NULL) {
        code = knn_sync_no_memory(y);
    } else if (make_features(y, rows, names, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    free(rows);
    free(names);
    for (size_t i = 0; i < y->n_new && code == 0; i++) {
        if (!y->is_made[i]) y->plans[y->new[i]].fate = LEFT_OUT;
    }
    return code;
}

/* ---- the new gallery ---- */

/* Rows whose features the gallery had, or those of the images that the model has read. */
static int add_rows(sync *y, bool is_read)
{
    enum { BLOCK = 256 };
    cen_gallery_row rows[BLOCK];
    const size_t d = cen_gallery_get(y->change.gallery)->d;
    cen_error error;
    size_t n = 0;
    for (size_t i = 0; i < y->n_images; i++) {
        const cen_folder_image *image = &y->info->images[i];
        const plan *p = &y->plans[i];
        const bool is_added = p->fate == MOVED || p->fate == CHANGED || p->fate == ADDED;
        if (is_added && is_read == (p->like == NULL)) {
            rows[n] = (cen_gallery_row){.name = knn_sync_name_of(y, image), .source = image->path};
            rows[n].feature = p->like != NULL ? p->like->row.feature : y->features + p->place * d;
            memcpy(rows[n++].digest, image->digest, CEN_DIGEST_SIZE);
        }
        if (n < BLOCK && i + 1 < y->n_images) continue;
        if (cen_gallery_add(y->change.gallery, rows, n, &error) != CEN_OK) {
            return fail(y->s->tool, EXIT_FAILED, "%s: %s", y->path, error.message);
        }
        n = 0;
    }
    return 0;
}

static int remove_rows(sync *y)
{
    size_t *gone = malloc((y->n_rows + 1) * sizeof *gone), n = 0;
    cen_error error;
    if (gone == NULL) return knn_sync_no_memory(y);
    for (size_t i = 0; i < y->n_rows; i++) {
        if (knn_sync_is_gone(&y->rows[i])) gone[n++] = i;
    }
    const cen_status status =
        n > 0 ? cen_gallery_remove(y->change.gallery, gone, n, &error) : CEN_OK;
    free(gone);
    return status == CEN_OK ? 0 : fail(y->s->tool, EXIT_FAILED, "%s: %s", y->path, error.message);
}

/* The images that the model has read are the last rows. */
static int check_rows(sync *y)
{
    knn_set *set = &y->read;
    size_t *added = malloc((y->n_new + 1) * sizeof *added);
    *set = (knn_set){.name = y->root, .folder = y->folder};
    set->images = malloc((y->n_new + 1) * sizeof *set->images);
    set->f.rows = calloc(y->n_new + 1, sizeof *set->f.rows);
    int code = 0;
    if (added == NULL || set->images == NULL || set->f.rows == NULL) code = knn_sync_no_memory(y);
    for (size_t i = 0; i < y->n_new && code == 0; i++) {
        if (!y->is_made[i]) continue;
        added[set->f.n] = set->f.n;
        set->f.rows[set->f.n].path = y->info->images[y->new[i]].path;
        set->images[set->f.n++] = y->new[i];
    }
    if (code == 0) {
        code = knn_check_pictures(y->s, y->change.gallery, set, added, set->f.n, &y->doubts);
    }
    free(added);
    return code;
}

static int write_changes(sync *y)
{
    for (size_t i = 0; i < y->n_images; i++) y->counts[y->plans[i].fate]++;
    bool is_changed = y->before == NULL;
    for (size_t i = 0; i < y->n_rows; i++) {
        const old_row *old = &y->rows[i];
        y->n_gone += knn_sync_is_gone(old) && !old->has_moved && !old->has_changed;
        is_changed |= knn_sync_is_gone(old);
    }
    is_changed |= y->counts[ADDED] > 0;
    if (!is_changed) return 0;
    int code = remove_rows(y);
    if (code == 0) code = add_rows(y, false);
    if (code == 0) code = add_rows(y, true);
    if (code == 0) code = check_rows(y);
    return code == 0 ? knn_change_save(y->s, &y->change) : code;
}

/* ---- the work ---- */

static int run(sync *y)
{
    int code = 0;
    cen_error error;
    if (y->change.making == NULL &&
        cen_gallery_load(y->s->context, &y->before, y->path, false, &error) != CEN_OK) {
        return fail(y->s->tool, EXIT_FAILED, "%s", error.message);
    }
    code = knn_sync_read_rows(y);
    if (code == 0) code = knn_sync_make_plan(y);
    if (code == 0) code = read_new_images(y);
    if (code == 0) code = write_changes(y);
    if (code == 0) knn_sync_print(y);
    return code;
}

static void free_sync(sync *y)
{
    free(y->read.images);
    free(y->read.f.rows);
    knn_doubts_free(&y->doubts);
    cen_folder_free(y->folder);
    cen_gallery_free(y->before);
    knn_change_end(&y->change);
    for (size_t i = 0; y->rows != NULL && i < y->n_rows; i++) free(y->rows[i].source);
    free(y->rows);
    free(y->by_digest);
    free(y->by_source);
    free(y->known);
    free(y->plans);
    free(y->new);
    free(y->features);
    free(y->is_made);
}

int knn_sync(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths != 2) {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery and a folder with a sub-folder for each name: cl_knn sync "
                    "GALLERY FOLDER");
    }
    int code = knn_need_gallery(s, paths[0]);
    if (code != 0) return code;
    if (!path_is_folder(paths[1])) {
        return fail(s->tool, EXIT_FAILED,
                    "%s: no such folder; name one with a sub-folder for each name", paths[1]);
    }
    char *root = absolute_path(paths[1]);
    sync y = {.s = s, .path = paths[0], .root = root};
    if (root == NULL) {
        code = fail(s->tool, EXIT_FAILED,
                    "%s: its place is not known; make the folders above it "
                    "readable",
                    paths[1]);
    }
    if (code == 0) code = knn_change_begin(s, paths[0], true, 0, &y.change);
    if (code == 0) code = run(&y);
    free_sync(&y);
    free(root);
    return code;
}

/* cl_knn sync: a .gallery that holds the pictures of a folder. Pictures are recognised by their content: what has the
 * bytes of a row keeps that row's feature, wherever it lies now. A row belongs to the folder if its path lies in it, or
 * if its picture has moved there: it has the same name and bytes, and its old path leads nowhere, or to the same file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "knn_gallery.h"
#include "system.h"

/* A row of the gallery as it was. */
typedef struct old_row {
    cen_gallery_row row;
    size_t place;
    bool is_inside; /* of the folder, and no negative */
    bool is_kept, has_moved, has_changed;
} old_row;

typedef enum { KEPT, MOVED, CHANGED, ADDED, LEFT_OUT } fate;

/* What becomes of an image of the folder. */
typedef struct plan {
    fate fate;
    const old_row *like; /* has the same bytes, and so the feature; NULL: the model makes it */
    const old_row *from; /* MOVED, CHANGED: the row that goes */
    size_t place;        /* among the images that the model reads */
} plan;

typedef struct sync {
    knn *s;
    const char *path, *root; /* of the gallery and of the folder, which is absolute */
    knn_change change;
    cen_gallery
        *before;   /* the same gallery, whose texts stay while the other changes; NULL: it is new */
    old_row *rows; /* [n_rows] */
    old_row **by_digest, **by_source; /* [n_rows], [n_inside] */
    size_t n_rows, n_inside;
    uint8_t (*known)[CEN_DIGEST_SIZE]; /* [n_known] */
    size_t n_known;
    cen_folder *folder;
    const cen_folder_info *info;
    plan *plans; /* [n_images] */
    size_t n_images;
    size_t n_new;    /* images for the model, */
    size_t *new;     /* [n_new] their places, */
    float *features; /* and their features [n_new, d] */
    bool *is_made;   /* [n_new] */
    size_t counts[LEFT_OUT + 1], n_gone;
} sync;

static int out_of_memory(const sync *y)
{
    return fail(y->s->tool, EXIT_FAILED, "%s: not enough memory for the list of pictures", y->path);
}

/* ---- the gallery as it was ---- */

static int compare_digests(const void *a, const void *b)
{
    const old_row *one = *(old_row *const *)a, *other = *(old_row *const *)b;
    const int order = memcmp(one->row.digest, other->row.digest, CEN_DIGEST_SIZE);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static int compare_sources(const void *a, const void *b)
{
    const old_row *one = *(old_row *const *)a, *other = *(old_row *const *)b;
    const int order = strcmp(one->row.source, other->row.source);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static bool lies_in(const char *path, const char *root)
{
    const size_t size = strlen(root);
    return strncmp(path, root, size) == 0 && (path[size] == '/' || root[size - 1] == '/');
}

static int list_rows(sync *y)
{
    for (size_t i = 0; i < y->n_rows; i++) {
        old_row *old = &y->rows[i];
        if (!knn_gallery_row(y->s, y->before, i, &old->row)) return EXIT_FAILED;
        if (old->row.source == NULL) old->row.source = "";
        old->place = i;
        old->is_inside = !old->row.is_negative && lies_in(old->row.source, y->root);
        y->by_digest[i] = old;
        if (old->is_inside) y->by_source[y->n_inside++] = old;
    }
    return 0;
}

static int read_rows(sync *y)
{
    static const uint8_t zeros[CEN_DIGEST_SIZE];
    y->n_rows = y->before != NULL ? cen_gallery_get(y->before)->n : 0;
    y->rows = calloc(y->n_rows + 1, sizeof *y->rows);
    y->by_digest = malloc((y->n_rows + 1) * sizeof(old_row *));
    y->by_source = malloc((y->n_rows + 1) * sizeof(old_row *));
    y->known = malloc((y->n_rows + 1) * sizeof *y->known);
    if (y->rows == NULL || y->by_digest == NULL || y->by_source == NULL || y->known == NULL) {
        return out_of_memory(y);
    }
    const int code = list_rows(y);
    if (code != 0) return code;
    qsort(y->by_digest, y->n_rows, sizeof *y->by_digest, compare_digests);
    qsort(y->by_source, y->n_inside, sizeof *y->by_source, compare_sources);
    for (size_t i = 0; i < y->n_rows; i++) {
        const uint8_t *digest = y->by_digest[i]->row.digest;
        if (memcmp(digest, zeros, CEN_DIGEST_SIZE) == 0) continue;
        memcpy(y->known[y->n_known++], digest, CEN_DIGEST_SIZE);
    }
    return 0;
}

/* The first row with such bytes, of y->by_digest; NULL: none. */
static old_row **rows_like(const sync *y, const cen_folder_image *image)
{
    static const uint8_t zeros[CEN_DIGEST_SIZE];
    size_t low = 0, high = y->n_rows;
    if (memcmp(image->digest, zeros, CEN_DIGEST_SIZE) == 0) return NULL;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (memcmp(y->by_digest[middle]->row.digest, image->digest, CEN_DIGEST_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool is_there = low < y->n_rows && memcmp(y->by_digest[low]->row.digest, image->digest,
                                                    CEN_DIGEST_SIZE) == 0;
    return is_there ? y->by_digest + low : NULL;
}

static bool has_bytes(const sync *y, old_row **at, const cen_folder_image *image)
{
    return at < y->by_digest + y->n_rows &&
           memcmp((*at)->row.digest, image->digest, CEN_DIGEST_SIZE) == 0;
}

/* ---- the folder ---- */

static int open_folder(sync *y)
{
    cen_folder_options options = cen_folder_options_init();
    cen_error error;
    options.unlabelled = true;
    options.lazy = true;
    options.digests = true;
    options.known = (const uint8_t(*)[CEN_DIGEST_SIZE])y->known;
    options.n_known = y->n_known;
    if (cen_folder_open(y->s->context, &y->folder, &y->root, 1, &options, &error) != CEN_OK) {
        return fail(y->s->tool, EXIT_FAILED, "%s", error.message);
    }
    y->info = cen_folder_get(y->folder);
    y->n_images = y->info->n_images;
    y->plans = calloc(y->n_images + 1, sizeof *y->plans);
    y->new = malloc((y->n_images + 1) * sizeof *y->new);
    return y->plans != NULL && y->new != NULL ? 0 : out_of_memory(y);
}

static const char *name_of(const sync *y, const cen_folder_image *image)
{
    return y->info->class_names[image->label];
}

/* ---- the plan ---- */

/* Images that are in the gallery as they are. */
static void find_kept(sync *y)
{
    for (size_t i = 0; i < y->n_images; i++) {
        const cen_folder_image *image = &y->info->images[i];
        old_row **at = rows_like(y, image);
        y->plans[i].fate = image->label < 0 ? LEFT_OUT : ADDED;
        for (; image->label >= 0 && at != NULL && has_bytes(y, at, image); at++) {
            y->plans[i].like = *at;
            if (!(*at)->is_inside || (*at)->is_kept ||
                strcmp((*at)->row.source, image->path) != 0 ||
                strcmp((*at)->row.name, name_of(y, image)) != 0) {
                continue;
            }
            (*at)->is_kept = true;
            y->plans[i].fate = KEPT;
            break;
        }
    }
}

/* True if a row from elsewhere shows this image: that was its place, or a link led there. */
static bool has_come_in(const sync *y, const old_row *old, const cen_folder_image *image)
{
    if (old->row.is_negative || strcmp(old->row.name, name_of(y, image)) != 0) return false;
    char *then = absolute_path(old->row.source),
         *now = then != NULL ? absolute_path(image->path) : NULL;
    const bool is_same = then == NULL || (now != NULL && strcmp(then, now) == 0);
    free(then);
    free(now);
    return is_same && old->row.source[0] != '\0';
}

/* The row whose bytes have moved to this image; NULL: none. */
static old_row *find_moved(const sync *y, const cen_folder_image *image)
{
    old_row **at = rows_like(y, image);
    for (; at != NULL && has_bytes(y, at, image); at++) {
        old_row *old = *at;
        if (old->is_kept || old->has_moved) continue;
        if (old->is_inside || has_come_in(y, old, image)) return old;
    }
    return NULL;
}

/* The row that stood at the path of this image; NULL: none. */
static old_row *find_changed(const sync *y, const cen_folder_image *image)
{
    size_t low = 0, high = y->n_inside;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(y->by_source[middle]->row.source, image->path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == y->n_inside || strcmp(y->by_source[low]->row.source, image->path) != 0) return NULL;
    old_row *old = y->by_source[low];
    return old->is_kept || old->has_moved || old->has_changed ? NULL : old;
}

static void find_moved_and_changed(sync *y)
{
    for (size_t i = 0; i < y->n_images; i++) {
        plan *p = &y->plans[i];
        if (p->fate != ADDED) continue;
        old_row *old = find_moved(y, &y->info->images[i]);
        if (old == NULL) continue;
        old->has_moved = true;
        *p = (plan){MOVED, old, old, 0};
    }
    for (size_t i = 0; i < y->n_images; i++) {
        plan *p = &y->plans[i];
        if (p->fate != ADDED) continue;
        old_row *old = find_changed(y, &y->info->images[i]);
        if (old != NULL) {
            old->has_changed = true;
            p->fate = CHANGED;
            p->from = old;
        }
        if (p->like != NULL) continue;
        p->place = y->n_new;
        y->new[y->n_new++] = i;
    }
}

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
    if (y->n_new == 0) return 0;
    int code = knn_need_model(s, y->root, NULL);
    if (code != 0) return code;
    const size_t d = cen_model_get(s->model)->feature_size;
    if (cen_gallery_get(y->change.gallery)->d != d) {
        return fail(s->tool, EXIT_FAILED,
                    "%s: the model %s makes features of %zu numbers, but the gallery holds %zu; "
                    "name the model that made them with --model",
                    y->path, s->model_path, d, cen_gallery_get(y->change.gallery)->d);
    }
    size_t *rows = malloc(y->n_new * sizeof *rows);
    const char **names = malloc(y->n_new * sizeof *names);
    cen_error error;
    y->features = calloc(y->n_new, d * sizeof *y->features);
    y->is_made = calloc(y->n_new, sizeof *y->is_made);
    if (rows == NULL || names == NULL || y->features == NULL || y->is_made == NULL) {
        code = out_of_memory(y);
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

static bool is_gone(const old_row *old)
{
    return old->has_moved || (old->is_inside && !old->is_kept);
}

static int add_rows(sync *y)
{
    enum { BLOCK = 256 };
    cen_gallery_row rows[BLOCK];
    const size_t d = cen_gallery_get(y->change.gallery)->d;
    cen_error error;
    size_t n = 0;
    for (size_t i = 0; i < y->n_images; i++) {
        const cen_folder_image *image = &y->info->images[i];
        const plan *p = &y->plans[i];
        if (p->fate == MOVED || p->fate == CHANGED || p->fate == ADDED) {
            rows[n] = (cen_gallery_row){.name = name_of(y, image), .source = image->path};
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
    if (gone == NULL) return out_of_memory(y);
    for (size_t i = 0; i < y->n_rows; i++) {
        if (is_gone(&y->rows[i])) gone[n++] = i;
    }
    const cen_status status =
        n > 0 ? cen_gallery_remove(y->change.gallery, gone, n, &error) : CEN_OK;
    free(gone);
    return status == CEN_OK ? 0 : fail(y->s->tool, EXIT_FAILED, "%s: %s", y->path, error.message);
}

static int write_changes(sync *y)
{
    for (size_t i = 0; i < y->n_images; i++) y->counts[y->plans[i].fate]++;
    bool is_changed = y->before == NULL;
    for (size_t i = 0; i < y->n_rows; i++) {
        const old_row *old = &y->rows[i];
        y->n_gone += is_gone(old) && !old->has_moved && !old->has_changed;
        is_changed |= is_gone(old);
    }
    is_changed |= y->counts[ADDED] > 0;
    if (!is_changed) return 0;
    int code = add_rows(y);
    if (code == 0) code = remove_rows(y);
    return code == 0 ? knn_change_save(y->s, &y->change) : code;
}

/* ---- printing ---- */

static const char *const fate_names[] = {"kept", "moved", "changed", "added"};

static void print_entry(const sync *y, const char *what, const char *name, const char *source,
                        const old_row *from)
{
    if (!y->s->as_json) {
        print_names(stdout, "  %-7s  %s  %s", what, name, source);
        if (from != NULL) print_names(stdout, "  from  %s  %s", from->row.name, from->row.source);
        printf("\n");
        return;
    }
    printf("{\"name\": ");
    print_json_string(stdout, name);
    printf(", \"path\": ");
    print_json_string(stdout, source);
    if (from != NULL) {
        printf(", \"old_name\": ");
        print_json_string(stdout, from->row.name);
        printf(", \"old_path\": ");
        print_json_string(stdout, from->row.source);
    }
    printf("}");
}

/* The pictures of one fate, at most so many; returns how many were printed. */
static size_t print_fate(const sync *y, fate which, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < y->n_images && n < most; i++) {
        const plan *p = &y->plans[i];
        const cen_folder_image *image = &y->info->images[i];
        if (p->fate != which) continue;
        if (n++ > 0 && y->s->as_json) printf(", ");
        print_entry(y, fate_names[which], name_of(y, image), image->path,
                    which == MOVED ? p->from : NULL);
    }
    return n;
}

static size_t print_gone(const sync *y, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < y->n_rows && n < most; i++) {
        const old_row *old = &y->rows[i];
        if (!is_gone(old) || old->has_moved || old->has_changed) continue;
        if (n++ > 0 && y->s->as_json) printf(", ");
        print_entry(y, "removed", old->row.name, old->row.source, NULL);
    }
    return n;
}

static void print_text(const sync *y)
{
    enum { MOST = 20 };
    const size_t n_rows = cen_gallery_get(y->change.gallery)->n;
    const size_t n_all = y->counts[ADDED] + y->counts[CHANGED] + y->counts[MOVED] + y->n_gone;
    char a[32], b[32], c[32], d[32], e[32], f[32];
    size_t n = 0;
    print_names(stdout,
                "%s: %s added, %s changed, %s moved, %s removed, %s as they were; the gallery has "
                "%s rows\n",
                y->path, with_commas(y->counts[ADDED], a), with_commas(y->counts[CHANGED], b),
                with_commas(y->counts[MOVED], c), with_commas(y->n_gone, d),
                with_commas(y->counts[KEPT], e), with_commas(n_rows, f));
    n += print_fate(y, ADDED, MOST);
    n += print_fate(y, CHANGED, MOST - n);
    n += print_fate(y, MOVED, MOST - n);
    n += print_gone(y, MOST - n);
    if (n_all > n) printf("  and %s more\n", with_commas(n_all - n, a));
}

static void print_json(const sync *y)
{
    printf("{\"gallery\": ");
    print_json_string(stdout, y->path);
    printf(", \"n_rows\": %zu, \"n_kept\": %zu", cen_gallery_get(y->change.gallery)->n,
           y->counts[KEPT]);
    for (fate which = MOVED; which <= ADDED; which++) {
        printf(", \"%s\": [", fate_names[which]);
        (void)print_fate(y, which, SIZE_MAX);
        printf("]");
    }
    printf(", \"removed\": [");
    (void)print_gone(y, SIZE_MAX);
    printf("], ");
    const knn_set pictures = {.name = y->root, .folder = y->folder};
    knn_json_notes(&pictures, NULL);
    printf("}\n");
}

static void print_left_out(const sync *y)
{
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < y->n_images; i++) {
        if (y->info->images[i].label >= 0) continue;
        if (n++ == 0) first = y->info->images[i].path;
    }
    if (n == 0) return;
    print_names(stderr, "%s: %zu %s not in a sub-folder, which would name who it shows, as %s\n",
                y->s->tool->name, n, n == 1 ? "picture is" : "pictures are", first);
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
    code = read_rows(y);
    if (code == 0) code = open_folder(y);
    if (code != 0) return code;
    find_kept(y);
    find_moved_and_changed(y);
    code = read_new_images(y);
    if (code == 0) code = write_changes(y);
    if (code != 0) return code;
    print_folder_notes(y->s->tool, y->info);
    print_left_out(y);
    if (y->s->as_json) {
        print_json(y);
    } else if (!y->s->is_quiet) {
        print_text(y);
    }
    return 0;
}

static void free_sync(sync *y)
{
    cen_folder_free(y->folder);
    cen_gallery_free(y->before);
    knn_change_end(&y->change);
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

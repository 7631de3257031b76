/* cl_knn sync: what becomes of each picture. */
#include "knn_sync.h"

#include <stdlib.h>
#include <string.h>

#include "system.h"

int knn_sync_no_memory(const sync *y)
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
        if (!knn_has_digest(old->row.digest) && old->row.source[0] != '\0') {
            old->source = knn_source_of(old->row.source);
            if (old->source == NULL) return knn_sync_no_memory(y);
            if (path_exists(old->source)) old->row.source = old->source;
        }
        old->place = i;
        old->is_inside = !old->row.is_negative && lies_in(old->row.source, y->root);
        y->by_digest[i] = old;
        if (old->is_inside) y->by_source[y->n_inside++] = old;
    }
    return 0;
}

int knn_sync_read_rows(sync *y)
{
    y->n_rows = y->before != NULL ? cen_gallery_get(y->before)->n : 0;
    y->rows = calloc(y->n_rows + 1, sizeof *y->rows);
    y->by_digest = malloc((y->n_rows + 1) * sizeof(old_row *));
    y->by_source = malloc((y->n_rows + 1) * sizeof(old_row *));
    y->known = malloc((y->n_rows + 1) * sizeof *y->known);
    if (y->rows == NULL || y->by_digest == NULL || y->by_source == NULL || y->known == NULL) {
        return knn_sync_no_memory(y);
    }
    const int code = list_rows(y);
    if (code != 0) return code;
    qsort(y->by_digest, y->n_rows, sizeof *y->by_digest, compare_digests);
    qsort(y->by_source, y->n_inside, sizeof *y->by_source, compare_sources);
    for (size_t i = 0; i < y->n_rows; i++) {
        const uint8_t *digest = y->by_digest[i]->row.digest;
        if (!knn_has_digest(digest)) continue;
        memcpy(y->known[y->n_known++], digest, CEN_DIGEST_SIZE);
    }
    return 0;
}

/* The first row with such bytes, of y->by_digest; NULL: none. */
static old_row **rows_like(const sync *y, const cen_folder_image *image)
{
    size_t low = 0, high = y->n_rows;
    if (!knn_has_digest(image->digest)) return NULL;
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
    return y->plans != NULL && y->new != NULL ? 0 : knn_sync_no_memory(y);
}

const char *knn_sync_name_of(const sync *y, const cen_folder_image *image)
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
                strcmp((*at)->row.name, knn_sync_name_of(y, image)) != 0) {
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
    if (old->row.is_negative || strcmp(old->row.name, knn_sync_name_of(y, image)) != 0)
        return false;
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

bool knn_sync_is_gone(const old_row *old)
{
    return old->has_moved || (old->is_inside && !old->is_kept);
}

int knn_sync_make_plan(sync *y)
{
    const int code = open_folder(y);
    if (code != 0) return code;
    find_kept(y);
    find_moved_and_changed(y);
    return 0;
}

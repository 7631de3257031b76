/* Names of folders and files -> classes and candidates. Nothing is opened here but folders. */
#include "data/folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"

typedef struct {
    const char *path, *name; /* name points into path */
    cen_split split;
    int32_t label;
} class_folder;

typedef struct {
    cen_folder *folder;
    cen__candidates *found;
    class_folder *classes;
    size_t n_classes, capacity;
} scan;

/* What a folder holds. Dot files are taken out and counted. */
typedef struct {
    cen__listing listing;
    unsigned char *is_folder; /* [listing.n_names] */
    size_t n_folders;
} entries;

static const struct {
    const char *name;
    cen_split split;
} split_folders[] = {
    {"train", CEN_SPLIT_TRAIN},      {"val", CEN_SPLIT_VALIDATION},
    {"valid", CEN_SPLIT_VALIDATION}, {"validation", CEN_SPLIT_VALIDATION},
    {"test", CEN_SPLIT_TEST},
};

enum { N_SPLIT_FOLDERS = sizeof split_folders / sizeof split_folders[0] };

const char *cen__base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool cen__has_image_ending(const char *path)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "bmp", "ppm", "pgm", "pbm", "pnm"};
    const char *dot = strrchr(cen__base_name(path), '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        const char *a = dot + 1, *b = endings[i];
        while (*a != '\0' && (*a | 0x20) == *b) a++, b++; /* 0x20: small letters */
        if (*a == '\0' && *b == '\0') return true;
    }
    return false;
}

int cen__compare_images(const cen_folder_image *a, const cen_folder_image *b)
{
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    if (a->label != b->label) return a->label < b->label ? -1 : 1;
    int order = strcmp(cen__base_name(a->path), cen__base_name(b->path));
    return order != 0 ? order : strcmp(a->path, b->path);
}

static int compare_candidates(const void *a, const void *b)
{
    const cen__candidate *one = a, *other = b;
    return cen__compare_images(&one->image, &other->image);
}

/* By name, training folders first. */
static int compare_classes(const void *a, const void *b)
{
    const class_folder *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    if (order != 0) return order;
    if (one->split != other->split) return one->split < other->split ? -1 : 1;
    return strcmp(one->path, other->path);
}

/* folder/name, kept by the folder. */
static cen_status keep_path(cen_folder *folder, const char *above, const char *name,
                            const char **path, cen_error *error)
{
    char *joined = cen__path_join(above, name);
    *path = joined == NULL ? NULL : cen__folder_keep(folder, joined);
    cen__free(joined);
    return *path == NULL ? cen__fail_memory(error, "the names of files") : CEN_OK;
}

static cen_status add_candidate(scan *s, const char *path, int32_t label, cen_split split,
                                bool is_named, cen_error *error)
{
    cen__candidates *found = s->found;
    if (!cen__grow(&found->items, &found->capacity, found->n + 1, sizeof *found->items)) {
        return cen__fail_memory(error, "the names of files");
    }
    found->items[found->n++] = (cen__candidate){
        .image = {.path = path, .label = label, .split = split}, .is_named = is_named};
    return CEN_OK;
}

static void free_entries(entries *e)
{
    cen__listing_free(&e->listing);
    cen__free(e->is_folder);
}

/* Free with free_entries, also after a failure. */
static cen_status list_entries(scan *s, const char *path, entries *e, cen_error *error)
{
    *e = (entries){.is_folder = NULL};
    cen_status status = cen__os_list(path, &e->listing, error);
    if (status != CEN_OK) return status;
    cen__listing *listing = &e->listing;
    e->is_folder = cen__alloc(listing->n_names, 1);
    if (e->is_folder == NULL) return cen__fail_memory(error, "the names of files");
    size_t n = 0;
    for (size_t i = 0; i < listing->n_names; i++) {
        char *name = listing->names[i], *entry = NULL;
        bool is_hidden = name[0] == '.';
        if (!is_hidden) entry = cen__path_join(path, name);
        if (!is_hidden && entry == NULL) return cen__fail_memory(error, "the names of files");
        if (is_hidden) {
            s->folder->info.n_passed_over++;
            continue;
        }
        e->is_folder[n] = cen__os_kind(entry) == CEN__FOLDER;
        e->n_folders += e->is_folder[n];
        listing->names[i] = listing->names[n];
        listing->names[n++] = name;
        cen__free(entry);
    }
    for (size_t i = n; i < listing->n_names; i++) cen__free(listing->names[i]);
    listing->n_names = n;
    return CEN_OK;
}

static cen_status fail_no_classes(const char *path, const entries *e, cen_error *error)
{
    for (size_t i = 0; i < e->listing.n_names; i++) {
        if (cen__has_image_ending(e->listing.names[i])) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "%s: no classes here, the images lie in the folder itself; move them "
                             "into one sub-folder a class",
                             path);
        }
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: no classes here; the images must be in one sub-folder a class", path);
}

/* Each sub-folder is a class; files beside them are loose images where labels are not needed. */
static cen_status scan_classes(scan *s, const char *path, const entries *e, cen_split split,
                               cen_error *error)
{
    bool unlabelled = s->folder->options.unlabelled;
    if (e->n_folders == 0 && !unlabelled) return fail_no_classes(path, e, error);
    cen_status status = CEN_OK;
    for (size_t i = 0; i < e->listing.n_names && status == CEN_OK; i++) {
        if (!e->is_folder[i] && !unlabelled) {
            s->folder->info.n_passed_over++;
            continue;
        }
        const char *name = e->listing.names[i], *entry;
        status = keep_path(s->folder, path, name, &entry, error);
        if (status != CEN_OK) break;
        if (!e->is_folder[i]) {
            status = add_candidate(s, entry, -1, split, false, error);
        } else if (!cen__grow(&s->classes, &s->capacity, s->n_classes + 1, sizeof *s->classes)) {
            status = cen__fail_memory(error, "the names of classes");
        } else {
            s->classes[s->n_classes++] =
                (class_folder){entry, entry + strlen(entry) - strlen(name), split, -1};
        }
    }
    return status;
}

static size_t find_split(const char *name)
{
    size_t i = 0;
    while (i < N_SPLIT_FOLDERS && strcmp(name, split_folders[i].name) != 0) i++;
    return i;
}

/* Says whether these are train/, val/, ... with classes in them, and not classes that happen to be
 * called so: nothing but such names, train and another, and folders in train. */
static cen_status has_splits(scan *s, const char *path, const entries *e, bool *answer,
                             cen_error *error)
{
    *answer = false;
    const char *train = NULL;
    for (size_t i = 0; i < e->listing.n_names; i++) {
        if (!e->is_folder[i]) continue;
        size_t which = find_split(e->listing.names[i]);
        if (which == N_SPLIT_FOLDERS) return CEN_OK;
        if (split_folders[which].split == CEN_SPLIT_TRAIN) train = e->listing.names[i];
    }
    if (train == NULL || e->n_folders < 2) return CEN_OK;
    char *train_path = cen__path_join(path, train);
    if (train_path == NULL) return cen__fail_memory(error, "the names of files");
    size_t n_passed_over = s->folder->info.n_passed_over; /* it will be listed and counted again */
    entries inside;
    cen_status status = list_entries(s, train_path, &inside, error);
    *answer = inside.n_folders > 0;
    free_entries(&inside);
    s->folder->info.n_passed_over = n_passed_over;
    cen__free(train_path);
    return status;
}

/* One of train/, val/, ... */
static cen_status scan_split(scan *s, const char *root, const char *name, cen_split split,
                             cen_error *error)
{
    const char *path;
    cen_status status = keep_path(s->folder, root, name, &path, error);
    if (status != CEN_OK) return status;
    entries e;
    status = list_entries(s, path, &e, error);
    if (status == CEN_OK) status = scan_classes(s, path, &e, split, error);
    free_entries(&e);
    return status;
}

static cen_status scan_splits(scan *s, const char *root, const entries *e, cen_error *error)
{
    const char *validation = NULL;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < e->listing.n_names && status == CEN_OK; i++) {
        const char *name = e->listing.names[i];
        if (!e->is_folder[i]) {
            s->folder->info.n_passed_over++;
            continue;
        }
        cen_split split = split_folders[find_split(name)].split;
        if (split == CEN_SPLIT_VALIDATION && validation != NULL) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "%s: holds both %s and %s; keep one of the two", root, validation,
                             name);
        }
        if (split == CEN_SPLIT_VALIDATION) {
            validation = name;
            s->folder->info.has_own_split = true;
        }
        status = scan_split(s, root, name, split, error);
    }
    return status;
}

static cen_status scan_path(scan *s, const char *path, cen_error *error)
{
    bool unlabelled = s->folder->options.unlabelled;
    cen__path_kind kind = cen__os_kind(path);
    if (kind == CEN__NOTHING) {
        return cen__fail(error, CEN_ERROR_IO, "%s: no such %s; check the name", path,
                         unlabelled ? "file or folder" : "folder");
    }
    if (kind != CEN__FOLDER && !unlabelled) {
        return cen__fail(error, CEN_ERROR_IO,
                         "%s: this is a file; name the folder that holds the classes", path);
    }
    if (kind != CEN__FOLDER) {
        const char *kept = cen__folder_keep(s->folder, path);
        if (kept == NULL) return cen__fail_memory(error, "the names of files");
        return add_candidate(s, kept, -1, CEN_SPLIT_TRAIN, true, error);
    }
    entries e;
    bool splits = false;
    cen_status status = list_entries(s, path, &e, error);
    if (status == CEN_OK) status = has_splits(s, path, &e, &splits, error);
    if (status == CEN_OK) {
        status = splits ? scan_splits(s, path, &e, error)
                        : scan_classes(s, path, &e, CEN_SPLIT_TRAIN, error);
    }
    free_entries(&e);
    return status;
}

/* Numbers the classes by name; folders of one name are one class. Where labels are needed, train/
 * alone says which classes there are. */
static cen_status number_classes(scan *s, cen_error *error)
{
    cen_folder *folder = s->folder;
    folder->class_names = cen__alloc(s->n_classes, sizeof(char *));
    folder->class_folders = cen__alloc(s->n_classes, sizeof(char *));
    if (folder->class_names == NULL || folder->class_folders == NULL) {
        return cen__fail_memory(error, "the names of classes");
    }
    if (s->n_classes > 1) qsort(s->classes, s->n_classes, sizeof *s->classes, compare_classes);
    size_t n = 0;
    for (size_t i = 0; i < s->n_classes; i++) {
        class_folder *c = &s->classes[i];
        if (i > 0 && strcmp(c->name, c[-1].name) == 0) c->label = c[-1].label;
        if (c->label < 0 && (c->split == CEN_SPLIT_TRAIN || folder->options.unlabelled)) {
            c->label = (int32_t)n;
            folder->class_names[n] = c->name;
            folder->class_folders[n++] = c->path;
        }
    }
    folder->info.n_classes = n;
    return CEN_OK;
}

static cen_status scan_files(scan *s, const class_folder *c, cen_error *error)
{
    cen__listing listing;
    cen_status status = cen__os_list(c->path, &listing, error);
    for (size_t i = 0; i < listing.n_names && status == CEN_OK; i++) {
        if (listing.names[i][0] == '.') {
            s->folder->info.n_passed_over++;
            continue;
        }
        const char *path;
        status = keep_path(s->folder, c->path, listing.names[i], &path, error);
        if (status == CEN_OK) status = add_candidate(s, path, c->label, c->split, false, error);
    }
    cen__listing_free(&listing);
    return status;
}

cen_status cen__scan_paths(cen_folder *folder, const char *const *paths, size_t n_paths,
                           cen__candidates *found, cen_error *error)
{
    scan s = {.folder = folder, .found = found};
    cen_status status = CEN_OK;
    for (size_t i = 0; i < n_paths && status == CEN_OK; i++) {
        status = scan_path(&s, paths[i], error);
    }
    if (status == CEN_OK) status = number_classes(&s, error);
    if (status == CEN_OK && folder->info.n_classes < 2 && !folder->options.unlabelled) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "%s: only one class, \"%s\"; at least two sub-folders with images are "
                           "needed",
                           paths[0], folder->class_names[0]);
    }
    for (size_t i = 0; i < s.n_classes && status == CEN_OK; i++) {
        status = scan_files(&s, &s.classes[i], error);
    }
    if (status == CEN_OK && found->n > 1) {
        qsort(found->items, found->n, sizeof *found->items, compare_candidates);
    }
    cen__free(s.classes);
    return status;
}

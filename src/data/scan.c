/* Paths -> names of files that may be images, with their classes and splits. */
#include "data/folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"

/* Folders that a class has already. */
typedef struct {
    uint64_t (*items)[2]; /* 0, 0: free */
    size_t n, capacity;   /* a power of two */
} folder_set;

typedef struct {
    cen_folder *folder;
    cen__found *found;
    bool is_validation; /* of options.validation */
    folder_set seen;
} scan;

typedef struct {
    const char *path, *name; /* name points into path; the folder owns path */
    cen__path_kind kind;
    uint64_t identity[2];
} entry;

/* The content of a folder, without dot files, folders of the system, devices and pipes. */
typedef struct {
    entry *items;
    size_t n, n_folders;
    bool is_run;
} entries;

static const struct {
    const char *name;
    cen_split split;
} split_names[] = {
    {"train", CEN_SPLIT_TRAIN},           {"training", CEN_SPLIT_TRAIN},
    {"val", CEN_SPLIT_VALIDATION},        {"valid", CEN_SPLIT_VALIDATION},
    {"validation", CEN_SPLIT_VALIDATION}, {"test", CEN_SPLIT_TEST},
    {"testing", CEN_SPLIT_TEST},
};

/* Folders that file systems and archivers leave beside pictures; some hold thumbnails. */
static const char *const system_folders[] = {
    "__MACOSX", "@eaDir", "#recycle", "lost+found", "$RECYCLE.BIN", "System Volume Information"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *cen__base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int small_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
}

bool cen__is_same_word(const char *a, const char *b)
{
    while (*a != '\0' && small_letter(*a) == small_letter(*b)) a++, b++;
    return *a == '\0' && *b == '\0';
}

static bool has_ending(const char *path, const char *const *endings, size_t n)
{
    const char *dot = strrchr(cen__base_name(path), '.');
    for (size_t i = 0; dot != NULL && i < n; i++) {
        if (cen__is_same_word(dot + 1, endings[i])) return true;
    }
    return false;
}

bool cen__has_image_ending(const char *path)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "bmp", "ppm", "pgm", "pbm", "pnm"};
    return has_ending(path, endings, COUNT(endings));
}

bool cen__is_list(const char *path)
{
    static const char *const endings[] = {"csv", "tsv", "txt"};
    return has_ending(path, endings, COUNT(endings));
}

bool cen__split_of_name(const char *name, cen_split *split)
{
    for (size_t i = 0; i < COUNT(split_names); i++) {
        if (!cen__is_same_word(name, split_names[i].name)) continue;
        *split = split_names[i].split;
        return true;
    }
    return false;
}

/* ---- what is found ------------------------------------------------------------------------- */

cen_status cen__found_add(cen_context *context, cen__found *found, const cen__candidate *candidate,
                          cen_error *error)
{
    if (!cen__grow(context, &found->items, &found->capacity, found->n + 1, sizeof *found->items)) {
        return cen__fail_memory(error, "the names of files");
    }
    found->items[found->n++] = *candidate;
    return CEN_OK;
}

cen_status cen__found_class(cen_context *context, cen__found *found, const char *path,
                            const char *name, cen_split split, cen_error *error)
{
    if (!cen__grow(context, &found->classes, &found->classes_capacity, found->n_classes + 1,
                   sizeof *found->classes)) {
        return cen__fail_memory(error, "the names of classes");
    }
    found->classes[found->n_classes++] =
        (cen__class_folder){.path = path, .name = name, .split = split, .label = -1};
    return CEN_OK;
}

/* Adds a file of a folder, to the class that was added last or to none. */
static cen_status add_file(scan *s, const char *path, const char *name, bool has_class,
                           cen_split split, cen_error *error)
{
    const char *group;
    cen_status status = cen__group_of(s->folder, name, NULL, &group, error);
    if (status != CEN_OK) return status;
    cen__candidate candidate = {
        .image = {.path = path, .name = name, .group = group, .label = -1, .split = split},
        .class_folder = has_class ? s->found->n_classes - 1 : SIZE_MAX,
        .place = s->found->place};
    return cen__found_add(s->folder->context, s->found, &candidate, error);
}

/* ---- one folder ---------------------------------------------------------------------------- */

static bool is_of_system(const char *name)
{
    for (size_t i = 0; i < COUNT(system_folders); i++) {
        if (cen__is_same_word(name, system_folders[i])) return true;
    }
    return false;
}

static bool has_name(const cen__listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->n_names; i++) {
        if (strcmp(listing->names[i], name) == 0) return true;
    }
    return false;
}

/* True for a run folder of cl_train, also if the run was stopped early or has just begun (then it has only a
 * lock). A model among pictures does not make a run. */
static bool is_run(const cen__listing *listing)
{
    size_t n_hidden = 0;
    while (n_hidden < listing->n_names && listing->names[n_hidden][0] == '.') n_hidden++;
    if (n_hidden == listing->n_names) return has_name(listing, ".lock");
    bool has_files = has_name(listing, "model.safetensors") ||
                     has_name(listing, "checkpoint.safetensors") ||
                     (has_name(listing, "arguments") && has_name(listing, "log.csv"));
    for (size_t i = 0; i < listing->n_names && has_files; i++) {
        has_files = !cen__has_image_ending(listing->names[i]);
    }
    return has_files;
}

/* folder/name, kept by the folder. */
static cen_status keep_path(cen_folder *folder, const char *above, const char *name,
                            const char **path, cen_error *error)
{
    char *joined = cen__path_join(folder->context, above, name);
    *path = joined == NULL ? NULL : cen__folder_keep(folder, joined);
    cen__free(joined);
    return *path == NULL ? cen__fail_memory(error, "the names of files") : CEN_OK;
}

/* A device or pipe that is named like an image. It is not opened, since opening may have an effect. */
static cen_status skip_device(cen_folder *folder, const char *path, cen_error *error)
{
    cen_error why;
    (void)cen__fail(&why, CEN_ERROR_IO,
                    "%s: this is a device, a pipe or a socket; copy what it gives to a file", path);
    return cen__folder_skip(folder, path, &why, error);
}

static cen_status list_entry(scan *s, const char *path, const char *name, entries *e,
                             cen_error *error)
{
    entry *to = &e->items[e->n];
    if (name[0] == '.') {
        s->folder->info.n_passed_over++;
        return CEN_OK;
    }
    cen_status status = keep_path(s->folder, path, name, &to->path, error);
    if (status != CEN_OK) return status;
    to->name = to->path + strlen(to->path) - strlen(name);
    to->kind = cen__os_identify(to->path, to->identity);
    if (to->kind == CEN__OTHER && cen__has_image_ending(name)) {
        status = skip_device(s->folder, to->path, error);
    } else if (to->kind == CEN__OTHER) {
        s->folder->info.n_passed_over++;
    } else if (to->kind == CEN__FOLDER && is_of_system(name)) {
        return cen__folder_remark(s->folder, to->path, error,
                                  "passed over, a folder of the system");
    } else {
        e->n++;
        e->n_folders += to->kind == CEN__FOLDER;
    }
    return status;
}

/* cen__free(e->items), also after a failure. */
static cen_status list_entries(scan *s, const char *path, entries *e, cen_error *error)
{
    cen__listing listing;
    *e = (entries){NULL, 0, 0, false};
    cen_status status = cen__os_list(s->folder->context, path, &listing, error);
    if (status != CEN_OK) return status;
    e->items = cen__alloc(s->folder->context, listing.n_names, sizeof *e->items);
    if (e->items == NULL) status = cen__fail_memory(error, "the names of files");
    e->is_run = is_run(&listing);
    for (size_t i = 0; i < listing.n_names && status == CEN_OK; i++) {
        status = list_entry(s, path, listing.names[i], e, error);
    }
    cen__listing_free(&listing);
    return status;
}

/* ---- a class ------------------------------------------------------------------------------- */

/* The place of these two numbers, or the place for them. */
static size_t find_slot(const folder_set *set, const uint64_t identity[2])
{
    size_t mask = set->capacity - 1;
    size_t slot = (size_t)(identity[1] * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (set->items[slot][0] != 0 || set->items[slot][1] != 0) {
        if (set->items[slot][0] == identity[0] && set->items[slot][1] == identity[1]) break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static bool grow_set(cen_context *context, folder_set *set)
{
    folder_set larger = {.capacity = set->capacity == 0 ? 16 : 2 * set->capacity};
    larger.items = cen__alloc_zeroed(context, larger.capacity, sizeof *larger.items);
    if (larger.items == NULL) return false;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->items[i][0] == 0 && set->items[i][1] == 0) continue;
        memcpy(larger.items[find_slot(&larger, set->items[i])], set->items[i],
               sizeof set->items[i]);
    }
    larger.n = set->n;
    cen__free(set->items);
    *set = larger;
    return true;
}

/* *is_new: it was not in the set. A folder whose identity is not known is always new. */
static cen_status visit(cen_context *context, folder_set *set, const uint64_t identity[2],
                        bool *is_new, cen_error *error)
{
    *is_new = true;
    if (identity[0] == 0 && identity[1] == 0) return CEN_OK;
    if (2 * (set->n + 1) > set->capacity && !grow_set(context, set)) {
        return cen__fail_memory(error, "the names of folders");
    }
    size_t slot = find_slot(set, identity);
    *is_new = set->items[slot][0] == 0 && set->items[slot][1] == 0;
    memcpy(set->items[slot], identity, sizeof set->items[slot]);
    set->n += *is_new;
    return CEN_OK;
}

/* Adds the files at any depth below `path`, which belongs to the class that was added last. Their names leave out
 * the first `below` bytes. */
static cen_status walk(scan *s, const char *path, size_t below, cen_split split, cen_error *error)
{
    entries e;
    cen_status status = list_entries(s, path, &e, error);
    if (status == CEN_OK && e.is_run) {
        status = cen__folder_remark(s->folder, path, error, "passed over, a run of cl_train");
        s->found->classes[s->found->n_classes - 1].has_remark = true;
        e.n = 0;
    }
    for (size_t i = 0; i < e.n && status == CEN_OK; i++) {
        const entry *at = &e.items[i];
        bool is_new;
        if (at->kind != CEN__FOLDER) {
            status = add_file(s, at->path, at->path + below, true, split, error);
            continue;
        }
        status = visit(s->folder->context, &s->seen, at->identity, &is_new, error);
        if (status != CEN_OK) break;
        status = is_new ? walk(s, at->path, below, split, error)
                        : cen__folder_remark(s->folder, at->path, error,
                                             "passed over, its class has this folder already");
    }
    cen__free(e.items);
    return status;
}

/* Adds the folder of a class in the folder `above` of the root. */
static cen_status scan_class(scan *s, const char *root, const char *above, const entry *at,
                             cen_split split, cen_error *error)
{
    const char *const path = at->path;
    uint64_t identity[2];
    bool is_new;
    s->seen = (folder_set){NULL, 0, 0};
    (void)cen__os_identify(root, identity);
    cen_status status = visit(s->folder->context, &s->seen, identity, &is_new, error);
    (void)cen__os_identify(above, identity);
    if (status == CEN_OK) status = visit(s->folder->context, &s->seen, identity, &is_new, error);
    if (status == CEN_OK)
        status = visit(s->folder->context, &s->seen, at->identity, &is_new, error);
    if (status == CEN_OK && !is_new) {
        status = cen__folder_remark(s->folder, path, error,
                                    "passed over, a link to the folder that it lies in");
    } else if (status == CEN_OK) {
        status = cen__found_class(s->folder->context, s->found, path, at->name, split, error);
        if (status == CEN_OK) status = walk(s, path, strlen(path) + 1, split, error);
    }
    cen__free(s->seen.items);
    return status;
}

static cen_status fail_no_classes(const char *path, const entries *e, cen_error *error)
{
    for (size_t i = 0; i < e->n; i++) {
        if (cen__has_image_ending(e->items[i].name)) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "%s: no classes here, the images lie in the folder itself; move them "
                             "into one sub-folder per class",
                             path);
        }
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: no classes here; the images must be in one sub-folder per class", path);
}

/* Each sub-folder is a class. Files beside them are images without a class if labels are not needed, or in a
 * test folder without classes. */
static cen_status scan_classes(scan *s, const char *root, const char *path, const entries *e,
                               cen_split split, cen_error *error)
{
    bool takes_files =
        s->folder->options.unlabelled || (split == CEN_SPLIT_TEST && e->n_folders == 0);
    if (e->n_folders == 0 && !takes_files) return fail_no_classes(path, e, error);
    cen_status status = CEN_OK;
    for (size_t i = 0; i < e->n && status == CEN_OK; i++) {
        const entry *at = &e->items[i];
        if (at->kind == CEN__FOLDER) {
            status = scan_class(s, root, path, at, split, error);
        } else if (takes_files) {
            status = add_file(s, at->path, at->name, false, split, error);
        } else {
            s->folder->info.n_passed_over++;
        }
    }
    return status;
}

/* ---- a root -------------------------------------------------------------------------------- */

enum { PEEK_DEPTH = 16 }; /* links may form a circle */

/* Looks for a folder below path, or for a file at any depth that claims to be an image. A folder that cannot be
 * read is an error later, when it is listed. */
static cen_status peek(cen_context *context, const char *path, bool for_image, int depth,
                       bool *answer, cen_error *error)
{
    cen__listing listing;
    *answer = false;
    cen_status status = cen__os_list(context, path, &listing, error);
    if (status != CEN_OK && status != CEN_ERROR_MEMORY) return CEN_OK;
    for (size_t i = 0; i < listing.n_names && status == CEN_OK && !*answer; i++) {
        const char *name = listing.names[i];
        if (name[0] == '.' || is_of_system(name)) continue;
        char *below = cen__path_join(context, path, name);
        if (below == NULL) {
            status = cen__fail_memory(error, "the names of files");
        } else if (cen__os_kind(below) != CEN__FOLDER) {
            *answer = for_image && cen__has_image_ending(name);
        } else if (!for_image) {
            *answer = true;
        } else if (depth > 1) {
            status = peek(context, below, true, depth - 1, answer, error);
        }
        cen__free(below);
    }
    cen__listing_free(&listing);
    return status;
}

/* True if these are train/, val/ and so on with classes in them, and not classes of these names: there is a train
 * with folders inside, and a val or test, or no other class. */
static cen_status has_splits(cen_context *context, const entries *e, bool *answer, cen_error *error)
{
    const entry *train = NULL;
    bool has_other = false, has_images = false;
    cen_split split;
    *answer = false;
    for (size_t i = 0; i < e->n; i++) {
        if (e->items[i].kind != CEN__FOLDER || !cen__split_of_name(e->items[i].name, &split)) {
            continue;
        }
        if (split == CEN_SPLIT_TRAIN) train = &e->items[i];
        has_other = has_other || split != CEN_SPLIT_TRAIN;
    }
    if (train == NULL) return CEN_OK;
    cen_status status = peek(context, train->path, false, 1, answer, error);
    for (size_t i = 0; i < e->n && *answer && !has_other && status == CEN_OK; i++) {
        if (e->items[i].kind != CEN__FOLDER || &e->items[i] == train) continue;
        status = peek(context, e->items[i].path, true, PEEK_DEPTH, &has_images, error);
        *answer = !has_images;
    }
    return status;
}

/* One of train/, val/, ... */
static cen_status scan_split(scan *s, const char *root, const char *path, cen_split split,
                             cen_error *error)
{
    entries e;
    cen_status status = list_entries(s, path, &e, error);
    if (status == CEN_OK) status = scan_classes(s, root, path, &e, split, error);
    cen__free(e.items);
    return status;
}

static cen_status scan_splits(scan *s, const char *root, const entries *e, cen_error *error)
{
    const char *names[4] = {NULL, NULL, NULL, NULL}; /* of each split */
    bool unlabelled = s->folder->options.unlabelled;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < e->n && status == CEN_OK; i++) {
        const entry *at = &e->items[i];
        cen_split split;
        if (at->kind != CEN__FOLDER) {
            s->folder->info.n_passed_over++;
            continue;
        }
        if (!cen__split_of_name(at->name, &split)) {
            status = cen__folder_remark(s->folder, at->path, error,
                                        "passed over, it stands beside the folders of a split");
            continue;
        }
        if (split != CEN_SPLIT_TEST && names[split] != NULL) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "%s: holds both %s and %s; name the folder to train on and, by --val, "
                             "the one to validate on",
                             root, names[split], at->name);
        }
        names[split] = at->name;
        s->folder->info.has_own_split |= unlabelled || split == CEN_SPLIT_VALIDATION;
        status = scan_split(s, root, at->path, split, error);
    }
    return status;
}

static cen_status scan_folder(scan *s, const char *path, cen_error *error)
{
    entries e;
    bool splits = false;
    cen_status status = list_entries(s, path, &e, error);
    if (status == CEN_OK) status = has_splits(s->folder->context, &e, &splits, error);
    if (status == CEN_OK && splits && s->is_validation) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "%s: to validate on, name a folder of classes; this one holds a whole "
                           "split",
                           path);
    } else if (status == CEN_OK) {
        cen_split split = s->is_validation ? CEN_SPLIT_VALIDATION : CEN_SPLIT_TRAIN;
        status = splits ? scan_splits(s, path, &e, error)
                        : scan_classes(s, path, path, &e, split, error);
    }
    cen__free(e.items);
    return status;
}

/* Adds a file that the caller named itself. */
static cen_status scan_file(scan *s, const char *path, cen_error *error)
{
    const char *kept = cen__folder_keep(s->folder, path), *group;
    if (kept == NULL) return cen__fail_memory(error, "the names of files");
    cen_status status = cen__group_of(s->folder, cen__base_name(kept), NULL, &group, error);
    if (status != CEN_OK) return status;
    cen__candidate candidate = {
        .image = {.path = kept, .name = cen__base_name(kept), .group = group, .label = -1},
        .class_folder = SIZE_MAX,
        .place = s->found->place,
        .is_named = true};
    return cen__found_add(s->folder->context, s->found, &candidate, error);
}

static cen_status scan_path(scan *s, const char *path, cen_error *error)
{
    bool unlabelled = s->folder->options.unlabelled;
    if (unlabelled) s->found->place++;
    if (unlabelled && strcmp(path, "-") == 0) return cen__scan_input(s->folder, s->found, error);
    cen__path_kind kind = cen__os_kind(path);
    if (kind == CEN__NOTHING) {
        return cen__fail(error, CEN_ERROR_IO, "%s: no such %s; check the name", path,
                         unlabelled ? "file or folder" : "folder");
    }
    if (kind == CEN__FOLDER) return scan_folder(s, path, error);
    if (cen__is_list(path)) {
        return cen__scan_list(s->folder, path, s->is_validation, s->found, error);
    }
    if (unlabelled) return scan_file(s, path, error);
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: this is a file; name the folder that holds the classes, or a list "
                     "(.csv, .tsv, .txt)",
                     path);
}

static cen_status scan_validation(scan *s, cen_error *error)
{
    cen_folder *folder = s->folder;
    const char *path = folder->options.validation;
    if (path == NULL) return CEN_OK;
    if (folder->info.has_own_split) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: the other images have a split of their own already; leave --val out, "
                         "or name only the training images",
                         path);
    }
    s->is_validation = folder->info.has_own_split = true;
    return scan_path(s, path, error);
}

/* ---- classes and order --------------------------------------------------------------------- */

/* By name, training folders first. */
static int compare_classes(const void *a, const void *b)
{
    const cen__class_folder *one = *(cen__class_folder *const *)a;
    const cen__class_folder *other = *(cen__class_folder *const *)b;
    int order = strcmp(one->name, other->name);
    if (order != 0) return order;
    if (one->split != other->split) return one->split < other->split ? -1 : 1;
    return strcmp(one->path, other->path);
}

/* Numbers the classes by name; folders of one name are one class. If labels are needed, the training folders
 * decide the classes. names and paths have room for all classes. */
static cen_status number_sorted(cen_folder *folder, cen__class_folder **sorted, size_t n,
                                const char **names, const char **paths, cen_error *error)
{
    size_t n_labels = 0, n_names = 0;
    for (size_t i = 0; i < n; i++) {
        cen__class_folder *c = sorted[i];
        bool is_new = i == 0 || strcmp(c->name, sorted[i - 1]->name) != 0;
        if (is_new) {
            names[n_names] = c->name;
            paths[n_names++] = c->path;
        } else {
            c->label = sorted[i - 1]->label;
        }
        if (c->label >= 0 || (c->split != CEN_SPLIT_TRAIN && !folder->options.unlabelled)) {
            continue;
        }
        c->label = (int32_t)n_labels;
        folder->class_names[n_labels] = c->name;
        folder->class_folders[n_labels++] = c->path;
    }
    folder->info.n_classes = n_labels;
    return cen__remark_spellings(folder, names, paths, n_names, error);
}

static cen_status number_classes(cen_folder *folder, cen__found *found, cen_error *error)
{
    size_t n = found->n_classes;
    cen__class_folder **sorted = cen__alloc(folder->context, n, sizeof(cen__class_folder *));
    const char **names = cen__alloc(folder->context, n, sizeof(char *)),
               **paths = cen__alloc(folder->context, n, sizeof(char *));
    folder->class_names = cen__alloc(folder->context, n, sizeof(char *));
    folder->class_folders = cen__alloc(folder->context, n, sizeof(char *));
    cen_status status = CEN_OK;
    if (sorted == NULL || names == NULL || paths == NULL || folder->class_names == NULL ||
        folder->class_folders == NULL) {
        status = cen__fail_memory(error, "the names of classes");
    } else {
        for (size_t i = 0; i < n; i++) sorted[i] = &found->classes[i];
        if (n > 1) qsort(sorted, n, sizeof(cen__class_folder *), compare_classes);
        status = number_sorted(folder, sorted, n, names, paths, error);
    }
    cen__free(sorted);
    cen__free(names);
    cen__free(paths);
    return status;
}

int cen__compare_images(const cen_folder_image *a, const cen_folder_image *b)
{
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    if (a->label != b->label) return a->label < b->label ? -1 : 1;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : strcmp(a->path, b->path);
}

static int compare_candidates(const void *a, const void *b)
{
    const cen__candidate *one = a, *other = b;
    if (one->place != other->place) return one->place < other->place ? -1 : 1;
    return cen__compare_images(&one->image, &other->image);
}

static int compare_paths(const void *a, const void *b)
{
    const cen__candidate *one = a, *other = b;
    int order = strcmp(one->image.path, other->image.path);
    return order != 0 ? order : cen__compare_images(&one->image, &other->image);
}

/* A picture that is found twice counts once, and has one label and one split. */
static cen_status merge_twins(cen_folder *folder, cen__found *found, cen_error *error)
{
    size_t n = 0;
    qsort(found->items, found->n, sizeof *found->items, compare_paths);
    for (size_t i = 0; i < found->n; i++) {
        const cen_folder_image *image = &found->items[i].image;
        const cen_folder_image *before = n > 0 ? &found->items[n - 1].image : NULL;
        if (before == NULL || strcmp(before->path, image->path) != 0) {
            found->items[n++] = found->items[i];
            continue;
        }
        if (before->label != image->label || before->split != image->split) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "%s: this picture is named twice, with two %s; name it once",
                             image->path, before->label != image->label ? "classes" : "splits");
        }
        cen_status status =
            cen__folder_remark(folder, image->path, error, "named twice, used once");
        if (status != CEN_OK) return status;
    }
    found->n = n;
    return CEN_OK;
}

cen_status cen__scan_paths(cen_folder *folder, const char *const *paths, size_t n_paths,
                           cen__found *found, cen_error *error)
{
    scan s = {.folder = folder, .found = found};
    cen_status status = CEN_OK;
    for (size_t i = 0; i < n_paths && status == CEN_OK; i++) {
        status = scan_path(&s, paths[i], error);
    }
    if (status == CEN_OK) status = scan_validation(&s, error);
    if (status == CEN_OK) status = number_classes(folder, found, error);
    if (status != CEN_OK || found->n == 0) return status;
    for (size_t i = 0; i < found->n; i++) {
        cen__candidate *candidate = &found->items[i];
        if (candidate->class_folder == SIZE_MAX) continue;
        candidate->image.label = found->classes[candidate->class_folder].label;
    }
    if (!folder->options.unlabelled) status = merge_twins(folder, found, error);
    if (status == CEN_OK) qsort(found->items, found->n, sizeof *found->items, compare_candidates);
    return status;
}

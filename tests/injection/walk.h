/* Walks through a job: its n-th operation fails, for n from 1 until the job succeeds, once that operation
 * alone and once all later ones of its kind too. After each the files are looked at. Include after
 * cmocka.h. */
#ifndef TESTS_WALK_H
#define TESTS_WALK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "injection/failing_system.h"
#include "support/tree.h"

#define ROOT "walk"

/* ---- what stands in a folder ---- */

typedef struct tree_file {
    char path[200];
    char *bytes;
    size_t size;
} tree_file;

typedef struct tree {
    tree_file *files;
    size_t n;
} tree;

static inline void tree_add(tree *t, const char *path)
{
    if (cen__os_kind(path) == CEN__FOLDER) {
        cen__listing listing;
        assert_int_equal(cen__os_list(NULL, path, &listing, NULL), CEN_OK);
        for (size_t i = 0; i < listing.n_names; i++) {
            char *entry = cen__path_join(NULL, path, listing.names[i]);
            tree_add(t, entry);
            cen__free(entry);
        }
        cen__listing_free(&listing);
        return;
    }
    t->files = realloc(t->files, (t->n + 1) * sizeof *t->files);
    assert_non_null(t->files);
    tree_file *f = &t->files[t->n++];
    uint8_t *bytes;
    assert_true(strlen(path) < sizeof f->path);
    strcpy(f->path, path);
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &f->size, NULL), CEN_OK);
    f->bytes = malloc(f->size + 1);
    assert_non_null(f->bytes);
    if (f->size > 0) memcpy(f->bytes, bytes, f->size);
    cen__free(bytes);
}

static inline tree tree_take(const char *folder)
{
    tree t = {NULL, 0};
    if (cen__os_kind(folder) == CEN__FOLDER) tree_add(&t, folder);
    return t;
}

static inline void tree_free(tree *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->files[i].bytes);
    free(t->files);
}

static inline const tree_file *tree_find(const tree *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->files[i].path, path) == 0) return &t->files[i];
    }
    return NULL;
}

static inline bool same_file(const tree_file *a, const tree_file *b)
{
    return a != NULL && b != NULL && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Makes the folder hold these files and no others. */
static inline void tree_put(const tree *t, const char *folder)
{
    tree now = tree_take(folder);
    for (size_t i = 0; i < now.n; i++) {
        if (tree_find(t, now.files[i].path) == NULL) tree_remove(now.files[i].path);
    }
    for (size_t i = 0; i < t->n; i++) {
        const tree_file *f = &t->files[i];
        if (!same_file(f, tree_find(&now, f->path))) tree_write(f->path, f->bytes, f->size);
    }
    tree_free(&now);
}

/* ---- a job ---- */

typedef struct job {
    const char *name;
    /* Does it; true where it succeeded. Asserts itself that a failure was told rightly. */
    bool (*run)(void);
    /* After a failure: does it again or goes on with it, so that all files are as without the failure.
     * NULL: it is only run. */
    void (*mend)(void);
    size_t stride;       /* without CEN_WHOLE_WALK each so many'th allocation alone is tried */
    const char *grows;   /* files that grow, " a b ": some rows of them may stand there */
    const char *goes;    /* files that the job may remove */
    const char *differs; /* files that are not the same bytes after mending */
    const char *pair[2]; /* files that belong together */
    const char *lacks;   /* files that lack something where a read failed and the job went on */
} job;

static inline void copy(const char *from, const char *to)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, from, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    tree_write(to, bytes, size);
    cen__free(bytes);
}

/* What stands below ROOT "/out" at the beginning, and after the undisturbed job. */
typedef struct ends {
    tree before, after;
    size_t n_points;
    unsigned char points[MOST_POINTS]; /* what each of its operations is */
} ends;

static inline bool is_listed(const char *names, const char *path)
{
    char word[220];
    const char *name = strrchr(path, '/');
    (void)snprintf(word, sizeof word, " %s ", name != NULL ? name + 1 : path);
    return names != NULL && strstr(names, word) != NULL;
}

static inline char *where(const job *j, char text[200])
{
    (void)snprintf(text, 200, "%s, operation %zu (%s%s)", j->name, failing->fail_at,
                   operation_names[failing->failed], failing->goes_on ? " and all later" : "");
    return text;
}

static inline bool was_reading(void)
{
    return failing->failed == OPEN || failing->failed == READ || failing->failed == LIST;
}

/* The names that the library makes: .lock, .NAME.lock, .NAME.next, .NAME.NUMBER.cen-tmp. */
static inline bool is_hidden(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(name), end_size = strlen(ending);
    return name[0] == '.' && size >= end_size && strcmp(name + size - end_size, ending) == 0;
}

/* One of the files of a run that begins beside an older one, or a temporary one of them. */
static inline bool is_of_new(const char *path)
{
    const char *const names[] = {"arguments", "log.csv", "checkpoint.safetensors",
                                 "checkpoint.safetensors.previous"};
    const char *slash = strrchr(path, '/');
    bool is_there = slash != NULL && slash - path >= 5 && strncmp(slash - 5, "/.new", 5) == 0;
    if (is_there && is_hidden(path, ".cen-tmp")) return true;
    for (size_t i = 0; i < 4 && is_there; i++) {
        if (strcmp(slash + 1, names[i]) == 0) return true;
    }
    return false;
}

/* What cannot be removed stays; a description that cannot be put in place has the name that readers look
 * for. */
static inline bool is_left_over(const char *path)
{
    const bool is_next = is_hidden(path, ".next");
    if (is_of_new(path)) return failing->goes_on || failing->failed == REMOVE;
    if (is_hidden(path, ".lock")) return failing->failed == REMOVE || failing->failed == LOCK;
    if (failing->failed == REMOVE) return is_next || is_hidden(path, ".cen-tmp");
    return is_next && (failing->failed == RENAME || failing->failed == SYNC);
}

static inline bool is_version(const tree_file *f)
{
    uint64_t path = hash_bytes(f->path, strlen(f->path)), content = hash_bytes(f->bytes, f->size);
    for (size_t i = 0; i < failing->n_versions; i++) {
        const version *v = &failing->versions[i];
        if (v->path == path && v->content == content) return true;
    }
    return false;
}

/* After a failure each file is the old one or a whole new one, and nothing else lies there. */
static inline void check_kept(const job *j, const ends *e)
{
    char text[200];
    const char *lacks = was_reading() ? j->lacks : NULL;
    tree now = tree_take(ROOT "/out");
    for (size_t i = 0; i < now.n; i++) {
        const tree_file *f = &now.files[i], *last = tree_find(&e->after, f->path);
        if (same_file(f, tree_find(&e->before, f->path)) || is_version(f)) continue;
        if (is_listed(lacks, f->path)) continue;
        if (is_listed(j->grows, f->path) && last != NULL && f->size <= last->size &&
            memcmp(f->bytes, last->bytes, f->size) == 0) {
            continue;
        }
        if (is_left_over(f->path)) continue;
        fail_msg("%s: %s of %zu bytes is neither the old file nor a whole new one", where(j, text),
                 f->path, f->size);
    }
    for (size_t i = 0; i < e->before.n; i++) {
        const char *path = e->before.files[i].path;
        if (tree_find(&now, path) == NULL && !is_listed(j->goes, path)) {
            fail_msg("%s: %s is lost", where(j, text), path);
        }
    }
    tree_free(&now);
}

/* All files are as after the undisturbed job. */
static inline void check_done(const job *j, const ends *e, const char *but)
{
    char text[200];
    tree now = tree_take(ROOT "/out");
    for (size_t i = 0; i < now.n; i++) {
        const tree_file *f = &now.files[i], *last = tree_find(&e->after, f->path);
        if (is_left_over(f->path)) continue;
        if (same_file(f, last) || is_listed(but, f->path)) continue;
        fail_msg("%s: %s of %zu bytes %s", where(j, text), f->path, f->size,
                 last == NULL ? "lies there" : "is another one");
    }
    for (size_t i = 0; i < e->after.n; i++) {
        if (tree_find(&now, e->after.files[i].path) == NULL) {
            fail_msg("%s: %s is missing", where(j, text), e->after.files[i].path);
        }
    }
    tree_free(&now);
}

static inline bool is_old(const ends *e, const tree *now, const char *path)
{
    return same_file(tree_find(now, path), tree_find(&e->before, path));
}

/* Two files that belong together are both old or both new; or the new second one has the name that readers
 * look for. */
static inline void check_pair(const job *j, const ends *e)
{
    char text[200];
    if (j->pair[0] == NULL) return;
    tree now = tree_take(ROOT "/out");
    const tree_file *last = tree_find(&e->after, j->pair[1]);
    bool is_next = false;
    for (size_t i = 0; i < now.n; i++) {
        const tree_file *f = &now.files[i];
        is_next |= strstr(f->path, ".next") != NULL && f->size == last->size &&
                   memcmp(f->bytes, last->bytes, f->size) == 0;
    }
    const bool is_first_old = is_old(e, &now, j->pair[0]);
    if (is_first_old != is_old(e, &now, j->pair[1]) && (is_first_old || !is_next)) {
        fail_msg("%s: %s and %s are no pair", where(j, text), j->pair[0], j->pair[1]);
    }
    tree_free(&now);
}

static inline void check_point(const job *j, const ends *e, bool is_done)
{
    check_pair(j, e);
    if (!is_done) {
        check_kept(j, e);
    } else {
        check_done(j, e, was_reading() ? j->lacks : NULL);
    }
    if (j->mend == NULL) return;
    operation failed = failing->failed;
    j->mend();
    failing->failed = failed;
    check_done(j, e, j->differs);
}

static inline void walk_on(const job *j, const ends *e, bool goes_on, size_t tried[N_OPERATIONS])
{
    char text[200];
    bool is_whole = getenv("CEN_WHOLE_WALK") != NULL;
    const char *each = getenv("CEN_WALK_EACH"); /* so many'th point of any kind alone */
    size_t stride = is_whole ? 1 : j->stride, step = each != NULL ? strtoul(each, NULL, 10) : 1;
    for (size_t n = 1;; n++) {
        if (n <= e->n_points && e->points[n - 1] == ALLOCATE && n % stride != 0) continue;
        if (n <= e->n_points && n % step != 0) continue;
        tree_put(&e->before, ROOT "/out");
        long n_blocks = failing->n_blocks, n_handles = failing->n_handles;
        failing_arm(n, goes_on);
        bool is_done = j->run();
        failing_disarm();
        if (!failing->has_failed) {
            assert_true(is_done);
            check_done(j, e, NULL);
            return;
        }
        tried[failing->failed]++;
        assert_int_equal(failing->n_past, 0);
        if (failing->n_blocks != n_blocks || failing->n_handles != n_handles) {
            fail_msg("%s: %ld allocations are not freed, %ld files are not closed", where(j, text),
                     failing->n_blocks - n_blocks, failing->n_handles - n_handles);
        }
        check_point(j, e, is_done);
    }
}

/* ROOT "/out" is as it is to be before the job. */
static inline void walk(const job *j)
{
    static ends e;
    e.before = tree_take(ROOT "/out");
    size_t tried[2][N_OPERATIONS] = {{0}}, total = 0;
    failing->n_versions = 0;
    failing->records = true;
    failing_arm(0, false);
    assert_true(j->run());
    failing_disarm();
    failing->records = false;
    assert_int_equal(failing->n_past, 0);
    e.n_points = failing_count();
    memcpy(e.points, failing->points, sizeof e.points);
    e.after = tree_take(ROOT "/out");
    for (int goes_on = 0; goes_on < 2; goes_on++) walk_on(j, &e, goes_on, tried[goes_on]);
    printf("%s:", j->name);
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        if (tried[0][i] + tried[1][i] == 0) continue;
        printf("  %s %zu + %zu", operation_names[i], tried[0][i], tried[1][i]);
        total += tried[0][i] + tried[1][i];
    }
    printf("  points %zu\n", total);
    tree_put(&e.before, ROOT "/out");
    tree_free(&e.before);
    tree_free(&e.after);
}

#endif

/* Folders of small images for the tests, below the current folder. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_TREE_H
#define TESTS_SUPPORT_TREE_H

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"

/* Removes a file, a link, or a folder and all below it. */
static inline void tree_remove(const char *path)
{
    if (cen__os_remove(path) || cen__os_kind(path) != CEN__FOLDER) return;
    cen__listing listing;
    assert_int_equal(cen__os_list(NULL, path, &listing, NULL), CEN_OK);
    for (size_t i = 0; i < listing.n_names; i++) {
        char *entry = cen__path_join(NULL, path, listing.names[i]);
        tree_remove(entry);
        cen__free(entry);
    }
    cen__listing_free(&listing);
    assert_true(cen__os_remove(path));
}

/* A file and the folders above it. */
static inline void tree_write(const char *path, const void *bytes, size_t size)
{
    char above[512];
    (void)snprintf(above, sizeof above, "%s", path);
    char *slash = strrchr(above, '/');
    if (slash != NULL) {
        *slash = '\0';
        assert_int_equal(cen__os_make_folder(NULL, above, NULL), CEN_OK);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void tree_text(const char *path, const char *text)
{
    tree_write(path, text, strlen(text));
}

/* A grey PGM of one value. */
static inline void tree_grey(const char *path, int width, int height, int value)
{
    char bytes[4096];
    int header = snprintf(bytes, sizeof bytes, "P5\n%d %d\n255\n", width, height);
    size_t size = (size_t)header + (size_t)width * (size_t)height;
    assert_true(size <= sizeof bytes);
    memset(bytes + header, value, (size_t)width * (size_t)height);
    tree_write(path, bytes, size);
}

/* `n` small grey images root/name/00.pgm ... */
static inline void tree_class(const char *root, const char *name, int n)
{
    for (int i = 0; i < n; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s/%02d.pgm", root, name, i);
        tree_grey(path, 3, 2, i);
    }
}

#endif

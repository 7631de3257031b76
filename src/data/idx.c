/* IDX, the format of MNIST (yann.lecun.com/exdb/mnist): a magic number whose last byte is the
 * number of dimensions, each dimension as a big-endian 32-bit number, then the bytes. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/status.h"
#include "image/inflate.h"

enum {
    MAX_DIMS = 3,
    N_LABELS = 256, /* a label is a byte */
    FILE_MOST = 1 << 30
};

/* The most that a file is unpacked to: more than any real IDX file has. */
#define MAX_UNPACKED ((size_t)UINT32_MAX)

typedef struct {
    uint8_t *file; /* owned */
    uint8_t *data; /* within it, after the header */
    size_t sizes[MAX_DIMS];
} idx;

/* Unpacks a gzip file in place; other files stay as they are. */
static cen_status unpack(cen_context *context, const char *path, uint8_t **bytes, size_t *size,
                         cen_error *error)
{
    if (*size < 2 || (*bytes)[0] != 0x1f || (*bytes)[1] != 0x8b) return CEN_OK;
    uint8_t *unpacked;
    size_t unpacked_size;
    cen_error why;
    cen_status status =
        cen__gzip_unpack(context, *bytes, *size, MAX_UNPACKED, &unpacked, &unpacked_size, &why);
    if (status != CEN_OK) return cen__fail(error, status, "%s: %s", path, why.message);
    cen__free(*bytes);
    *bytes = unpacked;
    *size = unpacked_size;
    return CEN_OK;
}

static cen_status parse(const char *path, uint8_t *bytes, size_t size, size_t n_dims, idx *file,
                        cen_error *error)
{
    size_t header = 4 + 4 * n_dims, needed = 1;
    const char *what = n_dims == 3 ? "images" : "labels";
    if (size < 4 || cen__be32(bytes) != 0x800 + n_dims) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: not an IDX file of %s (these begin with 00 00 08 %02zx); check that "
                         "images and labels are not exchanged",
                         path, what, n_dims);
    }
    if (size < header) {
        return cen__fail(error, CEN_ERROR_FORMAT, "%s: ends after %zu byte%s, within its header",
                         path, size, cen__plural(size));
    }
    for (size_t d = 0; d < n_dims; d++) {
        file->sizes[d] = cen__be32(bytes + 4 + 4 * d);
        if (!cen__multiply(needed, file->sizes[d], &needed)) needed = SIZE_MAX;
    }
    if (needed != size - header) {
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "%s: its header announces %zu byte%s of %s, but %zu follow; fetch it again", path,
            needed, cen__plural(needed), what, size - header);
    }
    file->data = bytes + header;
    return CEN_OK;
}

/* Free file->file, also after a failure. */
static cen_status read_idx(cen_context *context, const char *path, size_t n_dims, idx *file,
                           cen_error *error)
{
    size_t size;
    cen_status status = cen__file_read(context, path, FILE_MOST, &file->file, &size, error);
    if (status == CEN_OK) status = unpack(context, path, &file->file, &size, error);
    if (status == CEN_OK) status = parse(path, file->file, size, n_dims, file, error);
    return status;
}

static cen_status check_names(const char *const *names, size_t n_names, cen_error *error)
{
    for (size_t i = 0; i < n_names; i++) {
        const char *name = names[i];
        if (name[0] == '\0' || name[0] == '.' || strpbrk(name, "/\\") != NULL) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "\"%s\" cannot be the name of a class's folder; leave out slashes and "
                             "leading dots",
                             name);
        }
    }
    return CEN_OK;
}

static cen_status check_pair(const char *images_path, const idx *images, const char *labels_path,
                             const idx *labels, size_t n_names, cen_error *error)
{
    if (images->sizes[0] != labels->sizes[0]) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s has %zu image%s, but %s has %zu label%s; take two files of one set",
                         images_path, images->sizes[0], cen__plural(images->sizes[0]), labels_path,
                         labels->sizes[0], cen__plural(labels->sizes[0]));
    }
    if (images->sizes[1] == 0 || images->sizes[2] == 0) {
        return cen__fail(error, CEN_ERROR_FORMAT, "%s: its images have %zu x %zu pixels",
                         images_path, images->sizes[1], images->sizes[2]);
    }
    for (size_t i = 0; i < labels->sizes[0]; i++) {
        if (labels->data[i] >= n_names) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "%s: image %zu is of class %d, which has no name; give at least %d "
                             "class names",
                             labels_path, i, labels->data[i], labels->data[i] + 1);
        }
    }
    return CEN_OK;
}

static cen_status write_image(cen_context *context, const idx *images, size_t index,
                              const char *folder, cen_error *error)
{
    size_t height = images->sizes[1], width = images->sizes[2];
    char name[32];
    (void)snprintf(name, sizeof name, "%05zu.png", index);
    char *path = cen__path_join(context, folder, name);
    if (path == NULL) return cen__fail_memory(error, "the name of an image");
    cen_image image = {.width = width,
                       .height = height,
                       .channels = 1,
                       .pixels = images->data + index * height * width};
    cen_status status = cen_image_write_png(context, &image, path, error);
    cen__free(path);
    return status;
}

/* Makes folder/NAME; *path keeps the path. */
static cen_status make_class(cen_context *context, const char *folder, const char *name,
                             char **path, cen_error *error)
{
    *path = cen__path_join(context, folder, name);
    if (*path == NULL) return cen__fail_memory(error, "the name of a folder");
    cen_status status = cen__os_make_folder(context, *path, error);
    if (status == CEN_OK) cen__folder_clear(context, *path);
    return status;
}

static cen_status write_all(cen_context *context, const idx *images, const idx *labels,
                            const char *const *class_names, size_t most, const char *folder,
                            cen_error *error)
{
    char *folders[N_LABELS] = {NULL}; /* the folder of a class, made for its first image */
    size_t counts[N_LABELS] = {0};
    cen_status status = CEN_OK;
    for (size_t i = 0; i < labels->sizes[0] && status == CEN_OK; i++) {
        int label = labels->data[i];
        if (most > 0 && counts[label] == most) continue;
        if (counts[label]++ == 0) {
            char number[8];
            (void)snprintf(number, sizeof number, "%d", label);
            const char *name = class_names == NULL ? number : class_names[label];
            status = make_class(context, folder, name, &folders[label], error);
        }
        if (status == CEN_OK) status = write_image(context, images, i, folders[label], error);
    }
    for (size_t i = 0; i < N_LABELS; i++) cen__free(folders[i]);
    return status;
}

cen_status cen_idx_unpack(cen_context *context, const char *images, const char *labels,
                          const char *const *class_names, size_t n_class_names, size_t most,
                          const char *folder, cen_error *error)
{
    idx image_file = {NULL, NULL, {0}}, label_file = {NULL, NULL, {0}};
    cen_status status = CEN_OK;
    if (class_names == NULL) {
        n_class_names = N_LABELS;
    } else {
        status = check_names(class_names, n_class_names, error);
    }
    if (status == CEN_OK) status = read_idx(context, images, 3, &image_file, error);
    if (status == CEN_OK) status = read_idx(context, labels, 1, &label_file, error);
    if (status == CEN_OK) {
        status = check_pair(images, &image_file, labels, &label_file, n_class_names, error);
    }
    if (status == CEN_OK) {
        status = write_all(context, &image_file, &label_file, class_names, most, folder, error);
    }
    cen__free(image_file.file);
    cen__free(label_file.file);
    return status;
}

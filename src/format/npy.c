#include "format/npy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "format/features.h"
#include "format/floats.h"

/* HEADER_MOST is the limit of numpy.load; our own headers have 118 bytes. */
enum { HEADER_MOST = 10000, DESCR_SIZE = 24, CHUNK_SIZE = 1 << 14 };

typedef struct {
    char descr[DESCR_SIZE]; /* "<f4"; "" if it is no string, as for records */
    bool is_fortran;
    size_t n_dims, shape[2]; /* the first two sides; SIZE_MAX if a side is larger than that */
} header;

/* ---- the header: a Python dict ----------------------------------------------------------------- */

static void skip_space(const char **at)
{
    while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r') (*at)++;
}

static bool take(const char **at, const char *word)
{
    skip_space(at);
    size_t size = strlen(word);
    if (strncmp(*at, word, size) != 0) return false;
    *at += size;
    return true;
}

/* A string without escapes; one that is too long is cut. */
static bool take_string(const char **at, char *string, size_t size)
{
    char quotes[2] = {0};
    skip_space(at);
    if (**at != '\'' && **at != '"') return false;
    quotes[0] = *(*at)++;
    size_t length = strcspn(*at, quotes), kept = length < size ? length : size - 1;
    if ((*at)[length] == '\0') return false;
    memcpy(string, *at, kept);
    string[kept] = '\0';
    *at += length + 1;
    return true;
}

static bool take_bool(const char **at, bool *value)
{
    *value = take(at, "True");
    return *value || take(at, "False");
}

/* A size that Python 2 may have written as 4L. */
static bool take_size(const char **at, size_t *value)
{
    skip_space(at);
    if (**at < '0' || **at > '9') return false;
    for (*value = 0; **at >= '0' && **at <= '9'; (*at)++) {
        size_t digit = (size_t)(**at - '0');
        *value = *value > (SIZE_MAX - digit) / 10 ? SIZE_MAX : *value * 10 + digit;
    }
    if (**at == 'L') (*at)++;
    return true;
}

static bool take_shape(const char **at, header *h)
{
    if (!take(at, "(")) return false;
    for (h->n_dims = 0; !take(at, ")"); h->n_dims++) {
        size_t side;
        if (!take_size(at, &side)) return false;
        if (h->n_dims < 2) h->shape[h->n_dims] = side;
        if (!take(at, ",")) {
            h->n_dims++;
            return take(at, ")");
        }
    }
    return true;
}

/* The dtype of records is a list. It is skipped if its brackets match. */
static bool take_descr(const char **at, header *h)
{
    if (take_string(at, h->descr, sizeof h->descr)) return true;
    size_t depth = 0;
    h->descr[0] = '\0';
    do {
        depth += **at == '[' || **at == '(';
        depth -= depth > 0 && (**at == ']' || **at == ')');
    } while (*(*at)++ != '\0' && depth > 0);
    return (*at)[-1] != '\0';
}

/* Each of the three keys once, in any order. If the text is no such dict, *at is the place of the mistake. */
static bool parse_header(const char **at, header *h)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    unsigned seen = 0;
    if (!take(at, "{")) return false;
    while (!take(at, "}")) {
        char key[DESCR_SIZE];
        unsigned i = 0;
        if (!take_string(at, key, sizeof key) || !take(at, ":")) return false;
        while (i < 3 && strcmp(key, keys[i]) != 0) i++;
        if (i == 3 || (seen >> i & 1) != 0) return false;
        seen |= 1u << i;
        if (!(i == 0   ? take_descr(at, h)
              : i == 1 ? take_bool(at, &h->is_fortran)
                       : take_shape(at, h))) {
            return false;
        }
        if (!take(at, ",")) {
            if (!take(at, "}")) return false;
            break;
        }
    }
    skip_space(at);
    return seen == 7 && **at == '\0';
}

/* ---- what the header means --------------------------------------------------------------------- */

static bool is_big_endian(void)
{
    const uint32_t one = 1;
    uint8_t bytes[sizeof one];
    memcpy(bytes, &one, sizeof one);
    return bytes[0] == 0;
}

static cen_status read_dtype(const char *path, const char *descr, cen__dtype *dtype, bool *swapped,
                             cen_error *error)
{
    const char *kind = descr + (descr[0] != '\0' && strchr("<>=|", descr[0]) != NULL);
    *swapped = kind > descr && (*descr == '<' || *descr == '>') ? *descr == '>' : is_big_endian();
    *dtype = strcmp(kind, "f8") == 0 ? CEN__F64 : CEN__F32;
    if (strcmp(kind, "f4") == 0 || strcmp(kind, "f8") == 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                     "%s: its numbers are %s%s%s; float32 and float64 are read, save "
                     "array.astype(\"float32\")",
                     path, strcmp(kind, "f2") == 0 ? "float16, " : "of the dtype ",
                     *descr != '\0' ? descr : "of records", *descr != '\0' ? "" : " (a list)");
}

static cen_status check_shape(const char *path, const header *h, cen_error *error)
{
    if (h->n_dims != 2) {
        return cen__fail(
            error, CEN_ERROR_UNSUPPORTED,
            "%s: its array has %zu dimensions; features have two, reshape it to [rows, "
            "numbers of a row]",
            path, h->n_dims);
    }
    if (h->shape[1] == 0) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: its rows have no numbers (shape %zu, 0); features need at least one",
                         path, h->shape[0]);
    }
    return cen__features_fit(path, h->shape[0], h->shape[1], 0, error);
}

/* ---- the file ---------------------------------------------------------------------------------- */

static cen_status fail_short(FILE *file, const char *path, const char *what, cen_error *error)
{
    if (ferror(file)) {
        return cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
    }
    return cen__fail(error, CEN_ERROR_FORMAT, "%s: the file ends in %s; export or copy it again",
                     path, what);
}

static cen_status fail_kind(const char *path, const uint8_t start[8], cen_error *error)
{
    if (memcmp(start, "PK\3\4", 4) == 0) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "%s: this is a .npz (a zip of arrays); save one array with numpy.save",
                         path);
    }
    if (memcmp(start, "\x93NUMPY", 6) != 0) {
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "%s: this is no .npy file (it does not begin with \\x93NUMPY); features are "
            "read from .npy and .csv",
            path);
    }
    return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                     "%s: this is a .npy file of version %u; versions 1 to 3 are read", path,
                     (unsigned)start[6]);
}

/* Versions 2.0 and 3.0 have four bytes for the length of the header instead of two. */
static cen_status read_header(FILE *file, const char *path, header *h, cen_error *error)
{
    uint8_t start[12] = {0};
    char text[HEADER_MOST + 1];
    size_t n_read = fread(start, 1, 8, file), length_size = start[6] == 1 ? 2 : 4;
    bool is_npy = memcmp(start, "\x93NUMPY", 6) == 0 && start[6] >= 1 && start[6] <= 3;
    if (n_read == 8 && !is_npy) return fail_kind(path, start, error);
    if (n_read < 8 || fread(start + 8, 1, length_size, file) != length_size) {
        return fail_short(file, path, "its first 12 bytes", error);
    }
    size_t size = cen__le32(start + 8);
    if (size > HEADER_MOST) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "%s: its header claims %zu bytes, and at most %d are read; save the array "
                         "again with numpy.save",
                         path, size, (int)HEADER_MOST);
    }
    if (fread(text, 1, size, file) != size) return fail_short(file, path, "its header", error);
    text[size] = '\0';
    const char *at = text;
    if (parse_header(&at, h)) return CEN_OK;
    return cen__fail(
        error, CEN_ERROR_FORMAT,
        "%s: its header is no dict of descr, fortran_order and shape (at byte %zu of the "
        "file); save the array again with numpy.save",
        path, 8 + length_size + (size_t)(at - text));
}

static void reverse_each(uint8_t *bytes, size_t n, size_t size)
{
    for (uint8_t *item = bytes; item < bytes + n * size; item += size) {
        for (size_t i = 0; i < size / 2; i++) {
            uint8_t byte = item[i];
            item[i] = item[size - 1 - i];
            item[size - 1 - i] = byte;
        }
    }
}

/* values[count] are numbers first .. of the file; with Fortran order column after column. */
static void place(const header *h, size_t first, const float *values, size_t count, float *features)
{
    size_t n = h->shape[0], d = h->shape[1];
    if (!h->is_fortran) {
        memcpy(features + first, values, count * sizeof *values);
        return;
    }
    size_t row = first % n, column = first / n;
    for (size_t i = 0; i < count; i++) {
        features[row * d + column] = values[i];
        if (++row == n) {
            row = 0;
            column++;
        }
    }
}

static cen_status fail_numbers(FILE *file, const char *path, const header *h, size_t n_there,
                               cen_error *error)
{
    char what[100];
    (void)snprintf(what, sizeof what, "number %zu of the %zu x %zu of its header", n_there,
                   h->shape[0], h->shape[1]);
    return fail_short(file, path, what, error);
}

/* A header may claim more than its file holds. This is checked before memory is taken. */
static cen_status check_size(FILE *file, const char *path, const header *h, cen__dtype dtype,
                             cen_error *error)
{
    uint64_t size = cen__os_file_size(file);
    long at = ftell(file);
    if (at < 0 || (uint64_t)at > size) return CEN_OK;
    uint64_t n_there = (size - (uint64_t)at) / cen__dtype_size(dtype);
    if (n_there >= (uint64_t)h->shape[0] * h->shape[1]) return CEN_OK;
    return fail_numbers(file, path, h, (size_t)n_there, error);
}

static cen_status read_numbers(FILE *file, const char *path, const header *h, cen__dtype dtype,
                               bool swapped, float *features, cen_error *error)
{
    uint8_t bytes[CHUNK_SIZE];
    float values[CHUNK_SIZE / 4];
    size_t total = h->shape[0] * h->shape[1], size = cen__dtype_size(dtype);
    for (size_t done = 0; done < total;) {
        size_t count = total - done < CHUNK_SIZE / size ? total - done : CHUNK_SIZE / size;
        size_t got = fread(bytes, size, count, file);
        if (got < count) return fail_numbers(file, path, h, done + got, error);
        if (swapped) reverse_each(bytes, count, size);
        cen__read_floats(bytes, dtype, count, values);
        place(h, done, values, count, features);
        done += count;
    }
    if (fgetc(file) == EOF) return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "%s: more bytes follow the %zu x %zu numbers of its header; save one array a "
                     "file",
                     path, h->shape[0], h->shape[1]);
}

static cen_status read_array(cen_context *context, FILE *file, const char *path, header *h,
                             float **features, cen_error *error)
{
    cen__dtype dtype;
    bool swapped;
    cen_status status = read_header(file, path, h, error);
    if (status == CEN_OK) status = read_dtype(path, h->descr, &dtype, &swapped, error);
    if (status == CEN_OK) status = check_shape(path, h, error);
    if (status == CEN_OK) status = check_size(file, path, h, dtype, error);
    if (status != CEN_OK) return status;
    *features = cen__alloc(context, h->shape[0] * h->shape[1], sizeof **features);
    if (*features == NULL) return cen__fail_memory(error, "the features of a file");
    status = read_numbers(file, path, h, dtype, swapped, *features, error);
    if (status == CEN_OK) return CEN_OK;
    cen__free(*features);
    *features = NULL;
    return status;
}

cen_status cen__npy_read(cen_context *context, const char *path, float **features, size_t *n,
                         size_t *d, cen_error *error)
{
    header h = {{0}, false, 0, {0, 0}};
    *features = NULL;
    cen_error why = {CEN_OK, ""};
    FILE *file = cen__file_open_regular(path, &why);
    if (file == NULL) return cen__fail(error, why.status, "%s", why.message);
    cen_status status = read_array(context, file, path, &h, features, error);
    fclose(file);
    *n = h.shape[0];
    *d = h.shape[1];
    return status;
}

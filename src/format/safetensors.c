#include "format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/floats.h"
#include "format/json.h"

/* The limit of the reference reader. */
enum { HEADER_MOST = 100000000, FILE_MOST = 1 << 30, LENGTH_SIZE = 8, ALIGNED_FLOATS = 16 };

static const char metadata_key[] = "__metadata__";

struct cen__safetensors_memory {
    cen__json_document *header; /* holds all strings */
    cen__named_tensor *tensors;
    const cen__named_tensor **by_name; /* [n_tensors]: a file may have 100,000 of them */
    cen__string_pair *metadata;
    float *floats;  /* of tensors that cannot be read in place */
    uint8_t *bytes; /* of a file */
};

/* The description of a tensor in the header. */
typedef struct {
    const char *name;
    cen__dtype dtype;
    size_t n_dims, shape[CEN_MAX_DIMS];
    size_t count;        /* numbers */
    uint64_t begin, end; /* of its bytes after the header */
} entry;

/* ---- reading: one tensor of the header ------------------------------------------------------- */

static cen_status fail_tensor(cen_error *error, cen_status status, const char *name,
                              const char *what)
{
    return cen__fail(error, status, "tensor \"%.100s\" %s", name, what);
}

static cen_status read_dtype(const cen__json *json, entry *tensor, cen_error *error)
{
    static const char *const names[] = {"F32", "F64", "F16", "BF16"};
    static const cen__dtype dtypes[] = {CEN__F32, CEN__F64, CEN__F16, CEN__BF16};
    const cen__json *dtype = cen__json_get(json, "dtype");
    if (dtype == NULL || dtype->kind != CEN__JSON_STRING) {
        return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name, "has no dtype");
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(dtype->string, names[i]) == 0) {
            tensor->dtype = dtypes[i];
            return CEN_OK;
        }
    }
    return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                     "tensor \"%.100s\" has the dtype \"%.20s\"; save it as F32, F64, F16 or BF16",
                     tensor->name, dtype->string);
}

static bool is_count(const cen__json *json)
{
    return json->kind == CEN__JSON_NUMBER && json->is_integer && json->integer >= 0;
}

static cen_status read_shape(const cen__json *json, entry *tensor, cen_error *error)
{
    const cen__json *shape = cen__json_get(json, "shape");
    if (shape == NULL || shape->kind != CEN__JSON_ARRAY) {
        return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name, "has no shape");
    }
    if (shape->n_children > CEN_MAX_DIMS) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "tensor \"%.100s\" has %zu dimensions; at most %d are read", tensor->name,
                         shape->n_children, (int)CEN_MAX_DIMS);
    }
    for (size_t i = 0; i < CEN_MAX_DIMS; i++) tensor->shape[i] = 1;
    tensor->count = 1;
    for (const cen__json *side = shape->child; side != NULL; side = side->next) {
        if (!is_count(side)) {
            return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name,
                               "has a shape that is not made of whole numbers from 0");
        }
        tensor->shape[tensor->n_dims++] = (size_t)side->integer;
        if ((uint64_t)side->integer > SIZE_MAX ||
            !cen__multiply(tensor->count, (size_t)side->integer, &tensor->count)) {
            return fail_tensor(error, CEN_ERROR_LIMIT, tensor->name,
                               "has a shape whose product overflows");
        }
    }
    return CEN_OK;
}

static cen_status read_offsets(const cen__json *json, entry *tensor, uint64_t data_size,
                               cen_error *error)
{
    const cen__json *offsets = cen__json_get(json, "data_offsets");
    if (offsets == NULL || offsets->kind != CEN__JSON_ARRAY || offsets->n_children != 2 ||
        !is_count(offsets->child) || !is_count(offsets->child->next)) {
        return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name,
                           "has no data_offsets of two whole numbers from 0");
    }
    tensor->begin = (uint64_t)offsets->child->integer;
    tensor->end = (uint64_t)offsets->child->next->integer;
    if (tensor->begin > tensor->end) {
        return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name, "ends before it begins");
    }
    if (tensor->end > data_size) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "tensor \"%.100s\" ends at byte %llu of the data, which has only %llu; "
                         "the file may have been cut short",
                         tensor->name, (unsigned long long)tensor->end,
                         (unsigned long long)data_size);
    }
    size_t size;
    if (!cen__multiply(tensor->count, cen__dtype_size(tensor->dtype), &size) ||
        size != tensor->end - tensor->begin) {
        return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name,
                           "has data_offsets that do not fit its dtype and shape");
    }
    return CEN_OK;
}

static cen_status read_entry(const cen__json *json, uint64_t data_size, entry *tensor,
                             cen_error *error)
{
    tensor->name = json->key;
    if (json->kind != CEN__JSON_OBJECT) {
        return fail_tensor(error, CEN_ERROR_FORMAT, tensor->name, "is not described by an object");
    }
    cen_status status = read_dtype(json, tensor, error);
    if (status == CEN_OK) status = read_shape(json, tensor, error);
    if (status == CEN_OK) status = read_offsets(json, tensor, data_size, error);
    return status;
}

/* ---- reading: the whole header --------------------------------------------------------------- */

/* Orders by place; at the same place, tensors without bytes come first; the name decides the rest. */
static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The tensors must cover the data without overlap or hole, so that a file has no hidden bytes. */
static cen_status check_cover(entry *entries, size_t n, uint64_t data_size, cen_error *error)
{
    uint64_t covered = 0;
    if (n > 0) qsort(entries, n, sizeof *entries, compare_entries);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].begin < covered) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "tensor \"%.100s\" overlaps tensor \"%.100s\"", entries[i].name,
                             entries[i - 1].name);
        }
        if (entries[i].begin > covered) {
            return fail_tensor(error, CEN_ERROR_FORMAT, entries[i].name,
                               "leaves a hole in the data before it");
        }
        covered = entries[i].end;
    }
    if (covered != data_size) {
        return cen__fail(error, CEN_ERROR_FORMAT, "no tensor takes the last %llu byte%s",
                         (unsigned long long)(data_size - covered),
                         cen__plural((size_t)(data_size - covered)));
    }
    return CEN_OK;
}

static cen_status read_metadata(cen_context *context, const cen__json *json, cen__safetensors *file,
                                cen_error *error)
{
    if (json == NULL) return CEN_OK;
    if (json->kind != CEN__JSON_OBJECT) {
        return cen__fail(error, CEN_ERROR_FORMAT, "%s is no object", metadata_key);
    }
    cen__string_pair *pairs = cen__alloc(context, json->n_children, sizeof *pairs);
    if (pairs == NULL) return cen__fail_memory(error, "the metadata of a safetensors file");
    file->metadata = file->memory->metadata = pairs;
    for (const cen__json *pair = json->child; pair != NULL; pair = pair->next) {
        if (pair->kind != CEN__JSON_STRING) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "%s has the key \"%.100s\", which is no string", metadata_key,
                             pair->key);
        }
        pairs[file->n_metadata].key = pair->key;
        pairs[file->n_metadata++].value = pair->string;
    }
    return CEN_OK;
}

/* Entries of all tensors, checked, in the order of their bytes. */
static cen_status read_entries(cen_context *context, const cen__json *root, uint64_t data_size,
                               entry **entries, size_t *n_entries, cen_error *error)
{
    *n_entries = 0;
    *entries = cen__alloc_zeroed(context, root->n_children, sizeof **entries);
    if (*entries == NULL) return cen__fail_memory(error, "the header of a safetensors file");
    for (const cen__json *child = root->child; child != NULL; child = child->next) {
        if (strcmp(child->key, metadata_key) == 0) continue;
        cen_status status = read_entry(child, data_size, &(*entries)[(*n_entries)++], error);
        if (status != CEN_OK) return status;
    }
    return check_cover(*entries, *n_entries, data_size, error);
}

static int compare_names(const void *a, const void *b)
{
    const cen__named_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void sort_names(cen__safetensors *file)
{
    const cen__named_tensor **by_name = file->memory->by_name;
    for (size_t i = 0; i < file->n_tensors; i++) by_name[i] = &file->tensors[i];
    if (file->n_tensors > 0) qsort(by_name, file->n_tensors, sizeof *by_name, compare_names);
}

/* True if the bytes of a tensor are float32 numbers of this machine. */
static bool is_in_place(const entry *tensor, const uint8_t *data)
{
    const uint32_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1 && tensor->dtype == CEN__F32 &&
           (uintptr_t)(data + tensor->begin) % sizeof(float) == 0;
}

static size_t padded(size_t count)
{
    return (count + ALIGNED_FLOATS - 1) / ALIGNED_FLOATS * ALIGNED_FLOATS;
}

static cen_status place_tensors(cen_context *context, const entry *entries, size_t n,
                                const uint8_t *data, cen__safetensors *file, cen_error *error)
{
    size_t n_floats = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_in_place(&entries[i], data)) n_floats += padded(entries[i].count);
    }
    struct cen__safetensors_memory *memory = file->memory;
    memory->floats = cen__alloc(context, n_floats, sizeof *memory->floats);
    memory->tensors = cen__alloc(context, n, sizeof *memory->tensors);
    memory->by_name = cen__alloc(context, n, sizeof *memory->by_name);
    if (memory->floats == NULL || memory->tensors == NULL || memory->by_name == NULL) {
        return cen__fail_memory(error, "the tensors of a safetensors file");
    }
    float *next = memory->floats;
    for (size_t i = 0; i < n; i++) {
        cen__named_tensor *named = &memory->tensors[i];
        named->name = entries[i].name;
        named->tensor.n_dims = entries[i].n_dims;
        memcpy(named->tensor.shape, entries[i].shape, sizeof named->tensor.shape);
        if (is_in_place(&entries[i], data)) {
            named->tensor.data = (float *)(uintptr_t)(data + entries[i].begin);
            continue;
        }
        named->tensor.data = next;
        cen__read_floats(data + entries[i].begin, entries[i].dtype, entries[i].count, next);
        next += padded(entries[i].count);
    }
    file->tensors = memory->tensors;
    file->n_tensors = n;
    sort_names(file);
    return CEN_OK;
}

static cen_status read_header(cen_context *context, const char *text, size_t size,
                              const uint8_t *data, uint64_t data_size, cen__safetensors *file,
                              cen_error *error)
{
    if (size == 0 || text[0] != '{') {
        return cen__fail(error, CEN_ERROR_FORMAT, "this is no safetensors file");
    }
    cen_status status = cen__json_parse(context, text, size, &file->memory->header, error);
    if (status != CEN_OK) return status;
    const cen__json *root = cen__json_root(file->memory->header);
    status = read_metadata(context, cen__json_get(root, metadata_key), file, error);
    if (status != CEN_OK) return status;
    entry *entries;
    size_t n_entries;
    status = read_entries(context, root, data_size, &entries, &n_entries, error);
    if (status == CEN_OK) status = place_tensors(context, entries, n_entries, data, file, error);
    cen__free(entries);
    return status;
}

static cen_status read_bytes(cen_context *context, const uint8_t *bytes, size_t size,
                             cen__safetensors *file, cen_error *error)
{
    if (size < LENGTH_SIZE) {
        return cen__fail(error, CEN_ERROR_FORMAT, "this is no safetensors file: it has %zu byte%s",
                         size, cen__plural(size));
    }
    uint64_t header_size = cen__le64(bytes), left = size - LENGTH_SIZE;
    if (header_size > left) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "this is no safetensors file, or it was cut short: its header should have "
                         "%llu bytes, %llu are there",
                         (unsigned long long)header_size, (unsigned long long)left);
    }
    if (header_size > HEADER_MOST) {
        return cen__fail(error, CEN_ERROR_LIMIT, "its header has %llu bytes, the limit is %d",
                         (unsigned long long)header_size, (int)HEADER_MOST);
    }
    file->memory = cen__alloc_zeroed(context, 1, sizeof *file->memory);
    if (file->memory == NULL) return cen__fail_memory(error, "a safetensors file");
    const uint8_t *header = bytes + LENGTH_SIZE;
    return read_header(context, (const char *)header, (size_t)header_size, header + header_size,
                       left - header_size, file, error);
}

cen_status cen__safetensors_parse(cen_context *context, const uint8_t *bytes, size_t size,
                                  cen__safetensors *file, cen_error *error)
{
    memset(file, 0, sizeof *file);
    cen_status status = read_bytes(context, bytes, size, file, error);
    if (status != CEN_OK) cen__safetensors_free(file);
    return status;
}

cen_status cen__safetensors_read(cen_context *context, const char *path, cen__safetensors *file,
                                 cen_error *error)
{
    uint8_t *bytes;
    size_t size;
    memset(file, 0, sizeof *file);
    cen_status status = cen__file_read(context, path, FILE_MOST, &bytes, &size, error);
    if (status != CEN_OK) return status;
    status = cen__safetensors_parse(context, bytes, size, file, error);
    if (status == CEN_OK) {
        file->memory->bytes = bytes;
        return CEN_OK;
    }
    cen__free(bytes);
    return error != NULL ? cen__fail(error, status, "%s: %s", path, error->message) : status;
}

void cen__safetensors_free(cen__safetensors *file)
{
    if (file->memory != NULL) {
        cen__json_free(file->memory->header);
        cen__free(file->memory->tensors);
        cen__free((void *)file->memory->by_name);
        cen__free(file->memory->metadata);
        cen__free(file->memory->floats);
        cen__free(file->memory->bytes);
        cen__free(file->memory);
    }
    memset(file, 0, sizeof *file);
}

const cen_tensor *cen__safetensors_find(const cen__safetensors *file, const char *name)
{
    const cen__named_tensor wanted = {.name = name}, *key = &wanted;
    const cen__named_tensor *const *found =
        file->n_tensors == 0 ? NULL
                             : bsearch(&key, file->memory->by_name, file->n_tensors,
                                       sizeof *file->memory->by_name, compare_names);
    return found == NULL ? NULL : &(*found)->tensor;
}

const char *cen__safetensors_metadata(const cen__safetensors *file, const char *key)
{
    for (size_t i = 0; i < file->n_metadata; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    }
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_metadata(cen__text *header, const cen__string_pair *metadata, size_t n_metadata)
{
    cen__text_print(header, "\"%s\":{", metadata_key);
    for (size_t i = 0; i < n_metadata; i++) {
        if (i > 0) cen__text_add(header, ",");
        cen__text_add_json_string(header, metadata[i].key);
        cen__text_add(header, ":");
        cen__text_add_json_string(header, metadata[i].value);
    }
    cen__text_add(header, "}");
}

static void add_tensor(cen__text *header, const cen__named_tensor *named, uint64_t *offset)
{
    const cen_tensor *tensor = &named->tensor;
    cen__text_add_json_string(header, named->name);
    cen__text_add(header, ":{\"dtype\":\"F32\",\"shape\":[");
    for (size_t i = 0; i < tensor->n_dims; i++) {
        cen__text_print(header, i > 0 ? ",%zu" : "%zu", tensor->shape[i]);
    }
    uint64_t end = *offset + (uint64_t)cen__tensor_count(tensor) * sizeof(float);
    cen__text_print(header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*offset,
                    (unsigned long long)end);
    *offset = end;
}

/* The caller frees header->data with cen__free, also after a failure. */
static cen_status make_header(cen__text *header, const char *name, const cen__named_tensor *tensors,
                              size_t n_tensors, const cen__string_pair *metadata, size_t n_metadata,
                              cen_error *error)
{
    uint64_t offset = 0;
    cen__text_add(header, "{");
    if (n_metadata > 0) add_metadata(header, metadata, n_metadata);
    for (size_t i = 0; i < n_tensors; i++) {
        if (i > 0 || n_metadata > 0) cen__text_add(header, ",");
        add_tensor(header, &tensors[i], &offset);
    }
    cen__text_add(header, "}");
    while (!header->failed && header->size % 8 != 0) cen__text_add(header, " ");
    if (header->failed) return cen__fail_memory(error, "the header of a safetensors file");
    if (header->size <= HEADER_MOST) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s: names and metadata of %zu bytes are over the limit of %d", name,
                     header->size, (int)HEADER_MOST);
}

cen_status cen__safetensors_write(cen_context *context, const char *path,
                                  const cen__named_tensor *tensors, size_t n_tensors,
                                  const cen__string_pair *metadata, size_t n_metadata,
                                  cen_error *error)
{
    return cen__safetensors_write_beside(context, path, NULL, tensors, n_tensors, metadata,
                                         n_metadata, error);
}

cen_status cen__safetensors_write_beside(cen_context *context, const char *path,
                                         const char *previous, const cen__named_tensor *tensors,
                                         size_t n_tensors, const cen__string_pair *metadata,
                                         size_t n_metadata, cen_error *error)
{
    cen__text header = {.context = context};
    cen__writer *writer;
    cen_status status = make_header(&header, path, tensors, n_tensors, metadata, n_metadata, error);
    if (status == CEN_OK) status = cen__writer_create(context, &writer, path, error);
    if (status == CEN_OK) {
        cen__writer_keep_old(writer, previous);
        cen__writer_u64(writer, header.size);
        cen__writer_write(writer, header.data, header.size);
        for (size_t i = 0; i < n_tensors; i++) {
            cen__writer_floats(writer, tensors[i].tensor.data,
                               cen__tensor_count(&tensors[i].tensor));
        }
        status = cen__writer_commit(&writer, error);
    }
    cen__free(header.data);
    return status;
}

cen_status cen__safetensors_pack(cen_context *context, uint8_t *bytes, size_t most, size_t *size,
                                 const cen__named_tensor *tensors, size_t n_tensors,
                                 const cen__string_pair *metadata, size_t n_metadata,
                                 cen_error *error)
{
    cen__text header = {.context = context};
    cen_status status =
        make_header(&header, "a model in memory", tensors, n_tensors, metadata, n_metadata, error);
    if (status == CEN_OK) {
        *size = LENGTH_SIZE + header.size;
        for (size_t i = 0; i < n_tensors; i++) {
            *size += cen__tensor_count(&tensors[i].tensor) * sizeof(float);
        }
        if (*size <= most) {
            cen__put_u64(bytes, header.size);
            memcpy(bytes + LENGTH_SIZE, header.data, header.size);
            uint8_t *at = bytes + LENGTH_SIZE + header.size;
            for (size_t i = 0; i < n_tensors; i++) {
                const size_t count = cen__tensor_count(&tensors[i].tensor);
                cen__put_floats(at, tensors[i].tensor.data, count);
                at += count * sizeof(float);
            }
        }
    }
    cen__free(header.data);
    return status;
}

/* Reads the records that tests/golden/train.py writes: a line of text "NAME TYPE SHAPE...", then
 * the array's bytes. Include after cmocka.h; what goes wrong fails the test. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/little_endian.h"

typedef struct golden_array {
    char name[96];
    size_t n_dims, shape[4], count;
    double *values; /* NULL for text */
    char *text;     /* NULL for numbers */
} golden_array;

typedef struct golden {
    golden_array *arrays;
    size_t n_arrays;
} golden;

static inline void *golden_memory(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) fail_msg("no memory");
    return memory;
}

/* One number of the file: u1, f4 or f8. */
static inline double golden_number(const char *type, FILE *file)
{
    if (type[0] == 'u') return fgetc(file);
    if (type[1] == '8') {
        double value;
        read_little_endian(&value, sizeof value, 1, file);
        return value;
    }
    float value;
    read_little_endian(&value, sizeof value, 1, file);
    return (double)value;
}

static inline void golden_read(golden_array *array, const char *line, FILE *file)
{
    char type[4];
    int used = 0, more = 0;
    if (sscanf(line, "%95s %3s%n", array->name, type, &used) != 2) fail_msg("record %s", line);
    array->count = 1;
    while (sscanf(line + used, " %zu%n", &array->shape[array->n_dims], &more) == 1) {
        array->count *= array->shape[array->n_dims++];
        used += more;
        if (array->n_dims == 4) break;
    }
    if (type[0] == 't') {
        array->text = golden_memory(array->count + 1, 1);
        assert_int_equal(fread(array->text, 1, array->count, file), array->count);
        return;
    }
    array->values = golden_memory(array->count, sizeof *array->values);
    for (size_t i = 0; i < array->count; i++) array->values[i] = golden_number(type, file);
}

/* name: a file in tests/golden/train. Free with golden_free. */
static inline golden *golden_open(const char *name)
{
    char path[1024], line[256];
    snprintf(path, sizeof path, "%s/golden/train/%s", CEN_TESTS_FOLDER, name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    golden *all = golden_memory(1, sizeof *all);
    while (fgets(line, sizeof line, file)) {
        golden_array *more = realloc(all->arrays, (all->n_arrays + 1) * sizeof *more);
        if (!more) fail_msg("no memory");
        all->arrays = more;
        memset(&more[all->n_arrays], 0, sizeof *more);
        golden_read(&more[all->n_arrays++], line, file);
    }
    fclose(file);
    return all;
}

static inline void golden_free(golden *all)
{
    for (size_t i = 0; i < all->n_arrays; i++) {
        free(all->arrays[i].values);
        free(all->arrays[i].text);
    }
    free(all->arrays);
    free(all);
}

/* The array CASE/NAME. */
static inline const golden_array *golden_get(const golden *all, const char *of, const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", of, name);
    for (size_t i = 0; i < all->n_arrays; i++)
        if (strcmp(all->arrays[i].name, full) == 0) return &all->arrays[i];
    fail_msg("no record %s", full);
    return NULL;
}

/* Its numbers as float32, the caller's to free. */
static inline float *golden_floats(const golden_array *array)
{
    float *floats = golden_memory(array->count, sizeof *floats);
    for (size_t i = 0; i < array->count; i++) floats[i] = (float)array->values[i];
    return floats;
}

static inline int32_t *golden_labels(const golden_array *array)
{
    int32_t *labels = golden_memory(array->count, sizeof *labels);
    for (size_t i = 0; i < array->count; i++) labels[i] = (int32_t)array->values[i];
    return labels;
}

#endif

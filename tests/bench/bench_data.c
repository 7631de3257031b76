/* Images and neighbours: each prints one line, to stand beside peers.py's others. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "base/os.h"
#include "support/datasets.h"
#include "support/context.h"

static int fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    return 1;
}

/* Milliseconds of the median search. */
int bench_knn(int argc, char **argv)
{
    enum { D = 128, QUERIES = 1000, K = 5, MOST = 100 };
    if (argc != 3) return 2;
    const size_t n_rows = bench_most(100000, 1000);
    int n_threads = atoi(argv[1]);
    float *gallery = malloc(n_rows * D * sizeof *gallery);
    float *queries = malloc((size_t)QUERIES * D * sizeof *queries);
    size_t *indices = malloc((size_t)QUERIES * K * sizeof *indices), n = 0;
    float *distances = malloc((size_t)QUERIES * K * sizeof *distances);
    if (gallery == NULL || queries == NULL || indices == NULL || distances == NULL) {
        return fail("not enough memory");
    }
    for (size_t i = 0; i < n_rows * D; i++) gallery[i] = (float)rand() / (float)RAND_MAX;
    for (size_t i = 0; i < (size_t)QUERIES * D; i++) queries[i] = (float)rand() / (float)RAND_MAX;
    double times[MOST], end = cen__os_seconds() + atof(argv[2]);
    while (n < 3 || (n < MOST && cen__os_seconds() < end)) {
        cen_error error;
        double start = cen__os_seconds();
        if (cen_knn_search(threads(n_threads), gallery, n_rows, queries, QUERIES, D, K,
                           CEN_METRIC_L2, false, indices, distances, &error) != CEN_OK) {
            return fail(error.message);
        }
        times[n++] = cen__os_seconds() - start;
    }
    printf("%.3f\n", 1e3 * bench_median(times, n));
    free(gallery);
    free(queries);
    free(indices);
    free(distances);
    return 0;
}

/* Seconds from the folder's name to all of its pictures as floats, in batches of 32. */
int bench_load(int argc, char **argv)
{
    enum { BATCH = 32 };
    if (argc != 5) return 2;
    size_t side = (size_t)atoi(argv[2]), channels = (size_t)atoi(argv[3]);
    cen_input input = {.channels = channels,
                       .height = side,
                       .width = side,
                       .resize = CEN_RESIZE_CROP,
                       .std = {1, 1, 1}};
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error;
    const char *path = argv[1];
    double start = cen__os_seconds();
    if (cen_folder_open(threads(atoi(argv[4])), &folder, &path, 1, &options, &error) != CEN_OK ||
        cen_folder_load(folder, &input, (size_t)1 << 31, NULL, NULL, &error) != CEN_OK) {
        return fail(error.message);
    }
    size_t n = cen_folder_get(folder)->n_images, indices[BATCH];
    float *x = malloc(BATCH * channels * side * side * sizeof *x);
    for (size_t at = 0; x != NULL && at < n; at += BATCH) {
        size_t count = n - at < BATCH ? n - at : BATCH;
        for (size_t i = 0; i < count; i++) indices[i] = at + i;
        if (folder_read(folder, &input, indices, count, x, NULL, &error) != CEN_OK) {
            return fail(error.message);
        }
    }
    printf("%.4f %zu\n", cen__os_seconds() - start, n);
    free(x);
    cen_folder_free(folder);
    return 0;
}

static int read_whole(const char *path, void **bytes, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) return fail(path);
    *size = (size_t)ftell(file);
    rewind(file);
    *bytes = malloc(*size);
    if (*bytes == NULL || fread(*bytes, 1, *size, file) != *size) return fail(path);
    (void)fclose(file);
    return 0;
}

/* Milliseconds of the median pass over all files, which are in memory. */
int bench_decode(int argc, char **argv)
{
    enum { MOST = 100 };
    if (argc < 3) return 2;
    size_t n_files = (size_t)argc - 2, n = 0;
    void **bytes = malloc(n_files * sizeof *bytes);
    size_t *sizes = malloc(n_files * sizeof *sizes);
    if (bytes == NULL || sizes == NULL) return fail("not enough memory");
    for (size_t i = 0; i < n_files; i++) {
        if (read_whole(argv[2 + i], &bytes[i], &sizes[i]) != 0) return 1;
    }
    double times[MOST], end = cen__os_seconds() + atof(argv[1]);
    while (n < 3 || (n < MOST && cen__os_seconds() < end)) {
        double start = cen__os_seconds();
        for (size_t i = 0; i < n_files; i++) {
            cen_image image;
            cen_error error;
            if (cen_image_decode(NULL, bytes[i], sizes[i], NULL, &image, &error) != CEN_OK) {
                return fail(error.message);
            }
            cen_image_free(&image);
        }
        times[n++] = cen__os_seconds() - start;
    }
    printf("%.3f\n", 1e3 * bench_median(times, n));
    for (size_t i = 0; i < n_files; i++) free(bytes[i]);
    free(bytes);
    free(sizes);
    return 0;
}

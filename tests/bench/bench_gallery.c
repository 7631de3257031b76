/* A gallery in a file, for faiss_files.py: makes it of FOLDER/rows.f32, or asks it FOLDER/queries.f32. */
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#include "support/context.h"

enum { D = 128, K = 5, PART = 10000, PER_NAME = 20, QUERIES_MOST = 1000, PATH_SIZE = 1024 };

/* Of this process, on one thread: what others do meanwhile does not count. */
static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static int fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    return 1;
}

static int add_part(cen_gallery *gallery, const float *x, size_t first, size_t n, cen_error *error)
{
    static cen_gallery_row rows[PART];
    static char names[PART][32], sources[PART][64];
    for (size_t i = 0; i < n; i++) {
        size_t name = (first + i) / PER_NAME;
        (void)snprintf(names[i], sizeof names[i], "person %zu", name);
        (void)snprintf(sources[i], sizeof sources[i], "people/%zu/%zu.jpg", name, first + i);
        rows[i] = (cen_gallery_row){.name = names[i], .source = sources[i], .feature = x + i * D};
    }
    return cen_gallery_add(gallery, rows, n, error) == CEN_OK ? 0 : fail(error->message);
}

static int make(const char *folder, const char *path)
{
    char from[PATH_SIZE];
    (void)snprintf(from, sizeof from, "%s/rows.f32", folder);
    FILE *file = fopen(from, "rb");
    float *x = malloc(sizeof(float) * PART * D);
    if (file == NULL || x == NULL) return fail(from);
    cen_gallery *gallery;
    cen_error error;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = D;
    if (cen_gallery_create(threads(1), &gallery, &options, &error) != CEN_OK) {
        return fail(error.message);
    }
    int failed = 0;
    for (size_t first = 0, n = PART; n > 0 && !failed; first += n) {
        n = fread(x, sizeof(float) * D, PART, file);
        failed = add_part(gallery, x, first, n, &error);
    }
    if (!failed && cen_gallery_save(gallery, path, &error) != CEN_OK) failed = fail(error.message);
    cen_gallery_free(gallery);
    (void)fclose(file);
    free(x);
    return failed;
}

static cen_status search(const cen_gallery *gallery, const float *queries, size_t n, size_t *rows,
                         cen_error *error)
{
    static cen_answer answers[QUERIES_MOST];
    cen_ask_options options = cen_ask_options_init();
    options.k = K;
    return cen_gallery_ask(gallery, queries, n, &options, answers, rows, NULL, error);
}

/* [seconds from the file's name to the answers, seconds to ask again, seconds to load, [[rows] ...]] */
static int ask(const char *folder, const char *path, size_t n)
{
    static float queries[QUERIES_MOST * D];
    static size_t indices[QUERIES_MOST * K];
    char from[PATH_SIZE];
    (void)snprintf(from, sizeof from, "%s/queries.f32", folder);
    FILE *file = fopen(from, "rb");
    if (file == NULL || n > QUERIES_MOST || fread(queries, sizeof(float) * D, n, file) != n) {
        return fail(from);
    }
    (void)fclose(file);
    cen_gallery *gallery;
    cen_error error;
    double start = seconds();
    if (cen_gallery_load(threads(1), &gallery, path, false, &error) != CEN_OK) {
        return fail(error.message);
    }
    double loaded = seconds();
    if (search(gallery, queries, n, indices, &error) != CEN_OK) return fail(error.message);
    double end = seconds();
    if (search(gallery, queries, n, indices, &error) != CEN_OK) return fail(error.message);
    printf("[%.6f, %.6f, %.6f, [", end - start, seconds() - end, loaded - start);
    for (size_t i = 0; i < n * K; i++) {
        printf("%s%zu%s",
               i % K > 0 ? ", "
               : i > 0   ? ", ["
                         : "[",
               indices[i], i % K == K - 1 ? "]" : "");
    }
    printf("]]\n");
    cen_gallery_free(gallery);
    return 0;
}

int bench_gallery(int argc, char **argv)
{
    if (argc < 2) return 2;
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/gallery", argv[1]);
    return argc < 3 ? make(argv[1], path) : ask(argv[1], path, strtoull(argv[2], NULL, 10));
}

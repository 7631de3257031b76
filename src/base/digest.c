/* Digests of files. */
#include <centerloss_eval.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/context.h"
#include "base/file.h"
#include "base/memory.h"

enum { CHUNK = 1 << 16 };

typedef struct {
    const char *const *paths;
    uint8_t (*digests)[CEN_DIGEST_SIZE];
    uint8_t *chunks; /* [workers, CHUNK] */
} work;

static cen_status digest_file(const char *path, uint8_t *chunk, uint8_t *digest, cen_error *error)
{
    cen__blake2b hash;
    FILE *file = cen__file_open_regular(path, error);
    if (file == NULL) return CEN_ERROR_IO;
    (void)setvbuf(file, NULL, _IONBF, 0); /* the chunk is the buffer */
    cen__blake2b_start(&hash, CEN_DIGEST_SIZE);
    size_t got = CHUNK;
    while (got == CHUNK) {
        got = fread(chunk, 1, CHUNK, file);
        cen__blake2b_add(&hash, chunk, got);
    }
    cen_status status = CEN_OK;
    if (ferror(file)) {
        status = cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
    } else {
        cen__blake2b_end(&hash, digest);
    }
    (void)fclose(file);
    return status;
}

static void run(void *data, size_t task, int worker)
{
    const work *w = data;
    uint8_t *chunk = w->chunks + (size_t)worker * CHUNK;
    memset(w->digests[task], 0, CEN_DIGEST_SIZE);
    (void)digest_file(w->paths[task], chunk, w->digests[task], NULL);
}

cen_status cen_file_digests(cen_context *context, const char *const *paths, size_t n,
                            uint8_t (*digests)[CEN_DIGEST_SIZE], cen_error *error)
{
    static const uint8_t zeros[CEN_DIGEST_SIZE];
    cen_context *own;
    context = cen__context_use(context, &own);
    work w = {paths, digests, NULL};
    if (context != NULL) w.chunks = cen__alloc(context, (size_t)context->n_threads, CHUNK);
    if (w.chunks == NULL) {
        cen_context_free(own);
        return cen__fail_memory(error, "the digests of files");
    }
    const int kept = errno;
    cen__parallel(context, n, CEN__MUCH_WORK, run, &w);
    cen_status status = CEN_OK;
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (memcmp(digests[i], zeros, CEN_DIGEST_SIZE) != 0) continue;
        cen_error why = {CEN_OK, ""};
        if (digest_file(paths[i], w.chunks, digests[i], &why) == CEN_OK) continue;
        status = cen__fail(error, why.status, "%s", why.message);
    }
    if (status == CEN_OK) errno = kept;
    cen__free(w.chunks);
    cen_context_free(own);
    return status;
}

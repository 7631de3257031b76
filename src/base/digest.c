/* Digests of many files. */
#include <centerloss_eval.h>

#include <errno.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"

typedef struct {
    const char *const *paths;
    uint8_t (*digests)[CEN_DIGEST_SIZE];
} work;

static void run(void *data, size_t task, int worker)
{
    const work *w = data;
    (void)worker;
    memset(w->digests[task], 0, CEN_DIGEST_SIZE);
    (void)cen__file_digest(w->paths[task], UINT64_MAX, w->digests[task], NULL);
}

cen_status cen_file_digests(cen_context *context, const char *const *paths, size_t n,
                            uint8_t (*digests)[CEN_DIGEST_SIZE], cen_error *error)
{
    static const uint8_t zeros[CEN_DIGEST_SIZE];
    cen_context *own;
    work w = {paths, digests};
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "the digests of files");
    const int kept = errno;
    cen__parallel(context, n, CEN__MUCH_WORK, run, &w);
    cen_status status = CEN_OK;
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (memcmp(digests[i], zeros, CEN_DIGEST_SIZE) != 0) continue;
        status = cen__file_digest(paths[i], UINT64_MAX, digests[i], error);
    }
    if (status == CEN_OK) errno = kept;
    cen_context_free(own);
    return status;
}

/* A program for a machine without files, threads and a heap: the model is an array of bytes that is read where it
 * lies, all memory comes from one static arena. Prints features as hexadecimal, and what it took.
 *
 *     make_model writes model_bytes.h; small_machine.sh builds both and compares what machines print. */
#include <centerloss.h>

#include <stdio.h>

#include "model_bytes.h"

#if !defined(ARENA_SIZE)
#define ARENA_SIZE (192 * 1024)
#endif

/* Blocks are handed out one after the other; the last one can be given back, and all at the end. */
static struct {
    _Alignas(16) unsigned char bytes[ARENA_SIZE];
    size_t used, last, most;
    int n_blocks;
} arena;

static void *allocate(void *user, size_t size)
{
    const size_t begin = arena.used;
    (void)user;
    if (size > ARENA_SIZE - begin) return NULL;
    arena.used = begin + (size + 15) / 16 * 16;
    if (arena.used > ARENA_SIZE) arena.used = ARENA_SIZE;
    if (arena.used > arena.most) arena.most = arena.used;
    arena.last = begin;
    arena.n_blocks++;
    return arena.bytes + begin;
}

static void release(void *user, void *block)
{
    (void)user;
    if (block == arena.bytes + arena.last) arena.used = arena.last;
    if (--arena.n_blocks == 0) arena.used = 0;
}

static int fail(const cen_error *error)
{
    printf("%s\n", error->message);
    return 1;
}

static int predict(cen_predictor *predictor, const cen_model_info *info)
{
    static float x[INPUT_COUNT], features[FEATURE_COUNT];
    cen_error error;
    for (unsigned image = 0; image < 4; image++) {
        for (unsigned i = 0; i < INPUT_COUNT; i++) {
            x[i] = (float)((i + 1) * (image + 3) * 2654435761u >> 16 & 0x3FF) / 512 - 1;
        }
        if (cen_predictor_features(predictor, x, 1, features, &error) != CEN_OK) {
            return fail(&error);
        }
        for (size_t i = 0; i < info->feature_size; i++) {
            uint32_t bits;
            memcpy(&bits, &features[i], sizeof bits);
            printf("%08lx%s", (unsigned long)bits, i + 1 < info->feature_size ? " " : "\n");
        }
    }
    return 0;
}

int main(void)
{
    cen_context_options options = cen_context_options_init();
    cen_context *context;
    cen_model *model;
    cen_predictor *predictor;
    cen_error error;
    options.n_threads = 1;
    options.allocate = allocate;
    options.release = release;
    if (cen_context_create(&context, &options, &error) != CEN_OK) return fail(&error);
    if (cen_model_load_memory(context, &model, model_bytes, sizeof model_bytes, true, NULL,
                              &error) != CEN_OK) {
        return fail(&error);
    }
    if (cen_predictor_create(&predictor, model, 1, &error) != CEN_OK) return fail(&error);
    const int code = predict(predictor, cen_model_get(model));
    printf("arena %lu\n", (unsigned long)arena.most);
    cen_predictor_free(predictor);
    cen_model_free(model);
    cen_context_free(context);
    return code != 0 || arena.n_blocks != 0;
}

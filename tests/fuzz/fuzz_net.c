/* The line that describes a net: three bytes are the sides of its input, the rest is the line. */
#include "fuzz.h"

#include <string.h>

#include "nn/net.h"
#include "support/context.h"

/* As stated in tools/README.md: a layer of 5 characters is a few tables of its tensors. */
enum { MEMORY_FACTOR = 512, MEMORY_LEAST = 1 << 16, MOST_NUMBERS = 1 << 14 };

static void check_model(const char *line, cen__shape in)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    cen_error error;
    options.net = line;
    options.n_classes = 2;
    options.input.channels = in.c;
    options.input.height = in.h;
    options.input.width = in.w;
    cen_status status = cen_model_create(NULL, &model, &options, &error);
    fuzz_check_error(status, &error);
    FUZZ_CHECK(status == CEN_OK);
    FUZZ_CHECK(strcmp(cen_model_get(model)->net, line) == 0);
    cen_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { SIDES = 3, MOST_LINE = 4096 };
    char line[MOST_LINE + 1];
    if (size < SIDES || size > SIDES + MOST_LINE) return -1;
    cen__shape in = {bytes[0] % 2 == 0 ? 1 : 3, 1u + bytes[1], 1u + bytes[2]};
    memcpy(line, bytes + SIDES, size - SIDES);
    line[size - SIDES] = '\0';
    cen__net net, again;
    cen_error error;
    fuzz_memory_begin();
    cen_status status = cen__net_create(NULL, kernels_now(), &net, line, in, bytes[0] / 2, &error);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_check_error(status, &error);
    if (status == CEN_OK) {
        FUZZ_CHECK(net.out.h == 1 && net.out.w == 1 && net.out.c > 0);
        FUZZ_CHECK(cen__net_create(NULL, kernels_now(), &again, net.line, in, 0, NULL) == CEN_OK);
        FUZZ_CHECK(strcmp(net.line, again.line) == 0 && net.n_layers == again.n_layers);
        FUZZ_CHECK(net.n_parameters == again.n_parameters && net.out.c == again.out.c);
        if (net.n_parameters + net.n_state < MOST_NUMBERS && net.out.c < MOST_NUMBERS) {
            check_model(net.line, in);
        }
        cen__net_free(&again);
        cen__net_free(&net);
    }
    fuzz_memory_end();
    return 0;
}

/* .npy, of whatever shape, without names beside it. */
#include "fuzz.h"

#include <centerloss_eval.h>

#include <math.h>

#include "base/memory.h"
#include "format/npy.h"

/* As stated in tools/README.md: float32 from a file of float32, and a row of a table each. */
enum { MEMORY_FACTOR = 16, MEMORY_LEAST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char path[] = "fuzz_input.npy";
    float *features;
    size_t n, d;
    cen_error error;
    cen_feature_set set;
    fuzz_write(path, bytes, size);
    fuzz_memory_begin();
    cen_status status = cen__npy_read(NULL, path, &features, &n, &d, &error);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_check_error(status, &error);
    FUZZ_CHECK((status == CEN_OK) == (features != NULL));
    bool is_finite = true;
    for (size_t i = 0; status == CEN_OK && i < n * d; i++) {
        is_finite = is_finite && isfinite(features[i]);
    }
    cen__free(features);
    cen_status other = cen_features_read(NULL, path, &set, &error);
    fuzz_check_error(other, &error);
    FUZZ_CHECK((other == CEN_OK) == (status == CEN_OK && is_finite));
    cen_features_free(&set);
    fuzz_memory_end();
    return 0;
}

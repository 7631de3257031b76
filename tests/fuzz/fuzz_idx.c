/* A pair of IDX files: the first two bytes tell how long that of the labels is, which follows them. */
#include <centerloss_eval.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2) return -1;
    size_t n_labels = (size_t)bytes[0] << 8 | bytes[1], left = size - 2;
    if (n_labels > left) n_labels = left;
    cen_error error;
    fuzz_write("fuzz_labels", bytes + 2, n_labels);
    fuzz_write("fuzz_images.idx", bytes + 2 + n_labels, left - n_labels);
    fuzz_memory_begin();
    cen_status status =
        cen_idx_unpack(NULL, "fuzz_images.idx", "fuzz_labels", NULL, 0, 1, "fuzz_unpacked", &error);
    fuzz_memory_most(((size_t)1 << 20) +
                     3 * 1032 * size); /* as stated in tools/README.md, and PNG's own */
    fuzz_check_error(status, &error);
    fuzz_memory_end();
    return 0;
}

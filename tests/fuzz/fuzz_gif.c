/* GIF. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 3 || !(bytes[0] == 'G' && bytes[1] == 'I' && bytes[2] == 'F')) return -1;
    fuzz_image(bytes, size);
    return 0;
}

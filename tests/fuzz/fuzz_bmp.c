/* BMP. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2 || !(bytes[0] == 0x42 && bytes[1] == 0x4d)) return -1;
    fuzz_image(bytes, size);
    return 0;
}

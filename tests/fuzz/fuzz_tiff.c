/* TIFF and BigTIFF. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2 || bytes[0] != bytes[1] || !(bytes[0] == 'I' || bytes[0] == 'M')) return -1;
    fuzz_image(bytes, size);
    return 0;
}

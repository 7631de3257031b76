/* The five row filters of PNG (PNG specification, chapter 9), there and back. */
#ifndef CEN_IMAGE_PNG_FILTER_H
#define CEN_IMAGE_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum { CEN__PNG_N_FILTERS = 5 }; /* none, sub, up, average, Paeth */

/* row[size] from the filtered bytes of the file and the row above (zeros above the first).
 * step: bytes from a pixel to the next, 1 where pixels are smaller. filtered and row are apart. */
void cen__png_unfilter(int filter, size_t step, size_t size, const uint8_t *filtered,
                       const uint8_t *above, uint8_t *row);

/* The other way: filtered[size] from a row and the one above. */
void cen__png_filter(int filter, size_t step, size_t size, const uint8_t *row, const uint8_t *above,
                     uint8_t *filtered);

#endif

/* Code that os_posix.c and os_windows.c share. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void cen__listing_sort(cen__listing *listing)
{
    if (listing->n_names < 2) return;
    qsort(listing->names, listing->n_names, sizeof *listing->names, compare_names);
}

void cen__listing_free(cen__listing *listing)
{
    for (size_t i = 0; i < listing->n_names; i++) cen__free(listing->names[i]);
    cen__free(listing->names);
    *listing = (cen__listing){NULL, 0};
}

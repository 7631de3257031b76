/* The twin of thread_posix.c for systems without threads: a pool has only its caller. */
#include "base/thread.h"

#if !CEN__POSIX && !CEN__WINDOWS

int cen__processors(void)
{
    return 1;
}

#else
typedef int cen__not_plain;
#endif

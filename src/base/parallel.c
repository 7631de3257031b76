#include "base/parallel.h"

#include "base/os.h"

#ifdef _OPENMP
#include <errno.h>
#include <omp.h>
#endif

#ifdef _OPENMP
static void run_on_threads(int n_threads, size_t n_tasks, cen__task *run, void *context)
{
    long long last = (long long)n_tasks;
#pragma omp parallel for num_threads(n_threads) schedule(dynamic, 1)
    for (long long task = 0; task < last; task++) {
        run(context, (size_t)task, omp_get_thread_num());
    }
}
#endif

void cen__parallel(int n_threads, size_t n_tasks, cen__task *run, void *context)
{
#ifdef _OPENMP
    if (n_threads > 1 && n_tasks > 1) {
        const int kept = errno; /* which LLVM's OpenMP sets when its threads begin */
        run_on_threads(n_threads, n_tasks, run, context);
        errno = kept;
        return;
    }
#endif
    for (size_t task = 0; task < n_tasks; task++) run(context, task, 0);
    (void)n_threads;
}

int cen__thread_count(int n_threads)
{
#ifdef _OPENMP
    return n_threads > 0 ? n_threads : cen__os_processors();
#else
    (void)n_threads;
    return 1;
#endif
}

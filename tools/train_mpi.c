#include "train_mpi.h"

#ifdef CEN_MPI

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "system.h"
#include "train_ranks.h"

static MPI_Comm training, ending; /* an exchange of each cannot be taken for one of the other */

static int gather(void *user, const void *own, size_t size, void *all)
{
    (void)user;
    if (size > INT_MAX) return 1;
    return MPI_Allgather(own, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, training) !=
           MPI_SUCCESS;
}

static int swap(void *user, const void *own, size_t size, void *all)
{
    (void)user;
    if (size > INT_MAX) return 1;
    return MPI_Alltoall(own, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, training) !=
           MPI_SUCCESS;
}

/* Without mpirun nothing of MPI is started. */
static bool is_launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK",
                                        "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (getenv(names[i]) != NULL) return true;
    }
    return false;
}

/* What the others print is lost, but for the sentence of one that has failed by itself. */
static void be_silent(int rank)
{
    static char buffer[1 << 16];
    if (freopen("/dev/null", "w", stdout) == NULL) fclose(stdout);
    (void)setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
    fprintf(stderr, "process %d: ", rank);
}

void mpi_begin(int *argc, char ***argv)
{
    static cen_exchange exchange;
    int provided, rank, n_ranks;
    if (!is_launched()) return;
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    if (n_ranks == 1) return;
    MPI_Comm_dup(MPI_COMM_WORLD, &training);
    MPI_Comm_dup(MPI_COMM_WORLD, &ending);
    MPI_Comm_set_errhandler(training, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(ending, MPI_ERRORS_RETURN);
    exchange = cen_exchange_init();
    exchange.rank = (size_t)rank;
    exchange.n_ranks = (size_t)n_ranks;
    exchange.gather = gather;
    exchange.swap = swap;
    ranks = &exchange;
    if (rank > 0) be_silent(rank);
}

/* True if every process has come to its end; codes[n_ranks] are theirs. One that has failed does not wait long, since
 * the others may wait for it in an exchange. */
static bool have_all_ended(int code, int *codes)
{
    const double patience = 2, start = clock_seconds();
    MPI_Request request;
    int is_done = 0;
    if (MPI_Iallgather(&code, 1, MPI_INT, codes, 1, MPI_INT, ending, &request) != MPI_SUCCESS) {
        return false;
    }
    while (MPI_Test(&request, &is_done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !is_done) {
        if (code != 0 && clock_seconds() - start > patience) return false;
        pause_shortly();
    }
    return is_done != 0;
}

void mpi_end(int code)
{
    int is_started = 0;
    MPI_Initialized(&is_started);
    if (ranks == NULL) {
        if (is_started) MPI_Finalize();
        return;
    }
    const int rank = (int)ranks->rank;
    int *codes = calloc(ranks->n_ranks, sizeof *codes), n_before = 0;
    if (rank == 0) fflush(stdout);
    const bool have_all = codes != NULL && have_all_ended(code, codes);
    for (int i = 0; have_all && i < rank; i++) n_before += codes[i] != 0;
    if (code != 0 && n_before == 0) fflush(stderr);
    if (!have_all) MPI_Abort(MPI_COMM_WORLD, code != 0 ? code : 1);
    MPI_Finalize();
    _Exit(code); /* what was not printed stays so */
}

#endif

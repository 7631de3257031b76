/* What the processes of one training spend in exchanges. Built with mpicc and started by machines.sh, in each of
 * its namespaces:
 *     exchange STEPS {swap|gather} NET HEIGHT WIDTH CHANNELS CLASSES BATCH
 * Rank 0 prints what a step takes: the milliseconds of its exchanges (the least and the median), those of its computing
 * and waiting (the median), and the bytes that this rank receives. */
#include <centerloss.h>

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double spent, received;
static int n_ranks, n_calls;

static int gather(void *user, const void *own, size_t size, void *all)
{
    (void)user;
    MPI_Barrier(MPI_COMM_WORLD); /* the slowest is waited for outside of the time */
    const double start = MPI_Wtime();
    MPI_Allgather(own, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, MPI_COMM_WORLD);
    spent += MPI_Wtime() - start;
    received += (double)size * (n_ranks - 1);
    n_calls++;
    return 0;
}

static int swap(void *user, const void *own, size_t size, void *all)
{
    (void)user;
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    MPI_Alltoall(own, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, MPI_COMM_WORLD);
    spent += MPI_Wtime() - start;
    received += (double)size * (n_ranks - 1);
    n_calls++;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    return values[n / 2];
}

static void check(cen_status status, const cen_error *error)
{
    if (status == CEN_OK) return;
    fprintf(stderr, "%s\n", error->message);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

int main(int argc, char **argv)
{
    enum { MOST = 1000 };
    static double exchanged[MOST], computed[MOST];
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    if (argc != 9 || atoi(argv[1]) > MOST) MPI_Abort(MPI_COMM_WORLD, 2);
    const int n_steps = atoi(argv[1]);
    const size_t batch = (size_t)atoi(argv[8]);
    cen_model_options model_options = cen_model_options_init();
    model_options.net = argv[3];
    model_options.input.height = (size_t)atoi(argv[4]);
    model_options.input.width = (size_t)atoi(argv[5]);
    model_options.input.channels = (size_t)atoi(argv[6]);
    model_options.n_classes = (size_t)atoi(argv[7]);
    const size_t size =
        model_options.input.height * model_options.input.width * model_options.input.channels;
    cen_exchange exchange = cen_exchange_init();
    exchange.rank = (size_t)rank;
    exchange.n_ranks = (size_t)n_ranks;
    exchange.gather = gather;
    exchange.swap = strcmp(argv[2], "swap") == 0 ? swap : NULL;
    cen_train_options options = cen_train_options_init();
    options.batch_size = batch;
    options.n_shards = (size_t)n_ranks;
    options.exchange = n_ranks > 1 ? &exchange : NULL;

    cen_error error;
    cen_context *context;
    cen_model *model;
    cen_trainer *trainer;
    cen_losses losses;
    cen_context_options one = cen_context_options_init();
    one.n_threads = 1;
    check(cen_context_create(&context, &one, &error), &error);
    check(cen_model_create(context, &model, &model_options, &error), &error);
    check(cen_trainer_create(&trainer, model, &options, &error), &error);
    float *x = malloc(batch * size * sizeof *x);
    int32_t *labels = malloc(batch * sizeof *labels);
    for (size_t i = 0; i < batch * size; i++) x[i] = (float)(i * 7 % 31) / 15 - 1;
    for (size_t i = 0; i < batch; i++) labels[i] = (int32_t)(i % model_options.n_classes);
    for (int step = -1; step < n_steps; step++) {
        spent = received = 0;
        n_calls = 0;
        const double start = MPI_Wtime();
        check(cen_trainer_backward(trainer, x, labels, batch, &losses, &error), &error);
        cen_trainer_update(trainer);
        const double whole = MPI_Wtime() - start;
        if (step < 0) continue; /* connections are made */
        exchanged[step] = 1e3 * spent;
        computed[step] = 1e3 * (whole - spent);
    }
    if (rank == 0) {
        const cen_model_info *info = cen_model_get(model);
        const double middle = median(exchanged, n_steps); /* which sorts */
        printf("%d %s: %zu parameters, %d calls, %.3f MB, exchange %.1f ms at least, median %.1f, "
               "compute %.1f\n",
               n_ranks, argv[2], info->n_parameters, n_calls, received / 1e6, exchanged[0], middle,
               median(computed, n_steps));
    }
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_context_free(context);
    free(x);
    free(labels);
    MPI_Finalize();
    return 0;
}

#include "loss/contrastive.h"

#include "base/context.h"
#include "base/sizes.h"
#include "loss/kinds.h"

/* With m the mean of the centers and V = sum_j |c_j - m|^2,
 *
 *     sum_j |f - c_j|^2 = k |f - m|^2 + V
 *
 * which is never a small difference of large numbers. Let a_i = |f_i - c_{y_i}|^2 and u_i the
 * denominator. The gradients are sums over the two numbers of a row, own_i = (1 + a_i / u_i) / u_i / n
 * and all_i = a_i / u_i^2 / n:
 *
 *     df_i = own_i (f_i - c_{y_i}) - all_i k (f_i - m)
 *     dc_j = sum_i all_i (f_i - c_j) - sum_{y_i = j} own_i (f_i - c_j)
 *
 * Except for a_i and u_i, everything is computed column by column of f and centers. So the work is split by columns. */
enum { COLUMNS = 64 };

typedef struct contrastive_batch {
    const cen__contrastive *contrastive;
    const float *f, *centers;
    const int32_t *labels;
    double *mean;      /* [d] */
    double *variance;  /* [d]: sum_j (c_j - m)^2 */
    double *own, *all; /* [n], times scale */
    float *df, *dcenters;
} contrastive_batch;

size_t cen__contrastive_scratch_count(size_t n, size_t d)
{
    return cen__times(2, cen__plus(n, d));
}

static size_t end_column(const cen__contrastive *contrastive, size_t begin)
{
    size_t d = contrastive->d;
    return d - begin < COLUMNS ? d : begin + COLUMNS;
}

static void measure_columns(void *data, size_t block, int worker)
{
    (void)worker;
    const contrastive_batch *batch = data;
    const cen__contrastive *contrastive = batch->contrastive;
    size_t d = contrastive->d, k = contrastive->k;
    size_t begin = block * COLUMNS, end = end_column(contrastive, begin);
    double *mean = batch->mean, *variance = batch->variance;
    for (size_t c = begin; c < end; c++) mean[c] = variance[c] = 0;
    for (size_t j = 0; j < k; j++) {
        const float *center = batch->centers + j * d;
        for (size_t c = begin; c < end; c++) mean[c] += (double)center[c];
    }
    for (size_t c = begin; c < end; c++) mean[c] /= (double)k;
    for (size_t j = 0; j < k; j++) {
        const float *center = batch->centers + j * d;
        for (size_t c = begin; c < end; c++) {
            double difference = (double)center[c] - mean[c];
            variance[c] += difference * difference;
        }
    }
}

/* Fills own and all; returns the loss. */
static double measure_rows(const contrastive_batch *batch)
{
    const cen__contrastive *contrastive = batch->contrastive;
    size_t n = contrastive->n, d = contrastive->d;
    double share = contrastive->scale / (double)n, loss = 0, spread = 0;
    for (size_t c = 0; c < d; c++) spread += batch->variance[c];
    for (size_t i = 0; i < n; i++) {
        const float *f = batch->f + i * d, *center = batch->centers + (size_t)batch->labels[i] * d;
        double own = contrastive->kernels->vectors.squared_distance(d, f, center), to_mean = 0;
        for (size_t c = 0; c < d; c++) {
            double difference = (double)f[c] - batch->mean[c];
            to_mean += difference * difference;
        }
        double others = (double)contrastive->k * to_mean + spread - own;
        double below = (others < 0 ? 0 : others) + contrastive->delta; /* rounding may go below 0 */
        loss += own / below / 2;
        batch->own[i] = share * (1 + own / below) / below;
        batch->all[i] = share * own / below / below;
    }
    return loss / (double)n;
}

static void gradient_columns(void *data, size_t block, int worker)
{
    (void)worker;
    const contrastive_batch *batch = data;
    const cen__contrastive *contrastive = batch->contrastive;
    size_t n = contrastive->n, d = contrastive->d, k = contrastive->k;
    size_t begin = block * COLUMNS, end = end_column(contrastive, begin);
    double push[COLUMNS] = {0}, pushes = 0; /* sum_i all_i f_i, sum_i all_i */
    for (size_t i = 0; i < n; i++) {
        const float *f = batch->f + i * d;
        pushes += batch->all[i];
        for (size_t c = begin; c < end; c++) push[c - begin] += batch->all[i] * (double)f[c];
    }
    for (size_t j = 0; j < k; j++) {
        const float *center = batch->centers + j * d;
        float *dcenter = batch->dcenters + j * d;
        for (size_t c = begin; c < end; c++) {
            dcenter[c] = (float)(push[c - begin] - pushes * (double)center[c]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t offset = (size_t)batch->labels[i] * d;
        const float *f = batch->f + i * d, *center = batch->centers + offset;
        float *df = batch->df + i * d, *dcenter = batch->dcenters + offset;
        double all = batch->all[i] * (double)k;
        for (size_t c = begin; c < end; c++) {
            double pull = batch->own[i] * ((double)f[c] - (double)center[c]);
            df[c] += (float)(pull - all * ((double)f[c] - batch->mean[c]));
            dcenter[c] -= (float)pull;
        }
    }
}

static contrastive_batch batch_of(const cen__contrastive *contrastive, const float *f,
                                  const float *centers, const int32_t *labels)
{
    size_t n = contrastive->n, d = contrastive->d;
    double *mean = contrastive->scratch, *variance = mean + d, *own = variance + d;
    return (contrastive_batch){.contrastive = contrastive,
                               .f = f,
                               .centers = centers,
                               .labels = labels,
                               .mean = mean,
                               .variance = variance,
                               .own = own,
                               .all = own + n};
}

static void on_columns(contrastive_batch *batch, cen__task *task)
{
    const cen__contrastive *c = batch->contrastive;
    double work = 4 * (double)c->n * (double)c->k * (double)c->d;
    cen__parallel(c->context, (c->d + COLUMNS - 1) / COLUMNS, work, task, batch);
}

double cen__contrastive_loss(const cen__contrastive *contrastive, const float *f,
                             const float *centers, const int32_t *labels)
{
    contrastive_batch batch = batch_of(contrastive, f, centers, labels);
    on_columns(&batch, measure_columns);
    return measure_rows(&batch);
}

void cen__contrastive_gradient(const cen__contrastive *contrastive, const float *f,
                               const float *centers, const int32_t *labels, float *df,
                               float *dcenters)
{
    contrastive_batch batch = batch_of(contrastive, f, centers, labels);
    batch.df = df;
    batch.dcenters = dcenters;
    on_columns(&batch, gradient_columns);
}

/* ---- the loss ---- */

static cen__contrastive contrastive_of(const cen__loss *loss, const cen__loss_pass *pass)
{
    return (cen__contrastive){.n = pass->n,
                              .d = loss->d,
                              .k = loss->k,
                              .delta = 1,
                              .scale = loss->lambda,
                              .context = loss->context,
                              .scratch = loss->doubles,
                              .kernels = loss->kernels};
}

static double second(const cen__loss *loss, const cen__loss_pass *pass)
{
    cen__contrastive contrastive = contrastive_of(loss, pass);
    return cen__contrastive_loss(&contrastive, pass->f, pass->w + loss->at.centers, pass->labels);
}

static void add_second_gradient(cen__loss *loss, const cen__loss_pass *pass)
{
    cen__contrastive contrastive = contrastive_of(loss, pass);
    cen__contrastive_gradient(&contrastive, pass->f, pass->w + loss->at.centers, pass->labels,
                              pass->df, pass->dw + loss->at.centers);
}

static size_t n_doubles(size_t n, size_t d, size_t k, int n_threads)
{
    (void)k, (void)n_threads;
    return cen__contrastive_scratch_count(n, d);
}

static cen_status check(const cen_train_options *options, cen_error *error)
{
    if (cen__center_rule_of(options->centers)->uses_gradient) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "the contrastive-center loss has gradients of its own; choose centers that "
                     "move by Adam");
}

const cen__loss_kind cen__contrastive_kind = {
    .name = "contrastive-center",
    .first_name = "softmax",
    .head = &cen__affine_head,
    .lambda = 1,
    .centers = CEN_CENTERS_ADAM,
    .moves_all_centers = true,
    .bounds_head = true,
    .n_doubles = n_doubles,
    .check = check,
    .first = cen__softmax_first,
    .second = second,
    .add_second_gradient = add_second_gradient,
};

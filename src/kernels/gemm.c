/* Goto and van de Geijn's loops around a micro-kernel (ACM TOMS 34, 2008; Van Zee and van de Geijn,
 * BLIS, ACM TOMS 41, 2015), for a long k and a small C over parts of k. */
#include <centerloss_eval.h>

#include "kernels/gemm.h"

#include <stdint.h>
#include <string.h>

#include "base/context.h"
#include "base/sizes.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_turned.h"

void cen__gemm_naive(size_t m, size_t n, size_t k, cen__matrix a, cen__matrix b, const float *bias,
                     float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = bias != NULL ? bias[j] : 0;
            for (size_t p = 0; p < k; p++) {
                sum += (double)a.data[i * a.row_stride + p * a.column_stride] *
                       b.data[p * b.row_stride + j * b.column_stride];
            }
            c[i * ldc + j] = (float)sum;
        }
    }
}

enum { CACHE_LINE = 16 }; /* numbers */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* a / b, rounded up, at least 1. */
static size_t parts(size_t a, size_t b)
{
    return a <= b ? 1 : (a - 1) / b + 1;
}

typedef struct {
    size_t m, n, k;
    cen__matrix a, b;
    const float *bias; /* NULL: none */
    float *c;
    size_t ldc;
    bool accumulate; /* c holds what the product is added to */
    bool is_packed;  /* b is: columns nr apart lie k nr apart */
} product;

static cen__matrix part(cen__matrix x, size_t row, size_t column)
{
    x.data += row * x.row_stride + column * x.column_stride;
    return x;
}

/* ---- one thread ---- */

/* Up to this k, C is most of the traffic. */
enum { SHORT_K = 128 };

/* Numbers of B in a block that L2 holds beside A's. */
enum { NEAR_B = 1 << 15 };

/* An operand is read where it lies when packing would take longer than what it saves. */
static bool reads_a_in_place(const cen__micro *micro, const product *x)
{
    if (x->a.column_stride == 1) return x->n <= 256;
    return x->a.row_stride == 1 &&
           (x->n <= micro->nr || x->a.column_stride * smaller(x->k, micro->kc) <= 4096);
}

static bool reads_b_in_place(const cen__micro *micro, const product *x)
{
    return x->is_packed ||
           (x->b.column_stride == 1 && x->m <= micro->mr && x->n % micro->lanes == 0);
}

/* One block of A times one of B, both as they are read: panels, or in place. */
typedef struct {
    const cen__micro *micro;
    product x;
    float *a_panels, *b_panels; /* NULL: in place */
} block;

static void multiply_tile(const block *on, size_t i, size_t j)
{
    const product *x = &on->x;
    size_t rows = smaller(on->micro->mr, x->m - i), columns = smaller(on->micro->nr, x->n - j);
    cen__micro_tile *tile = on->micro->tile;
    const float *a = part(x->a, i, 0).data, *b = part(x->b, 0, j).data;
    size_t lda = x->a.column_stride, ldb = x->b.row_stride;
    if (on->a_panels != NULL) {
        a = on->a_panels + i * x->k;
        lda = rows;
    } else if (x->a.row_stride != 1) {
        tile = on->micro->tile_along_k;
        lda = x->a.row_stride;
    }
    if (on->b_panels != NULL) {
        b = on->b_panels + j * x->k;
        ldb = on->micro->nr;
    }
    tile(rows, columns, x->k, a, lda, b, ldb, x->c + i * x->ldc + j, x->ldc, x->accumulate);
}

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address, 1)
#else
#define PREFETCH(address) (void)(address)
#endif

/* Asks for a tile of C two tiles before it is written. */
static void prefetch_tile(const block *on, size_t i, size_t j)
{
    const product *x = &on->x;
    size_t i_end = smaller(i + on->micro->mr, x->m), j_end = smaller(j + on->micro->nr, x->n);
    for (; i < i_end; i++) {
        for (size_t l = j; l < j_end; l += CACHE_LINE) PREFETCH(x->c + i * x->ldc + l);
    }
}

/* With a long k a panel of B stays in L1 for all of A. With a short one C is most of the traffic, and
 * is written along its rows. */
static void multiply_block(const block *on)
{
    size_t mr = on->micro->mr, nr = on->micro->nr;
    size_t m_panels = parts(on->x.m, mr), n_panels = parts(on->x.n, nr);
    bool along_rows = on->x.k <= SHORT_K;
    for (size_t tile = 0; tile < m_panels * n_panels; tile++) {
        size_t ahead = tile + 2;
        if (along_rows) {
            prefetch_tile(on, ahead / n_panels * mr, ahead % n_panels * nr);
            multiply_tile(on, tile / n_panels * mr, tile % n_panels * nr);
        } else {
            prefetch_tile(on, ahead % m_panels * mr, ahead / m_panels * nr);
            multiply_tile(on, tile % m_panels * mr, tile / m_panels * nr);
        }
    }
}

/* Columns of a block of B: where A is one block, it serves at once and may be small; else it should
 * serve many blocks of A. */
static size_t block_columns(const cen__micro *micro, size_t m, size_t k)
{
    if (m > micro->mc) return micro->nc;
    return larger(NEAR_B / smaller(k, micro->kc) / micro->nr, 1) * micro->nr;
}

/* So that what follows is aligned, too. */
static size_t whole_lines(size_t count)
{
    return (count + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static size_t a_block_count(const cen__micro *micro, size_t m, size_t k)
{
    return whole_lines(smaller(m, micro->mc) * smaller(k, micro->kc));
}

static size_t b_block_count(const cen__micro *micro, size_t m, size_t n, size_t k)
{
    size_t most = m > micro->mc ? micro->nc * micro->kc : larger(NEAR_B, micro->nr * micro->kc);
    return whole_lines(smaller(parts(n, micro->nr) * micro->nr * smaller(k, micro->kc), most));
}

/* x cut to rows [i, i_end), columns [j, j_end) and the part [p, p_end) of its k. */
static product cut_out(const product *x, size_t i, size_t i_end, size_t j, size_t j_end, size_t p,
                       size_t p_end)
{
    return (product){.m = i_end - i,
                     .n = j_end - j,
                     .k = p_end - p,
                     .a = part(x->a, i, p),
                     .b = part(x->b, p, j),
                     .bias = p == 0 && x->bias != NULL ? x->bias + j : NULL,
                     .c = x->c + i * x->ldc + j,
                     .ldc = x->ldc,
                     .accumulate = x->accumulate || p > 0,
                     .is_packed = x->is_packed};
}

/* Puts the bias into C, for the product to be added to it. */
static void begin_with_bias(product *x)
{
    if (x->bias == NULL) return;
    for (size_t i = 0; i < x->m; i++) memcpy(x->c + i * x->ldc, x->bias, x->n * sizeof *x->c);
    x->bias = NULL;
    x->accumulate = true;
}

typedef struct {
    const product *x;
    size_t m_blocks, n_blocks, k_blocks, mr, nr;
} block_grid;

/* Blocks of A change first, then those of B along n, then k. */
static product find_block(const block_grid *grid, size_t turn)
{
    const product *x = grid->x;
    size_t ic = turn % grid->m_blocks, jc = turn / grid->m_blocks % grid->n_blocks;
    size_t pc = turn / grid->m_blocks / grid->n_blocks;
    return cut_out(x, cen__part_start(x->m, grid->m_blocks, grid->mr, ic),
                   cen__part_start(x->m, grid->m_blocks, grid->mr, ic + 1),
                   cen__part_start(x->n, grid->n_blocks, grid->nr, jc),
                   cen__part_start(x->n, grid->n_blocks, grid->nr, jc + 1),
                   cen__part_start(x->k, grid->k_blocks, 16, pc),
                   cen__part_start(x->k, grid->k_blocks, 16, pc + 1));
}

static void multiply(const cen__micro *micro, const product *x, float *scratch)
{
    block_grid grid = {x,
                       parts(x->m, micro->mc),
                       parts(x->n, block_columns(micro, x->m, x->k)),
                       parts(x->k, micro->kc),
                       micro->mr,
                       micro->nr};
    size_t n_turns = grid.m_blocks * grid.n_blocks * grid.k_blocks;
    bool a_in_place = reads_a_in_place(micro, x), b_in_place = reads_b_in_place(micro, x);
    bool turned = cen__gemm_is_turned(micro, x->m, x->n, x->b);
    block on = {.micro = micro};
    on.a_panels = a_in_place ? NULL : scratch;
    on.b_panels = b_in_place ? NULL : scratch + a_block_count(micro, x->m, x->k);
    for (size_t turn = 0; turn < n_turns; turn++) {
        bool new_b = turn % grid.m_blocks == 0;
        bool new_a = grid.m_blocks > 1 || turn % grid.n_blocks == 0;
        on.x = find_block(&grid, turn);
        begin_with_bias(&on.x); /* of a block, so that it is in the cache when the sums come */
        if (turned) {
            cen__gemm_turned(micro, on.x.m, on.x.n, on.x.k, on.x.a, on.x.b, on.x.c, on.x.ldc,
                             on.x.accumulate, on.b_panels);
            continue;
        }
        if (new_b && !b_in_place) cen__pack_b(micro, on.x.n, on.x.k, on.x.b, on.b_panels);
        if (new_a && !a_in_place) cen__pack_a(micro, on.x.m, on.x.k, on.x.a, on.a_panels);
        multiply_block(&on);
    }
}

/* ---- the threads ---- */

/* A long k over few columns is cut into this many parts, each with a C of its own; they are added in the
 * order of k, for as many rows at a time as the area holds. It depends on n and k alone, and so do the sums. */
enum { SPLIT_MOST = 16, SPLIT_K = 2048, SPLIT_N = 512, SPLIT_AREA = 1 << 15 };

size_t cen__gemm_parts(size_t n, size_t k)
{
    return k < 2 * SPLIT_K || n > SPLIT_N ? 1 : smaller(k / SPLIT_K, SPLIT_MOST);
}

/* Below this many multiply-adds a second thread costs more than it brings. */
enum { ONE_THREAD = 1 << 19 };

static size_t useful_threads(size_t m, size_t n, size_t k, int n_threads)
{
    bool small = (double)m * (double)n * (double)k < (double)ONE_THREAD;
    return small || n_threads < 1 ? 1 : (size_t)n_threads;
}

static size_t worker_count(const cen__micro *micro, size_t m, size_t n, size_t k)
{
    return a_block_count(micro, m, k) + b_block_count(micro, m, n, k);
}

size_t cen__gemm_scratch_count(const cen__micro *micro, size_t m, size_t n, size_t k, int n_threads)
{
    if (m == 0 || n == 0) return 0;
    size_t area = n > SPLIT_AREA / m ? SPLIT_AREA : m * n;
    size_t partial = k < 2 * SPLIT_K ? 0 : whole_lines(area * SPLIT_MOST);
    size_t threads = useful_threads(m, n, k, n_threads);
    return cen__plus(partial, cen__times(threads, worker_count(micro, m, n, k)));
}

typedef struct {
    const cen__micro *micro;
    const product *whole;
    size_t m_parts, n_parts, k_parts; /* one of m_parts * n_parts and k_parts is 1 */
    float *partial;                   /* [k_parts, m, n] */
    float *scratch;
    size_t worker_count;
} job;

static void run_task(void *data, size_t task, int worker)
{
    const job *job_ = data;
    const cen__micro *micro = job_->micro;
    product x = *job_->whole;
    float *scratch = job_->scratch + (size_t)worker * job_->worker_count;
    if (job_->k_parts > 1) {
        x = cut_out(&x, 0, x.m, 0, x.n, cen__part_start(x.k, job_->k_parts, 16, task),
                    cen__part_start(x.k, job_->k_parts, 16, task + 1));
        x.c = job_->partial + task * x.m * x.n;
        x.ldc = x.n;
        x.bias = NULL;
        x.accumulate = false;
    } else {
        size_t row = task / job_->n_parts, column = task % job_->n_parts;
        x = cut_out(&x, cen__part_start(x.m, job_->m_parts, micro->mr, row),
                    cen__part_start(x.m, job_->m_parts, micro->mr, row + 1),
                    cen__part_start(x.n, job_->n_parts, micro->nr, column),
                    cen__part_start(x.n, job_->n_parts, micro->nr, column + 1), 0, x.k);
    }
    if (x.m == 0 || x.n == 0) return;
    multiply(micro, &x, scratch);
}

/* Cuts C into n_threads parts: of the possible grids the one whose parts need the least of A and of B
 * together. */
static void cut(job *job_, size_t n_threads)
{
    const cen__micro *micro = job_->micro;
    size_t m = job_->whole->m, n = job_->whole->n, best = SIZE_MAX;
    for (size_t rows = 1; rows <= smaller(n_threads, parts(m, micro->mr)); rows++) {
        size_t columns = smaller(n_threads / rows, parts(n, micro->nr));
        size_t idle = n_threads - rows * columns;
        size_t cost = parts(m, rows) + parts(n, columns) + idle * (m + n);
        if (cost >= best) continue;
        best = cost;
        job_->m_parts = rows;
        job_->n_parts = columns;
    }
}

static void add_partial(const job *job_)
{
    const product *x = job_->whole;
    for (size_t i = 0; i < x->m; i++) {
        float *sum = job_->partial + i * x->n, *to = x->c + i * x->ldc;
        for (size_t s = 1; s < job_->k_parts; s++) {
            const float *from = sum + s * x->m * x->n;
            for (size_t j = 0; j < x->n; j++) sum[j] += from[j];
        }
        if (x->accumulate) {
            for (size_t j = 0; j < x->n; j++) to[j] += sum[j];
        } else {
            memcpy(to, sum, x->n * sizeof *to);
        }
    }
}

static void run(const cen__micro *micro, product *whole, float *scratch, cen_context *context)
{
    size_t m = whole->m, n = whole->n, k = whole->k;
    size_t threads = useful_threads(m, n, k, cen_context_threads(context));
    job job_ = {micro, whole, 1, 1, cen__gemm_parts(n, k), scratch, scratch, 0};
    job_.worker_count = worker_count(job_.micro, m, n, k);
    if (job_.k_parts > 1) {
        begin_with_bias(whole);
        job_.scratch += whole_lines(job_.k_parts * m * n);
    } else {
        cut(&job_, threads);
    }
    cen__parallel(threads > 1 ? context : NULL, job_.m_parts * job_.n_parts * job_.k_parts,
                  (double)m * (double)n * (double)k, run_task, &job_);
    if (job_.k_parts > 1) add_partial(&job_);
}

static void run_whole(const cen__micro *micro, product *whole, float *scratch, cen_context *context)
{
    const size_t m = whole->m, n = whole->n, k = whole->k;
    if (k == 0 && whole->bias == NULL) {
        for (size_t i = 0; i < m; i++) memset(whole->c + i * whole->ldc, 0, n * sizeof(float));
    }
    if (k == 0) begin_with_bias(whole);
    if (m == 0 || n == 0 || k == 0) return;
    size_t most = cen__gemm_parts(n, k) > 1 ? SPLIT_AREA / n : m;
    for (size_t row = 0; row < m; row += most) {
        product rows = cut_out(whole, row, smaller(row + most, m), 0, n, 0, k);
        run(micro, &rows, scratch, context);
    }
}

void cen__gemm(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a, cen__matrix b,
               const float *bias, float *c, size_t ldc, float *scratch, cen_context *context)
{
    product whole = {m, n, k, a, b, bias, c, ldc, false, false};
    run_whole(micro, &whole, scratch, context);
}

/* ---- a packed B ---- */

size_t cen__gemm_packed_parts(const cen__micro *micro, size_t n)
{
    return n < micro->nr / 2 ? 0 : parts(n, micro->nr);
}

size_t cen__gemm_packed_count(const cen__micro *micro, size_t n, size_t k)
{
    return cen__times(cen__gemm_packed_parts(micro, n) * micro->nr, k);
}

void cen__gemm_pack(const cen__micro *micro, size_t n, size_t k, cen__matrix b, size_t panel,
                    float *packed)
{
    const size_t column = panel * micro->nr;
    cen__pack_b(micro, smaller(n - column, micro->nr), k, part(b, 0, column), packed + column * k);
}

void cen__gemm_packed(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      const float *packed, const float *bias, float *c, size_t ldc, float *scratch,
                      cen_context *context)
{
    const cen__matrix b = {packed, micro->nr, k};
    product whole = {m, n, k, a, b, bias, c, ldc, false, true};
    run_whole(micro, &whole, scratch, context);
}

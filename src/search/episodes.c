#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/context.h"
#include "base/random.h"
#include "base/status.h"
#include "search/classes.h"
#include "search/distance.h"
#include "search/draw.h"

typedef struct {
    int32_t group;
    size_t place;
} eligible;

/* The eligible classes of one group, or all of them. */
typedef struct {
    size_t first, n;
} pool;

typedef struct {
    cen_labelled set;
    size_t d;
    const cen_episode_options *options;
    const cen__vectors *vectors;
    cen__classes classes;
    eligible *eligible; /* [n_eligible] the classes with more than n_shots rows, by group */
    pool *pools;        /* [n_pools] those with n_ways classes */
    size_t n_eligible, n_pools;
    double *accuracies; /* [n_episodes] */
    size_t *chosen;     /* [workers, n_ways] places of classes */
    float *means;       /* [workers, n_ways, d] */
    double *squares;    /* [workers, n_ways] */
    double *sums;       /* [workers, d] */
} game;

/* The drawn rows of a class, without replacement: the first n_shots are support. */
typedef struct {
    const size_t *rows;
    size_t n;
    uint64_t seed, stream;
} deck;

static const float *deal(const game *g, const deck *from, size_t i)
{
    size_t row = from->rows[cen__draw(from->seed, from->stream, from->n, i)];
    return g->set.features + row * g->d;
}

static deck deck_of(const game *g, size_t episode, size_t place)
{
    uint64_t stream = cen__substream(CEN__STREAM_EPISODES, episode);
    return (deck){g->classes.rows + g->classes.starts[place],
                  cen__classes_count(&g->classes, place), g->options->seed,
                  cen__substream(stream, place + 1)};
}

static void mean_of_support(const game *g, const deck *from, double *sum, float *mean)
{
    for (size_t j = 0; j < g->d; j++) sum[j] = 0;
    for (size_t i = 0; i < g->options->n_shots; i++) {
        const float *x = deal(g, from, i);
        for (size_t j = 0; j < g->d; j++) sum[j] += (double)x[j];
    }
    for (size_t j = 0; j < g->d; j++) mean[j] = (float)(sum[j] / (double)g->options->n_shots);
}

/* The class of the episode with the nearest mean; a tie goes to the smallest label. */
static size_t nearest_way(const game *g, const float *x, const size_t *chosen, const float *means,
                          const double *squares)
{
    bool cosine = g->options->metric == CEN_METRIC_COSINE;
    size_t best = 0;
    double least = HUGE_VAL, square = g->vectors->dot(g->d, x, x);
    for (size_t way = 0; way < g->options->n_ways; way++) {
        double distance = cen__order_distance(g->vectors, cosine, g->d, x, means + way * g->d,
                                              square, squares[way]);
        if (distance < least || (distance == least && chosen[way] < chosen[best])) {
            least = distance;
            best = way;
        }
    }
    return best;
}

static void run_episode(void *data, size_t episode, int worker)
{
    const game *g = data;
    const cen_episode_options *o = g->options;
    uint64_t stream = cen__substream(CEN__STREAM_EPISODES, episode);
    size_t first = (size_t)worker * o->n_ways, n_queries = 0, n_right = 0;
    size_t *chosen = g->chosen + first;
    float *means = g->means + first * g->d;
    double *squares = g->squares + first;
    const pool *from_pool =
        &g->pools[cen__random_below(o->seed, cen__substream(stream, 0), 0, g->n_pools)];
    for (size_t way = 0; way < o->n_ways; way++) {
        size_t at = cen__draw(o->seed, stream, from_pool->n, way);
        chosen[way] = g->eligible[from_pool->first + at].place;
        deck from = deck_of(g, episode, chosen[way]);
        float *mean = means + way * g->d;
        mean_of_support(g, &from, g->sums + (size_t)worker * g->d, mean);
        squares[way] = g->vectors->dot(g->d, mean, mean);
    }
    for (size_t way = 0; way < o->n_ways; way++) {
        deck from = deck_of(g, episode, chosen[way]);
        for (size_t i = 0; i < o->n_queries && i < from.n - o->n_shots; i++) {
            const float *x = deal(g, &from, o->n_shots + i);
            n_right += nearest_way(g, x, chosen, means, squares) == way;
            n_queries++;
        }
    }
    g->accuracies[episode] = (double)n_right / (double)n_queries;
}

static bool reserve(cen_context *context, game *g, int n_threads)
{
    size_t n_ways, n_means, n_sums, threads = (size_t)n_threads;
    if (!cen__multiply(threads, g->options->n_ways, &n_ways)) return false;
    if (!cen__multiply(n_ways, g->d, &n_means)) return false;
    if (!cen__multiply(threads, g->d, &n_sums)) return false;
    g->accuracies = cen__alloc(context, g->options->n_episodes, sizeof *g->accuracies);
    g->chosen = cen__alloc(context, n_ways, sizeof *g->chosen);
    g->means = cen__alloc(context, n_means, sizeof *g->means);
    g->squares = cen__alloc(context, n_ways, sizeof *g->squares);
    g->sums = cen__alloc(context, n_sums, sizeof *g->sums);
    return g->accuracies != NULL && g->chosen != NULL && g->means != NULL && g->squares != NULL &&
           g->sums != NULL;
}

static int compare_eligible(const void *a, const void *b)
{
    const eligible *one = a, *other = b;
    if (one->group != other->group) return one->group < other->group ? -1 : 1;
    return one->place < other->place ? -1 : one->place > other->place;
}

static void list_pools(game *g)
{
    qsort(g->eligible, g->n_eligible, sizeof *g->eligible, compare_eligible);
    for (size_t i = 0, first = 0; i < g->n_eligible; i++) {
        if (i + 1 < g->n_eligible && g->eligible[i + 1].group == g->eligible[i].group) continue;
        size_t n = i + 1 - first;
        if (n >= g->options->n_ways) g->pools[g->n_pools++] = (pool){first, n};
        first = i + 1;
    }
}

/* Lists the classes that can be drawn. */
static cen_status list_eligible(cen_context *context, game *g, cen_error *error)
{
    const cen_episode_options *o = g->options;
    cen_status status = cen__check_choice("the metric", (long)o->metric, CEN_METRIC_COSINE, error);
    if (status != CEN_OK) return status;
    if (o->n_ways == 0 || o->n_shots == 0 || o->n_queries == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an episode needs at least one way, one shot and one query");
    }
    if (!cen__classes_create(context, &g->classes, g->set.labels, g->set.n)) {
        return cen__fail_memory(error, "the classes of episodes");
    }
    g->eligible = cen__alloc(context, g->classes.n_classes, sizeof *g->eligible);
    g->pools = cen__alloc(context, g->classes.n_classes, sizeof *g->pools);
    if (g->eligible == NULL || g->pools == NULL) {
        return cen__fail_memory(error, "the classes of episodes");
    }
    for (size_t c = 0; c < g->classes.n_classes; c++) {
        if (cen__classes_count(&g->classes, c) <= o->n_shots) continue;
        int32_t group = o->groups != NULL ? o->groups[g->classes.labels[c]] : 0;
        g->eligible[g->n_eligible++] = (eligible){group, c};
    }
    list_pools(g);
    if (g->n_pools > 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%zu-way episodes of %zu shot%s need as many classes%s with at least %zu "
                     "rows; there are %zu%s",
                     o->n_ways, o->n_shots, cen__plural(o->n_shots),
                     o->groups != NULL ? " of one group" : "", o->n_shots + 1, g->n_eligible,
                     o->groups != NULL ? " in all groups" : "");
}

static cen_episodes sum_up(const game *g)
{
    const cen_episode_options *o = g->options;
    cen_episodes result = {o->n_ways, o->n_shots, o->n_episodes, (double)NAN, (double)NAN};
    double n = (double)o->n_episodes, sum = 0, squares = 0;
    for (size_t i = 0; i < o->n_episodes; i++) sum += g->accuracies[i];
    if (o->n_episodes > 0) result.accuracy = sum / n;
    for (size_t i = 0; i < o->n_episodes; i++) {
        double difference = g->accuracies[i] - result.accuracy;
        squares += difference * difference;
    }
    if (o->n_episodes > 1) result.interval = 1.96 * sqrt(squares / (n - 1) / n);
    return result;
}

cen_status cen_episodes_measure(cen_context *context, const cen_labelled *set, size_t d,
                                const cen_episode_options *options, cen_episodes *measured,
                                cen_error *error)
{
    cen_episode_options o = cen_episode_options_init();
    cen_status status = cen__take_options(&o, options, error);
    if (status != CEN_OK) return status;
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    game g = {.set = *set,
              .d = d,
              .options = &o,
              .vectors = &cen__kernels_of(context->instructions)->vectors};
    status = list_eligible(context, &g, error);
    if (status == CEN_OK && !reserve(context, &g, cen_context_threads(context))) {
        status = cen__fail_memory(error, "the means of episodes");
    }
    if (status == CEN_OK) {
        cen__parallel(context, o.n_episodes, CEN__MUCH_WORK, run_episode, &g);
        *measured = sum_up(&g);
    }
    cen__classes_free(&g.classes);
    cen__free(g.eligible);
    cen__free(g.pools);
    cen__free(g.accuracies);
    cen__free(g.chosen);
    cen__free(g.means);
    cen__free(g.squares);
    cen__free(g.sums);
    cen_context_free(own);
    return status;
}

/* The thresholds of a gallery: for "who is it" (known) and for "is it this one" (same).
 *
 * A stranger's score is its distance to the nearest row over the factor of cohort.c, so that one threshold of scores is
 * a threshold of distances for each question. Strangers that calibrate are compared with the cohort without their own
 * pictures, as new strangers are. If names of the gallery play the strangers, there is no cohort: its features would stay
 * in the file after a name is removed.
 *
 * For claims, pictures of strangers are compared with names one by one; a claim is one impostor. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/sizes.h"
#include "base/status.h"
#include "search/cohort.h"
#include "search/threshold.h"

enum { MOST_CLAIMS = 1 << 20, MOST_CLAIMANTS = 1 << 12 };

typedef struct {
    cen_gallery *gallery;
    double false_accepts;
    size_t *rows;    /* [n_rows] of the gallery that are no negatives */
    int32_t *labels; /* [n_rows] */
    size_t n_rows;
    cen__classes names; /* of labels; their rows are places in rows[] */
    /* pictures of strangers, by stranger */
    float *pictures;    /* [n, d] */
    size_t *own_labels; /* [n] if names of the gallery play the strangers; else NULL */
    size_t *strangers;  /* [n] */
    size_t n, n_strangers;
    double *factors; /* [n] */
    cen__cohort cohort;
    size_t *cohort_strangers; /* [cohort.n] */
    cen_threshold known, same;
} calibration;

/* ---- the gallery ----------------------------------------------------------------------------------- */

static cen_status list_rows(calibration *c, cen_error *error)
{
    const cen_gallery *g = c->gallery;
    const size_t n = g->info.n - g->info.n_negatives;
    c->rows = cen__alloc(g->context, n, sizeof *c->rows);
    c->labels = cen__alloc(g->context, n, sizeof *c->labels);
    if (c->rows == NULL || c->labels == NULL) return cen__fail_memory(error, "a list of rows");
    for (size_t i = 0; i < g->info.n; i++) {
        size_t label;
        if (cen__gallery_is_negative(g, i)) continue;
        cen_status status = cen__gallery_label(g, i, &label, error);
        if (status != CEN_OK) return status;
        c->labels[c->n_rows] = (int32_t)label;
        c->rows[c->n_rows++] = i;
    }
    return cen__classes_create(g->context, &c->names, c->labels, n)
               ? CEN_OK
               : cen__fail_memory(error, "the names of a gallery");
}

static void copy_row(const calibration *c, float *to, size_t place)
{
    memcpy(to, cen__gallery_feature(c->gallery, c->rows[place]), c->gallery->info.d * sizeof *to);
}

/* ---- the strangers --------------------------------------------------------------------------------- */

static bool reserve_strangers(calibration *c, const cen__classes *sample)
{
    const cen_context *context = c->gallery->context;
    c->n = sample->n_rows;
    c->n_strangers = sample->n_classes;
    c->pictures = cen__alloc(context, cen__times(c->n, c->gallery->info.d), sizeof *c->pictures);
    c->strangers = cen__alloc(context, c->n, sizeof *c->strangers);
    c->factors = cen__alloc(context, c->n, sizeof *c->factors);
    if (c->pictures == NULL || c->strangers == NULL || c->factors == NULL) return false;
    for (size_t s = 0; s < sample->n_classes; s++) {
        for (size_t i = sample->starts[s]; i < sample->starts[s + 1]; i++) c->strangers[i] = s;
    }
    for (size_t i = 0; i < c->n; i++) c->factors[i] = 1;
    return true;
}

/* Names of the gallery play the strangers to the others. */
static cen_status draw_own(calibration *c, cen_error *error)
{
    cen__classes sample = {0};
    const size_t d = c->gallery->info.d;
    if (c->names.n_classes < 2) return cen__threshold_fail_one_class(error);
    bool done = cen__threshold_draw(c->gallery->context, &c->names,
                                    cen__threshold_most(c->false_accepts), &sample) &&
                reserve_strangers(c, &sample);
    if (done) {
        c->own_labels = cen__alloc(c->gallery->context, c->n, sizeof *c->own_labels);
        done = c->own_labels != NULL;
    }
    for (size_t i = 0; i < c->n && done; i++) {
        c->own_labels[i] = (size_t)c->labels[sample.rows[i]];
        copy_row(c, c->pictures + i * d, sample.rows[i]);
    }
    cen__classes_free(&sample);
    return done ? CEN_OK : cen__fail_memory(error, "the calibration of a gallery");
}

/* Draws the cohort, and says whose its rows are. It is left out if a stranger would have too few others. */
static bool draw_cohort(calibration *c, const cen_labelled *set, const cen__classes *strangers)
{
    cen__classes sample = {0};
    size_t most = 0;
    const size_t d = c->gallery->info.d;
    const cen_context *context = c->gallery->context;
    if (!cen__threshold_draw(c->gallery->context, strangers, CEN__COHORT_MOST, &sample)) {
        cen__classes_free(&sample);
        return false;
    }
    const size_t n = sample.n_rows < CEN__COHORT_MOST ? sample.n_rows : CEN__COHORT_MOST;
    for (size_t s = 0; s < sample.n_classes; s++) {
        const size_t size = sample.starts[s + 1] - sample.starts[s];
        if (size > most) most = size;
    }
    bool done = true;
    if (n >= most + CEN__COHORT_NEAR) {
        c->cohort.features =
            cen__threshold_gather(c->gallery->context, set->features, sample.rows, n, d);
        c->cohort_strangers = cen__alloc(context, n, sizeof *c->cohort_strangers);
        done = c->cohort.features != NULL && c->cohort_strangers != NULL;
        c->cohort.n = n;
    }
    for (size_t i = 0; i < c->cohort.n && done; i++) {
        c->cohort_strangers[i] = cen__classes_find(strangers, set->labels[sample.rows[i]]);
    }
    cen__classes_free(&sample);
    return done;
}

static bool is_own_picture(const void *data, size_t query, size_t row)
{
    const calibration *c = data;
    return c->strangers[query] == c->cohort_strangers[row];
}

static cen_status set_factors(calibration *c, cen_error *error)
{
    double sum = 0;
    if (c->cohort.n == 0) return CEN_OK;
    cen_status status = cen__cohort_measure(c->gallery, &c->cohort, c->pictures, c->n,
                                            is_own_picture, c, c->factors, error);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < c->n; i++) sum += c->factors[i];
    c->cohort.typical = sum / (double)c->n;
    if (!(c->cohort.typical > 0)) c->cohort.n = 0; /* copies of one picture */
    for (size_t i = 0; i < c->n; i++) {
        c->factors[i] = c->cohort.n > 0 ? cen__cohort_factor(&c->cohort, c->factors[i]) : 1;
    }
    return CEN_OK;
}

static cen_status take_strangers(calibration *c, const cen_labelled *set, cen_error *error)
{
    cen__classes strangers = {0};
    const size_t d = c->gallery->info.d;
    bool done = cen__classes_create(c->gallery->context, &strangers, set->labels, set->n) &&
                reserve_strangers(c, &strangers) && draw_cohort(c, set, &strangers);
    for (size_t i = 0; i < c->n && done; i++) {
        memcpy(c->pictures + i * d, set->features + strangers.rows[i] * d, d * sizeof(float));
    }
    cen__classes_free(&strangers);
    return done ? set_factors(c, error) : cen__fail_memory(error, "the calibration of a gallery");
}

/* ---- the thresholds -------------------------------------------------------------------------------- */

static cen__impostor impostor(const calibration *c, size_t picture, double exact)
{
    const double distance = (double)(float)exact, factor = c->factors[picture];
    const double score = factor > 0 ? distance / factor : distance > 0 ? INFINITY : 0;
    return (cen__impostor){score, c->strangers[picture], 0};
}

static cen_status calibrate_known(calibration *c, cen_error *error)
{
    const cen_context *context = c->gallery->context;
    double *exact = cen__alloc(context, c->n, sizeof *exact);
    cen__impostor *impostors = cen__alloc(context, c->n, sizeof *impostors);
    const cen__gallery_query query = {.queries = c->pictures,
                                      .n = c->n,
                                      .k = 1,
                                      .names =
                                          c->own_labels != NULL ? CEN__OTHER_NAMES : CEN__ALL_NAMES,
                                      .labels = c->own_labels};
    size_t n_found;
    cen_status status =
        exact != NULL && impostors != NULL
            ? cen__gallery_search(c->gallery, &query, (cen__found){.exact = exact}, &n_found, error)
            : cen__fail_memory(error, "the calibration of a gallery");
    for (size_t i = 0; i < c->n && status == CEN_OK; i++) {
        impostors[i] = impostor(c, i, exact[i]);
    }
    if (status == CEN_OK) {
        status = cen__threshold_choose(c->gallery->context, impostors, c->n, c->n_strangers, 1,
                                       &c->known, error);
    }
    cen__free(exact);
    cen__free(impostors);
    return status;
}

/* Pictures of strangers and names that are compared: the claimants are every stride-th picture. */
typedef struct {
    size_t stride, n_claimants, n_names;
    size_t *names;            /* [all names] drawn, the first n_names are used */
    float *pictures;          /* [n_claimants, d] */
    double *exact;            /* [n_claimants] */
    cen__impostor *impostors; /* [n] */
    size_t n;
} claims;

static bool reserve_claims(const calibration *c, claims *s)
{
    const cen_context *context = c->gallery->context;
    const size_t d = c->gallery->info.d, n_all = c->names.n_classes;
    s->stride = (c->n - 1) / MOST_CLAIMANTS + 1;
    s->n_claimants = (c->n - 1) / s->stride + 1;
    s->n_names = n_all < MOST_CLAIMS / s->n_claimants ? n_all : MOST_CLAIMS / s->n_claimants;
    s->names = cen__alloc(context, n_all, sizeof *s->names);
    s->pictures = cen__alloc(context, cen__times(s->n_claimants, d), sizeof *s->pictures);
    s->exact = cen__alloc(context, s->n_claimants, sizeof *s->exact);
    s->impostors = cen__alloc(context, s->n_claimants * s->n_names, sizeof *s->impostors);
    if (s->names == NULL || s->pictures == NULL || s->exact == NULL || s->impostors == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_all; i++) s->names[i] = i;
    if (s->n_names < n_all) cen__shuffle(s->names, n_all, 2, CEN__STREAM_THRESHOLD);
    for (size_t i = 0; i < s->n_claimants; i++) {
        memcpy(s->pictures + i * d, c->pictures + i * s->stride * d, d * sizeof(float));
    }
    return true;
}

/* Strangers who calibrate are the cohort, too, so their scores are alike in more than whose pictures they are. Of claims
 * this shows, as one name's nearest row varies less than that of a gallery: the shares of new strangers spread 1.4 to 1.5
 * times as far as the interval says (faces, 100 strangers, 60 draws). */
static const double of_cohort = 1.5;

/* All claimants claim to be one name. */
static cen_status claim_name(const calibration *c, claims *s, size_t name, cen_error *error)
{
    const size_t start = c->names.starts[name], n = c->names.starts[name + 1] - start;
    const size_t d = c->gallery->info.d;
    float *rows = cen__alloc(c->gallery->context, cen__times(n, d), sizeof *rows);
    if (rows == NULL) return cen__fail_memory(error, "the rows of a name");
    for (size_t i = 0; i < n; i++) copy_row(c, rows + i * d, c->names.rows[start + i]);
    const cen__query query = {.gallery = rows,
                              .queries = s->pictures,
                              .n_gallery = n,
                              .n_queries = s->n_claimants,
                              .d = d,
                              .k = 1,
                              .metric = c->gallery->info.metric,
                              .context = c->gallery->context};
    cen_status status = cen__search(&query, (cen__found){.exact = s->exact}, error);
    const size_t label = (size_t)c->names.labels[name];
    for (size_t i = 0; i < s->n_claimants && status == CEN_OK; i++) {
        const size_t picture = i * s->stride;
        if (c->own_labels != NULL && c->own_labels[picture] == label) continue;
        s->impostors[s->n++] = impostor(c, picture, s->exact[i]);
    }
    cen__free(rows);
    return status;
}

static cen_status calibrate_same(calibration *c, cen_error *error)
{
    claims s = {0};
    cen_status status =
        reserve_claims(c, &s) ? CEN_OK : cen__fail_memory(error, "the calibration of claims");
    for (size_t i = 0; i < s.n_names && status == CEN_OK; i++) {
        status = claim_name(c, &s, s.names[i], error);
    }
    if (status == CEN_OK) {
        status = cen__threshold_choose(c->gallery->context, s.impostors, s.n, c->n_strangers,
                                       c->cohort.n > 0 ? of_cohort : 1, &c->same, error);
    }
    cen__free(s.names);
    cen__free(s.pictures);
    cen__free(s.exact);
    cen__free(s.impostors);
    return status;
}

static cen_status keep(calibration *c, cen_error *error)
{
    size_t size = 0;
    uint8_t *state = NULL;
    if (c->cohort.n > 0) {
        state = cen__cohort_write(c->gallery, &c->cohort, &size);
        if (state == NULL) return cen__fail_memory(error, "the strangers of a gallery");
    }
    cen_status status =
        cen__gallery_set_calibration(c->gallery, &c->known, &c->same, state, size, error);
    cen__free(state);
    return status;
}

cen_status cen_gallery_calibrate(cen_gallery *gallery, const cen_calibration *options,
                                 cen_error *error)
{
    cen_calibration o = cen_calibration_init();
    cen_status status = cen__take_options(&o, options, error);
    if (status != CEN_OK) return status;
    const size_t n_rows = gallery->info.n - gallery->info.n_negatives;
    const size_t n = o.strangers != NULL ? o.strangers->n : n_rows;
    status = cen__threshold_check(o.false_accepts, n_rows, n, error);
    if (status == CEN_OK && o.strangers != NULL) {
        status = cen__threshold_check_set(*o.strangers, "strangers", gallery->info.d, error);
    }
    if (status != CEN_OK) return status;
    calibration c = {.gallery = gallery, .false_accepts = o.false_accepts};
    c.known.false_accepts = c.same.false_accepts = o.false_accepts;
    status = list_rows(&c, error);
    if (status == CEN_OK) {
        status = o.strangers != NULL ? take_strangers(&c, o.strangers, error) : draw_own(&c, error);
    }
    if (status == CEN_OK) status = calibrate_known(&c, error);
    if (status == CEN_OK) status = calibrate_same(&c, error);
    if (status == CEN_OK) status = keep(&c, error);
    void *const all[] = {c.rows,    c.labels,          c.pictures,         c.own_labels,
                         c.factors, c.cohort.features, c.cohort_strangers, c.strangers};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) cen__free(all[i]);
    cen__classes_free(&c.names);
    return status;
}

/* cl_knn eval: the figures as text and as JSON. */
#include "knn_eval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- text ---- */

static const char *percent(double share, char *text)
{
    if (isfinite(share)) {
        (void)snprintf(text, 32, "%6.2f %%", 100 * share);
    } else {
        (void)snprintf(text, 32, "     -");
    }
    return text;
}

static void print_share(const char *name, double share, const char *what)
{
    char text[32];
    printf("%-15s %s%s%s\n", name, percent(share, text), what[0] != '\0' ? "   " : "", what);
}

/* A share of queries, with its interval if that is wide enough to matter. */
static void print_counted(const char *name, double share, const double interval[2], size_t n,
                          const char *what)
{
    enum { MANY = 1000 };
    char text[192] = "";
    if (n < MANY && isfinite(interval[0])) {
        (void)snprintf(text, sizeof text, "95 %% interval %.1f to %.1f %%%s", 100 * interval[0],
                       100 * interval[1], what[0] != '\0' ? "; " : "");
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", what);
    print_share(name, share, text);
}

static void print_set(const char *what, const knn_set *set, const char *split)
{
    char text[64];
    print_names(stdout, "%-15s %s: %s", what, set->name, counted(set->f.n, "row", text));
    if (split != NULL) print_names(stdout, " of split %s", split);
    printf("\n");
}

static void print_head(const knn *s, const knn_evaluation *e)
{
    char text[32];
    if (e->leave_one_out) {
        print_set("set", &e->gallery, e->gallery_split);
        if (e->is_same) printf("%-15s the same rows as the gallery\n", "queries");
        printf("%-15s by leave-one-out: each row against the others\n", "measured");
    } else {
        print_set("gallery", &e->gallery, e->gallery_split);
        print_set("queries", &e->queries, e->query_split);
    }
    if (e->n_in_gallery > 0) {
        printf(
            "%-15s %s of the queries are rows of the gallery, too: they find themselves, and every "
            "figure is too good\n",
            "note", with_commas(e->n_in_gallery, text));
    }
    for (size_t j = 0; j < KNN_N_OTHERS; j++) {
        if (e->n_left_out[j] == 0) continue;
        printf("%-15s %s of split %s: --query-split %s measures them\n", "left out",
               counted(e->n_left_out[j], "row", text), knn_others[j], knn_others[j]);
    }
    printf("%-15s %s, k %zu, weights %s\n\n", "metric", metric_names[knn_metric(s)], e->measures.k,
           knn_weights[s->weights]);
}

static void print_retrieval(const knn_evaluation *e)
{
    const cen_retrieval *r = &e->measures.retrieval;
    char text[64], lone[96] = "";
    if (r->n_lone > 0) {
        (void)snprintf(lone, sizeof lone, "%s without a partner, which counts as wrong here",
                       counted(r->n_lone, "row", text));
    }
    print_counted("k-NN accuracy", r->knn_accuracy, r->knn_interval, r->n_queries, lone);
    print_share("k-NN macro", r->knn_macro, "the mean of each class's own accuracy");
    print_counted("precision@1", r->precision_at_1, r->at_1_interval, r->n_queries - r->n_lone,
                  r->n_lone > 0 ? "and is left out here" : "");
    print_share("R-precision", r->r_precision, "");
    print_share("MAP@R", r->map_at_r, "");
}

static void print_verification(const cen_measures *m)
{
    const cen_verification *v = &m->verification;
    char a[96], b[32];
    if (m->pairs.n_genuine == 0 || m->pairs.n_impostor == 0) {
        printf("\n%-15s no pairs of both kinds to measure it on\n", "verification");
        return;
    }
    printf("\n%-15s %s", "verification", counted(v->n_genuine, "genuine pair", a));
    printf(" and %s%s\n", counted(v->n_impostor, "impostor pair", b),
           v->is_sample ? ", drawn by seed from more" : "");
    print_share("AUC", v->auc, "");
    (void)snprintf(a, sizeof a, "at distance %.6g", v->eer_threshold);
    print_share("EER", v->eer, a);
    print_share("TAR", v->tar[0], "at FAR 10 %");
    print_share("", v->tar[1], "at FAR 1 %");
    print_share("", v->tar[2], "at FAR 0.1 %");
}

static void print_rest(const knn *s, const knn_evaluation *e, const char *const *names)
{
    enum { WORST = 10 };
    const cen_measures *m = &e->measures;
    printf("\n");
    for (size_t i = 0; i < 2; i++) {
        const cen_episodes *few = &m->few_shot[i];
        if (few->n_episodes == 0) continue;
        char name[32], what[96];
        (void)snprintf(name, sizeof name, "%zu-shot %zu-way", few->n_shots, few->n_ways);
        (void)snprintf(what, sizeof what, "+- %.2f, of %zu episodes %s", 100 * few->interval,
                       few->n_episodes,
                       s->within != NULL ? "within one group" : "among the queries");
        print_share(name, few->accuracy, what);
    }
    if (isfinite(m->intra_inter)) printf("%-15s %6.3f\n", "intra/inter", m->intra_inter);
    if (m->n_confusions > 0) printf("\nmost confused\n");
    for (size_t i = 0; i < m->n_confusions && i < WORST; i++) {
        const cen_confusion *c = &m->confusions[i];
        print_names(stdout, "%6zu  %s taken for %s\n", c->count, names[c->label],
                    names[c->predicted]);
    }
}

void knn_eval_text(const knn *s, const knn_evaluation *e, const char *const *names)
{
    print_head(s, e);
    print_retrieval(e);
    print_verification(&e->measures);
    print_rest(s, e, names);
}

/* ---- JSON ---- */

static void json_numbers(const char *const *keys, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        knn_json_number(keys[i], values[i]);
        printf(", ");
    }
}

static void json_interval(const char *name, const double interval[2])
{
    if (!isfinite(interval[0])) {
        printf("\"%s\": null, ", name);
        return;
    }
    printf("\"%s\": [", name);
    print_json_number(stdout, interval[0]);
    printf(", ");
    print_json_number(stdout, interval[1]);
    printf("], ");
}

static void json_few_shot(const char *name, const cen_episodes *few)
{
    printf("\"%s\": ", name);
    if (few->n_episodes == 0) {
        printf("null, ");
        return;
    }
    printf("{");
    knn_json_number("accuracy", few->accuracy);
    printf(", ");
    knn_json_number("interval", few->interval);
    printf(", \"n_ways\": %zu, \"n_episodes\": %zu}, ", few->n_ways, few->n_episodes);
}

static void json_set(const char *what, const knn_set *set, const char *split)
{
    printf("\"%s\": {\"name\": ", what);
    print_json_string(stdout, set->name);
    printf(", \"n\": %zu, \"split\": ", set->f.n);
    if (split != NULL) {
        print_json_string(stdout, split);
    } else {
        printf("null");
    }
    printf("}, ");
}

static void json_confusions(const cen_measures *m, const char *const *names)
{
    printf("\"confusions\": [");
    for (size_t i = 0; i < m->n_confusions; i++) {
        const cen_confusion *c = &m->confusions[i];
        printf("%s{\"class\": ", i > 0 ? ", " : "");
        print_json_string(stdout, names[c->label]);
        printf(", \"predicted\": ");
        print_json_string(stdout, names[c->predicted]);
        printf(", \"count\": %zu}", c->count);
    }
    printf("]");
}

void knn_eval_json(const knn *s, const knn_evaluation *e, const char *const *names)
{
    const cen_measures *m = &e->measures;
    const cen_retrieval *r = &m->retrieval;
    const cen_verification *v = &m->verification;
    bool has_pairs = m->pairs.n_genuine > 0 && m->pairs.n_impostor > 0;
    printf("{");
    json_set("gallery", &e->gallery, e->gallery_split);
    json_set("queries", knn_queries_of(e), e->query_split);
    printf("\"leave_one_out\": %s, \"metric\": \"%s\", \"k\": %zu, \"weights\": \"%s\", ",
           e->leave_one_out ? "true" : "false", metric_names[knn_metric(s)], m->k,
           knn_weights[s->weights]);
    printf("\"within\": ");
    if (s->within != NULL) print_json_string(stdout, s->within);
    printf("%s, ", s->within == NULL ? "null" : "");
    printf("\"n_queries\": %zu, \"n_lone\": %zu, \"n_in_gallery\": %zu, ", r->n_queries, r->n_lone,
           e->n_in_gallery);
    printf("\"n_left_out\": {\"test\": %zu, \"heldout\": %zu}, ", e->n_left_out[0],
           e->n_left_out[1]);
    json_numbers((const char *const[]){"knn_accuracy", "knn_macro", "precision_at_1", "r_precision",
                                       "map_at_r"},
                 (const double[]){r->knn_accuracy, r->knn_macro, r->precision_at_1, r->r_precision,
                                  r->map_at_r},
                 5);
    json_interval("knn_interval", r->knn_interval);
    json_interval("precision_at_1_interval", r->at_1_interval);
    printf("\"n_genuine\": %zu, \"n_impostor\": %zu, \"pairs_sampled\": %s, ", m->pairs.n_genuine,
           m->pairs.n_impostor, m->pairs.is_sample ? "true" : "false");
    json_numbers((const char *const[]){"auc", "eer", "eer_threshold"},
                 has_pairs ? (const double[]){v->auc, v->eer, v->eer_threshold}
                           : (const double[]){NAN, NAN, NAN},
                 3);
    printf("\"tar_at_far\": {");
    knn_json_number("0.1", has_pairs ? v->tar[0] : NAN);
    printf(", ");
    knn_json_number("0.01", has_pairs ? v->tar[1] : NAN);
    printf(", ");
    knn_json_number("0.001", has_pairs ? v->tar[2] : NAN);
    printf("}, ");
    json_few_shot("one_shot", &m->few_shot[0]);
    json_few_shot("five_shot", &m->few_shot[1]);
    knn_json_number("intra_inter", m->intra_inter);
    printf(", ");
    json_confusions(m, names);
    printf(", ");
    knn_json_notes(&e->gallery, &e->queries);
    printf("}\n");
}

/* The loss of a net line once more, in double, in plain loops, a picture at a time: written from
 * the formulas in centerloss.h and sharing nothing with the library. Include after cmocka.h.
 *
 * Parameters are one array: the weights and biases of the line in order, head weight and bias, and
 * centers. */
#ifndef TESTS_SUPPORT_REFERENCE_H
#define TESTS_SUPPORT_REFERENCE_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { REFERENCE_MOST_LAYERS = 24, REFERENCE_MOST_NUMBERS = 4096 };

typedef struct reference_layer {
    char kind[16];
    size_t kh, kw, sh, sw, ph, pw;
    size_t c, h, w; /* of its output */
} reference_layer;

typedef struct reference {
    size_t c, h, w, n_classes, d, n_layers;
    double lambda;
    reference_layer layers[REFERENCE_MOST_LAYERS];
    uint64_t pattern; /* of all decisions of the last forward: signs and places of maxima */
} reference;

typedef struct reference_losses {
    double total, softmax, center;
} reference_losses;

/* "AxB" or "A". */
static inline int reference_pair(const char *text, size_t *a, size_t *b)
{
    int used = 0;
    if (sscanf(text, " %zu%n", a, &used) != 1) return 0;
    *b = *a;
    if (text[used] == 'x') {
        int more = 0;
        if (sscanf(text + used + 1, "%zu%n", b, &more) == 1) used += 1 + more;
    }
    return used;
}

static inline void reference_parse_layer(reference_layer *layer, const char *text,
                                         const reference_layer *in)
{
    int used = 0;
    size_t out = 0;
    *layer = *in;
    if (sscanf(text, " %15[a-z]%n", layer->kind, &used) != 1) fail_msg("layer %s", text);
    const bool conv = strcmp(layer->kind, "conv") == 0, pool = strcmp(layer->kind, "maxpool") == 0;
    text += used;
    if (conv || strcmp(layer->kind, "dense") == 0) {
        if (sscanf(text, " %zu%n", &out, &used) != 1) fail_msg("layer %s", text);
        layer->c = out;
        text += used;
    }
    if (!conv && !pool) {
        if (strcmp(layer->kind, "flatten") == 0) layer->c = in->c * in->h * in->w;
        if (strcmp(layer->kind, "flatten") == 0) layer->h = layer->w = 1;
        return;
    }
    text += reference_pair(text, &layer->kh, &layer->kw);
    layer->sh = pool ? layer->kh : 1;
    layer->sw = pool ? layer->kw : 1;
    layer->ph = layer->pw = 0;
    const char *stride = strstr(text, "stride "), *pad = strstr(text, "pad ");
    if (stride) reference_pair(stride + 7, &layer->sh, &layer->sw);
    if (pad) reference_pair(pad + 4, &layer->ph, &layer->pw);
    layer->h = (in->h + 2 * layer->ph - layer->kh) / layer->sh + 1;
    layer->w = (in->w + 2 * layer->pw - layer->kw) / layer->sw + 1;
}

static inline reference reference_of(const char *net, size_t c, size_t h, size_t w,
                                     size_t n_classes, double lambda)
{
    reference r = {c, h, w, n_classes, 0, 0, lambda, {{"", 0, 0, 0, 0, 0, 0, 0, 0, 0}}, 0};
    reference_layer in = {"", 0, 0, 0, 0, 0, 0, c, h, w};
    char text[1024];
    snprintf(text, sizeof text, "%s", net);
    for (char *at = strtok(text, ","); at; at = strtok(NULL, ",")) {
        assert_true(r.n_layers < REFERENCE_MOST_LAYERS);
        reference_parse_layer(&r.layers[r.n_layers], at, &in);
        in = r.layers[r.n_layers++];
        assert_true(in.c * in.h * in.w <= REFERENCE_MOST_NUMBERS);
    }
    r.d = in.c * in.h * in.w;
    return r;
}

static inline void reference_decide(reference *r, size_t decision)
{
    r->pattern = (r->pattern ^ (uint64_t)decision) * 1099511628211u; /* FNV-1a */
}

/* y[k] = b[k] + sum of w[k, c, i, j] * x[c, y * sh + i - ph, x * sw + j - pw]. Returns the numbers
 * of parameters that it used, as the others do. */
static inline size_t reference_conv(const reference_layer *in, const reference_layer *out,
                                    const double *p, const double *x, double *y)
{
    const double *bias = p + out->c * in->c * out->kh * out->kw;
    for (size_t k = 0; k < out->c; k++)
        for (size_t row = 0; row < out->h; row++)
            for (size_t column = 0; column < out->w; column++) {
                double sum = bias[k];
                for (size_t c = 0; c < in->c; c++)
                    for (size_t i = 0; i < out->kh; i++)
                        for (size_t j = 0; j < out->kw; j++) {
                            const size_t at_h = row * out->sh + i, at_w = column * out->sw + j;
                            if (at_h < out->ph || at_h >= in->h + out->ph) continue;
                            if (at_w < out->pw || at_w >= in->w + out->pw) continue;
                            sum += p[((k * in->c + c) * out->kh + i) * out->kw + j] *
                                   x[(c * in->h + at_h - out->ph) * in->w + at_w - out->pw];
                        }
                y[(k * out->h + row) * out->w + column] = sum;
            }
    return out->c * (in->c * out->kh * out->kw + 1);
}

static inline void reference_maxpool(reference *r, const reference_layer *in,
                                     const reference_layer *out, const double *x, double *y)
{
    for (size_t c = 0; c < out->c; c++)
        for (size_t row = 0; row < out->h; row++)
            for (size_t column = 0; column < out->w; column++) {
                size_t best = (c * in->h + row * out->sh) * in->w + column * out->sw;
                for (size_t i = 0; i < out->kh; i++)
                    for (size_t j = 0; j < out->kw; j++) {
                        const size_t at =
                            (c * in->h + row * out->sh + i) * in->w + column * out->sw + j;
                        if (x[at] > x[best]) best = at;
                    }
                y[(c * out->h + row) * out->w + column] = x[best];
                reference_decide(r, best);
            }
}

/* y = b + w x */
static inline size_t reference_dense(size_t n_in, size_t n_out, const double *p, const double *x,
                                     double *y)
{
    for (size_t k = 0; k < n_out; k++) {
        y[k] = p[n_out * n_in + k];
        for (size_t i = 0; i < n_in; i++) y[k] += p[k * n_in + i] * x[i];
    }
    return n_out * (n_in + 1);
}

static inline void reference_rectify(reference *r, const reference_layer *in, const double *slopes,
                                     const double *x, double *y)
{
    const size_t area = in->h * in->w;
    for (size_t i = 0; i < in->c * area; i++) {
        y[i] = x[i] > 0 ? x[i] : slopes ? slopes[i / area] * x[i] : 0;
        reference_decide(r, x[i] > 0);
    }
}

/* The feature of one picture into y[d]; returns how many parameters the body has. */
static inline size_t reference_feature(reference *r, const double *p, const double *x, double *y)
{
    double buffers[2][REFERENCE_MOST_NUMBERS];
    const double *from = x, *at = p;
    reference_layer in = {"", 0, 0, 0, 0, 0, 0, r->c, r->h, r->w};
    for (size_t i = 0; i < r->n_layers; i++) {
        const reference_layer *out = &r->layers[i];
        double *to = buffers[i % 2];
        if (strcmp(out->kind, "conv") == 0)
            at += reference_conv(&in, out, at, from, to);
        else if (strcmp(out->kind, "dense") == 0)
            at += reference_dense(in.c, out->c, at, from, to);
        else if (strcmp(out->kind, "maxpool") == 0)
            reference_maxpool(r, &in, out, from, to);
        else if (strcmp(out->kind, "relu") == 0)
            reference_rectify(r, &in, NULL, from, to);
        else if (strcmp(out->kind, "prelu") == 0) {
            reference_rectify(r, &in, at, from, to);
            at += out->c;
        } else if (strcmp(out->kind, "flatten") == 0)
            memcpy(to, from, r->layers[i].c * sizeof *to);
        else
            fail_msg("no layer %s", out->kind);
        from = to;
        in = *out;
    }
    memcpy(y, from, r->d * sizeof *y);
    return (size_t)(at - p);
}

/* -log of the softmax of logits[n] at label, from the definition, moved by the largest. */
static inline double reference_cross_entropy(const double *logits, size_t n, size_t label)
{
    double most = logits[0], sum = 0;
    for (size_t i = 1; i < n; i++) most = logits[i] > most ? logits[i] : most;
    for (size_t i = 0; i < n; i++) sum += exp(logits[i] - most);
    return log(sum) + most - logits[label];
}

/* The losses of x[n, c, h, w], labels[n]; features[n, d] may be NULL. */
static inline reference_losses reference_forward(reference *r, const double *p, const double *x,
                                                 const int32_t *labels, size_t n, double *features)
{
    double f[REFERENCE_MOST_NUMBERS], logits[REFERENCE_MOST_NUMBERS];
    reference_losses losses = {0, 0, 0};
    r->pattern = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) {
        const size_t label = (size_t)labels[i];
        const double *head = p + reference_feature(r, p, x + i * r->c * r->h * r->w, f);
        const double *centers = head + reference_dense(r->d, r->n_classes, head, f, logits);
        losses.softmax += reference_cross_entropy(logits, r->n_classes, label);
        for (size_t k = 0; k < r->d; k++) {
            const double distance = f[k] - centers[label * r->d + k];
            losses.center += distance * distance;
        }
        if (features) memcpy(features + i * r->d, f, r->d * sizeof *f);
    }
    losses.softmax /= (double)n;
    losses.center /= (double)n;
    losses.total = losses.softmax + r->lambda * losses.center;
    return losses;
}

/* d total / d p[i] by a central difference; *kink is set where a relu or a maximum decided
 * otherwise on the way, so that the difference says nothing. The error is about h^2 + 1e-16 / h. */
static inline double reference_slope(reference *r, double *p, size_t i, const double *x,
                                     const int32_t *labels, size_t n, bool *kink)
{
    const double middle = p[i], h = 1e-5;
    p[i] = middle + h;
    const double above = reference_forward(r, p, x, labels, n, NULL).total;
    const uint64_t pattern = r->pattern;
    p[i] = middle - h;
    const double below = reference_forward(r, p, x, labels, n, NULL).total;
    p[i] = middle;
    if (r->pattern != pattern) *kink = true;
    return (above - below) / (2 * h);
}

#endif

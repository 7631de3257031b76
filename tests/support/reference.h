/* The loss of a net line once more, in double, in plain loops, a layer at a time: written from
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

enum {
    REFERENCE_MOST_LAYERS = 24,
    REFERENCE_MOST_DEPTH = 4,
    REFERENCE_MOST_NUMBERS = 4096,
    REFERENCE_MOST_PICTURES = 8
};

typedef struct reference_layer {
    char kind[16];
    double scale; /* of l2norm; 0: learned */
    size_t kh, kw, sh, sw, ph, pw, groups;
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
    if (sscanf(text, " %15[a-z0-9]%n", layer->kind, &used) != 1) fail_msg("layer %s", text);
    const bool conv = strcmp(layer->kind, "conv") == 0, pool = strstr(layer->kind, "pool") != NULL;
    text += used;
    if (conv || strcmp(layer->kind, "dense") == 0) {
        if (sscanf(text, " %zu%n", &out, &used) != 1) fail_msg("layer %s", text);
        layer->c = out;
        text += used;
    }
    if (!conv && !pool) {
        layer->scale = 0;
        if (sscanf(text, " scale %lf", &layer->scale) != 1) layer->scale = 0;
        if (strcmp(layer->kind, "flatten") == 0) layer->c = in->c * in->h * in->w;
        if (strcmp(layer->kind, "flatten") == 0 || strcmp(layer->kind, "gap") == 0)
            layer->h = layer->w = 1;
        return;
    }
    text += reference_pair(text, &layer->kh, &layer->kw);
    layer->sh = pool ? layer->kh : 1;
    layer->sw = pool ? layer->kw : 1;
    layer->ph = layer->pw = 0;
    layer->groups = 1;
    const char *stride = strstr(text, "stride "), *pad = strstr(text, "pad ");
    const char *groups = strstr(text, "groups ");
    if (stride) reference_pair(stride + 7, &layer->sh, &layer->sw);
    if (pad) reference_pair(pad + 4, &layer->ph, &layer->pw);
    if (groups && sscanf(groups + 7, "%zu", &layer->groups) != 1) fail_msg("layer %s", text);
    layer->h = (in->h + 2 * layer->ph - layer->kh) / layer->sh + 1;
    layer->w = (in->w + 2 * layer->pw - layer->kw) / layer->sw + 1;
}

/* A residual is three layers: "{" keeps what comes in, "|" takes it again and keeps what main has made, and
 * "}" adds what is kept. */
static inline void reference_add_sign(reference *r, char sign, reference_layer *in,
                                      reference_layer *kept, size_t *depth)
{
    const char kind[2] = {sign, 0};
    reference_layer layer = *in;
    if (sign == '{') {
        assert_true(*depth < REFERENCE_MOST_DEPTH);
        kept[(*depth)++] = *in;
    }
    if (sign == '|') {
        layer = kept[*depth - 1];
        kept[*depth - 1] = *in;
    }
    if (sign == '}') --*depth;
    memcpy(layer.kind, kind, sizeof kind);
    assert_true(r->n_layers < REFERENCE_MOST_LAYERS);
    *in = r->layers[r->n_layers++] = layer;
}

static inline reference reference_of(const char *net, size_t c, size_t h, size_t w,
                                     size_t n_classes, double lambda)
{
    reference r = {c, h, w, n_classes, 0, 0, lambda, {{"", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, 0};
    reference_layer in = {"", 0, 0, 0, 0, 0, 0, 0, 0, c, h, w}, kept[REFERENCE_MOST_DEPTH];
    size_t depth = 0;
    for (const char *at = net; *at;) {
        char text[128];
        const size_t size = strcspn(at, ",{|}");
        snprintf(text, sizeof text, "%.*s", (int)size, at);
        if (strspn(text, " ") < size && !strstr(text, "residual")) {
            assert_true(r.n_layers < REFERENCE_MOST_LAYERS);
            reference_parse_layer(&r.layers[r.n_layers], text, &in);
            in = r.layers[r.n_layers++];
        }
        assert_true(in.c * in.h * in.w <= REFERENCE_MOST_NUMBERS);
        at += size;
        if (*at && *at != ',') reference_add_sign(&r, *at, &in, kept, &depth);
        if (*at) at++;
    }
    r.d = in.c * in.h * in.w;
    return r;
}

static inline void reference_decide(reference *r, size_t decision)
{
    r->pattern = (r->pattern ^ (uint64_t)decision) * 1099511628211u; /* FNV-1a */
}

/* y[k] = b[k] + sum of w[k, c, i, j] * x[c, y * sh + i - ph, x * sw + j - pw] over the channels of k's
 * group. Returns the numbers
 * of parameters that it used, as the others do. */
static inline size_t reference_conv(const reference_layer *in, const reference_layer *out,
                                    const double *p, const double *x, double *y)
{
    const size_t depth = in->c / out->groups, outputs = out->c / out->groups;
    const double *bias = p + out->c * depth * out->kh * out->kw;
    for (size_t k = 0; k < out->c; k++)
        for (size_t row = 0; row < out->h; row++)
            for (size_t column = 0; column < out->w; column++) {
                double sum = bias[k];
                for (size_t c = 0; c < depth; c++)
                    for (size_t i = 0; i < out->kh; i++)
                        for (size_t j = 0; j < out->kw; j++) {
                            const size_t at_h = row * out->sh + i, at_w = column * out->sw + j;
                            if (at_h < out->ph || at_h >= in->h + out->ph) continue;
                            if (at_w < out->pw || at_w >= in->w + out->pw) continue;
                            sum += p[((k * depth + c) * out->kh + i) * out->kw + j] *
                                   x[((k / outputs * depth + c) * in->h + at_h - out->ph) * in->w +
                                     at_w - out->pw];
                        }
                y[(k * out->h + row) * out->w + column] = sum;
            }
    return out->c * (depth * out->kh * out->kw + 1);
}

static inline void reference_maxpool(reference *r, const reference_layer *in,
                                     const reference_layer *out, const double *x, double *y)
{
    for (size_t c = 0; c < out->c; c++)
        for (size_t row = 0; row < out->h; row++)
            for (size_t column = 0; column < out->w; column++) {
                size_t best = SIZE_MAX;
                for (size_t i = 0; i < out->kh; i++)
                    for (size_t j = 0; j < out->kw; j++) {
                        const size_t at_h = row * out->sh + i, at_w = column * out->sw + j;
                        if (at_h < out->ph || at_h >= in->h + out->ph) continue;
                        if (at_w < out->pw || at_w >= in->w + out->pw) continue;
                        const size_t at = (c * in->h + at_h - out->ph) * in->w + at_w - out->pw;
                        if (best == SIZE_MAX || x[at] > x[best]) best = at;
                    }
                y[(c * out->h + row) * out->w + column] = x[best];
                reference_decide(r, best);
            }
}

/* The padding counts as zeros. */
static inline void reference_avgpool(const reference_layer *in, const reference_layer *out,
                                     const double *x, double *y)
{
    for (size_t c = 0; c < out->c; c++)
        for (size_t row = 0; row < out->h; row++)
            for (size_t column = 0; column < out->w; column++, y++) {
                *y = 0;
                for (size_t i = 0; i < out->kh; i++)
                    for (size_t j = 0; j < out->kw; j++) {
                        const size_t at_h = row * out->sh + i, at_w = column * out->sw + j;
                        if (at_h < out->ph || at_h >= in->h + out->ph) continue;
                        if (at_w < out->pw || at_w >= in->w + out->pw) continue;
                        *y += x[(c * in->h + at_h - out->ph) * in->w + at_w - out->pw];
                    }
                *y /= (double)(out->kh * out->kw);
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

static inline void reference_relu6(reference *r, size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i];
        reference_decide(r, (x[i] > 0) + 2 * (size_t)(x[i] > 6));
    }
}

static inline void reference_gelu(size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] / 2 * erfc(-x[i] / sqrt(2));
}

static inline void reference_gap(const reference_layer *in, const double *x, double *y)
{
    const size_t area = in->h * in->w;
    for (size_t c = 0; c < in->c; c++) {
        y[c] = 0;
        for (size_t i = 0; i < area; i++) y[c] += x[c * area + i] / (double)area;
    }
}

static inline void reference_l2norm(size_t d, double scale, const double *x, double *y)
{
    double squares = 0;
    for (size_t i = 0; i < d; i++) squares += x[i] * x[i];
    for (size_t i = 0; i < d; i++) y[i] = scale * x[i] / sqrt(squares);
}

/* x, y[n][stride]: by the mean and the variance of a channel over all pictures. */
static inline size_t reference_batchnorm(const reference_layer *in, const double *p, size_t n,
                                         size_t stride, const double *x, double *y)
{
    const size_t area = in->h * in->w;
    for (size_t c = 0; c < in->c; c++) {
        double mean = 0, variance = 0;
        for (size_t k = 0; k < n * area; k++)
            mean += x[k / area * stride + c * area + k % area] / (double)(n * area);
        for (size_t k = 0; k < n * area; k++) {
            const double apart = x[k / area * stride + c * area + k % area] - mean;
            variance += apart * apart / (double)(n * area);
        }
        for (size_t k = 0; k < n * area; k++) {
            const size_t at = k / area * stride + c * area + k % area;
            y[at] = (x[at] - mean) / sqrt(variance + 1e-5) * p[c] + p[in->c + c];
        }
    }
    return 2 * in->c;
}

/* One layer of one picture; returns how many parameters it used. */
static inline size_t reference_step(reference *r, const reference_layer *in,
                                    const reference_layer *out, const double *p, const double *x,
                                    double *y)
{
    const size_t d = in->c * in->h * in->w;
    if (strcmp(out->kind, "conv") == 0) return reference_conv(in, out, p, x, y);
    if (strcmp(out->kind, "dense") == 0) return reference_dense(in->c, out->c, p, x, y);
    if (strcmp(out->kind, "prelu") == 0) {
        reference_rectify(r, in, p, x, y);
        return out->c;
    }
    if (strcmp(out->kind, "l2norm") == 0) {
        reference_l2norm(d, out->scale > 0 ? out->scale : p[0], x, y);
        return out->scale > 0 ? 0 : 1;
    }
    if (strcmp(out->kind, "maxpool") == 0)
        reference_maxpool(r, in, out, x, y);
    else if (strcmp(out->kind, "avgpool") == 0)
        reference_avgpool(in, out, x, y);
    else if (strcmp(out->kind, "relu6") == 0)
        reference_relu6(r, d, x, y);
    else if (strcmp(out->kind, "gelu") == 0)
        reference_gelu(d, x, y);
    else if (strcmp(out->kind, "relu") == 0)
        reference_rectify(r, in, NULL, x, y);
    else if (strcmp(out->kind, "gap") == 0)
        reference_gap(in, x, y);
    else if (strcmp(out->kind, "flatten") == 0)
        memcpy(y, x, d * sizeof *y);
    else
        fail_msg("no layer %s", out->kind);
    return 0;
}

/* x[n][stride] goes through a sign of a residual, in place. */
static inline void reference_sign(char sign, size_t n, double *x, double *kept, size_t *depth)
{
    const size_t count = n * REFERENCE_MOST_NUMBERS;
    if (sign == '{') {
        memcpy(kept + *depth * REFERENCE_MOST_PICTURES * REFERENCE_MOST_NUMBERS, x,
               count * sizeof *x);
        ++*depth;
        return;
    }
    double *top = kept + (*depth - 1) * REFERENCE_MOST_PICTURES * REFERENCE_MOST_NUMBERS;
    for (size_t i = 0; i < count; i++) {
        const double other = top[i];
        if (sign == '|') top[i] = x[i];
        x[i] = sign == '|' ? other : x[i] + other;
    }
    if (sign == '}') --*depth;
}

/* The features of n pictures into y[n, d]; returns how many parameters the body has. */
static inline size_t reference_features(reference *r, const double *p, const double *x, size_t n,
                                        double *y)
{
    static double buffers[2][REFERENCE_MOST_PICTURES * REFERENCE_MOST_NUMBERS],
        kept[REFERENCE_MOST_DEPTH * REFERENCE_MOST_PICTURES * REFERENCE_MOST_NUMBERS];
    size_t depth = 0;
    const size_t stride = REFERENCE_MOST_NUMBERS, size = r->c * r->h * r->w;
    reference_layer in = {"", 0, 0, 0, 0, 0, 0, 0, 0, r->c, r->h, r->w};
    const double *at = p;
    double *from = buffers[1];
    assert_true(n <= REFERENCE_MOST_PICTURES && size <= stride);
    for (size_t k = 0; k < n; k++) memcpy(buffers[1] + k * stride, x + k * size, size * sizeof *x);
    for (size_t i = 0; i < r->n_layers; i++) {
        double *to = from == buffers[0] ? buffers[1] : buffers[0];
        size_t used = 0;
        if (strspn(r->layers[i].kind, "{|}")) {
            reference_sign(r->layers[i].kind[0], n, from, kept, &depth);
            in = r->layers[i];
            continue;
        }
        if (strcmp(r->layers[i].kind, "batchnorm") == 0)
            used = reference_batchnorm(&in, at, n, stride, from, to);
        else
            for (size_t k = 0; k < n; k++)
                used =
                    reference_step(r, &in, &r->layers[i], at, from + k * stride, to + k * stride);
        at += used;
        from = to;
        in = r->layers[i];
    }
    for (size_t k = 0; k < n; k++) memcpy(y + k * r->d, from + k * stride, r->d * sizeof *y);
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
    static double all[REFERENCE_MOST_PICTURES * REFERENCE_MOST_NUMBERS];
    double logits[REFERENCE_MOST_NUMBERS];
    reference_losses losses = {0, 0, 0};
    r->pattern = 14695981039346656037u;
    const double *head = p + reference_features(r, p, x, n, all);
    for (size_t i = 0; i < n; i++) {
        const size_t label = (size_t)labels[i];
        const double *f = all + i * r->d;
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

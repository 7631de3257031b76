/* The body: a line of text, parsed into a graph of layers with shapes and a place in one flat buffer, and
 * the ops that are run of it. */
#ifndef CEN_NN_NET_H
#define CEN_NN_NET_H

#include "nn/fuse.h"

typedef struct cen__net {
    const cen__kernels *kernels; /* chosen when it is created: plans and runs use the same */
    cen__shape in, out;
    size_t n_layers, n_parameters, n_state; /* layers; numbers */
    double work;                            /* of an image */
    cen__layer *layers;
    cen__ops training, inference; /* what is run */
    char **texts;                 /* [n_layers], each layer as in the line */
    char **modules;               /* [n_layers], as torch names them: "4", "4.main.0" */
    char *line;                   /* as it was read, in one spelling */
    size_t last_dense;            /* where its text begins in the line */
} cen__net;

/* feature_size, where not 0, replaces OUT of the last dense. On failure *net is empty. Errors:
 * ARGUMENT (names the word and its column, or the layer and its input), LIMIT, MEMORY. */
cen_status cen__net_create(cen_context *context, const cen__kernels *kernels, cen__net *net,
                           const char *line, cen__shape in, size_t feature_size, cen_error *error);
void cen__net_free(cen__net *net);

/* The first n layers of kernels or matrices, with what follows each up to the next: so many layers of all. SIZE_MAX:
 * there are fewer than n. *n_there (may be NULL): how many there are. */
size_t cen__net_first(const cen__net *net, size_t n, size_t *n_there);

/* w[n_parameters]: a rectifier's weights He uniform (He et al. 2015, eq. 10 and 15), others Glorot
 * uniform (Glorot and Bengio 2010, eq. 16), or each parameter's start. */
void cen__net_initialize(const cen__net *net, uint64_t seed, float *w);

/* state[n_state]: each tensor's start. */
void cen__net_start(const cen__net *net, float *state);

/* sqrt(6 / (fan_in + fan_out)). */
double cen__glorot_bound(size_t fan_in, size_t fan_out);

/* count numbers uniform in +-bound. */
void cen__uniform(float *w, size_t count, double bound, uint64_t seed, uint64_t stream);

#endif

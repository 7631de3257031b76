/* What a layer is: one const table of functions in one file, forward and backward under each other.
 * A new layer is a new file with such a table and one line in layer_list.h. */
#ifndef CEN_NN_LAYER_H
#define CEN_NN_LAYER_H

#include "base/context.h"
#include "base/status.h"
#include "kernels/dispatch.h"
#include "nn/line.h"

/* Of one image; a flat vector of d numbers is {d, 1, 1}. */
typedef struct cen__shape {
    size_t c, h, w;
} cen__shape;

typedef struct cen__window {
    size_t h, w, stride_h, stride_w, pad_h, pad_w;
} cen__window;

enum { CEN__MAX_PARAMETERS = 2, CEN__MAX_STATES = 2, CEN__MAX_INPUTS = 2 };

/* The input of a layer that reads the net's. */
#define CEN__NET_INPUT SIZE_MAX

typedef struct cen__parameter {
    const char *name; /* "weight", "bias" */
    size_t n_dims, shape[CEN_MAX_DIMS];
    size_t offset, count;   /* numbers, from the layer's first */
    size_t fan_in, fan_out; /* of weights, which start at random; others as `start` */
    float start;
} cen__parameter;

typedef struct cen__layer_kind cen__layer_kind;

typedef struct cen__layer cen__layer;

struct cen__layer {
    const cen__layer_kind *kind;
    const cen__kernels *kernels;              /* the net's */
    size_t n_inputs, inputs[CEN__MAX_INPUTS]; /* the layers, or ops, that it reads */
    cen__shape in, out;                       /* in: of each input */
    size_t n_outputs;                         /* conv, dense */
    size_t groups;                            /* conv */
    cen__window window;                       /* conv, maxpool, avgpool */
    float number;        /* dropout: the chance; l2norm: the scale, 0 where it is learned */
    size_t n_parameters; /* tensors */
    cen__parameter parameters[CEN__MAX_PARAMETERS];
    size_t offset, count; /* of its parameters in the net's flat buffer */
    size_t n_states;      /* tensors that training changes by other rules than a gradient */
    cen__parameter states[CEN__MAX_STATES];
    size_t state_offset, state_count; /* of these in the net's buffer of state */
    size_t index;                     /* among the net's layers */
    size_t column;                    /* of its name in the line, from 1 */
    /* Of an op (fuse.h): */
    bool has_relu;     /* with relu */
    bool bias_is_lost; /* a batchnorm behind it takes the bias away: its gradient is 0 */
    bool is_frozen;    /* runs as in inference, and learns nothing */
    const cen__layer
        *norm; /* frozen, or inference: the batchnorm that is folded into its parameters */
};

/* True if it has a gradient of its own. */
static inline bool cen__layer_learns(const cen__layer *op)
{
    return op->n_parameters > 0 && !op->is_frozen;
}

/* One call of forward or backward: n images, and what belongs to the layer. */
typedef struct cen__pass {
    size_t n;
    size_t start;            /* of these images among those of the call */
    size_t first;            /* of these images in the batch */
    cen_context *context;    /* BATCH layers only; IMAGE layers run inside a thread */
    const float *w;          /* [layer->count] */
    const float *prepared;   /* [prepared_count], what prepare made of w for this pass; or NULL */
    const float *x, *x2;     /* [n, in] of each input */
    float *y;                /* [n, out]; y == x for a layer in place */
    const float *dy;         /* [n, out] */
    float *dx;               /* [n, in], assigned; dx == dy in place; NULL: only dw is needed */
    float *dw;               /* [layer->count]; IMAGE layers add to it, BATCH layers assign it */
    uint8_t *saved;          /* [n, saved_size]: from forward to backward; NULL without training */
    uint8_t *saved_of_batch; /* the same of the first of the batch's max_n images */
    size_t max_n;
    float *scratch; /* [scratch_count], 64-byte aligned, nobody else's during the call */
    float *state;   /* [layer->state_count] */
    float
        *shared; /* [shared_count] of the layer: one for all chunks, and from forward to backward */
    double *sums;        /* [sums_count]: assigned by a chunk; to finish, those of the batch */
    uint64_t seed, step; /* of what is drawn at random in training */
} cen__pass;

/* IMAGE: images are independent, the net gives each thread some of them, and several layers run on
 * the same images while these are in the cache. BATCH: sees the whole batch, brings its own
 * threads. */
typedef enum { CEN__SCOPE_IMAGE, CEN__SCOPE_BATCH } cen__scope;

struct cen__layer_kind {
    const char *name, *syntax; /* NULL: the name is all */
    cen__scope scope;
    bool in_place;     /* y may overwrite x, and dx dy: backward reads y and not x */
    bool keeps_memory; /* y is x, in the same order: nothing to compute */
    bool keeps_x;      /* y is x: forward only measures it */
    bool keeps_dy;     /* dx is dy: backward, if there is one, only measures it */
    bool rectifies;    /* weights before it start as He has it; its own weight is a slope */
    /* Reads what follows the name in the line; NULL: nothing does. */
    cen_status (*parse)(cen__line *line, cen__layer *layer, cen_error *error);
    /* Sets out, which is as in, and parameters. The message needs no layer name. NULL: nothing to set. */
    cen_status (*shape)(cen__layer *layer, cen_error *error);
    size_t (*saved_size)(const cen__layer *layer); /* bytes an image */
    size_t (*scratch_count)(const cen__layer *layer, size_t n, int n_threads);
    size_t (*shared_count)(const cen__layer *layer);
    size_t (*sums_count)(const cen__layer *layer);
    /* What IMAGE layers make of w before forward, or backward, of all images, and BATCH layers when
     * inference begins: in so many parts, none of which needs another. */
    size_t (*prepared_count)(const cen__layer *layer);
    size_t (*n_parts)(const cen__layer *layer, bool backward);
    void (*prepare)(const cen__layer *layer, const float *w, bool backward, size_t part,
                    float *prepared);
    void (*forward)(const cen__layer *layer, const cen__pass *pass);
    void (*backward)(const cen__layer *layer, const cen__pass *pass);
    /* Where forward, or backward, must know sums over the whole batch before the next op may
     * begin: called once, between the two, with the sums of all chunks and the batch's n. */
    void (*finish_forward)(const cen__layer *layer, const cen__pass *pass);
    void (*finish_backward)(const cen__layer *layer, const cen__pass *pass);
};

/* HxW [stride S] [pad P], of layers that move a window; stride as the window by default. */
cen_status cen__layer_parse_window(cen__line *line, cen__layer *layer, cen_error *error);

/* NULL where there is no such layer. */
const cen__layer_kind *cen__layer_find(const char *name, size_t name_size);

/* The names of all, as "conv, maxpool", cut to size. */
void cen__layer_names(char *text, size_t size);

/* Sizes from here on fit no memory; below it they can be added and multiplied by a few without
 * overflow. */
#define CEN__MOST_NUMBERS (SIZE_MAX / 64)

/* Append a tensor; the layer's count stays at CEN__MOST_NUMBERS where it does not fit. */
void cen__layer_add_parameter(cen__layer *layer, const cen__parameter *parameter);
void cen__layer_add_state(cen__layer *layer, const cen__parameter *state);

static inline bool cen__layer_reads(const cen__layer *layer, size_t input)
{
    bool reads = false;
    for (size_t k = 0; k < layer->n_inputs; k++) reads = reads || layer->inputs[k] == input;
    return reads;
}

static inline size_t cen__shape_count(cen__shape shape)
{
    return shape.c * shape.h * shape.w;
}

/* Multiply-adds of an image. One layer after the other moves numbers, too, which costs as much as 64 for
 * each; so a layer counts at least that many a number, the 64 of a convolution of 8 channels. */
double cen__layer_work(const cen__layer *layer);

/* Output side of a window: (side + 2 pad - window) / stride + 1, or 0 where it does not fit. */
size_t cen__window_steps(size_t side, size_t window, size_t stride, size_t pad);

#endif

/* A model: body, head, centers, class names, and how a picture is turned into its input. */
#ifndef CEN_TRAIN_MODEL_H
#define CEN_TRAIN_MODEL_H

#include "loss/head.h"
#include "nn/net.h"

enum { CEN__TRAINER_TENSORS = 3 }; /* head.weight, head.bias, centers.weight */

typedef struct cen__model_tensor {
    char *name;
    size_t n_dims, shape[CEN_MAX_DIMS], offset, count;
} cen__model_tensor;

typedef struct cen__note {
    char *key, *value;
} cen__note;

struct cen_model {
    cen_context *context, *own_context; /* own_context: NULL if it was given */
    cen__net net;
    cen_model_info info;
    char **class_names;
    cen_layer_info *layers;
    float *parameters; /* body, head.weight, head.bias, centers; after them the state of the body */
    float *
        owned; /* the same; NULL: the numbers stay in the caller's memory, which is not written to */
    uint64_t seed; /* of initial weights */
    unsigned
        n_changes; /* counts changes of the classes: objects made for the model earlier cannot be used any more */
    size_t n_parameters;                    /* that are trained */
    size_t n_numbers;                       /* with the state */
    size_t head_weight, head_bias, centers; /* their offsets */
    cen__head head;                         /* its kind of head; an affine map at first */
    cen__model_tensor *tensors;             /* in the order of the numbers */
    size_t n_tensors;
    cen__note *notes;
    size_t n_notes, notes_capacity;
};

/* Makes everything but the parameters: names, shapes, places. On failure *model is NULL. */
cen_status cen__model_layout(cen_context *context, cen_model **model,
                             const cen_model_options *options, cen_error *error);

/* The running statistics of the body, for cen__run_use. */
static inline float *cen__model_state(const cen_model *model)
{
    return model->parameters + model->n_parameters;
}

/* Numbers in it. */
static inline size_t cen__model_n_state(const cen_model *model)
{
    return model->n_numbers - model->n_parameters;
}

/* Copies parameters that are in the caller's memory, so that they can be written to. Errors: MEMORY. */
cen_status cen__model_own(cen_model *model, cen_error *error);

/* Errors: LIMIT if there is no room for so many classes. */
cen_status cen__model_check_classes(const cen__net *net, size_t n_classes, cen_error *error);

/* names NULL: the numbers from 0. Errors: ARGUMENT (a class without a name), MEMORY. */
cen_status cen__class_names_copy(cen_context *context, const char *const *names, size_t n,
                                 char ***copies, cen_error *error);
void cen__class_names_free(char **names, size_t n);

/* rows[n]: the place of each name in among[n_among], SIZE_MAX for a name that is not there. Of equal ones the first
 * counts. Errors: MEMORY. */
cen_status cen__class_names_find(cen_context *context, char *const *among, size_t n_among,
                                 char *const *names, size_t n, size_t *rows, cen_error *error);

/* Centers start uniform in +- this, as Keras's Embedding. */
#define CEN__CENTER_BOUND 0.05

/* Allocates the parameters, not initialised. */
cen_status cen__model_allocate(cen_model *model, cen_error *error);

/* As cen__take_options. Errors: ARGUMENT, also if the limits allow nothing. */
cen_status cen__limits_take(cen_model_limits *limits, const cen_model_limits *given,
                            cen_error *error);

/* Checks a model without memory. The parameters of a model from a file are in the file, so their memory is not limited.
 * Errors: LIMIT, MEMORY. */
cen_status cen__model_check_limits(const cen_model *model, const cen_model_limits *limits,
                                   bool is_file, cen_error *error);

bool cen__is_utf8(const char *text);

/* True if a model can compute with these numbers of a tensor: they are finite, and no variance is below 0. */
bool cen__is_usable(const cen__model_tensor *tensor, const float *numbers);

/* The same for all tensors. Errors: NOT_FINITE, which names the first bad one. */
cen_status cen__model_check(const cen_model *model, cen_error *error);

/* True for the keys that a model file has itself. */
bool cen__model_reserves(const char *key);

/* cen_model_set_note for a key that no note has yet, without searching: a file may have 100,000 notes. Errors: MEMORY. */
cen_status cen__model_add_note(cen_model *model, const char *key, const char *value,
                               cen_error *error);

#endif

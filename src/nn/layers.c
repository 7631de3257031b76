#include "nn/layers.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static const cen__layer_kind *const kinds[] = {
#define CEN__LAYER(name) &cen__##name##_layer,
#include "nn/layer_list.h"
#undef CEN__LAYER
};

const cen__layer_kind *cen__layer_find(const char *name, size_t name_size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i]->name) == name_size && memcmp(kinds[i]->name, name, name_size) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

void cen__layer_names(char *text, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cen__append(text, size, &at, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
    }
}

cen_status cen__layer_parse_window(cen__line *line, cen__layer *layer, cen_error *error)
{
    cen__window *window = &layer->window;
    *window = (cen__window){0};
    cen_status status =
        cen__line_size(line, "the window's size, as 2 or 2x2", 1, &window->h, &window->w, error);
    if (status != CEN_OK) return status;
    window->stride_h = window->h;
    window->stride_w = window->w;
    if (cen__line_take(line, "stride")) {
        status = cen__line_size(line, "a stride, as 2 or 2x1", 1, &window->stride_h,
                                &window->stride_w, error);
        if (status != CEN_OK) return status;
    }
    if (cen__line_take(line, "pad")) {
        cen__line before = *line;
        status = cen__line_size(line, "a padding, as 1 or 1x0", 0, &window->pad_h, &window->pad_w,
                                error);
        if (status == CEN_OK && (window->pad_h > window->h / 2 || window->pad_w > window->w / 2)) {
            status =
                cen__line_fail(&before, error, "a padding of at most half of the window's size");
        }
    }
    return status;
}

/* Places a tensor behind *total numbers. */
static void add_tensor(cen__parameter *added, const cen__parameter *tensor, size_t *total)
{
    *added = *tensor;
    added->offset = *total;
    added->count = 1;
    bool fits = true;
    for (size_t i = 0; i < CEN_MAX_DIMS; i++) {
        if (i >= added->n_dims) added->shape[i] = 1;
        fits = fits && cen__multiply(added->count, added->shape[i], &added->count);
    }
    fits = fits && added->count <= CEN__MOST_NUMBERS - *total;
    *total = fits ? *total + added->count : CEN__MOST_NUMBERS;
}

void cen__layer_add_parameter(cen__layer *layer, const cen__parameter *parameter)
{
    add_tensor(&layer->parameters[layer->n_parameters++], parameter, &layer->count);
}

void cen__layer_add_state(cen__layer *layer, const cen__parameter *state)
{
    add_tensor(&layer->states[layer->n_states++], state, &layer->state_count);
}

double cen__layer_work(const cen__layer *layer)
{
    const double least = 64, area = (double)layer->out.h * (double)layer->out.w;
    double in = (double)cen__shape_count(layer->in), out = (double)cen__shape_count(layer->out);
    double numbers = in > out ? in : out, taps = (double)layer->window.h * (double)layer->window.w;
    bool has_matrix = layer->n_parameters > 0 && layer->parameters[0].n_dims > 1;
    double work = has_matrix ? (double)layer->parameters[0].count * area : taps * out;
    if (layer->kind->keeps_memory) return 0;
    return work > least * numbers ? work : least * numbers;
}

size_t cen__window_steps(size_t side, size_t window, size_t stride, size_t pad)
{
    return side + 2 * pad < window ? 0 : (side + 2 * pad - window) / stride + 1;
}

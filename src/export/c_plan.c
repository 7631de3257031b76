/* How each layer of a C file is computed, and where its numbers stand in the work memory. */
#include <math.h>

#include "base/memory.h"
#include "base/status.h"
#include "export/c_net.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_pool_direct.h"
#include "kernels/conv_winograd.h"
#include "kernels/dispatch.h"

/* ---- how the library would compute it ---- */

static void choose_method(cen__c_op *op, bool allow_winograd)
{
    cen__c_layer *v = &op->layer;
    const cen__conv_set *const set = cen__kernels_baseline.conv;
    const cen__conv conv = {.kernels = &cen__kernels_baseline,
                            .groups = (size_t)v->groups,
                            .c = (size_t)v->c,
                            .h = (size_t)v->h,
                            .w = (size_t)v->w,
                            .k = (size_t)v->k,
                            .kernel_h = (size_t)v->kernel_h,
                            .kernel_w = (size_t)v->kernel_w,
                            .stride_h = (size_t)v->stride_h,
                            .stride_w = (size_t)v->stride_w,
                            .pad_h = (size_t)v->pad_h,
                            .pad_w = (size_t)v->pad_w,
                            .out_h = (size_t)v->out_h,
                            .out_w = (size_t)v->out_w};
    const bool pools = v->pooled && v->groups == 1 && cen__pool_direct_suits(&conv, set);
    v->columns_first = cen__depthwise_suits(&conv) && !pools;
    if (!allow_winograd || !cen__winograd_suits(&conv, set)) return;
    const size_t m = cen__winograd_outputs(&conv, set), tile_side = m + conv.kernel_h - 1;
    const size_t tiles = (conv.out_w + m - 1) / m;
    op->kind = CEN__C_WINOGRAD;
    op->n_scratch = ((conv.c + 1) * tile_side * tile_side + m * m) * tiles;
}

static bool are_finite(size_t n, const float *numbers)
{
    bool good = true;
    for (size_t i = 0; i < n; i++) good = good && isfinite(numbers[i]);
    return good;
}

static cen_status finish_ops(cen__c_net *net, cen_error *error)
{
    for (size_t i = 0; i < net->n_ops; i++) {
        cen__c_op *op = &net->ops[i];
        if (op->kind == CEN__C_CONV) choose_method(op, net->format != CEN__C_BYTES);
        if (are_finite(op->n_weights, op->weights) && are_finite(op->n_numbers, op->numbers)) {
            continue;
        }
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "body.%s, '%s': its numbers with those of its batchnorm are not all "
                         "finite, which a C file cannot hold",
                         op->info->place, op->info->text);
    }
    return CEN_OK;
}

/* ---- memory ---- */

/* Values that an op overwrites share an area with its result. */
static void join_values(cen__c_net *net, size_t *last_use)
{
    for (size_t i = 0; i < net->n_values; i++) last_use[i] = 0;
    for (size_t i = 0; i < net->n_ops; i++) {
        last_use[net->ops[i].x] = last_use[net->ops[i].x2] = i;
    }
    last_use[net->output] = net->n_ops;
    net->areas[net->n_areas++] = (cen__c_area){.count = net->values[0].count, .end = last_use[0]};
    for (size_t i = 0; i < net->n_ops; i++) {
        const cen__c_op *op = &net->ops[i];
        cen__c_value *y = &net->values[op->y];
        y->area = net->values[op->x].area;
        if (!cen__c_functions[op->kind]->in_place || last_use[op->x] > i) {
            y->area = net->n_areas++;
            net->areas[y->area] = (cen__c_area){.count = y->count, .begin = i};
        }
        net->areas[y->area].end = last_use[op->y] > i ? last_use[op->y] : i;
    }
}

/* The lowest place that no area has which was placed before it and lives at the same time. */
static void place_area(cen__c_net *net, const size_t *placed, size_t n_placed, size_t i)
{
    cen__c_area *area = &net->areas[i];
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t j = 0; j < n_placed; j++) {
            const cen__c_area *other = &net->areas[placed[j]];
            if (other->begin > area->end || area->begin > other->end) continue;
            if (other->offset >= area->offset + area->count ||
                area->offset >= other->offset + other->count) {
                continue;
            }
            area->offset = other->offset + other->count;
            moved = true;
        }
    }
    const size_t end = area->offset + area->count;
    if (end > net->n_work) net->n_work = end;
}

/* The largest first. */
static void place_areas(cen__c_net *net, size_t *order)
{
    for (size_t i = 0; i < net->n_areas; i++) {
        size_t at = i;
        for (; at > 0 && net->areas[order[at - 1]].count < net->areas[i].count; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (size_t i = 0; i < net->n_areas; i++) place_area(net, order, i, order[i]);
}

static int place_of(const cen__c_net *net, size_t value)
{
    return (int)net->areas[net->values[value].area].offset;
}

cen_status cen__c_net_plan(cen__c_net *net, cen_error *error)
{
    cen_status status = finish_ops(net, error);
    if (status != CEN_OK) return status;
    size_t *order = cen__alloc(net->context, net->n_values + net->n_ops, sizeof *order);
    if (order == NULL) return cen__fail_memory(error, "a C file");
    join_values(net, order);
    const size_t first_scratch = net->n_areas;
    for (size_t i = 0; i < net->n_ops; i++) {
        net->areas[net->n_areas++] =
            (cen__c_area){.count = net->ops[i].n_scratch, .begin = i, .end = i};
    }
    place_areas(net, order);
    cen__free(order);
    if (net->n_work > INT32_MAX) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "the net needs work memory of %zu numbers, and a C file may need 2^31",
                         net->n_work);
    }
    for (size_t i = 0; i < net->n_ops; i++) {
        cen__c_op *op = &net->ops[i];
        op->layer.weights = op->weights;
        op->layer.numbers = op->numbers;
        op->layer.x = place_of(net, op->x);
        op->layer.x2 = place_of(net, op->x2);
        op->layer.y = place_of(net, op->y);
        op->layer.scratch = (int)net->areas[first_scratch + i].offset;
    }
    net->ends.y = place_of(net, 0);
    net->ends.x = place_of(net, net->output);
    return CEN_OK;
}

#include "nn/places.h"

#include "base/memory.h"
#include "base/sizes.h"

enum { ALIGNED = 16 };

#define NONE SIZE_MAX

/* Numbers an image that lie in one place while they live. Time is counted in ops, forward or backward. */
typedef struct buffer {
    size_t count, start, end;
    size_t
        n_pending; /* gradients: outputs whose gradient it is, and which backward has not reached */
    cen__place place;
} buffer;

/* Memory that one buffer has after the other. */
typedef struct slot {
    size_t numbers, free_at;
} slot;

typedef struct slots {
    slot *slots;
    size_t n;
} slots;

/* Of an op. */
typedef struct life {
    size_t stage;
    size_t root; /* the op that has computed what this one hands on; NONE: it is the net's input */
    size_t n_readers, last_reader; /* of what this op has computed */
    size_t output, gradient;       /* buffers; NONE: the net's input, or not there yet */
    bool is_trained;               /* parameters that learn are in it or before it */
} life;

typedef struct layout {
    cen__plan *plan;
    life *lives;
    buffer *buffers;
    size_t n_buffers;
    slots batch, area;
} layout;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t add_buffer(layout *l, cen__shape shape, size_t time)
{
    l->buffers[l->n_buffers] =
        (buffer){cen__shape_count(shape), time, time, 0, {CEN__AT_BATCH, 0, 0}};
    return l->n_buffers++;
}

static void use_buffer(layout *l, size_t index, size_t time)
{
    if (index != NONE) l->buffers[index].end = larger(l->buffers[index].end, time);
}

/* ---- outputs ---- */

/* Who reads what: an op that hands on its input reads nothing of it, or only measures it. */
static void find_readers(layout *l)
{
    const cen__plan *plan = l->plan;
    for (size_t i = 0; i < plan->n_ops; i++) {
        const cen__layer *op = &plan->ops[i];
        bool hands_on = op->kind->keeps_memory || op->kind->keeps_x;
        l->lives[i].root = i;
        for (size_t k = 0; k < op->n_inputs; k++) {
            const size_t input = op->inputs[k];
            const size_t root = input != CEN__NET_INPUT ? l->lives[input].root : NONE;
            if (hands_on) l->lives[i].root = root;
            if (root == NONE || op->kind->keeps_memory) continue;
            l->lives[root].n_readers++;
            l->lives[root].last_reader = i;
        }
    }
    const size_t last = plan->n_ops > 0 ? l->lives[plan->n_ops - 1].root : NONE;
    if (last != NONE) l->lives[last].last_reader = plan->n_ops; /* the caller */
}

/* Whether op i may write over what the op `root` has computed: nobody else reads that, in training not
 * even backward. */
static bool may_overwrite(const layout *l, size_t root, size_t i)
{
    if (root == NONE) return false;
    if (!l->plan->is_training) return l->lives[root].last_reader == i;
    return l->lives[root].n_readers == 1 && !l->plan->ops[root].kind->in_place;
}

static void plan_outputs(layout *l)
{
    const cen__plan *plan = l->plan;
    find_readers(l);
    for (size_t i = 0; i < plan->n_ops; i++) {
        const cen__layer *op = &plan->ops[i];
        const size_t input = op->inputs[0];
        const size_t root = input != CEN__NET_INPUT ? l->lives[input].root : NONE;
        life *at = &l->lives[i];
        if (at->root != i) {
            at->output = at->root != NONE ? l->lives[at->root].output : NONE;
            continue;
        }
        bool is_in_place = op->kind->in_place && may_overwrite(l, root, i);
        at->output = is_in_place ? l->lives[root].output : add_buffer(l, op->out, i);
        use_buffer(l, at->output, at->last_reader);
    }
}

/* ---- gradients ---- */

/* Gradient `from`, which op i makes at this time for its input k, comes to the gradient of that input: it
 * becomes that, or is added to what another reader has made. */
static void hand_on(layout *l, size_t i, size_t k, size_t from, size_t time)
{
    const cen__layer *op = &l->plan->ops[i];
    const size_t input = op->inputs[k];
    life *to = &l->lives[input];
    const size_t there = to->gradient;
    if (there == NONE) {
        to->gradient = from;
        l->buffers[from].n_pending++;
        return;
    }
    bool is_last = k + 1 == op->n_inputs; /* who else gets `from` */
    size_t sum = there;
    if (l->buffers[there].n_pending > 1 || there == from) {
        bool is_free = is_last && l->buffers[from].n_pending == 0;
        sum = is_free ? from : add_buffer(l, op->in, time);
        l->buffers[there].n_pending--;
        l->buffers[sum].n_pending++;
        to->gradient = sum;
    }
    use_buffer(l, there, time);
    use_buffer(l, sum, time);
    l->plan->spots[i].additions[k] = (cen__addition){.is_due = true,
                                                     .to = {CEN__AT_BATCH, sum, 0},
                                                     .a = {CEN__AT_BATCH, there, 0},
                                                     .b = {CEN__AT_BATCH, from, 0}};
}

static bool is_needed(const layout *l, const cen__layer *op, size_t k)
{
    return op->inputs[k] != CEN__NET_INPUT && l->lives[op->inputs[k]].is_trained;
}

/* Op i, whose gradient is complete, as all that read its output have run. */
static void plan_gradient(layout *l, size_t i, size_t time)
{
    const cen__layer *op = &l->plan->ops[i];
    cen__spot *spot = &l->plan->spots[i];
    const size_t dy = l->lives[i].gradient;
    for (size_t k = 0; k < op->n_inputs; k++) {
        spot->needs_dx = spot->needs_dx || is_needed(l, op, k);
    }
    if (!l->lives[i].is_trained) return;
    size_t dx = dy;
    l->buffers[dy].n_pending--;
    use_buffer(l, dy, time);
    bool hands_on = op->kind->keeps_memory || op->kind->keeps_dy;
    bool is_in_place = op->kind->in_place && l->buffers[dy].n_pending == 0;
    if (spot->needs_dx && !hands_on && !is_in_place) dx = add_buffer(l, op->in, time);
    spot->dy = (cen__place){CEN__AT_BATCH, dy, 0};
    spot->dx = (cen__place){CEN__AT_BATCH, dx, 0};
    for (size_t k = 0; k < op->n_inputs; k++) {
        if (is_needed(l, op, k)) hand_on(l, i, k, dx, time);
    }
}

static void plan_gradients(layout *l)
{
    const cen__plan *plan = l->plan;
    for (size_t i = 0; i < plan->n_ops; i++) {
        life *at = &l->lives[i];
        at->gradient = NONE;
        at->is_trained = cen__layer_learns(&plan->ops[i]);
        for (size_t k = 0; k < plan->ops[i].n_inputs; k++) {
            at->is_trained = at->is_trained || is_needed(l, &plan->ops[i], k);
        }
    }
    const size_t last = plan->n_ops - 1;
    l->lives[last].gradient = add_buffer(l, plan->net->out, 0);
    l->buffers[l->lives[last].gradient].n_pending = 1;
    l->buffers[l->lives[last].gradient].place.kind = CEN__AT_INPUT;
    for (size_t time = 0; time < plan->n_ops; time++) plan_gradient(l, last - time, time);
}

/* ---- places ---- */

/* A slot for numbers that live from start to end; the slots are not more than the buffers. */
static size_t take_slot(slots *in, size_t numbers, size_t start, size_t end)
{
    size_t i = 0;
    while (i < in->n && in->slots[i].free_at > start) i++;
    if (i == in->n) in->slots[in->n++] = (slot){0, 0};
    in->slots[i].numbers = larger(in->slots[i].numbers, cen__round_up(numbers, ALIGNED));
    in->slots[i].free_at = end == NONE ? NONE : end + 1;
    return i;
}

/* Within a stage chunks are at different ops, so a place of the batch is free only after the stage. A stage of
 * the whole batch has its scratch in the area, and no more. */
static void place_buffer(layout *l, buffer *b, bool is_gradient)
{
    const cen__plan *plan = l->plan;
    const size_t n = plan->n_ops;
    const size_t first = is_gradient ? n - 1 - b->start : b->start;
    const size_t last = is_gradient ? n - 1 - b->end : b->end;
    const size_t a = l->lives[first].stage, z = last < n ? l->lives[last].stage : plan->n_stages;
    b->place.count = b->count;
    if (b->place.kind == CEN__AT_INPUT) return;
    if (plan->is_training && !is_gradient) {
        b->place.offset = take_slot(&l->batch, cen__times(b->count, plan->max_n), 0, NONE);
    } else if (a != z || plan->stages[a].scope == CEN__SCOPE_BATCH) {
        const size_t start = is_gradient ? plan->n_stages - 1 - a : a;
        const size_t end = is_gradient ? plan->n_stages - 1 - z : z;
        b->place.offset = take_slot(&l->batch, cen__times(b->count, plan->max_n), start, end);
    } else {
        const size_t numbers =
            cen__times(b->count, cen__plan_largest_chunk(&plan->stages[a], plan->max_n));
        b->place.kind = CEN__AT_AREA;
        b->place.offset = take_slot(&l->area, numbers, b->start, b->end);
    }
}

/* The slots that buffers have become offsets; returns the numbers of all slots. */
static size_t stack(const slots *in, layout *l, cen__place_kind kind)
{
    size_t total = 0;
    for (size_t i = 0; i < in->n; i++) {
        const size_t numbers = in->slots[i].numbers;
        in->slots[i].numbers = total; /* from here on where it begins */
        total = cen__plus(total, numbers);
    }
    for (size_t i = 0; i < l->n_buffers; i++) {
        cen__place *place = &l->buffers[i].place;
        if (place->kind == kind) place->offset = in->slots[place->offset].numbers;
    }
    return total;
}

/* A buffer's number becomes its place. */
static void resolve(const layout *l, cen__place *place)
{
    if (place->kind != CEN__AT_INPUT) *place = l->buffers[place->offset].place;
}

static void resolve_all(const layout *l)
{
    const cen__plan *plan = l->plan;
    for (size_t i = 0; i < plan->n_ops; i++) {
        cen__spot *spot = &plan->spots[i];
        const size_t output = l->lives[i].output;
        spot->y = output != NONE ? l->buffers[output].place
                                 : (cen__place){CEN__AT_INPUT, 0, cen__shape_count(plan->net->in)};
        resolve(l, &spot->dy);
        resolve(l, &spot->dx);
        for (size_t k = 0; k < CEN__MAX_INPUTS; k++) {
            if (!spot->additions[k].is_due) continue;
            resolve(l, &spot->additions[k].to);
            resolve(l, &spot->additions[k].a);
            resolve(l, &spot->additions[k].b);
        }
    }
}

static void lay_out(layout *l)
{
    cen__plan *plan = l->plan;
    for (size_t s = 0; s < plan->n_stages; s++) {
        for (size_t i = plan->stages[s].first; i < plan->stages[s].end; i++) l->lives[i].stage = s;
    }
    plan_outputs(l);
    const size_t n_outputs = l->n_buffers;
    for (size_t i = 0; i < n_outputs; i++) place_buffer(l, &l->buffers[i], false);
    for (size_t i = 0; i < l->area.n; i++) l->area.slots[i].free_at = 0;
    if (plan->is_training) plan_gradients(l);
    for (size_t i = n_outputs; i < l->n_buffers; i++) place_buffer(l, &l->buffers[i], true);
    plan->batch_count = stack(&l->batch, l, CEN__AT_BATCH);
    plan->scratch_offset = stack(&l->area, l, CEN__AT_AREA);
    resolve_all(l);
}

bool cen__plan_places(cen_context *context, cen__plan *plan)
{
    /* Of an op: an output, a gradient, and one sum for each input. */
    const size_t most = (2 + CEN__MAX_INPUTS) * plan->n_ops + 1;
    layout l = {.plan = plan,
                .lives = cen__alloc_zeroed(context, plan->n_ops, sizeof *l.lives),
                .buffers = cen__alloc(context, most, sizeof *l.buffers),
                .batch = {cen__alloc(context, most, sizeof *l.batch.slots), 0},
                .area = {cen__alloc(context, most, sizeof *l.area.slots), 0}};
    bool good =
        l.lives != NULL && l.buffers != NULL && l.batch.slots != NULL && l.area.slots != NULL;
    if (good) lay_out(&l);
    cen__free(l.lives);
    cen__free(l.buffers);
    cen__free(l.batch.slots);
    cen__free(l.area.slots);
    return good;
}

#include "loss/head.h"

#include <string.h>

#include "kernels/affine.h"
#include "loss/cosface.h"

static void affine(const cen__head_pass *pass)
{
    cen__affine map = {pass->kernels, pass->n, pass->d, pass->k, pass->context, pass->scratch};
    cen__affine_forward(&map, pass->f, pass->weight, pass->bias, pass->logits);
}

const cen__head_kind cen__affine_head = {
    .name = "affine", .scratch_count = cen__affine_scratch_count, .forward = affine};

static void cosine(const cen__head_pass *pass)
{
    cen__margin map = {.n = pass->n,
                       .d = pass->d,
                       .k = pass->k,
                       .scale = pass->scale,
                       .context = pass->context,
                       .scratch = pass->scratch,
                       .kernels = pass->kernels};
    cen__margin_logits(&map, pass->f, pass->weight, pass->logits);
}

const cen__head_kind cen__cosine_head = {.name = "cosine",
                                         .has_scale = true,
                                         .scratch_count = cen__margin_scratch_count,
                                         .forward = cosine};

/* The one list of heads. */
static const cen__head_kind *const kinds[] = {&cen__affine_head, &cen__cosine_head};

const cen__head_kind *cen__head_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    }
    return NULL;
}

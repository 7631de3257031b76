/* The part of a plan that gives every output and gradient its place: the shortest lives decide. */
#ifndef CEN_NN_PLACES_H
#define CEN_NN_PLACES_H

#include "nn/plan.h"

/* Sets the places in plan->spots, batch_count and scratch_offset, by the plan's stages. False: no memory
 * is left. */
bool cen__plan_places(cen_context *context, cen__plan *plan);

#endif

/* Weights of 16 bits (IEEE 754, binary16). */
#include <string.h>

#include "base/status.h"
#include "export/c_net.h"
#include "export/c_text.h"

/* clang-format off */

#undef value
#define value value_of_half
SHARED(cen__c_half,
static float value(uint16_t weight)
{
    union bits { uint32_t bits; float number; } made;
    float small = (float)(weight & 1023) * 5.9604644775390625e-8f;
    int exponent = weight >> 10 & 31;
    made.bits = ((uint32_t)exponent + 112) << 23 | (uint32_t)(weight & 1023) << 13;
    if (exponent == 0) made.number = small;
    return weight & 0x8000 ? -made.number : made.number;
})

/* clang-format on */

float cen__c_whole(uint16_t half)
{
    return value_of_half(half);
}

/* To the nearest, of two equally near ones to the even one. |weight| is at most 65504. */
uint16_t cen__c_half(float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, exponent = bits >> 23 & 255;
    uint32_t digits = (bits & 0x7FFFFF) | 0x800000;
    const uint32_t shift = exponent >= 113 ? 13 : exponent > 101 ? 126 - exponent : 25;
    const uint32_t rest = digits & ((1u << shift) - 1), middle = 1u << (shift - 1);
    digits >>= shift;
    if (rest > middle || (rest == middle && digits % 2 == 1)) digits++;
    /* The leading digit adds one to the exponent, and so does a carry. */
    return (uint16_t)(sign | (exponent >= 113 ? ((exponent - 113) << 10) + digits : digits));
}

cen_status cen__c_net_halve(cen__c_net *net, cen_error *error)
{
    const float most = 65504;
    for (size_t i = 0; i < net->n_ops; i++) {
        cen__c_op *op = &net->ops[i];
        for (size_t j = 0; j < op->n_weights; j++) {
            const float weight = op->weights[j];
            if (weight > most || weight < -most) {
                return cen__fail(
                    error, CEN_ERROR_LIMIT,
                    "body.%s, '%s': a weight of %g is larger than 16 bits hold, 65504; "
                    "export it with 32",
                    op->info->place, op->info->text, (double)weight);
            }
            op->weights[j] = cen__c_whole(cen__c_half(weight));
        }
    }
    return CEN_OK;
}

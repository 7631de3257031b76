/* Cells of a C file's work memory: floats, or bytes of which (cell - zero) * scale is the number. */
#include "export/c_text.h"

/* clang-format off */

#undef get
#undef put
#undef get_second
#define get get_float
#define put put_float
#define get_second get_second_float
SHARED(cen__c_float_cells,
static float get(const layer *v, const cell *work, int i)
{
    return work[v->x + i];
}

static void put(const layer *v, cell *work, int i, float x)
{
    work[v->y + i] = x;
})
SHARED(cen__c_float_second,
static float get_second(const layer *v, const cell *work, int i)
{
    return work[v->x2 + i];
})
#undef get
#undef put
#undef get_second
#define get get_byte
#define put put_byte
#define get_second get_second_byte
SHARED(cen__c_byte_cells,
static float get(const layer *v, const cell *work, int i)
{
    return ((float)work[v->x + i] - (float)v->x_zero) * v->x_scale;
}

static void put(const layer *v, cell *work, int i, float x)
{
    float steps = x * v->y_steps;
    int q = (int)(steps > 300 ? 300 : steps < -300 ? -300 : steps < 0 ? steps - 0.5f : steps + 0.5f) + v->y_zero;
    work[v->y + i] = (cell)(q < -128 ? -128 : q > 127 ? 127 : q);
})
SHARED(cen__c_byte_second,
static float get_second(const layer *v, const cell *work, int i)
{
    return ((float)work[v->x2 + i] - (float)v->x2_zero) * v->x2_scale;
})
#undef get
#undef put
#undef get_second

/* clang-format on */

/* The library's cells are floats that hold either. */
float cen__c_get(const layer *v, const cell *work, int i)
{
    return v->x_scale > 0 ? get_byte(v, work, i) : get_float(v, work, i);
}

float cen__c_get_second(const layer *v, const cell *work, int i)
{
    return v->x2_scale > 0 ? get_second_byte(v, work, i) : get_second_float(v, work, i);
}

void cen__c_put(const layer *v, cell *work, int i, float x)
{
    if (v->y_steps > 0) {
        put_byte(v, work, i, x);
    } else {
        put_float(v, work, i, x);
    }
}

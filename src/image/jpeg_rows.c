#include "image/kernels.h"

#include <string.h>

/* ---- upsampling ---------------------------------------------------------------------------- */

/* libjpeg's choice: triangle filters for factors of 2, samples repeated for all others, for planes
 * too narrow for a triangle, and where blocks are scaled to one pixel. */
static cen_status plan_component(cen__jpeg *jpeg, cen__jpeg_component *component)
{
    size_t h_in = component->h * component->dct_size / jpeg->scale;
    size_t v_in = component->v * component->dct_size / jpeg->scale;
    size_t h_out = jpeg->max_h, v_out = jpeg->max_v;
    bool fancy = jpeg->scale > 1, wide = component->width > 2;
    component->h_expand = h_out / h_in;
    component->v_expand = v_out / v_in;
    component->upsampling = CEN__JPEG_BOX;
    if (h_out % h_in != 0 || v_out % v_in != 0)
        return cen__fail(jpeg->error, CEN_ERROR_UNSUPPORTED,
                         "JPEG with the sampling factors %zux%zu in %zux%zu is not supported, for "
                         "they do not divide; save it with 4:4:4, 4:2:2 or 4:2:0",
                         component->h, component->v, jpeg->max_h, jpeg->max_v);
    if (component->h_expand == 1 && component->v_expand == 1)
        component->upsampling = CEN__JPEG_COPY;
    else if (fancy && component->h_expand == 1 && component->v_expand == 2)
        component->upsampling = CEN__JPEG_V2_FANCY;
    else if (fancy && wide && component->h_expand == 2 && component->v_expand == 1)
        component->upsampling = CEN__JPEG_H2_FANCY;
    else if (fancy && wide && component->h_expand == 2 && component->v_expand == 2)
        component->upsampling = CEN__JPEG_H2V2_FANCY;
    return CEN_OK;
}

cen_status cen__jpeg_plan_rows(cen__jpeg *jpeg)
{
    for (size_t c = 0; c < jpeg->n_components; c++) {
        cen_status status = plan_component(jpeg, &jpeg->components[c]);
        if (status != CEN_OK) return status;
    }
    return CEN_OK;
}

static bool needs_neighbours(const cen__jpeg_component *component)
{
    return component->upsampling == CEN__JPEG_V2_FANCY ||
           component->upsampling == CEN__JPEG_H2V2_FANCY;
}

static const uint8_t *plane_row(const cen__jpeg_component *component, size_t y)
{
    return component->plane + y % component->plane_rows * component->stride;
}

static void expand_row(const cen__jpeg_component *component, const uint8_t *in)
{
    size_t h = component->h_expand;
    for (size_t x = 0; x < component->width; x++) memset(component->row + x * h, in[x], h);
}

/* Row y of the picture in a component. */
static const uint8_t *upsampled_row(const cen__jpeg *jpeg, const cen__jpeg_component *component,
                                    size_t y)
{
    size_t in = y / component->v_expand, last = component->height - 1;
    bool below = y % 2 == 1;
    const uint8_t *near = plane_row(component, in), *far = near;
    if (needs_neighbours(component) && below && in < last) far = plane_row(component, in + 1);
    if (needs_neighbours(component) && !below && in > 0) far = plane_row(component, in - 1);
    switch (component->upsampling) {
    case CEN__JPEG_COPY: return near;
    case CEN__JPEG_BOX: expand_row(component, near); break;
    case CEN__JPEG_H2_FANCY:
        jpeg->kernels->upsample_h2(near, component->width, component->row);
        break;
    case CEN__JPEG_V2_FANCY:
        jpeg->kernels->upsample_v2(near, far, below, component->width, component->row);
        break;
    case CEN__JPEG_H2V2_FANCY:
        jpeg->kernels->upsample_h2v2(near, far, component->width, jpeg->sums, component->row);
        break;
    }
    return component->row;
}

/* ---- colour -------------------------------------------------------------------------------- */

/* a * b / 255, rounded, as Pillow does it. */
static uint8_t multiply(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;
    return (uint8_t)(((product >> 8) + product) >> 8);
}

/* Adobe's files hold inks inverted, so that a large value is little ink, and Pillow takes all for
 * Adobe's. In terms of the stored values c and k its RGB is k - (255 - c) * k / 255. */
static void ink_to_rgb(uint8_t *rgb, const uint8_t *k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            uint8_t *p = &rgb[3 * i + c];
            *p = (uint8_t)(k[i] - multiply(255u - *p, k[i]));
        }
}

/* YCCK holds the inks as the YCC of their complements. */
static void complement(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(255 - bytes[i]);
}

static void write_row(cen__jpeg *jpeg, size_t y, uint8_t *out)
{
    const uint8_t *rows[CEN__JPEG_MAX_COMPONENTS];
    size_t n = jpeg->width;
    for (size_t c = 0; c < jpeg->n_components; c++)
        rows[c] = upsampled_row(jpeg, &jpeg->components[c], y);
    switch (jpeg->colour) {
    case CEN__JPEG_GREY: memcpy(out, rows[0], n); break;
    case CEN__JPEG_YCC: jpeg->kernels->ycc_to_rgb(rows[0], rows[1], rows[2], n, out); break;
    case CEN__JPEG_RGB: jpeg->kernels->interleave(rows[0], rows[1], rows[2], n, out); break;
    case CEN__JPEG_CMYK:
        jpeg->kernels->interleave(rows[0], rows[1], rows[2], n, out);
        ink_to_rgb(out, rows[3], n);
        break;
    case CEN__JPEG_YCCK:
        jpeg->kernels->ycc_to_rgb(rows[0], rows[1], rows[2], n, out);
        complement(out, 3 * n);
        ink_to_rgb(out, rows[3], n);
        break;
    case CEN__JPEG_AS_IS:
        for (size_t c = 0; c < 4; c++)
            for (size_t x = 0; x < n; x++) out[4 * x + c] = rows[c][x];
        break;
    }
}

void cen__jpeg_write_rows(cen__jpeg *jpeg, size_t mcu_row, cen_image *image)
{
    size_t end = (mcu_row + 1) * jpeg->max_v * jpeg->scale;
    for (size_t c = 0; c < jpeg->n_components; c++)
        if (needs_neighbours(&jpeg->components[c])) {
            end--; /* its neighbour is in the next MCU row */
            break;
        }
    if (mcu_row + 1 == jpeg->mcus_per_column || end > jpeg->height) end = jpeg->height;
    for (size_t y = jpeg->n_rows_done; y < end; y++)
        write_row(jpeg, y, image->pixels + y * jpeg->width * (size_t)image->channels);
    jpeg->n_rows_done = end;
}

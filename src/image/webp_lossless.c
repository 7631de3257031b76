/* Lossless WebP: VP8L, as the WebP lossless bitstream specification has it. */
#include "image/webp_lossless.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { HEADER = 5, SIGNATURE = 0x2f, MOST_TRANSFORMS = 4 };

/* What the prefix codes of a picture may take: more than any encoder has use for. They lie in arrays that double, so
 * that three times as much keeps what README promises. */
enum { CODES_SIZE = 1 << 18, CODES_SIZE_A_PIXEL = 3 };

cen_status cen__vp8l_damaged(const cen__vp8l *vp8l, const char *what)
{
    const cen__webp_chunk *chunk = vp8l->chunk;
    return cen__fail(vp8l->error, CEN_ERROR_FORMAT,
                     "WebP chunk %s at byte %zu is damaged before byte %zu: %s", chunk->name,
                     chunk->at, chunk->at + 8 + (size_t)(vp8l->bits.next - chunk->data), what);
}

/* ---- pixels ---------------------------------------------------------------------------------- */

/* Regions of a picture, each with a group of codes. A picture has at least one. */
typedef struct {
    cen__vp8l_codes codes;
    unsigned cache_bits; /* 0: no colour cache */
    unsigned bits;       /* of a region's side */
    size_t per_row;      /* regions */
    uint32_t *groups;    /* of each region; NULL: there is one group */
} regions;

static void free_regions(regions *r)
{
    cen__vp8l_free_codes(&r->codes);
    cen__free(r->groups);
}

/* Codes 1 to 120 are places near by: 8 - x and y of a pixel to the left or above, in two halves of a byte. */
static const uint8_t near_places[120] = {
    0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1a, 0x26, 0x2a, 0x38, 0x05, 0x37,
    0x39, 0x15, 0x1b, 0x36, 0x3a, 0x25, 0x2b, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1c, 0x35, 0x3b,
    0x46, 0x4a, 0x24, 0x2c, 0x58, 0x45, 0x4b, 0x34, 0x3c, 0x03, 0x57, 0x59, 0x13, 0x1d, 0x56,
    0x5a, 0x23, 0x2d, 0x44, 0x4c, 0x55, 0x5b, 0x33, 0x3d, 0x68, 0x02, 0x67, 0x69, 0x12, 0x1e,
    0x66, 0x6a, 0x22, 0x2e, 0x54, 0x5c, 0x43, 0x4d, 0x65, 0x6b, 0x32, 0x3e, 0x78, 0x01, 0x77,
    0x79, 0x53, 0x5d, 0x11, 0x1f, 0x64, 0x6c, 0x42, 0x4e, 0x76, 0x7a, 0x21, 0x2f, 0x75, 0x7b,
    0x31, 0x3f, 0x63, 0x6d, 0x52, 0x5e, 0x00, 0x74, 0x7c, 0x41, 0x4f, 0x10, 0x20, 0x62, 0x6e,
    0x30, 0x73, 0x7d, 0x51, 0x5f, 0x40, 0x72, 0x7e, 0x61, 0x6f, 0x50, 0x71, 0x7f, 0x60, 0x70};

static size_t distance_of(size_t code, size_t width)
{
    if (code > 120) return code - 120;
    size_t back = (near_places[code - 1] >> 4) * width + 8, ahead = near_places[code - 1] & 15;
    return back > ahead ? back - ahead : 1;
}

/* What a symbol of a length or distance stands for, with the bits after it. */
static size_t read_amount(cen__vp8l_bits *bits, unsigned symbol)
{
    if (symbol < 4) return symbol + 1;
    unsigned n = (symbol - 2) >> 1;
    return ((size_t)(2 + (symbol & 1)) << n) + cen__vp8l_number(bits, n) + 1;
}

static void copy_pixels(uint32_t *to, size_t distance, size_t n)
{
    const uint32_t *from = to - distance;
    if (distance >= n) {
        memcpy(to, from, n * sizeof *to);
    } else {
        for (size_t i = 0; i < n; i++) to[i] = from[i];
    }
}

typedef struct {
    uint32_t colors[1 << CEN__VP8L_MOST_CACHE_BITS];
    unsigned shift;
    size_t n_seen; /* pixels that have gone in */
} color_cache;

static void update_cache(color_cache *cache, const uint32_t *pixels, size_t n)
{
    for (size_t i = cache->n_seen; i < n; i++)
        cache->colors[(uint32_t)(pixels[i] * 0x1e35a7bdu) >> cache->shift] = pixels[i];
    cache->n_seen = n;
}

static const cen__vp8l_group *group_at(const regions *r, size_t x, size_t y)
{
    if (r->groups == NULL) return r->codes.groups;
    return r->codes.groups + r->groups[(y >> r->bits) * r->per_row + (x >> r->bits)];
}

static uint32_t read_literal(cen__vp8l_bits *bits, const regions *r, const cen__vp8l_group *group,
                             unsigned green)
{
    const uint16_t *entries = r->codes.entries;
    if (group->is_literal) return group->literal | (uint32_t)green << 8;
    uint32_t color[CEN__VP8L_DISTANCE] = {0};
    for (int kind = CEN__VP8L_RED; kind < CEN__VP8L_DISTANCE; kind++) {
        if (kind == CEN__VP8L_ALPHA && bits->n_bits < 15) cen__vp8l_bits_fill(bits);
        color[kind] = cen__vp8l_symbol(bits, entries + group->tables[kind], group->masks[kind]);
    }
    return color[CEN__VP8L_ALPHA] << 24 | color[CEN__VP8L_RED] << 16 | (uint32_t)green << 8 |
           color[CEN__VP8L_BLUE];
}

/* Pixels [width * height] by the codes of their regions. */
static cen_status read_pixels(cen__vp8l *vp8l, const regions *r, color_cache *cache, size_t width,
                              size_t height, uint32_t *pixels)
{
    cen__vp8l_bits bits = vp8l->bits; /* in registers */
    const size_t n = width * height, region_mask = ((size_t)1 << r->bits) - 1;
    const cen__vp8l_group *group = group_at(r, 0, 0);
    const char *problem = NULL;
    size_t at = 0, x = 0, y = 0;
    while (at < n && !cen__vp8l_ended(&bits)) {
        if ((x & region_mask) == 0) group = group_at(r, x, y);
        cen__vp8l_bits_fill(&bits);
        unsigned symbol =
            cen__vp8l_symbol(&bits, r->codes.entries + group->tables[0], group->masks[0]);
        size_t length = 1;
        if (symbol < CEN__VP8L_N_LITERALS) {
            pixels[at] = read_literal(&bits, r, group, symbol);
        } else if (symbol < CEN__VP8L_N_LITERALS + CEN__VP8L_N_LENGTHS) {
            length = read_amount(&bits, symbol - CEN__VP8L_N_LITERALS);
            cen__vp8l_bits_fill(&bits);
            unsigned place =
                cen__vp8l_symbol(&bits, r->codes.entries + group->tables[CEN__VP8L_DISTANCE],
                                 group->masks[CEN__VP8L_DISTANCE]);
            size_t distance = distance_of(read_amount(&bits, place), width);
            if (distance > at || length > n - at) {
                problem = distance > at ? "it repeats pixels from before its first"
                                        : "it repeats pixels beyond its last";
                break;
            }
            copy_pixels(pixels + at, distance, length);
        } else {
            update_cache(cache, pixels, at);
            pixels[at] = cache->colors[symbol - CEN__VP8L_N_LITERALS - CEN__VP8L_N_LENGTHS];
        }
        at += length;
        x += length;
        if (x < width) {
            if (length > 1) group = group_at(r, x, y);
            continue;
        }
        for (; x >= width; y++) x -= width;
        if (at < n) group = group_at(r, x, y);
    }
    vp8l->bits = bits;
    if (problem != NULL) return cen__vp8l_damaged(vp8l, problem);
    return at < n ? cen__vp8l_damaged(vp8l, "it ends before its last pixel") : CEN_OK;
}

/* ---- pictures within the stream -------------------------------------------------------------- */

static cen_status no_memory(cen_error *error)
{
    return cen__fail_memory(error, "the pixels of a WebP picture");
}

static cen_status read_coded(cen__vp8l *vp8l, size_t width, size_t height, size_t n_room,
                             bool is_main, uint32_t **pixels);

/* The group of each region: a picture of its own. Groups are numbered anew, by those that are used. */
static cen_status read_region_groups(cen__vp8l *vp8l, size_t width, size_t height, regions *r,
                                     uint32_t **names, size_t *n_names)
{
    r->bits = 2 + cen__vp8l_number(&vp8l->bits, 3);
    r->per_row = cen__vp8l_blocks(width, r->bits);
    size_t n = r->per_row * cen__vp8l_blocks(height, r->bits), n_used = 0;
    cen_status status =
        read_coded(vp8l, r->per_row, cen__vp8l_blocks(height, r->bits), n, false, &r->groups);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < n; i++) {
        r->groups[i] = r->groups[i] >> 8 & 0xffff;
        if (r->groups[i] >= *n_names) *n_names = r->groups[i] + 1;
    }
    *names = cen__alloc_zeroed(vp8l->context, *n_names, sizeof **names);
    if (*names == NULL) return no_memory(vp8l->error);
    for (size_t i = 0; i < n; i++) (*names)[r->groups[i]] = 1;
    for (size_t i = 0; i < *n_names; i++)
        if ((*names)[i] != 0) (*names)[i] = (uint32_t)++n_used;
    for (size_t i = 0; i < n; i++) r->groups[i] = (*names)[r->groups[i]] - 1;
    return CEN_OK;
}

static cen_status read_regions(cen__vp8l *vp8l, size_t width, size_t height, bool is_main,
                               regions *r)
{
    cen__vp8l_bits *bits = &vp8l->bits;
    uint32_t *names = NULL; /* of groups, 0 for one that no region uses */
    size_t n_names = 1;
    cen_status status = CEN_OK;
    if (cen__vp8l_number(bits, 1)) {
        r->cache_bits = cen__vp8l_number(bits, 4);
        if (r->cache_bits < 1 || r->cache_bits > CEN__VP8L_MOST_CACHE_BITS)
            return cen__vp8l_damaged(vp8l, "the size of its colour cache is impossible");
    }
    r->bits = 31;
    r->codes.most_size = CODES_SIZE + CODES_SIZE_A_PIXEL * width * height;
    if (is_main && cen__vp8l_number(bits, 1))
        status = read_region_groups(vp8l, width, height, r, &names, &n_names);
    for (size_t i = 0; i < n_names && status == CEN_OK; i++)
        status =
            cen__vp8l_read_group(vp8l, &r->codes, r->cache_bits, names == NULL || names[i] != 0);
    cen__free(names);
    return status;
}

/* n_room pixels are taken, at least width * height. */
static cen_status read_coded(cen__vp8l *vp8l, size_t width, size_t height, size_t n_room,
                             bool is_main, uint32_t **pixels)
{
    regions r = {.groups = NULL};
    color_cache *cache = NULL;
    *pixels = NULL;
    cen_status status = read_regions(vp8l, width, height, is_main, &r);
    if (status == CEN_OK && r.cache_bits > 0) {
        cache = cen__alloc_zeroed(vp8l->context, 1, sizeof *cache);
        if (cache == NULL) status = no_memory(vp8l->error);
        if (cache != NULL) cache->shift = 32 - r.cache_bits;
    }
    if (status == CEN_OK) {
        *pixels = cen__alloc(vp8l->context, n_room, sizeof **pixels);
        if (*pixels == NULL) status = no_memory(vp8l->error);
    }
    if (status == CEN_OK) status = read_pixels(vp8l, &r, cache, width, height, *pixels);
    if (status == CEN_OK && !is_main && cen__vp8l_ended(&vp8l->bits))
        status = cen__vp8l_damaged(vp8l, "it ends before its picture");
    if (status != CEN_OK) {
        cen__free(*pixels);
        *pixels = NULL;
    }
    cen__free(cache);
    free_regions(&r);
    return status;
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Colours are differences to the one before. Those that an index can name beyond the last are transparent. */
static cen_status read_colors(cen__vp8l *vp8l, cen__vp8l_transform *t)
{
    size_t n = 1 + cen__vp8l_number(&vp8l->bits, 8);
    t->bits = n > 16 ? 0 : n > 4 ? 1 : n > 2 ? 2 : 3;
    size_t room = (size_t)1 << (8 >> t->bits);
    cen_status status = read_coded(vp8l, n, 1, room, false, &t->data);
    if (status != CEN_OK) return status;
    for (size_t i = 1; i < n; i++) {
        uint32_t before = t->data[i - 1], more = t->data[i];
        t->data[i] = (((before & 0xff00ff00) + (more & 0xff00ff00)) & 0xff00ff00) |
                     (((before & 0x00ff00ff) + (more & 0x00ff00ff)) & 0x00ff00ff);
    }
    memset(t->data + n, 0, (room - n) * sizeof *t->data);
    return CEN_OK;
}

/* A transform of a kind; *width becomes that of the picture before it. */
static cen_status read_transform(cen__vp8l *vp8l, cen__vp8l_transform *t, size_t *width,
                                 size_t height)
{
    t->width = *width;
    if (t->kind == CEN__VP8L_SUBTRACT_GREEN) return CEN_OK;
    if (t->kind == CEN__VP8L_INDEXING) {
        cen_status status = read_colors(vp8l, t);
        if (status == CEN_OK) *width = cen__vp8l_blocks(*width, t->bits);
        return status;
    }
    t->bits = 2 + cen__vp8l_number(&vp8l->bits, 3);
    size_t across = cen__vp8l_blocks(*width, t->bits), down = cen__vp8l_blocks(height, t->bits);
    return read_coded(vp8l, across, down, across * down, false, &t->data);
}

cen_status cen__webp_lossless_pixels(cen_context *context, const cen__webp_chunk *chunk,
                                     size_t header_size, size_t width, size_t height,
                                     uint32_t **pixels, cen_error *error)
{
    cen__vp8l vp8l = {.context = context, .chunk = chunk, .error = error};
    cen__vp8l_transform transforms[MOST_TRANSFORMS];
    size_t n_transforms = 0, n_pixels = width * height;
    unsigned seen = 0;
    cen_status status = CEN_OK;
    *pixels = NULL;
    cen__vp8l_bits_start(&vp8l.bits, chunk->data + header_size, chunk->there - header_size);
    while (status == CEN_OK && cen__vp8l_number(&vp8l.bits, 1)) {
        cen__vp8l_transform t = {.kind = (int)cen__vp8l_number(&vp8l.bits, 2)};
        if ((seen >> t.kind & 1) != 0)
            status = cen__vp8l_damaged(&vp8l, "it has a transform twice");
        else
            status = read_transform(&vp8l, &t, &width, height);
        seen |= 1u << t.kind;
        if (status == CEN_OK) transforms[n_transforms++] = t;
    }
    if (status == CEN_OK) status = read_coded(&vp8l, width, height, n_pixels, true, pixels);
    while (n_transforms-- > 0) {
        if (status == CEN_OK) cen__vp8l_invert(&transforms[n_transforms], height, *pixels);
        cen__free(transforms[n_transforms].data);
    }
    return status;
}

cen_status cen__webp_lossless_size(const cen__webp_chunk *chunk, cen__webp_size *size,
                                   cen_error *error)
{
    const uint8_t *data = chunk->data;
    if (chunk->there < HEADER)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "ends within its header", error);
    if (data[0] != SIGNATURE || data[4] >> 5 != 0)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "does not begin as a VP8L picture does",
                              error);
    uint32_t sides = cen__le32(data + 1);
    *size = (cen__webp_size){.width = (sides & 0x3fff) + 1,
                             .height = (sides >> 14 & 0x3fff) + 1,
                             .has_alpha = (sides >> 28 & 1) != 0};
    return CEN_OK;
}

cen_status cen__webp_lossless_decode(cen_context *context, const cen__webp_chunk *chunk,
                                     const cen__webp_target *target, cen_error *error)
{
    uint32_t *pixels;
    cen__webp_size size;
    cen_status status = cen__webp_lossless_size(chunk, &size, error);
    if (status != CEN_OK) return status;
    status =
        cen__webp_lossless_pixels(context, chunk, HEADER, size.width, size.height, &pixels, error);
    if (status != CEN_OK) return status;
    const uint32_t *from = pixels;
    for (size_t y = 0; y < size.height; y++) {
        uint8_t *out = target->pixels + y * target->stride;
        for (size_t x = 0; x < size.width; x++, out += target->channels) {
            uint32_t color = *from++;
            out[0] = (uint8_t)(color >> 16);
            out[1] = (uint8_t)(color >> 8);
            out[2] = (uint8_t)color;
            if (target->channels == 4) out[3] = (uint8_t)(color >> 24);
        }
    }
    cen__free(pixels);
    return CEN_OK;
}

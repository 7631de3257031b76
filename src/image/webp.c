/* WebP: the container, RIFF, of a still picture or the first frame of an animation. What is damaged and what is passed
 * over follows libwebp, whose demuxer wants the whole file. */
#include "image/webp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "image/webp_notes.h"

enum { RIFF_HEADER = 12, BEGIN = 8, VP8X_SIZE = 10, ANMF_HEADER = 16 };
enum { FLAG_ANIMATION = 0x02, FLAG_ALPHA = 0x10 };

cen_status cen__webp_fail(const cen__webp_chunk *chunk, cen_status status, const char *what,
                          cen_error *error)
{
    return cen__fail(error, status, "WebP chunk %s at byte %zu %s", chunk->name, chunk->at, what);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

/* A file, or as much of it as is there, and a place in it. */
typedef struct {
    const uint8_t *bytes;
    size_t size; /* of what is there */
    size_t end;  /* of the file or of the chunk whose chunks are read */
    size_t at;
} cursor;

static cen_status cut_short(const cursor *c, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the WebP is cut short at byte %zu of %zu; get the whole file", c->size,
                     c->end);
}

/* The chunk at c->at, of which not everything may be there; moves on. */
static cen_status next_chunk(cursor *c, cen__webp_chunk *chunk, cen_error *error)
{
    if (c->end - c->at < BEGIN || c->at >= c->size || c->size - c->at < BEGIN) {
        if (c->size < c->end) return cut_short(c, error);
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the WebP is damaged at byte %zu, where a chunk should begin", c->at);
    }
    const uint8_t *begin = c->bytes + c->at;
    chunk->at = c->at;
    memcpy(chunk->name, begin, 4);
    chunk->name[4] = '\0';
    for (int i = 0; i < 4; i++)
        if (chunk->name[i] < ' ' || chunk->name[i] > '~') chunk->name[i] = '?';
    if (chunk->name[3] == ' ') chunk->name[3] = '\0';
    chunk->data = begin + BEGIN;
    chunk->size = cen__le32(begin + 4);
    size_t left = c->end - c->at - BEGIN, there = c->size - c->at - BEGIN;
    if (chunk->size > left || chunk->size + (chunk->size & 1) > left)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT,
                              "is longer than the file; get the whole file", error);
    chunk->there = chunk->size < there ? chunk->size : there;
    c->at += BEGIN + chunk->size + (chunk->size & 1);
    return CEN_OK;
}

static bool is(const cen__webp_chunk *chunk, const char *name)
{
    return strcmp(chunk->name, name) == 0;
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* A still picture or the first frame, and the canvas on which it is placed. */
typedef struct {
    size_t width, height; /* of the canvas */
    int channels;
    bool is_animation, uses_alpha; /* as chunk VP8X says; without the latter ALPH is passed over */
    size_t x, y;                   /* of the frame */
    cen__webp_size frame;
    cen__webp_chunk alpha, image; /* name "": none */
} picture;

/* first: ALPH, which VP8 follows, or VP8 or VP8L. */
static cen_status read_frame(cursor *c, const cen__webp_chunk *first, picture *p, cen_error *error)
{
    cen_status status = CEN_OK;
    p->image = *first;
    if (is(first, "ALPH")) {
        p->alpha = *first;
        status = next_chunk(c, &p->image, error);
        if (status != CEN_OK) return status;
    }
    if (is(&p->image, "VP8L") && !is(&p->alpha, "ALPH"))
        return cen__webp_lossless_size(&p->image, &p->frame, error);
    if (is(&p->image, "VP8")) return cen__webp_lossy_size(&p->image, &p->frame, error);
    return cen__webp_fail(&p->image, CEN_ERROR_FORMAT, "stands in the place of a picture", error);
}

static cen_status read_animation_frame(const cursor *file, const cen__webp_chunk *anmf, picture *p,
                                       cen_error *error)
{
    if (anmf->there < ANMF_HEADER)
        return cen__webp_fail(anmf, CEN_ERROR_FORMAT, "ends within its header", error);
    cursor c = {file->bytes, file->size, anmf->at + BEGIN + anmf->size,
                anmf->at + BEGIN + ANMF_HEADER};
    cen__webp_chunk first;
    cen_status status = next_chunk(&c, &first, error);
    if (status == CEN_OK) status = read_frame(&c, &first, p, error);
    if (status != CEN_OK) return status;
    p->x = 2 * (size_t)cen__le24(anmf->data);
    p->y = 2 * (size_t)cen__le24(anmf->data + 3);
    if (p->frame.width == (size_t)cen__le24(anmf->data + 6) + 1 &&
        p->frame.height == (size_t)cen__le24(anmf->data + 9) + 1)
        return CEN_OK;
    return cen__webp_fail(anmf, CEN_ERROR_FORMAT, "has another size than its picture", error);
}

static cen_status read_canvas(const cen__webp_chunk *vp8x, picture *p, cen_error *error)
{
    if (vp8x->there < VP8X_SIZE)
        return cen__webp_fail(vp8x, CEN_ERROR_FORMAT, "ends within its header", error);
    p->is_animation = (vp8x->data[0] & FLAG_ANIMATION) != 0;
    p->uses_alpha = (vp8x->data[0] & FLAG_ALPHA) != 0;
    p->width = (size_t)cen__le24(vp8x->data + 4) + 1;
    p->height = (size_t)cen__le24(vp8x->data + 7) + 1;
    p->channels = p->uses_alpha ? 4 : 3;
    return CEN_OK;
}

/* The chunk after VP8X with which a still picture begins, or that of the first frame. */
static cen_status find_picture(cursor *c, picture *p, cen__webp_chunk *chunk, cen_error *error)
{
    for (bool is_started = false;;) {
        cen_status status = next_chunk(c, chunk, error);
        if (status != CEN_OK) return status;
        is_started = is_started || is(chunk, "ANIM");
        if (p->is_animation && is_started && is(chunk, "ANMF")) return CEN_OK;
        if (!is(chunk, "ALPH") && !is(chunk, "VP8") && !is(chunk, "VP8L")) continue;
        if (!p->is_animation) break;
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "stands outside of a frame", error);
    }
    if (is(chunk, "ALPH")) p->channels = 4;
    if (!is(chunk, "VP8L")) return CEN_OK;
    cen_status status = cen__webp_lossless_size(chunk, &p->frame, error);
    p->channels = p->frame.has_alpha ? 4 : 3;
    return status;
}

static cen_status check_place(const picture *p, cen_error *error)
{
    bool fits = p->frame.width == p->width && p->frame.height == p->height;
    if (p->is_animation)
        fits = p->x + p->frame.width <= p->width && p->y + p->frame.height <= p->height;
    if (fits) return CEN_OK;
    return cen__webp_fail(&p->image, CEN_ERROR_FORMAT, "does not fit the size in chunk VP8X",
                          error);
}

/* Everything of the picture, or only what its header says. */
static cen_status read_picture(cursor *c, bool header_only, picture *p, cen_error *error)
{
    cen__webp_chunk chunk;
    *p = (picture){.width = 0};
    cen_status status = next_chunk(c, &chunk, error);
    if (status != CEN_OK) return status;
    if (is(&chunk, "VP8X")) {
        status = read_canvas(&chunk, p, error);
        if (status != CEN_OK || (header_only && p->is_animation)) return status;
        status = find_picture(c, p, &chunk, error);
        if (status != CEN_OK || header_only) return status;
        status = p->is_animation ? read_animation_frame(c, &chunk, p, error)
                                 : read_frame(c, &chunk, p, error);
        return status == CEN_OK ? check_place(p, error) : status;
    }
    if (is(&chunk, "ALPH"))
        return cen__webp_fail(&chunk, CEN_ERROR_FORMAT, "stands before chunk VP8X", error);
    status = read_frame(c, &chunk, p, error);
    p->width = p->frame.width;
    p->height = p->frame.height;
    p->channels = p->frame.has_alpha ? 4 : 3;
    c->at = c->end; /* what follows is passed over */
    return status;
}

static cen_status start(cursor *c, const uint8_t *bytes, size_t size, cen_error *error)
{
    if (size < RIFF_HEADER + BEGIN)
        return cen__fail(error, CEN_ERROR_FORMAT, "the file ends at byte %zu, within the header",
                         size);
    *c = (cursor){bytes, size, BEGIN, RIFF_HEADER};
    size_t riff = cen__le32(bytes + 4);
    if (riff < RIFF_HEADER || riff > UINT32_MAX - BEGIN)
        return cen__fail(error, CEN_ERROR_FORMAT, "the RIFF header says an impossible size");
    c->end += riff;
    if (c->size > c->end) c->size = c->end;
    return CEN_OK;
}

/* ---- the kind -------------------------------------------------------------------------------- */

static bool matches(const uint8_t *bytes, size_t size)
{
    return size >= RIFF_HEADER && memcmp(bytes, "RIFF", 4) == 0 &&
           memcmp(bytes + 8, "WEBP", 4) == 0;
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    cursor c = {.at = 0};
    picture p;
    (void)context;
    cen_status status = start(&c, bytes, size, error);
    if (status == CEN_OK) status = read_picture(&c, true, &p, error);
    if (status != CEN_OK) return status;
    *image = (cen_image){.width = p.width, .height = p.height, .channels = p.channels};
    return CEN_OK;
}

/* The picture and all chunks after it, of which each has to be whole. */
static cen_status read_file(const uint8_t *bytes, size_t size, picture *p, cen_error *error)
{
    cursor c = {.at = 0};
    cen_status status = start(&c, bytes, size, error);
    if (status == CEN_OK && c.size < c.end) status = cut_short(&c, error);
    if (status == CEN_OK) status = read_picture(&c, false, p, error);
    while (status == CEN_OK && c.at < c.end) {
        cen__webp_chunk chunk;
        status = next_chunk(&c, &chunk, error);
    }
    return status;
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    picture p;
    *image = (cen_image){0};
    cen_status status = read_file(bytes, size, &p, error);
    if (status == CEN_OK)
        status = cen__image_allocate(context, image, p.width, p.height, p.channels, options, error);
    if (status != CEN_OK) return status;
    size_t channels = (size_t)p.channels, stride = p.width * channels;
    if (p.frame.width < p.width || p.frame.height < p.height)
        memset(image->pixels, 0, p.height * stride);
    cen__webp_target target = {image->pixels + p.y * stride + p.x * channels, stride, channels};
    if (is(&p.image, "VP8L"))
        status = cen__webp_lossless_decode(context, &p.image, &target, error);
    else
        status = cen__webp_lossy_decode(context, &p.image, &target, error);
    if (status == CEN_OK && p.uses_alpha && is(&p.alpha, "ALPH"))
        status = cen__webp_alpha_decode(context, &p.alpha, p.frame.width, p.frame.height, &target,
                                        error);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

const cen__image_kind cen__webp_kind = {"WebP", matches, read_size, decode, cen__webp_read_notes};

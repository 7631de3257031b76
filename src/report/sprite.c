/* The pictures of the points in the plane, as one picture of equal cells, and the names of their files. */
#include <centerloss_eval.h>

#include <string.h>

#include "base/memory.h"
#include "image/image.h"
#include "report/report.h"

enum {
    CELL_MOST = 32, /* pixels of a side of a cell */
    COLUMNS = 32,
    PIXELS_MOST = 8 << 20,   /* of all decoded pictures: bounds the time */
    BYTES_MOST = 300 * 1024, /* of the PNG */
    PHASES = 8,              /* the pictures that still fit are spread over all points */
    AT_ONCE = 16             /* pictures that are read ahead */
};

typedef struct sprite {
    cen__page *page;
    cen_image sheet; /* RGB; no pixels before the first picture */
    size_t cell, n, n_pixels;
    bool *is_there; /* [n] */
} sprite;

/* Side of a cell and size of the sheet are those that the first picture needs. */
static cen_status begin_sheet(sprite *s, const cen_image *first, cen_error *error)
{
    size_t side = first->width < first->height ? first->width : first->height;
    s->cell = side < CELL_MOST ? side : CELL_MOST;
    s->sheet.channels = 3;
    s->sheet.width = COLUMNS * s->cell;
    s->sheet.height = (s->n + COLUMNS - 1) / COLUMNS * s->cell;
    s->sheet.pixels = cen__alloc_zeroed(s->page->context, s->sheet.width * s->sheet.height, 3);
    return s->sheet.pixels != NULL ? CEN_OK : cen__fail_memory(error, "the pictures of the plane");
}

static void put_cell(sprite *s, const cen_image *image, size_t place)
{
    size_t top = place / COLUMNS * s->cell, left = place % COLUMNS * s->cell;
    for (size_t y = 0; y < s->cell; y++) {
        uint8_t *to = s->sheet.pixels + ((top + y) * s->sheet.width + left) * 3;
        const uint8_t *from = image->pixels + y * s->cell * (size_t)image->channels;
        for (size_t x = 0; x < s->cell; x++, from += image->channels) {
            for (int c = 0; c < 3; c++) to[3 * x + (size_t)c] = from[image->channels >= 3 ? c : 0];
        }
    }
}

/* A picture that cannot be read leaves its cell empty. */
static cen_status add_picture(sprite *s, const cen__shown *picture, size_t place, cen_error *error)
{
    const cen_image *image = &picture->image;
    cen_image small;
    cen_status status = picture->status;
    if (status == CEN_ERROR_MEMORY) return cen__fail(error, status, "%s", picture->error.message);
    if (status != CEN_OK) return CEN_OK;
    s->n_pixels += image->width * image->height;
    if (s->sheet.pixels == NULL) status = begin_sheet(s, image, error);
    if (status == CEN_OK)
        status = cen_image_resize(s->page->context, image, s->cell, s->cell, CEN_RESIZE_CROP,
                                  &small, error);
    if (status == CEN_OK) {
        put_cell(s, &small, place);
        s->is_there[place] = true;
        cen_image_free(&small);
    }
    return status;
}

/* The points from `first` on, PHASES apart. */
static cen_status add_some(sprite *s, const char *const *paths, size_t first, cen_error *error)
{
    cen__shown pictures[AT_ONCE] = {{.path = NULL}};
    cen_status status = CEN_OK;
    size_t n = 0;
    for (size_t i = first; i < s->n && n < AT_ONCE; i += PHASES) pictures[n++].path = paths[i];
    cen__read_pictures(s->page, CELL_MOST, pictures, n);
    for (size_t i = 0; i < n; i++) {
        if (status == CEN_OK && s->n_pixels < PIXELS_MOST)
            status = add_picture(s, &pictures[i], first + i * PHASES, error);
        cen_image_free(&pictures[i].image);
    }
    return status;
}

static void add_names(const sprite *s, const char *const *paths)
{
    cen__text *text = &s->page->text;
    cen__text_add(text, "<ol id=\"point-names\" hidden>\n");
    for (size_t i = 0; i < s->n; i++) {
        cen__text_add(text, s->is_there[i] ? "<li data-cell>" : "<li>");
        cen__add_escaped(text, cen__file_name(paths[i]), 60);
        cen__text_add(text, "</li>\n");
    }
    cen__text_add(text, "</ol>\n");
}

static cen_status add_sheet(sprite *s, cen_error *error)
{
    cen__text *text = &s->page->text;
    uint8_t *png = NULL;
    size_t size;
    cen_status status =
        cen__pack_within(s->page->context, &s->sheet, BYTES_MOST, &png, &size, error);
    if (status == CEN_OK) {
        cen__text_print(text,
                        "<img id=\"sprite\" hidden data-side=\"%zu\" data-columns=\"%d\" alt=\"",
                        s->cell, COLUMNS);
        cen__add_data_png(text, png, size);
        cen__text_add(text, ">\n");
    }
    cen__free(png);
    return status;
}

cen_status cen__add_sprite(cen__page *page, const char *const *paths, size_t n, cen_error *error)
{
    sprite s = {.page = page, .n = n};
    cen_status status = CEN_OK;
    s.is_there = cen__alloc_zeroed(page->context, n, sizeof *s.is_there);
    if (s.is_there == NULL) return cen__fail_memory(error, "the pictures of the plane");
    for (size_t phase = 0; phase < PHASES; phase++) {
        for (size_t i = phase; status == CEN_OK && i < n && s.n_pixels < PIXELS_MOST;
             i += AT_ONCE * PHASES)
            status = add_some(&s, paths, i, error);
    }
    if (status == CEN_OK) add_names(&s, paths);
    if (status == CEN_OK && s.sheet.pixels != NULL) status = add_sheet(&s, error);
    cen__free(s.sheet.pixels);
    cen__free(s.is_there);
    return status;
}

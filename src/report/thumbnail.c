#include <centerloss_eval.h>

#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/os.h"
#include "image/image.h"
#include "report/report.h"

/* A picture is shown at 56 px; one that is little larger is stored as it is. */
enum { SIDE = CEN__THUMBNAIL_SIDE, KEPT_SIDE = 64, BYTES_MOST = 3000, TITLE_MOST = 200 };

static void add_base64(cen__text *text, const uint8_t *bytes, size_t size)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        if (n > 1) bits |= (uint32_t)bytes[i + 1] << 8;
        if (n > 2) bits |= bytes[i + 2];
        char out[4];
        for (size_t j = 0; j < 4; j++) out[j] = j <= n ? DIGITS[bits >> (18 - 6 * j) & 63] : '=';
        cen__text_add_bytes(text, out, 4);
    }
}

void cen__add_data_png(cen__text *text, const uint8_t *png, size_t size)
{
    cen__text_add(text, "\" src=\"data:image/png;base64,");
    add_base64(text, png, size);
    cen__text_add(text, "\"");
}

/* Small pictures stay as they are: the browser enlarges them without blur. */
static cen_status shrink(cen_context *context, cen_image *image, cen_error *error)
{
    size_t longest = image->width > image->height ? image->width : image->height;
    if (longest <= KEPT_SIDE) return CEN_OK;
    size_t width = image->width * SIDE / longest, height = image->height * SIDE / longest;
    cen_image small;
    cen_status status = cen_image_resize(context, image, height > 0 ? height : 1,
                                         width > 0 ? width : 1, CEN_RESIZE_STRETCH, &small, error);
    if (status != CEN_OK) return status;
    cen_image_free(image);
    *image = small;
    if (small.channels < 3) return CEN_OK;
    /* Colors of five bits each take half the bytes in a PNG, and are hardly seen at this size. */
    for (size_t i = 0; i < small.width * small.height * (size_t)small.channels; i++)
        small.pixels[i] = (uint8_t)((small.pixels[i] & 0xF8) | small.pixels[i] >> 5);
    return CEN_OK;
}

cen_status cen__pack_within(cen_context *context, cen_image *image, size_t most, uint8_t **png,
                            size_t *size, cen_error *error)
{
    size_t n = image->width * image->height * (size_t)image->channels;
    cen_status status = cen__png_pack(context, image, png, size, error);
    for (unsigned bit = 1; status == CEN_OK && *size > most && bit < 128; bit *= 2) {
        cen__free(*png);
        *png = NULL;
        for (size_t i = 0; i < n; i++)
            image->pixels[i] = (uint8_t)((image->pixels[i] & ~(2 * bit - 1)) | bit);
        status = cen__png_pack(context, image, png, size, error);
    }
    return status;
}

const char *cen__file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

static void add_placeholder(cen__text *text, const char *path)
{
    cen__text_add(text, "<span class=\"missing\">");
    cen__add_escaped(text, path[0] == '\0' ? "no file" : cen__file_name(path), 40);
    cen__text_add(text, "</span>");
}

static void add_image(cen__text *text, const char *path, const uint8_t *png, size_t size)
{
    cen__text_print(text, "<img width=\"%d\" height=\"%d\" alt=\"", SIDE, SIDE);
    cen__add_escaped(text, cen__file_name(path), TITLE_MOST);
    cen__text_add(text, "\" title=\"");
    cen__add_escaped(text, path, TITLE_MOST);
    cen__add_data_png(text, png, size);
    cen__text_add(text, ">");
}

cen_status cen__find_folders(cen__page *page, cen_error *error)
{
    size_t n = page->report->n_pictures;
    cen_status status = CEN_OK;
    page->folders = cen__alloc_zeroed(page->context, n, sizeof *page->folders);
    if (page->folders == NULL) return cen__fail_memory(error, "a report");
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        status =
            cen__os_real_path(page->context, page->report->pictures[i], &page->folders[i], error);
    }
    return status;
}

static bool is_within(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (strncmp(path, folder, size) != 0) return false;
    return path[size] == '\0' || path[size] == '/' || (size > 0 && folder[size - 1] == '/');
}

/* The file that `path` leads to is opened by its real path, so that no link of it is followed again. */
static cen_status read_picture(const cen__page *page, const char *path, size_t side,
                               cen_image *image, cen_error *error)
{
    cen_image_options options = cen_image_options_init();
    options.target_width = options.target_height = side;
    size_t n = page->report->n_pictures;
    if (n == 0) return cen_image_read(page->context, path, &options, image, error);
    char *real;
    cen_status status = cen__os_real_path(page->context, path, &real, error);
    if (status != CEN_OK) return status;
    bool is_named = false;
    for (size_t i = 0; i < n; i++) is_named = is_named || is_within(real, page->folders[i]);
    status = is_named ? cen_image_read(page->context, real, &options, image, error)
                      : cen__fail(error, CEN_ERROR_IO, "%s: not in a folder that was named", path);
    cen__free(real);
    return status;
}

typedef struct reading {
    const cen__page *page;
    size_t side;
    cen__shown *pictures;
} reading;

static void read_one(void *data, size_t task, int worker)
{
    const reading *r = data;
    cen__shown *picture = &r->pictures[task];
    (void)worker;
    picture->status =
        read_picture(r->page, picture->path, r->side, &picture->image, &picture->error);
}

void cen__read_pictures(const cen__page *page, size_t side, cen__shown *pictures, size_t n)
{
    reading r = {page, side, pictures};
    cen__parallel(page->context, n, CEN__MUCH_WORK, read_one, &r);
}

cen_status cen__add_thumbnail(cen__page *page, cen__shown *picture, cen_error *error)
{
    uint8_t *png = NULL;
    size_t size = 0;
    if (picture->status == CEN_ERROR_MEMORY)
        return cen__fail(error, picture->status, "%s", picture->error.message);
    if (picture->status != CEN_OK) {
        add_placeholder(&page->text, picture->path);
        return CEN_OK;
    }
    cen_status status = shrink(page->context, &picture->image, error);
    if (status == CEN_OK)
        status = cen__pack_within(page->context, &picture->image, BYTES_MOST, &png, &size, error);
    if (status == CEN_OK) add_image(&page->text, picture->path, png, size);
    cen__free(png);
    return status;
}

/* Pictures that would poison their class: what is wrong with each, and what a gallery says against it. */
#include "knn_gallery.h"
#include "knn_quality.h"

#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Measured at sides of at most 64 pixels, or at those of the net if they are shorter. */
enum { SIDE_MOST = 64, VALUES_AT_ONCE = 1 << 22 };

/* Nets that were trained on 32 pixels a side lose most of their accuracy beyond these limits; of pictures that
 * nobody spoilt fewer than 1 % lie there. */
static const double least_sharpness = 0.3;
static const double most_enlarged = 2; /* the picture is enlarged so many times for the net */
static const double least_brightness =
    1.6; /* standard deviations below the mean of the training pictures */
static const double least_contrast = 0.25; /* of the standard deviation of the training pictures */

/* ---- the list ---- */

bool add_doubt(knn_doubts *doubts, size_t picture, const char *reason)
{
    if (doubts->n == doubts->capacity) {
        const size_t capacity = doubts->capacity * 2 + 8;
        knn_doubt *list = realloc(doubts->list, capacity * sizeof *list);
        if (list == NULL) return false;
        doubts->list = list;
        doubts->capacity = capacity;
    }
    knn_doubt *doubt = &doubts->list[doubts->n++];
    doubt->picture = picture;
    (void)snprintf(doubt->reason, sizeof doubt->reason, "%s", reason);
    return true;
}

bool has_doubt(const knn_doubts *doubts, size_t picture)
{
    for (size_t i = 0; i < doubts->n; i++) {
        if (doubts->list[i].picture == picture) return true;
    }
    return false;
}

static int compare_doubts(const void *a, const void *b)
{
    const size_t one = ((const knn_doubt *)a)->picture, other = ((const knn_doubt *)b)->picture;
    return (one > other) - (one < other);
}

void knn_doubts_free(knn_doubts *doubts)
{
    free(doubts->list);
    *doubts = (knn_doubts){NULL, 0, 0};
}

/* ---- what a picture shows ---- */

/* The values of one picture, [channels, height, width], as bytes. */
static void fill_image(const cen_dataset *dataset, const float *x, cen_image *image)
{
    const size_t n = dataset->height * dataset->width, channels = dataset->channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < n; i++) {
            image->pixels[i * channels + c] = (uint8_t)(x[c * n + i] * 255.0f + 0.5f);
        }
    }
}

static cen_status measure(const knn *s, const cen_image *image, cen_quality *quality,
                          cen_error *error)
{
    const size_t side = image->width < image->height ? image->width : image->height;
    if (side <= SIDE_MOST) {
        cen_image_quality(image, quality);
        return CEN_OK;
    }
    cen_image reduced;
    cen_status status =
        cen_image_resize(s->context, image, image->height * SIDE_MOST / side,
                         image->width * SIDE_MOST / side, CEN_RESIZE_STRETCH, &reduced, error);
    if (status != CEN_OK) return status;
    cen_image_quality(&reduced, quality);
    cen_image_free(&reduced);
    return CEN_OK;
}

/* "" if the picture is good. */
static void judge(const cen_input *input, const cen_folder_image *file, const cen_quality *quality,
                  char *reason, size_t size)
{
    const double channels = (double)input->channels;
    const double across = (double)input->width / (double)file->width;
    const double down = (double)input->height / (double)file->height;
    double mean = 0, variance = 0;
    for (size_t c = 0; c < input->channels; c++) {
        mean += (double)input->mean[c] / channels;
        variance += (double)input->std[c] * (double)input->std[c] / channels;
    }
    const double std = sqrt(variance), below = (mean - quality->brightness) / std;
    const bool is_measured =
        std <= 0.5; /* more no picture has: the model knows nothing of its own */
    const bool is_flat = quality->contrast < least_contrast * std;
    reason[0] = '\0';
    if (across > most_enlarged || down > most_enlarged) {
        (void)snprintf(reason, size, "tiny: it has %zux%zu pixels, and the net takes %zux%zu",
                       file->height, file->width, input->height, input->width);
    } else if (is_measured &&
               (below > least_brightness || (is_flat && quality->brightness < mean / 2))) {
        (void)snprintf(reason, size, "dark: its mean is %.2g, that of the training pictures %.2g",
                       quality->brightness, mean);
    } else if (is_measured && is_flat) {
        (void)snprintf(reason, size,
                       "without contrast: its grey values spread by %.2g, those of the training "
                       "pictures by %.2g",
                       quality->contrast, std);
    } else if (quality->sharpness < least_sharpness) {
        (void)snprintf(reason, size,
                       "blurred: its sharpness is %.2g, that of a good picture %.2g or more",
                       quality->sharpness, least_sharpness);
    }
}

/* rows[n], read at once, or one by one if one of them cannot be read any more: that is passed over. */
static cen_status look_at(const knn *s, const knn_set *set, const size_t *rows, size_t first,
                          size_t n, float *x, cen_image *image, knn_doubts *doubts,
                          cen_error *error)
{
    const cen_dataset *dataset = cen_folder_dataset(set->folder);
    const size_t size = dataset->channels * dataset->height * dataset->width;
    cen_status status = dataset->read(dataset->user, rows + first, n, x, error);
    if (status == CEN_ERROR_MEMORY) return status;
    if (status != CEN_OK && n == 1) return CEN_OK;
    if (status != CEN_OK) {
        status = look_at(s, set, rows, first, n / 2, x, image, doubts, error);
        if (status != CEN_OK) return status;
        return look_at(s, set, rows, first + n / 2, n - n / 2, x, image, doubts, error);
    }
    for (size_t i = 0; i < n; i++) {
        cen_quality quality;
        char reason[sizeof doubts->list->reason];
        fill_image(dataset, x + i * size, image);
        status = measure(s, image, &quality, error);
        if (status != CEN_OK) return status;
        judge(&cen_model_get(s->model)->input,
              &cen_folder_get(set->folder)->images[rows[first + i]], &quality, reason,
              sizeof reason);
        if (reason[0] != '\0' && !add_doubt(doubts, first + i, reason)) {
            *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the list of pictures"};
            return CEN_ERROR_MEMORY;
        }
    }
    return CEN_OK;
}

static cen_status check_pictures(const knn *s, const knn_set *set, const size_t *added, size_t n,
                                 knn_doubts *doubts, cen_error *error)
{
    const cen_dataset *dataset = cen_folder_dataset(set->folder);
    const size_t size = dataset->channels * dataset->height * dataset->width;
    const size_t most = VALUES_AT_ONCE / size + 1, batch = most < n ? most : n;
    cen_image image = {
        dataset->width, dataset->height, (int)dataset->channels, malloc(size), NULL, {0}};
    float *x = calloc(batch, size * sizeof *x);
    size_t *images = malloc(n * sizeof *images);
    cen_status status = CEN_ERROR_MEMORY;
    *error = (cen_error){status, "not enough memory to look at its pictures"};
    if (image.pixels != NULL && x != NULL && images != NULL) {
        status = CEN_OK;
        for (size_t i = 0; i < n; i++) images[i] = set->images[added[i]];
        for (size_t i = 0; i < n && status == CEN_OK; i += batch) {
            const size_t n_read = n - i < batch ? n - i : batch;
            status = look_at(s, set, images, i, n_read, x, &image, doubts, error);
        }
    }
    free(image.pixels);
    free(x);
    free(images);
    return status;
}

/* ---- both ---- */

void knn_print_doubts(const knn *s, const knn_set *pictures, const knn_doubts *doubts)
{
    char text[32];
    for (size_t i = 0; i < doubts->n && !s->is_quiet; i++) {
        const knn_doubt *doubt = &doubts->list[i];
        print_names(stderr, "%s: doubtful %s: %s\n", s->tool->name,
                    knn_row_name(pictures, doubt->picture, text), doubt->reason);
    }
}

int knn_check_pictures(const knn *s, const cen_gallery *gallery, const knn_set *pictures,
                       const size_t *added, size_t n, knn_doubts *doubts)
{
    cen_error error;
    char text[32], all[64];
    cen_status status = CEN_OK;
    if (n == 0) return 0;
    if (pictures->folder != NULL) {
        status = check_pictures(s, pictures, added, n, doubts, &error);
    }
    if (status == CEN_OK) status = find_outliers(s, gallery, n, doubts, &error);
    if (status != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", pictures->name, error.message);
    }
    for (size_t i = 0; i < doubts->n; i++) {
        doubts->list[i].picture = added[doubts->list[i].picture];
    }
    if (doubts->n > 1) qsort(doubts->list, doubts->n, sizeof *doubts->list, compare_doubts);
    if (doubts->n == 0 || !s->is_strict) return 0;
    knn_print_doubts(s, pictures, doubts);
    return fail(s->tool, EXIT_FAILED,
                "%s: it is %s; doubtful: %zu of %s, so nothing was changed; take out what is "
                "doubtful, or leave out --strict",
                knn_row_name(pictures, doubts->list->picture, text), doubts->list->reason,
                doubts->n, counted(n, "picture", all));
}

void knn_json_doubts(const knn_set *pictures, const knn_doubts *doubts)
{
    char text[32];
    printf("\"doubtful\": [");
    for (size_t i = 0; i < doubts->n; i++) {
        printf("%s{\"path\": ", i > 0 ? ", " : "");
        print_json_string(stdout, knn_row_name(pictures, doubts->list[i].picture, text));
        printf(", \"reason\": ");
        print_json_string(stdout, doubts->list[i].reason);
        printf("}");
    }
    printf("]");
}

#include "train_init.h"

#include <stdio.h>

#include "train.h"
#include "train_json.h"

static bool keep_numbers(run *r, const char *name, const float *numbers, size_t n, real_list *list)
{
    char text[128] = "";
    int size = 0;
    list->n = n;
    for (size_t c = 0; c < n; c++) {
        list->values[c] = (double)numbers[c];
        size += snprintf(text + size, sizeof text - (size_t)size, "%s%.9g", c > 0 ? "," : "",
                         list->values[c]);
    }
    return keep_choice(r, name, text) != NULL;
}

/* How a picture becomes an input. The weights are of such inputs. */
static bool take_input(run *r, const cen_input *input)
{
    const bool is_stretched = input->resize == CEN_RESIZE_STRETCH;
    char text[64];
    bool good = true;
    if (s.image_size[0] == 0) {
        s.image_size[0] = input->height;
        s.image_size[1] = input->width;
        (void)snprintf(text, sizeof text, "%zux%zu", input->height, input->width);
        good = good && keep_choice(r, "image-size", text) != NULL;
    }
    if (s.channels == 0) {
        s.channels = input->channels;
        (void)snprintf(text, sizeof text, "%zu", input->channels);
        good = good && keep_choice(r, "channels", text) != NULL;
    }
    if (s.resize < 0) {
        s.resize = is_stretched;
        good = good && keep_choice(r, "resize", is_stretched ? "stretch" : "crop") != NULL;
    }
    const size_t n = input->channels;
    if (s.channels != n)
        return good; /* they do not fit, which is reported when weights are taken */
    if (s.mean.n == 0) good = good && keep_numbers(r, "mean", input->mean, n, &s.mean);
    if (s.std.n == 0) good = good && keep_numbers(r, "std", input->std, n, &s.std);
    return good;
}

/* Files that are no models, or damaged, are left to cen_model_load_weights. */
int take_init(run *r)
{
    cen_model *model = NULL;
    bool good = true;
    if (s.init != NULL && !r->is_resumed) (void)cen_model_load(NULL, &model, s.init, NULL, NULL);
    const cen_model_info *info = model != NULL ? cen_model_get(model) : NULL;
    if (info != NULL && (info->input.channels == 1 || info->input.channels == 3)) {
        if (s.net == NULL) good = (s.net = keep_choice(r, "net", info->net)) != NULL;
        good = good && take_input(r, &info->input);
    }
    cen_model_free(model);
    if (s.net == NULL && s.resume != NULL) s.net = "small"; /* a run of before the recipe chose */
    return good ? 0 : refuse(EXIT_FAILED, "%s", r->error.message);
}

/* The fingerprint of a model: what makes features of pictures. */
#include <string.h>

#include "base/blake2b.h"
#include "base/memory.h"
#include "format/floats.h"
#include "format/text.h"
#include "train/model.h"

static void add_text(cen__text *text, const cen_model_info *info)
{
    const cen_input *input = &info->input;
    cen__text_add(text, info->net);
    cen__text_print(text, "\n%zu %zu %zu %d %d", input->channels, input->height, input->width,
                    (int)input->resize, (int)info->mirror);
    for (size_t c = 0; c < input->channels; c++) {
        cen__text_add(text, "\n");
        cen__text_add_float(text, input->mean[c]);
        cen__text_add(text, " ");
        cen__text_add_float(text, input->std[c]);
    }
}

static void add_floats(cen__blake2b *hash, const float *numbers, size_t n)
{
    enum { CHUNK = 1024 };
    uint8_t bytes[CHUNK * sizeof(float)];
    for (size_t done = 0; done < n; done += CHUNK) {
        const size_t count = n - done < CHUNK ? n - done : CHUNK;
        cen__put_floats(bytes, numbers + done, count);
        cen__blake2b_add(hash, bytes, count * sizeof(float));
    }
}

cen_status cen_model_fingerprint(const cen_model *model, char text[CEN_FINGERPRINT_SIZE],
                                 cen_error *error)
{
    enum { SIZE = (CEN_FINGERPRINT_SIZE - 1) / 2 };
    uint8_t digest[SIZE];
    cen__blake2b hash;
    cen__text words = {.context = model->context};
    add_text(&words, &model->info);
    if (words.failed) {
        cen__free(words.data);
        return cen__fail_memory(error, "the fingerprint of a model");
    }
    cen__blake2b_start(&hash, SIZE);
    cen__blake2b_add(&hash, words.data, words.size + 1);
    add_floats(&hash, model->parameters, model->net.n_parameters);
    add_floats(&hash, cen__model_state(model), model->net.n_state);
    cen__blake2b_end(&hash, digest);
    cen__hex(digest, SIZE, text);
    cen__free(words.data);
    return CEN_OK;
}

#include "export/words.h"

#include <string.h>

#include "base/sizes.h"
#include "base/status.h"
#include "format/text.h"

bool cen__words_is_kind(const char *text, const char *kind)
{
    size_t size = strlen(kind);
    return strncmp(text, kind, size) == 0 && (text[size] == ' ' || text[size] == '\0');
}

cen_status cen__words_copy(cen_model *model, cen_error *error)
{
    size_t n;
    if (cen_model_parameters(model, &n) != NULL) return CEN_OK;
    return cen__fail_memory(error, "the numbers of a model");
}

size_t cen__words_parameters(const cen_model_info *info)
{
    size_t total = 0;
    for (size_t i = 0; i < info->n_layers; i++) {
        total = cen__plus(total, info->layers[i].n_parameters);
    }
    return total;
}

static size_t read_number(const char **at)
{
    size_t number = 0;
    while (**at >= '0' && **at <= '9') number = number * 10 + (size_t)(*(*at)++ - '0');
    return number;
}

bool cen__words_size(const char *text, const char *word, int64_t size[2])
{
    const char *at = strstr(text, word);
    if (at == NULL) return false;
    at += strlen(word);
    while (*at == ' ') at++;
    size[0] = size[1] = (int64_t)read_number(&at);
    if (*at != 'x') return true;
    at++;
    size[1] = (int64_t)read_number(&at);
    return true;
}

bool cen__words_scale(const char *text, float *scale)
{
    const char *number = strstr(text, "scale ");
    double value = 1;
    if (number == NULL) return false;
    number += strlen("scale ");
    if (!cen__number_read(number, strlen(number), &value)) return false;
    *scale = (float)value;
    return true;
}

const char *cen__words_join(char name[CEN__NAME_MOST], const char *place, const char *ending)
{
    size_t at = 0;
    cen__append(name, CEN__NAME_MOST, &at, "body.%s%s%s", place, ending[0] == '\0' ? "" : ".",
                ending);
    return name;
}

bool cen__words_tensor(cen_model *model, const char *name, cen_tensor *view)
{
    const char *other;
    for (size_t i = 0; cen_model_tensor(model, i, &other, view); i++) {
        if (strcmp(other, name) == 0) return true;
    }
    return false;
}

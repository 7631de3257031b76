#include "train_facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "system.h"
#include "train.h"

enum { FACT_SIZE = 5000 }; /* a path fits */

static void add(facts *list, const char *name, const char *format, ...)
{
    char text[FACT_SIZE];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    size_t name_size = strlen(name) + 1, size = strlen(text) + 1;
    const char **pairs = realloc(list->pairs, (2 * list->n + 2) * sizeof *pairs);
    char *both = malloc(name_size + size);
    if (pairs != NULL) list->pairs = pairs;
    if (pairs == NULL || both == NULL) {
        free(both);
        list->failed = true;
        return;
    }
    memcpy(both, name, name_size);
    memcpy(both + name_size, text, size);
    list->pairs[2 * list->n] = both;
    list->pairs[2 * list->n + 1] = both + name_size;
    list->n++;
}

void facts_free(facts *list)
{
    for (size_t i = 0; i < list->n; i++) free((void *)list->pairs[2 * i]);
    free(list->pairs);
    *list = (facts){NULL, 0, false};
}

/* ---- what was trained, and how ---- */

static void add_data(facts *list, const cen_folder_info *info, size_t n_skipped)
{
    add(list, "classes", "%zu to train, %zu held out", info->n_classes, info->n_held_out);
    add(list, "images", "%zu to train, %zu to validate, %zu to test, %zu held out, %zu skipped",
        count_split(info, CEN_SPLIT_TRAIN), count_split(info, CEN_SPLIT_VALIDATION),
        count_split(info, CEN_SPLIT_TEST), count_split(info, CEN_SPLIT_HELD_OUT), n_skipped);
}

static void add_model(facts *list, const cen_model_info *model)
{
    add(list, "input", "%zu x %zu x %zu", model->input.channels, model->input.height,
        model->input.width);
    add(list, "net", "%s", model->net);
    add(list, "parameters", "%zu, and %zu of centers", model->n_parameters,
        model->n_center_parameters);
    char text[64];
    add(list, "feature", "%s%s", counted(model->feature_size, "number", text),
        model->mirror ? ", the mean of a picture's and its mirror image's" : "");
    char flip[FLIP_TEXT], net[FLIP_TEXT];
    if (s.net_is_chosen) add(list, "net chosen", "%s", net_text(net));
    add(list, "flip", "%s", flip_text(flip));
    add(list, "loss", "%s, lambda %s", loss_names[s.loss], s.lambda);
    add(list, "centers", "%s", center_modes[s.centers]);
    add(list, "batch", "%zu", s.batch_size);
    add(list, "learning rate", "%g, %s", s.lr, schedules[s.schedule]);
    add(list, "seed", "%llu", (unsigned long long)s.seed);
}

/* ---- options ---- */

/* The bytes of an option's value; 0: a text. */
static size_t value_size(const option *o)
{
    switch (o->kind) {
    case OPTION_FLAG: return sizeof(bool);
    case OPTION_TEXT:
    case OPTION_ONCE: return 0;
    case OPTION_COUNT: return sizeof(size_t);
    case OPTION_SEED: return sizeof(uint64_t);
    case OPTION_REAL: return sizeof(double);
    case OPTION_CHOICE: return sizeof(int);
    case OPTION_SIZE: return 2 * sizeof(size_t);
    case OPTION_REALS: return sizeof(real_list);
    }
    return 0;
}

static const char *text_at(const void *at)
{
    const char *text;
    memcpy(&text, at, sizeof text);
    return text;
}

/* Texts by their letters, as their places differ. */
static bool is_same(const option *o, const void *a, const void *b)
{
    if (value_size(o) > 0) return memcmp(a, b, value_size(o)) == 0;
    const char *first = text_at(a), *second = text_at(b);
    if (first == NULL || second == NULL) return first == second;
    return strcmp(first, second) == 0;
}

static void add_option(facts *list, const option *o, const void *value)
{
    char name[64], reals[100] = "";
    const size_t *sizes = value;
    const real_list *several = value;
    (void)snprintf(name, sizeof name, "--%s", o->name);
    switch (o->kind) {
    case OPTION_FLAG: add(list, name, "yes"); break;
    case OPTION_TEXT:
    case OPTION_ONCE: add(list, name, "%s", text_at(value)); break;
    case OPTION_COUNT: add(list, name, "%zu", *sizes); break;
    case OPTION_SEED: add(list, name, "%llu", (unsigned long long)*(const uint64_t *)value); break;
    case OPTION_REAL: add(list, name, "%.10g", *(const double *)value); break;
    case OPTION_CHOICE: add(list, name, "%s", o->choices[*(const int *)value]); break;
    case OPTION_SIZE: add(list, name, "%zux%zu", sizes[0], sizes[1]); break;
    case OPTION_REALS:
        for (size_t i = 0; i < several->n; i++)
            append(reals, sizeof reals, "%s%.10g", i > 0 ? "," : "", several->values[i]);
        add(list, name, "%s", reals);
        break;
    }
}

/* All that differ from the defaults: typed, or chosen by the recipe. The option table says what lies at which
 * place of the settings. */
static void add_options(facts *list)
{
    const train_settings now = s;
    restore_defaults();
    for (size_t i = 0; i < train_tool.n_options + train_tool.n_rest; i++) {
        const option *o = option_at(&train_tool, i);
        const char *preset = o->target;
        if (preset < (const char *)&s || preset >= (const char *)(&s + 1)) continue;
        const char *value = (const char *)&now + (preset - (const char *)&s);
        if (!is_same(o, preset, value)) add_option(list, o, value);
    }
    s = now;
}

/* ---- the machine, and when ---- */

static void add_processor(facts *list)
{
    char text[512];
    if (processor_name(text, sizeof text)) add(list, "processor", "%s", text);
}

static void add_time(facts *list, double seconds)
{
    char text[64];
    const time_t now = time(NULL);
    const struct tm *utc = gmtime(&now);
    if (utc != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", utc) > 0)
        add(list, "finished", "%s", text);
    const unsigned long whole = seconds > 0 && seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 0;
    add(list, "duration of all epochs", "%lu h %02lu min %02lu s", whole / 3600, whole / 60 % 60,
        whole % 60);
}

static void add_path(facts *list, const char *name, const char *path)
{
    char *absolute = absolute_path(path);
    if (absolute != NULL) add(list, name, "%s", absolute);
    free(absolute);
}

void facts_fill(facts *list, const run *r, const page_content *content)
{
    *list = (facts){NULL, 0, false};
    add_data(list, content->images, content->n_skipped);
    add_model(list, cen_model_get(r->model));
    add(list, "metric", "%s", metric_names[content->metric]);
    add_options(list);
    if (s.n_folds > 0) add(list, "looks misplaced", "%s", r->misplaced);
    add_time(list, page_seconds(r->page));
    add_processor(list);
    add_path(list, "run folder", r->folder);
    add_path(list, "working folder", ".");
    add(list, "version", "libcenterloss %s", cen_version());
}

#include "progress.h"
#include "system.h"

#include <centerloss.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

FILE *talk_beside(const char *output)
{
    static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(output, names[i]) == 0) return stderr;
    }
    return stdout;
}

progress progress_start(bool is_quiet, FILE *file)
{
    return (progress){file, is_quiet, clock_seconds(), 0};
}

/* "[====>   ]" of so many columns. */
static void append_bar(char *text, size_t size, size_t columns, double share)
{
    const size_t inner = columns - 2, filled = (size_t)(fmin(share, 1) * (double)inner);
    append(text, size, "  [");
    for (size_t i = 0; i < inner; i++)
        append(text, size, i < filled ? "=" : i == filled ? ">" : " ");
    append(text, size, "]");
}

/* The parts that fit into the terminal as it is now, with a bar if there is room left. */
static void draw(progress *line, size_t width, double share, const char *const *parts, size_t n)
{
    enum { GAP = 2 };
    static const size_t bars[] = {26, 12};
    char shown[512] = "";
    const size_t room = width < sizeof shown ? width - 1 : sizeof shown - 1; /* a full line wraps */
    size_t n_fit = 1, used = strlen(parts[0]), bar = 0;
    while (n_fit < n && used + GAP + strlen(parts[n_fit]) <= room) {
        used += GAP + strlen(parts[n_fit++]);
    }
    while (bar < 2 && used + GAP + bars[bar] > room) bar++;
    append(shown, sizeof shown, "%.*s", (int)room, parts[0]);
    if (bar < 2) append_bar(shown, sizeof shown, bars[bar], share);
    for (size_t i = 1; i < n_fit; i++) append(shown, sizeof shown, "  %s", parts[i]);
    const size_t old = line->n_shown < room ? line->n_shown : room;
    fprintf(line->file, "\r%-*s", (int)old, shown);
    line->n_shown = strlen(shown);
}

void progress_show(progress *line, size_t done, size_t total, const char *const *parts, size_t n)
{
    const double now = clock_seconds(), age = now - line->shown;
    if (line->is_quiet || (age < 0.1 && done < total)) return;
    const int width = terminal_width(line->file);
    if (width == 0 && age < 1) return;
    line->shown = now;
    if (width > 0) {
        draw(line, (size_t)width, total > 0 ? (double)done / (double)total : 1, parts, n);
    } else {
        for (size_t i = 0; i < n; i++) fprintf(line->file, "%s%s", i > 0 ? "  " : "", parts[i]);
        fputc('\n', line->file);
    }
    fflush(line->file);
}

void progress_images(progress *line, const char *label, size_t done, size_t total)
{
    char text[112], a[32], b[64];
    (void)snprintf(text, sizeof text, "%s / %s", with_commas(done, a), counted(total, "image", b));
    progress_show(line, done, total, (const char *const[]){label, text}, 2);
}

void progress_clear(progress *line)
{
    if (line->n_shown == 0) return;
    const int width = terminal_width(line->file);
    const int most = width > 0 ? width - 1 : 0;
    fprintf(line->file, "\r%-*s\r", line->n_shown < (size_t)most ? (int)line->n_shown : most, "");
    fflush(line->file);
    line->n_shown = 0;
}

void print_json_notes(const cen_file_note *notes, size_t n, bool *is_first)
{
    for (size_t i = 0; i < n; i++) {
        printf("%s{\"path\": ", *is_first ? "" : ", ");
        print_json_string(stdout, notes[i].path);
        printf(", \"reason\": ");
        print_json_string(stdout, notes[i].reason);
        printf("}");
        *is_first = false;
    }
}

static void print_notes(const command *tool, const char *what, const cen_file_note *notes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        print_names(stderr, "%s: %s %s: %s\n", tool->name, what, notes[i].path, notes[i].reason);
    }
}

void print_folder_notes(const command *tool, const cen_folder_info *info)
{
    print_notes(tool, "skipped", info->skipped, info->n_skipped);
    print_notes(tool, "damaged", info->damaged, info->n_damaged);
    print_notes(tool, "remark", info->remarks, info->n_remarks);
}

cen_status folder_features(const cen_model *model, cen_folder *folder, bool is_strict,
                           float *features, size_t *rows, size_t *n, cen_progress *show, void *user,
                           cen_error *error)
{
    cen_status status = cen_folder_load(folder, &cen_model_get(model)->input, 0, NULL, NULL, error);
    if (status != CEN_OK) return status;
    const cen_dataset *dataset = cen_folder_dataset(folder);
    const size_t n_skipped = cen_folder_get(folder)->n_skipped;
    status =
        cen_model_features(model, dataset, features, is_strict ? NULL : rows, n, show, user, error);
    for (size_t i = 0; i < dataset->n && is_strict; i++) rows[i] = i;
    const cen_folder_info *info = cen_folder_get(folder);
    if (status != CEN_OK && info->n_skipped - n_skipped == dataset->n) {
        (void)snprintf(error->message, sizeof error->message,
                       "%.200s: %.200s; there is no other image to use",
                       info->skipped[n_skipped].path, info->skipped[n_skipped].reason);
    }
    return status;
}

void print_model(const cen_model *model)
{
    const cen_model_info *info = cen_model_get(model);
    const cen_input *input = &info->input;
    char a[32], b[32];
    printf("input     %zux%zux%zu (channels x height x width), mean", input->channels,
           input->height, input->width);
    for (size_t c = 0; c < input->channels; c++) printf(" %.4g", (double)input->mean[c]);
    printf(", std");
    for (size_t c = 0; c < input->channels; c++) printf(" %.4g", (double)input->std[c]);
    printf("\nnet       %s parameters, and %s of centers\n", with_commas(info->n_parameters, a),
           with_commas(info->n_center_parameters, b));
    int place = 2, text = 32; /* columns */
    for (size_t i = 0; i < info->n_layers; i++) {
        const cen_layer_info *layer = &info->layers[i];
        if ((int)strlen(layer->place) > place) place = (int)strlen(layer->place);
        if ((int)strlen(layer->text) > text) text = (int)strlen(layer->text);
    }
    for (size_t i = 0; i < info->n_layers; i++) {
        const cen_layer_info *layer = &info->layers[i];
        char shape[64];
        (void)snprintf(shape, sizeof shape, "%zux%zux%zu", layer->channels, layer->height,
                       layer->width);
        const bool has_numbers = layer->n_parameters > 0;
        print_names(stdout, "          %*s  %-*s %-*s", place, layer->place, text, layer->text,
                    has_numbers ? 14 : 0, shape);
        if (has_numbers) printf(" %12s", with_commas(layer->n_parameters, a));
        printf("\n");
    }
    printf("          head: %zu -> %zu classes\n", info->feature_size, info->n_classes);
    if (info->mirror)
        printf("mirror    a feature is the mean over a picture and its mirror image\n");
}

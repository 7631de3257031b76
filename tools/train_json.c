/* cl_train --json, and the sentences that text and JSON share. Each object is one line on standard output. */
#include "train_json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "train.h"
#include "train_log.h"
#include "system.h"

/* The last sentence of refuse. */
static char refusal[sizeof((cen_error *)0)->message + 512];

int refuse(int code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(refusal, sizeof refusal, format, values);
    va_end(values);
    return fail(&train_tool, code, "%s", refusal);
}

/* ---- fields ---- */

static void begin(const char *kind)
{
    printf("{\"kind\": \"%s\"", kind);
}

static void end(void)
{
    printf("}\n");
    fflush(stdout);
}

static void put_text(const char *name, const char *text)
{
    printf(", \"%s\": ", name);
    if (text != NULL) print_json_string(stdout, text);
    if (text == NULL) printf("null");
}

static void put_count(const char *name, size_t count)
{
    printf(", \"%s\": %zu", name, count);
}

/* null stands for what could not be measured. */
static void put_number(const char *name, double value)
{
    if (!isfinite(value)) put_text(name, NULL);
    if (isfinite(value)) printf(", \"%s\": %.9g", name, value);
}

static void put_interval(const char *name, const double ends[2])
{
    if (!isfinite(ends[0])) put_text(name, NULL);
    if (isfinite(ends[0])) printf(", \"%s\": [%.9g, %.9g]", name, ends[0], ends[1]);
}

static void put_notes(const char *name, const cen_file_note *notes, size_t n)
{
    bool is_first = true;
    printf(", \"%s\": [", name);
    print_json_notes(notes, n, &is_first);
    printf("]");
}

/* ---- objects ---- */

void json_warning(const char *text)
{
    begin("warning");
    put_text("message", text);
    end();
}

void json_start(const run *r, const cen_folder_info *info, const estimate *planned)
{
    const cen_model_info *model = cen_model_get(r->model);
    begin(planned != NULL ? "plan" : "start");
    put_text("run", planned != NULL ? NULL : r->folder);
    put_text("command", r->command);
    put_text("version", cen_version());
    put_count("classes", info->n_classes);
    put_count("held_out_classes", info->n_held_out);
    for (cen_split i = CEN_SPLIT_TRAIN; i <= CEN_SPLIT_HELD_OUT; i++)
        put_count(cen_split_name(i), count_split(info, i));
    put_notes("skipped", info->skipped, info->n_skipped);
    put_notes("damaged", info->damaged, info->n_damaged);
    put_notes("remarks", info->remarks, info->n_remarks);
    put_count("channels", model->input.channels);
    put_count("height", model->input.height);
    put_count("width", model->input.width);
    put_text("net", model->net);
    put_count("parameters", model->n_parameters);
    put_count("center_parameters", model->n_center_parameters);
    put_count("feature_size", model->feature_size);
    put_count("epochs", s.n_epochs);
    put_count("batch_size", s.batch_size);
    put_text("loss", loss_names[s.loss]);
    put_text("lambda", s.lambda);
    put_text("centers", center_modes[s.centers]);
    put_number("lr", s.lr);
    put_text("augment", augments[s.augment]);
    printf(", \"flip\": %s", s.flips ? "true" : "false");
    put_number("mirror_kept", s.mirror_kept);
    put_number("alike", s.alike);
    printf(", \"seed\": %llu", (unsigned long long)s.seed);
    if (planned != NULL) {
        put_number("epoch_seconds", planned->epoch_seconds);
        put_number("seconds", planned->seconds);
        put_number("memory_bytes", planned->memory);
    }
    end();
}

void json_resume(const cen_resume_report *report)
{
    begin("resume");
    put_count("epoch", report->epoch);
    put_count("batch", report->batch + 1);
    put_count("step", report->step);
    end();
}

void json_net(const char *name, const cen_model_info *info, double multiply_adds, double trained,
              double features)
{
    begin("net");
    put_text("name", name);
    put_text("net", info->net);
    put_count("channels", info->input.channels);
    put_count("height", info->input.height);
    put_count("width", info->input.width);
    put_count("parameters", info->n_parameters - info->n_classes * (info->feature_size + 1));
    put_number("multiply_adds", multiply_adds);
    put_number("trained_per_second", trained);
    put_number("features_per_second", features);
    end();
}

void json_epoch(const cen_epoch_report *report)
{
    double values[N_LOG_COLUMNS];
    log_values(report, values);
    begin("epoch");
    for (size_t i = 0; i < N_LOG_COLUMNS; i++) {
        if (i == LOG_BEST) {
            printf(", \"%s\": %s", log_columns[i], values[i] > 0 ? "true" : "false");
        } else {
            put_number(log_columns[i], values[i]);
        }
    }
    end();
}

void json_measures(const cen_report_set *sets, size_t n, cen_metric metric)
{
    static const char *const tars[] = {"tar_at_far_0.1", "tar_at_far_0.01", "tar_at_far_0.001"};
    for (size_t i = 0; i < n; i++) {
        const cen_measures *m = sets[i].measures;
        begin("measures");
        put_text("set", sets[i].name);
        put_count("n_queries", m->retrieval.n_queries);
        put_number("knn_accuracy", m->retrieval.knn_accuracy);
        put_interval("knn_accuracy_interval", m->retrieval.knn_interval);
        put_number("map_at_r", m->retrieval.map_at_r);
        put_number("one_shot", m->few_shot[0].n_episodes > 0 ? m->few_shot[0].accuracy : NAN);
        put_number("five_shot", m->few_shot[1].n_episodes > 0 ? m->few_shot[1].accuracy : NAN);
        put_number("auc", m->verification.auc);
        put_number("eer", m->verification.eer);
        for (size_t j = 0; j < 3; j++) put_number(tars[j], m->verification.tar[j]);
        put_number("intra_inter", m->intra_inter);
        put_text("metric", metric_names[metric]);
        end();
    }
}

void json_end(const run *r, int code)
{
    const bool is_done = code == 0, is_stopped = code > 128;
    char path[PATH_SIZE];
    begin("end");
    put_text("state", is_done ? "done" : is_stopped ? "stopped" : "failed");
    put_count("code", (size_t)code);
    put_text("message", is_done || is_stopped ? NULL : refusal);
    put_text("run", r->has_begun ? r->folder : NULL);
    put_count("best_epoch", r->best_epoch);
    put_number(r->is_best_unseen ? "best_unseen_auc" : "best_knn",
               r->best_epoch > 0 ? r->best_knn : NAN);
    put_text("model", r->best_epoch > 0 ? in_run(r, "model.safetensors", path) : NULL);
    put_text("log", r->has_begun ? in_run(r, "log.csv", path) : NULL);
    put_text("features", is_done && r->has_begun ? in_run(r, "features.npy", path) : NULL);
    put_text("report",
             is_done && r->has_begun && !s.no_report ? in_run(r, "report.html", path) : NULL);
    end();
}

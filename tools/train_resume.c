#include "train_resume.h"

#include <string.h>

#include "train.h"
#include "train_ranks.h"
#include "system.h"
#include "train_json.h"

/* A path that a run's file names is written to only within the run, and limits stay: that file may be a
 * stranger's. typed: by the user, beside what is usual. */
static int refuse_foreign(run *r, const train_settings *typed, const train_settings *usual)
{
    size_t size = strlen(r->folder);
    r->is_limited = typed->image_size[0] == 0 || typed->net == usual->net;
    if (s.max_pixels > usual->max_pixels && s.max_pixels != typed->max_pixels) {
        return refuse(
            EXIT_USAGE,
            "%s/arguments names --max-pixels %zu, more than the usual %zu; if you trust its "
            "maker, add --max-pixels %zu",
            r->folder, s.max_pixels, usual->max_pixels, s.max_pixels);
    }
    if (s.steps == NULL || typed->steps != NULL) return 0;
    bool is_inside = strncmp(s.steps, r->folder, size) == 0 && s.steps[size] == '/' &&
                     strchr(s.steps + size + 1, '/') == NULL && !path_is_special(s.steps) &&
                     !is_run_file(s.steps + size + 1);
    if (is_inside) return 0;
    return refuse(EXIT_USAGE,
                  "%s/arguments names --steps %s, which is not a file of its own in the run; add "
                  "--steps FILE to "
                  "write there",
                  r->folder, s.steps);
}

/* What only begins a run is no option of one that goes on. */
static int refuse_ignored(void)
{
    const char *name = s.output != NULL ? "output"
                       : s.overwrite    ? "overwrite"
                       : s.init != NULL ? "init"
                       : s.is_dry       ? "dry-run"
                                        : NULL;
    if (name == NULL) return 0;
    return refuse(
        EXIT_USAGE,
        "--%s begins a run, and --resume %s goes on with one where it stands; leave one of "
        "the two out",
        name, s.resume);
}

int resume_command(run *r, arguments *all, int *n_paths)
{
    const train_settings typed = s;
    const int n_given = *n_paths;
    int code = refuse_ignored();
    if (code == 0 && is_first_rank()) code = take_old_run(r, typed.resume);
    code = agree_code(code);
    if (code != 0) return code;
    char path[PATH_SIZE];
    arguments_free(all);
    if (!arguments_load(all, in_run(r, "arguments", path), r->arguments, &r->error)) {
        return refuse(EXIT_FAILED, "%s", r->error.message);
    }
    if (!take_from_first(&r->is_resumed, sizeof r->is_resumed)) {
        return refuse(EXIT_FAILED, "the exchange with the other processes failed");
    }
    restore_defaults();
    const train_settings usual = s;
    code = arguments_parse(all, n_paths);
    if (code != 0 || *n_paths < 0) return code;
    if (n_given > 0) { /* the images have moved */
        memmove(all->argv, all->argv + *n_paths - n_given, (size_t)n_given * sizeof *all->argv);
        *n_paths = n_given;
    }
    s.stop_after = typed.stop_after; /* of this call, not of the one before */
    s.is_quiet = typed.is_quiet;
    s.is_json = typed.is_json;
    s.is_verbose = typed.is_verbose;
    return refuse_foreign(r, &typed, &usual);
}

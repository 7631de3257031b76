#include "train_check.h"

#include <centerloss_eval.h>

#include <string.h>

#include "system.h"
#include "train.h"
#include "train_json.h"
#include "train_ranks.h"

int check_settings(int n_paths)
{
    if (n_paths == 0) {
        const option *o = option_of_folder(&train_tool);
        if (o != NULL) {
            return parse_exit_code(fail_folder(&train_tool, o, *(const char *const *)o->target));
        }
        return refuse(EXIT_USAGE, "name the folder of images, as: %s", train_tool.examples[0].term);
    }
    if ((s.steps != NULL && strcmp(s.steps, "-") == 0) ||
        (s.output != NULL && strcmp(s.output, "-") == 0)) {
        return refuse(
            EXIT_USAGE,
            "standard output holds what cl_train says; name a file or folder in place of -");
    }
    if (s.n_frozen > 0 && s.init == NULL) {
        return refuse(EXIT_USAGE, "--freeze %zu keeps layers of another model; name it by --init",
                      s.n_frozen);
    }
    if (s.channels == 2) return refuse(EXIT_USAGE, "--channels takes 1 or 3");
    if (s.flips && s.flips_never) {
        return refuse(EXIT_USAGE, "--flip and --no-flip exclude each other; leave one out");
    }
    s.flip_is_typed = s.flips || s.flips_never || s.recipe >= 0;
    if (s.n_shards > s.batch_size) {
        return refuse(EXIT_USAGE,
                      "--shards %zu cannot be cut from --batch-size %zu; use fewer shards",
                      s.n_shards, s.batch_size);
    }
    if (s.n_shards % count_ranks() != 0) {
        return refuse(EXIT_USAGE,
                      "%zu processes cannot share --shards %zu; use a number that they divide, as "
                      "--shards %zu",
                      count_ranks(), s.n_shards, count_ranks());
    }
    char hint[64];
    if (is_lambda_good()) return 0;
    return refuse(EXIT_USAGE,
                  "--lambda '%s' cannot be used; it takes a number from 0 to 1e+29, or auto%s",
                  s.lambda, hint_point(s.lambda, hint));
}

int check_files(const run *r)
{
    char hint[64];
    double share;
    if (r->is_resumed) return 0;
    if (s.holdout != NULL && !is_holdout_share(&share) && !path_exists(s.holdout)) {
        return refuse(EXIT_FAILED,
                      "--holdout-classes '%s' is neither a share of the classes nor a file that is "
                      "there%s",
                      s.holdout, hint_point(s.holdout, hint));
    }
    return check_inputs(&train_tool);
}

int check_steps(void)
{
    cen_error error;
    if (s.steps == NULL || !is_first_rank() ||
        cen_path_check_writable(NULL, s.steps, &error) == CEN_OK)
        return 0;
    return refuse(EXIT_FAILED, "%s", error.message);
}

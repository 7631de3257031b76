/* cl_train: a folder of images in; a trained model, its log and its features out. */
#include <centerloss.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_check.h"
#include "train_compare.h"
#include "train_dry.h"
#include "train_finish.h"
#include "train_init.h"
#include "train_model.h"
#include "train_nets.h"
#include "train_resume.h"
#include "train_watch.h"
#include "system.h"
#include "train_json.h"
#include "train_mpi.h"
#include "train_ranks.h"

static int show_loading(void *user, size_t done, size_t total)
{
    progress_images(user, "reading", done, total);
    return 0;
}

static cen_status train(run *r, const cen_folder *folder, training *t, cen_error *error)
{
    char path[PATH_SIZE];
    cen_trainer *trainer;
    cen_status status = cen_trainer_create(&trainer, r->model, &t->train, error);
    if (status != CEN_OK) return status;
    t->fit.checkpoint = r->checkpoint;
    t->fit.resume = r->is_resumed;
    watch(&t->fit, r);
    catch_signals(true);
    status = cen_fit(trainer, cen_folder_dataset(folder), &t->fit, error);
    catch_signals(false); /* all that is needed to go on is on the disk */
    cen_trainer_free(trainer);
    progress_clear(&r->line);
    /* The model is whitened now; and a resumed one may be of an earlier epoch than the file. */
    if (status == CEN_OK && r->error.status == CEN_OK && r->best_epoch > 0) {
        status = cen_model_save(r->model, in_run(r, "model.safetensors", path), error);
    }
    t->train.exchange = NULL; /* the first process does the rest */
    if (status == CEN_OK && close_logs(r) == 0 && r->error.status == CEN_OK) {
        if (!is_first_rank()) return CEN_OK;
        return signal_number() != 0 ? CEN_OK : finish_run(r, folder, t, error);
    }
    if (r->error.status != CEN_OK) *error = r->error;
    return status != CEN_OK ? status : r->error.status;
}

/* Where numbers have exploded, also what is left to begin with. */
static int fail_training(const run *r, const cen_error *error)
{
    if (error->status != CEN_ERROR_NOT_FINITE || r->best_epoch == 0) {
        return refuse(EXIT_FAILED, "%s", error->message);
    }
    return refuse(EXIT_FAILED,
                  "%s; %s/model.safetensors holds epoch %zu, which a new training can take up by "
                  "--init",
                  error->message, r->folder, r->best_epoch);
}

static size_t cache_bytes(void)
{
    return s.cache_mb > SIZE_MAX >> 20 ? SIZE_MAX : s.cache_mb << 20;
}

static int train_folder(run *r, cen_folder *folder, const char *path)
{
    cen_error error;
    const cen_model_limits limits = cen_model_limits_init();
    training t;
    size_t n_taken = 0;
    begin_training(&t);
    if (r->is_limited) t.model.limits = &limits;
    if (cen_folder_choose_input(r->context, folder, s.net, &t.model.input, &error) != CEN_OK) {
        return refuse(EXIT_FAILED, "%s", error.message);
    }
    int code = check_net(r, &t.model);
    if (code != 0) return code;
    if (t.model.input.channels == 1 && (s.mean.n > 1 || s.std.n > 1)) {
        return refuse(EXIT_USAGE, "--mean and --std have three numbers, but the input is grey; "
                                  "give one, or add --channels 3");
    }
    cen_status status =
        cen_folder_load(folder, &t.model.input, cache_bytes(), show_loading, &r->line, &error);
    progress_clear(&r->line);
    if (status != CEN_OK) return refuse(EXIT_FAILED, "%s", error.message);
    const cen_folder_info *info = cen_folder_get(folder);
    r->n_train = count_split(info, CEN_SPLIT_TRAIN);
    if (is_talking()) print_folder(path, info);
    if (make_timed_model(r, folder, &t, &n_taken, &error) != CEN_OK) {
        return refuse(EXIT_FAILED, "%s", error.message);
    }
    if (is_talking()) print_model(r->model);
    if (s.is_dry) {
        if (is_talking()) print_training(n_taken);
        return dry_run(r, folder, &t);
    }
    code = agree_code(is_first_rank() ? begin_run(r) : 0);
    if (code != 0) return code;
    if (is_talking()) print_training(n_taken);
    if (s.is_json) json_start(r, info, NULL);
    if (is_first_rank()) r->page = page_create(info, s.n_epochs);
    if (is_first_rank() && r->page == NULL)
        return refuse(EXIT_FAILED, "not enough memory for this run");
    if (train(r, folder, &t, &error) != CEN_OK) return fail_training(r, &error);
    if (is_talking()) print_end(r, info, signal_number() != 0);
    return signal_number() != 0 ? 128 + signal_number() : 0;
}

static int train_on(run *r, char *const *paths, size_t n_paths)
{
    cen_folder_options options = cen_folder_options_init();
    char scratch[PATH_SIZE];
    fill_folder_options(&options);
    if (r->lock != NULL) options.scratch = in_run(r, scratch_name, scratch);
    cen_error error;
    cen_folder *folder;
    int code = make_context(&train_tool, s.n_threads, &r->context);
    if (code != 0) return code;
    if (cen_folder_open(r->context, &folder, (const char *const *)paths, n_paths, &options,
                        &error) != CEN_OK) {
        return refuse(EXIT_FAILED, "%s", error.message);
    }
    code = train_folder(r, folder, paths[0]);
    (void)close_logs(r);
    page_free(r->page);
    cen_model_free(r->model);
    cen_folder_free(folder);
    return code;
}

static int run_command(const arguments *given, arguments *all, const char *line)
{
    int n_paths, code = arguments_parse(all, &n_paths);
    if (code != 0 || n_paths < 0) return code;
    run r = {.best_knn = NAN, .command = line, .arguments = given};
    char *net = NULL;
    bool is_old = s.resume != NULL;
    if (s.lists_nets) {
        code = list_nets(&r);
        n_paths = -1; /* nothing is trained */
    } else if (is_old) {
        code = resume_command(&r, all, &n_paths);
    }
    if (code == 0 && n_paths >= 0) code = check_settings(n_paths);
    if (code == 0 && n_paths >= 0) code = read_net_file(&net);
    if (code == 0 && n_paths >= 0) code = check_files(&r);
    if (code == 0 && n_paths >= 0) code = take_init(&r);
    if (code == 0 && n_paths >= 0 && !is_old && !s.is_dry && is_first_rank()) {
        code = take_run_folder(&r);
    }
    if (code == 0 && n_paths >= 0 && !s.is_dry) code = check_steps();
    code = agree_code(code);
    if (!is_first_rank()) { /* it only computes */
        s.is_quiet = true;
        s.is_json = false;
    }
    FILE *talk = s.is_json ? stderr : stdout; /* objects have standard output for themselves */
    r.line = progress_start(s.is_quiet || (s.is_json && terminal_width(stderr) == 0), talk);
    if (code == 0 && n_paths >= 0) code = train_on(&r, all->argv, (size_t)n_paths);
    cen_context_free(r.context);
    leave_run_folder(&r);
    free_choices(&r);
    cen_text_free(net);
    if (s.is_json) json_end(&r, code);
    return code;
}

static int work(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "compare") == 0) {
        return is_first_rank() ? compare_runs(argc - 1, argv + 1) : 0;
    }
    char *line = join_command(argc, argv);
    arguments given = {argc, argv, NULL}, all = {0, NULL, NULL};
    if (line == NULL || !arguments_copy(&all, &given)) {
        free(line);
        return refuse(EXIT_FAILED, "not enough memory");
    }
    int code = run_command(&given, &all, line);
    arguments_free(&all);
    free(line);
    return code;
}

/* A shell's loop ends by Ctrl-C only if the program ends by it, too. */
int main(int argc, char **argv)
{
#ifdef CEN_MPI
    mpi_begin(&argc, &argv);
    int code = run_tool(&train_tool, work, argc, argv);
    mpi_end(code);
#else
    int code = run_tool(&train_tool, work, argc, argv);
#endif
    if (code == 128 + signal_number() && signal_number() != 0) raise(signal_number());
    return code;
}

/* The command-line tools with each allocation and each operation on files failing in turn, each time in a
 * process of its own: one sentence and the exit code 1, nothing leaks, the last good files stand, and a
 * training goes on to the same bytes. */
#define _XOPEN_SOURCE 700
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include <centerloss.h>

#include "injection/walk.h"

#define IMAGES ROOT "/images"
#define OUT ROOT "/out"
#define RUN OUT "/run"

/* tests/CMakeLists.txt gives each tool's main its name. */
int cl_train_main(int argc, char **argv);
int cl_export_main(int argc, char **argv);
int cl_features_main(int argc, char **argv);
int cl_idx_main(int argc, char **argv);
int cl_knn_main(int argc, char **argv);

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} tools[] = {{"cl_train", cl_train_main},
             {"cl_export", cl_export_main},
             {"cl_features", cl_features_main},
             {"cl_idx", cl_idx_main},
             {"cl_knn", cl_knn_main}};

/* Runs a command line in this process, which ends with it. */
static void become(const char *line, bool is_armed)
{
    static char text[2000];
    char *argv[100];
    int argc = 0;
    assert_true(strlen(line) < sizeof text);
    strcpy(text, line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    size_t i = 0;
    while (strcmp(tools[i].name, argv[0]) != 0) i++;
    if (freopen(ROOT "/said", "w", stdout) == NULL || freopen(ROOT "/told", "w", stderr) == NULL) {
        abort();
    }
    failing->is_armed = is_armed;
    int code = tools[i].main(argc, argv);
    failing->is_armed = false;
    exit(code);
}

static const char *text_of(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

/* What stands after the lines that name pictures which were skipped or are doubtful. */
static const char *sentence_of(const char *told)
{
    for (const char *end;
         strncmp(told, "cl_knn: skipped ", 16) == 0 || strncmp(told, "cl_knn: doubtful ", 17) == 0;
         told = end + 1) {
        end = strchr(told, '\n');
        if (end == NULL) break;
    }
    return told;
}

/* True if it succeeded; else it told so in one line. */
static bool execute(const char *line)
{
    bool is_armed = failing->is_armed;
    failing->is_armed = false;
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) become(line, is_armed);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    failing->is_armed = false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    const char *told = sentence_of(text_of(ROOT "/told")), *end = strchr(told, '\n');
    bool is_memory = failing->failed == ALLOCATE;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || strncmp(told, "cl_", 3) != 0 ||
        end == NULL || end[1] != '\0' || strstr(told, is_memory ? "memory" : "/") == NULL ||
        !failing->has_failed) {
        fail_msg("%s: operation %zu (%s) ends with the status %d: %s", line, failing->fail_at,
                 operation_names[failing->failed], status, told);
    }
    if (getenv("CEN_SHOW_ERRORS") != NULL) printf("%s: %s", operation_names[failing->failed], told);
    return false;
}

/* ---- the jobs ---- */

#define TRAIN                                                                                      \
    "cl_train --threads 1 --strict --epochs 2 --batch-size 4 --val-split 0.25 "                    \
    "--checkpoint-minutes 1e-9 --net flatten --steps " OUT "/steps.csv -o " RUN " " IMAGES
#define FEATURES "cl_features --threads 1 --strict " RUN " " IMAGES " -o " OUT

static bool train(void)
{
    return execute(TRAIN);
}

static bool train_over(void)
{
    return execute(TRAIN " --svg --overwrite");
}

static bool try_dry(void)
{
    return execute("cl_train --dry-run --json --threads 1 --strict --epochs 2 --batch-size 4 "
                   "--val-split 0.25 --net flatten " IMAGES);
}

static bool resume(void)
{
    return execute("cl_train --threads 1 --stop-after 1000 --steps " OUT
                   "/steps.csv --resume " RUN);
}

static bool write_npy(void)
{
    return execute(FEATURES "/f.npy");
}

static bool export_model(void)
{
    return execute("cl_export " RUN " -o " OUT "/m.onnx");
}

static bool export_c(void)
{
    return execute("cl_export --int8 " IMAGES " " RUN " -o " OUT "/m.c");
}

static bool unpack(void)
{
    return execute("cl_idx --per-class 1 " ROOT "/idx/images.gz " ROOT "/idx/labels -o " OUT
                   "/idx");
}

static bool enroll(void)
{
    return execute("cl_knn enroll --threads 1 --model " RUN " " OUT "/f.npy new " IMAGES "/dark");
}

#define GALLERY OUT "/g.gallery"

static bool sync_gallery(void)
{
    return execute("cl_knn sync --threads 1 --model " RUN " " GALLERY " " IMAGES);
}

static bool classify(void)
{
    return execute("cl_knn classify --json --threads 1 --model " RUN " " OUT "/f.npy " IMAGES
                   "/dark");
}

static bool cluster(void)
{
    return execute("cl_knn cluster --threads 1 --threshold 1 " OUT "/f.npy -o " OUT "/groups.csv");
}

static bool show_info(void)
{
    return execute("cl_features --info --json --threads 1 " RUN);
}

static void train_over_again(void)
{
    assert_true(train_over());
}

static void resume_again(void)
{
    assert_true(resume());
}

/* A run that has kept its command line is resumed, another one begun again. */
static void go_on(void)
{
    if ((cen__os_kind(RUN "/arguments") != CEN__NOTHING)) {
        resume_again();
    } else {
        assert_true(train());
    }
}

/* ---- what stands there before ---- */

static int prepare(void **state)
{
    (void)state;
    failing_begin();
    for (int i = 0; i < 4; i++) {
        char path[200];
        (void)snprintf(path, sizeof path, IMAGES "/dark/%d.pgm", i);
        tree_grey(path, 5, 5, 20 + 5 * i);
        (void)snprintf(path, sizeof path, IMAGES "/light/%d.pgm", i);
        tree_grey(path, 5, 5, 220 + 5 * i);
    }
    copy(CEN_TESTS_FOLDER "/golden/idx/images.gz", ROOT "/idx/images.gz");
    copy(CEN_TESTS_FOLDER "/golden/idx/labels", ROOT "/idx/labels");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    tree_remove(ROOT);
    failing_end();
    return 0;
}

static void begin_out(const char *line)
{
    tree_remove(OUT);
    assert_int_equal(cen__os_make_folder(NULL, OUT, NULL), CEN_OK);
    if (line != NULL) assert_true(execute(line));
}

#define LOGS " log.csv steps.csv "
#define BOTH_CHECKPOINTS " checkpoint.safetensors checkpoint.safetensors.previous "
/* A page shows the command line, which is that of resuming, and no features of epochs before that. */
#define PAGES " report.html report.json "

static void a_training_that_fails_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    begin_out(NULL);
    walk(&(job){.name = "cl_train",
                .run = train,
                .mend = go_on,
                .stride = 11,
                .grows = LOGS,
                .goes = BOTH_CHECKPOINTS,
                .differs = PAGES,
                .lacks = PAGES});
}

static void a_training_over_an_old_one_keeps_its_model(void **state)
{
    (void)state;
    begin_out(TRAIN " --seed 7");
    walk(&(job){.name = "cl_train --overwrite",
                .run = train_over,
                .mend = train_over_again,
                .stride = 11,
                .grows = LOGS,
                .goes = BOTH_CHECKPOINTS,
                .lacks = PAGES});
}

static void a_dry_run_fails_in_one_sentence(void **state)
{
    (void)state;
    begin_out(NULL);
    walk(&(job){.name = "cl_train --dry-run", .run = try_dry, .stride = 3});
}

/* Where the newer checkpoint could not be read, the one before the last is of another moment. */
#define LATER PAGES "checkpoint.safetensors.previous "

/* Puts more into a file's first line than one read takes. */
static void lengthen(const char *path)
{
    char text[5000 + 4096];
    memset(text, 'x', 5000);
    const char *rows = text_of(path);
    (void)snprintf(text + 5000, sizeof text - 5000, "%s", rows);
    tree_text(path, text);
}

static void a_resumed_training_that_fails_is_resumed_again(void **state)
{
    (void)state;
    begin_out(TRAIN " --stop-after 3"); /* so that the checkpoint before is of a step, too */
    lengthen(OUT "/steps.csv");
    walk(&(job){.name = "cl_train --resume",
                .run = resume,
                .mend = resume_again,
                .stride = 11,
                .grows = LOGS,
                .goes = BOTH_CHECKPOINTS,
                .differs = LATER,
                .lacks = LATER});
}

static void features_are_the_old_ones_or_the_new_ones(void **state)
{
    (void)state;
    begin_out(TRAIN " --no-report");
    tree_text(OUT "/f.npy", "old");
    tree_text(OUT "/f.tsv", "old");
    walk(&(job){.name = "cl_features",
                .run = write_npy,
                .stride = 3,
                .pair = {OUT "/f.npy", OUT "/f.tsv"}});
}

static void an_export_is_the_old_one_or_the_new_one(void **state)
{
    (void)state;
    begin_out(TRAIN " --no-report");
    tree_text(OUT "/m.onnx", "old");
    walk(&(job){.name = "cl_export", .run = export_model, .stride = 5});
    begin_out(TRAIN " --no-report");
    tree_text(OUT "/m.c", "old");
    walk(&(job){.name = "cl_export to C", .run = export_c, .stride = 5, .lacks = " m.c "});
}

static void unpacked_images_are_whole(void **state)
{
    (void)state;
    begin_out(NULL);
    walk(&(job){.name = "cl_idx", .run = unpack, .stride = 3});
}

static void a_gallery_is_the_old_one_or_the_new_one(void **state)
{
    (void)state;
    begin_out(TRAIN " --no-report");
    assert_true(execute(FEATURES "/f.npy"));
    walk(&(job){.name = "cl_knn enroll",
                .run = enroll,
                .stride = 3,
                .lacks = " f.npy f.tsv ",
                .pair = {OUT "/f.npy", OUT "/f.tsv"}});
}

static void a_synced_gallery_is_there_or_is_not(void **state)
{
    (void)state;
    begin_out(TRAIN " --no-report");
    walk(&(job){.name = "cl_knn sync", .run = sync_gallery, .stride = 3, .lacks = " g.gallery "});
}

static void answers_come_or_a_sentence_does(void **state)
{
    (void)state;
    begin_out(TRAIN " --no-report");
    assert_true(execute(FEATURES "/f.npy"));
    walk(&(job){.name = "cl_knn classify", .run = classify, .stride = 3});
    walk(&(job){.name = "cl_knn cluster", .run = cluster, .stride = 3});
    walk(&(job){.name = "cl_features --info", .run = show_info, .stride = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_that_fails_goes_on_to_the_same_bytes),
        cmocka_unit_test(a_training_over_an_old_one_keeps_its_model),
        cmocka_unit_test(a_dry_run_fails_in_one_sentence),
        cmocka_unit_test(a_resumed_training_that_fails_is_resumed_again),
        cmocka_unit_test(features_are_the_old_ones_or_the_new_ones),
        cmocka_unit_test(an_export_is_the_old_one_or_the_new_one),
        cmocka_unit_test(unpacked_images_are_whole),
        cmocka_unit_test(a_gallery_is_the_old_one_or_the_new_one),
        cmocka_unit_test(a_synced_gallery_is_there_or_is_not),
        cmocka_unit_test(answers_come_or_a_sentence_does),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}

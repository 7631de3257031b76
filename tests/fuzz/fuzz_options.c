/* The command line of cl_train, one argument a line. What is printed goes where the caller says. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "train.h"

enum { MOST_ARGUMENTS = 64, MOST_SIZE = 4096 };

static void check_settings(void)
{
    FUZZ_CHECK(s.batch_size >= 1 && s.channels <= 3 && s.mean.n <= 3 && s.std.n <= 3);
    FUZZ_CHECK(isfinite(s.lr) && s.lr >= 0 && s.validation_share >= 0 && s.validation_share < 1);
    cen_folder_options folder = cen_folder_options_init();
    if (!is_lambda_good()) return;
    FUZZ_CHECK(isfinite(s.lambda_value) && s.lambda_value >= 0);
    fill_folder_options(&folder);
    training t;
    begin_training(&t);
    apply_settings(&t);
    FUZZ_CHECK(t.fit.augment->shift >= 0 && t.train.lambda >= 0 && s.lambda != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char text[MOST_SIZE + 1], program[] = "cl_train", *argv[MOST_ARGUMENTS + 1] = {program};
    int argc = 1;
    if (size > MOST_SIZE) return -1;
    memcpy(text, bytes, size);
    text[size] = '\0';
    for (char *at = text; at != NULL && argc < MOST_ARGUMENTS; argc++) {
        argv[argc] = at;
        at = strchr(at, '\n');
        if (at != NULL) *at++ = '\0';
    }
    char *line = join_command(argc, argv);
    FUZZ_CHECK(line != NULL && strlen(line) >= strlen(program));
    free(line);
    restore_defaults();
    int n_plain = parse_options(&train_tool, argc, argv);
    FUZZ_CHECK(n_plain >= 0 || n_plain == PARSE_DONE || n_plain == PARSE_BAD);
    if (n_plain < 0) return 0;
    FUZZ_CHECK(n_plain < argc);
    for (int i = 0; i < n_plain; i++) FUZZ_CHECK(strlen(argv[i]) <= size);
    check_settings();
    return 0;
}

/* Command lines: one table a tool, read from and printed as its help. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <centerloss.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

typedef enum {
    OPTION_FLAG,   /* bool: set true */
    OPTION_TEXT,   /* const char *: the argument itself; of two, the last */
    OPTION_ONCE,   /* the same, NULL at first; a second one is refused */
    OPTION_COUNT,  /* size_t: a whole number from least to most */
    OPTION_SEED,   /* uint64_t: a whole number, of 62 bits on every machine */
    OPTION_REAL,   /* double: from least to most, finite */
    OPTION_CHOICE, /* int: the place in choices, a NULL-terminated list */
    OPTION_SIZE,   /* size_t[2]: N or HxW, each at least 1 */
    OPTION_REALS   /* real_list: one number or three with commas between, each from least to most */
} option_kind;

typedef struct real_list {
    size_t n;
    double values[3];
} real_list;

typedef struct option {
    const char *name; /* without the dashes */
    char letter;      /* '\0': none */
    option_kind kind;
    void *target;
    const char *value; /* "N" in --batch-size N; a word in small letters is one that can be typed */
    const char *help;  /* a few words, so that --help has one option per line */
    double least, most;
    const char *const *choices;
    const char *group; /* the title of the options that begin with this one, or NULL */
    bool is_input;     /* a text that is the path of a file or folder to be read */
    const char *more;  /* sentences that only the manual page has, or NULL */
} option;

/* A term and what it means; the term NULL ends a list. */
typedef struct entry {
    const char *term, *text;
} entry;

typedef struct command command;
struct command {
    const char *name;
    const char *usage;            /* one line per form of it */
    const char *summary;          /* what it does, as a sentence */
    const char *arguments;        /* what the arguments are, as option.value has it */
    const option *options, *rest; /* in this order; no rest: NULL */
    size_t n_options, n_rest;
    const entry *commands;       /* what the first argument may be, or NULL */
    bool needs_command;          /* it must be one of them */
    const struct command *apart; /* one of them that has options of its own, or NULL */
    const entry *examples;       /* each works as it is typed */
    const entry *files;
    const char *
        about; /* the description in the manual page, a newline begins a paragraph; NULL: it has none */
};

/* Two lines of an options table for a cen_model_limits that begins as zeros. */
#define MODEL_LIMITS(limits)                                                                       \
    {"max-input",                                                                                  \
     '\0',                                                                                         \
     OPTION_COUNT,                                                                                 \
     &(limits).max_input,                                                                          \
     "N",                                                                                          \
     .least = 1,                                                                                   \
     .most = 1e15,                                                                                 \
     .help = "pixels of a model's input (4194304)",                                                \
     .more = "A model whose input has more pixels than this is refused."},                         \
    {                                                                                              \
        "max-work", '\0', OPTION_REAL, &(limits).max_work, "X",                                    \
            .least = 1, .most = 1e30, .help = "multiply-adds of a model per image (1e11)",         \
            .more = "A model that needs more multiply-adds for an image is refused."               \
    }
/* The i-th option of a tool, then those that every tool has; NULL after the last. */
const option *option_at(const command *tool, size_t i);

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, PARSE_DONE = -1, PARSE_BAD = -2 };

/* Reads argv; what is no option is moved to the front of argv[0 ...] and counted. --help, --print and
 * --version print and give PARSE_DONE; a mistake prints one sentence and gives PARSE_BAD. */
int parse_options(const command *tool, int argc, char **argv);

/* The end of a sentence for a number that was typed with a decimal comma, "; did you mean 0.5?" in hint[64]; "" for
 * another text. */
const char *hint_point(const char *text, char *hint);

/* An option that has a folder as its text, which may have been meant for the tool: --net photos. NULL: none. */
const option *option_of_folder(const command *tool);

/* The sentence for that. PARSE_BAD. */
int fail_folder(const command *tool, const option *o, const char *folder);

/* Insertions, deletions and replacements between two short words (Levenshtein 1965); of a mistyped word and the one
 * that was meant, at most 2. */
size_t word_distance(const char *a, const char *b);

/* Prints "NAME: sentence" to the error stream and returns the exit code that was given. */
int fail(const command *tool, int code, const char *format, ...);

/* A context of that many threads; an exit code after its sentence. */
int make_context(const command *tool, size_t n_threads, cen_context **context);

/* Of cen_metric, and NULL. cl_train notes one as "metric" in a model, for cl_knn. */
extern const char *const metric_names[];

/* The model of a run folder or a file, with limits of which 0 is the default; load: an exit code after its sentence. */
cen_status read_model(cen_context *context, const char *path, cen_model_limits limits,
                      cen_model **model, cen_error *error);
int load_model(const command *tool, cen_context *context, const char *path, cen_model_limits limits,
               cen_model **model);

/* The main of a tool: work(argc, argv) gives the exit code. Standard streams may be closed. What it printed and
 * could not be written is an error, and so is a file that outgrows the system's limit, which would end the process otherwise. */
int run_tool(const command *tool, int (*work)(int argc, char **argv), int argc, char **argv);

/* Opens the files that options name as input, so that one that is missing is reported before long work. An exit code
 * after its sentence. */
int check_inputs(const command *tool);

/* The exit code for what parse_options returned below 0. */
int parse_exit_code(int parsed);

#endif

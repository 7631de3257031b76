#include "options.h"

#include <centerloss.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manual.h"
#include "system.h"

int fail(const command *tool, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s%s: ", terminal_look(stderr, LOOK_ERROR), tool->name);
    print_names_list(stderr, format, arguments);
    fprintf(stderr, "%s\n", terminal_look(stderr, LOOK_PLAIN));
    va_end(arguments);
    return code;
}

int run_tool(const command *tool, int (*work)(int argc, char **argv), int argc, char **argv)
{
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN);
#endif
    if (!fill_streams()) {
        return fail(tool, EXIT_FAILED,
                    "/dev/null: cannot open this in place of a standard stream that is closed: %s; "
                    "leave standard input, output and error open",
                    strerror(errno));
    }
    int code = work(argc, argv);
    if ((ferror(stdout) | fflush(stdout)) == 0 || code != 0) return code;
    return fail(tool, EXIT_FAILED,
                "what was printed could not be written; free some space or send it elsewhere");
}

int make_context(const command *tool, size_t n_threads, cen_context **context)
{
    cen_context_options options = cen_context_options_init();
    cen_error error;
    options.n_threads = n_threads < INT_MAX ? (int)n_threads : INT_MAX;
    if (cen_context_create(context, &options, &error) == CEN_OK) return 0;
    return error.status == CEN_ERROR_ARGUMENT
               ? fail(tool, EXIT_USAGE, "--threads: %s", error.message)
               : fail(tool, EXIT_FAILED, "%s", error.message);
}

const char *const metric_names[] = {"l2", "cosine", NULL};

cen_status read_model(cen_context *context, const char *path, cen_model_limits limits,
                      cen_model **model, cen_error *error)
{
    const cen_model_limits usual = cen_model_limits_init();
    limits.size = usual.size;
    if (limits.max_input == 0) limits.max_input = usual.max_input;
    if (!(limits.max_work > 0)) limits.max_work = usual.max_work;
    return cen_model_load(context, model, path, &limits, error);
}

int load_model(const command *tool, cen_context *context, const char *path, cen_model_limits limits,
               cen_model **model)
{
    cen_error error;
    const cen_status status = read_model(context, path, limits, model, &error);
    if (status == CEN_OK) return 0;
    const bool is_other = status == CEN_ERROR_IO || status == CEN_ERROR_FORMAT;
    return fail(tool, EXIT_FAILED, "%s%s", error.message,
                is_other ? "; name a run folder of cl_train, or a model of one" : "");
}

int parse_exit_code(int parsed)
{
    return parsed == PARSE_DONE ? 0 : EXIT_USAGE;
}

/* ---- what every tool has beside its own options ------------------------------------------------- */

static struct {
    bool help, version;
    int print; /* place in print_kinds, -1: not asked for */
} asked;

static const char *const print_kinds[] = {"man", "bash", "zsh", "fish", NULL};

static const option common_options[] = {
    {"help", 'h', OPTION_FLAG, &asked.help, .help = "print this text", .group = "Help"},
    {"version", '\0', OPTION_FLAG, &asked.version, .help = "print the version"},
    {"print", '\0', OPTION_CHOICE, &asked.print, "KIND", .choices = print_kinds,
     .help = "manual page or completion: man, bash, zsh, fish",
     .more = "Prints this manual page for man, or what makes a shell complete command lines."},
};

const option *option_at(const command *tool, size_t i)
{
    if (i < tool->n_options) return &tool->options[i];
    i -= tool->n_options;
    if (i < tool->n_rest) return &tool->rest[i];
    i -= tool->n_rest;
    const size_t n = sizeof common_options / sizeof *common_options;
    return i < n - (tool->about == NULL) ? &common_options[i] : NULL; /* --print is the last */
}

/* True after one of them was printed. */
static bool print_asked(const command *tool)
{
    static void (*const print[])(const command *) = {print_man_page, print_bash_completion,
                                                     print_zsh_completion, print_fish_completion};
    if (asked.help) {
        print_help(tool);
    } else if (asked.version) {
        printf("%s %s\n", tool->name, cen_version());
    } else if (asked.print >= 0) {
        print[asked.print](tool);
    } else {
        return false;
    }
    return true;
}

size_t word_distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    size_t n = strlen(b), row[MOST + 1];
    if (n > MOST) return MOST;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; *a != '\0'; i++, a++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

static int unknown_option(const command *tool, const char *given)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
    const char *nearest = NULL;
    size_t least = 3;
    const option *o;
    for (size_t i = 0; name[0] == '-' && name[1] == '-' && (o = option_at(tool, i)) != NULL; i++) {
        size_t distance = word_distance(name + 2, o->name);
        if (distance < least) {
            least = distance;
            nearest = o->name;
        }
    }
    if (nearest != NULL) {
        return fail(tool, PARSE_BAD, "unknown option '%s'; did you mean --%s?", name, nearest);
    }
    return fail(tool, PARSE_BAD, "unknown option '%s'; %s --help lists them", name, tool->name);
}

static bool read_real(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

static bool read_count(const char *text, uint64_t *value, char **end)
{
    if (*text < '0' || *text > '9') return false;
    *value = strtoull(text, end, 10);
    return *value < UINT64_C(1) << 62;
}

const option *option_of_folder(const command *tool)
{
    for (size_t i = 0; i < tool->n_options + tool->n_rest; i++) {
        const option *o = option_at(tool, i);
        if (o->kind != OPTION_TEXT && o->kind != OPTION_ONCE) continue;
        const char *text = *(const char *const *)o->target;
        if (text != NULL && path_is_folder(text)) return o;
    }
    return NULL;
}

int fail_folder(const command *tool, const option *o, const char *folder)
{
    return fail(tool, PARSE_BAD, "--%s took the folder '%s' as its value; name both: --%s %s %s",
                o->name, folder, o->name, o->value, folder);
}

const char *hint_point(const char *text, char *hint)
{
    enum { HINT_SIZE = 64 };
    char number[32];
    double value;
    hint[0] = number[0] = '\0';
    append(number, sizeof number, "%s", text);
    char *comma = strchr(number, ',');
    if (comma == NULL || strcmp(number, text) != 0) return hint;
    *comma = '.';
    if (read_real(number, &value)) append(hint, HINT_SIZE, "; did you mean %s?", number);
    return hint;
}

/* takes: what it does, a sentence's end. */
static int fail_value(const command *tool, const option *o, const char *text, const char *takes)
{
    char hint[64];
    if (path_is_folder(text)) return fail_folder(tool, o, text);
    return fail(tool, PARSE_BAD, "--%s '%s' cannot be used; it takes %s%s", o->name, text, takes,
                o->kind == OPTION_REAL || o->kind == OPTION_REALS ? hint_point(text, hint) : "");
}

static int set_number(const command *tool, const option *o, const char *text)
{
    double value;
    char *end;
    uint64_t count = 0;
    bool whole = o->kind != OPTION_REAL;
    bool good = whole ? read_count(text, &count, &end) && *end == '\0' : read_real(text, &value);
    if (whole) value = (double)count;
    if (o->kind == OPTION_COUNT && good && count > SIZE_MAX) {
        return fail(tool, PARSE_BAD, "--%s '%s' is more than this machine can count; use less",
                    o->name, text);
    }
    if (!good || value < o->least || value > o->most) {
        char takes[96];
        (void)snprintf(takes, sizeof takes, "%s from %.15g to %.15g",
                       whole ? "a whole number" : "a number", o->least, o->most);
        return fail_value(tool, o, text, takes);
    }
    if (o->kind == OPTION_SEED) {
        *(uint64_t *)o->target = count;
    } else if (whole) {
        *(size_t *)o->target = (size_t)count;
    } else {
        *(double *)o->target = value;
    }
    return 0;
}

static int set_choice(const command *tool, const option *o, const char *text)
{
    for (int i = 0; o->choices[i] != NULL; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *(int *)o->target = i;
            return 0;
        }
    }
    char all[512] = "";
    for (int i = 0; o->choices[i] != NULL; i++) {
        const char *link = i == 0 ? "" : o->choices[i + 1] != NULL ? ", " : " or ";
        append(all, sizeof all, "%s%s", link, o->choices[i]);
    }
    return fail_value(tool, o, text, all);
}

static int set_size(const command *tool, const option *o, const char *text)
{
    size_t *size = o->target;
    uint64_t height, width;
    char *end = NULL;
    bool good = read_count(text, &height, &end);
    width = height;
    if (good && *end == 'x') good = read_count(end + 1, &width, &end);
    if (good && *end == '\0' && height > 0 && width > 0 && height <= 1 << 16 && width <= 1 << 16) {
        size[0] = (size_t)height;
        size[1] = (size_t)width;
        return 0;
    }
    return fail_value(tool, o, text, "N or HxW, from 1 to 65536 each");
}

static int set_reals(const command *tool, const option *o, const char *text)
{
    real_list *list = o->target;
    list->n = 0;
    for (const char *at = text; list->n < 3; at++) {
        char *end;
        double value = strtod(at, &end);
        if (end == at || !isfinite(value) || value < o->least || value > o->most) break;
        list->values[list->n++] = value;
        at = end;
        if (*at == '\0' && list->n != 2) return 0;
        if (*at != ',') break;
    }
    char takes[128];
    (void)snprintf(takes, sizeof takes,
                   "one number from %.15g to %.15g, or three with commas between them", o->least,
                   o->most);
    return fail_value(tool, o, text, takes);
}

int check_inputs(const command *tool)
{
    for (size_t i = 0; i < tool->n_options + tool->n_rest; i++) {
        const option *o = option_at(tool, i);
        const char *path = o->is_input ? *(const char *const *)o->target : NULL;
        if (path == NULL || path_is_folder(path) || path_is_special(path)) continue;
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return fail(tool, EXIT_FAILED, "--%s %s: cannot open: %s", o->name, path,
                        strerror(errno));
        }
        (void)fclose(file);
    }
    return 0;
}

static int set_once(const command *tool, const option *o, const char *text)
{
    const char **target = o->target;
    if (*target != NULL) {
        return fail(tool, PARSE_BAD, "--%s is given twice, '%s' and '%s'; name one", o->name,
                    *target, text);
    }
    *target = text;
    return 0;
}

static int set_option(const command *tool, const option *o, const char *text)
{
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)o->target = true; return 0;
    case OPTION_TEXT: *(const char **)o->target = text; return 0;
    case OPTION_ONCE: return set_once(tool, o, text);
    case OPTION_COUNT:
    case OPTION_SEED:
    case OPTION_REAL: return set_number(tool, o, text);
    case OPTION_CHOICE: return set_choice(tool, o, text);
    case OPTION_SIZE: return set_size(tool, o, text);
    case OPTION_REALS: return set_reals(tool, o, text);
    }
    return PARSE_BAD;
}

/* The option that an argument names; *value points after '=' or the letter, or is NULL. */
static const option *find_option(const command *tool, const char *argument, const char **value)
{
    *value = NULL;
    const option *o;
    for (size_t i = 0; (o = option_at(tool, i)) != NULL; i++) {
        if (argument[1] == '-') {
            size_t size = strlen(o->name);
            if (strncmp(argument + 2, o->name, size) != 0) continue;
            if (argument[2 + size] == '=') *value = argument + 3 + size;
            if (argument[2 + size] == '\0' || *value != NULL) return o;
        } else if (o->letter != '\0' && argument[1] == o->letter) {
            if (argument[2] != '\0') *value = argument + 2;
            return o;
        }
    }
    return NULL;
}

/* -epochs would be read as -e pochs. */
static bool lacks_dash(const command *tool, const char *argument)
{
    const option *o;
    for (size_t i = 0; argument[2] != '\0' && (o = option_at(tool, i)) != NULL; i++) {
        if (strcmp(argument + 1, o->name) == 0) return true;
    }
    return false;
}

int parse_options(const command *tool, int argc, char **argv)
{
    int n_plain = 0;
    bool options_end = false;
    asked.help = asked.version = false;
    asked.print = -1;
    for (int i = 1; i < argc; i++) {
        char *argument = argv[i];
        if (options_end || argument[0] != '-' || argument[1] == '\0') {
            argv[n_plain++] = argument;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            options_end = true;
            continue;
        }
        if (lacks_dash(tool, argument)) {
            return fail(tool, PARSE_BAD, "unknown option '%s'; did you mean -%s?", argument,
                        argument);
        }
        const char *value;
        const option *o = find_option(tool, argument, &value);
        if (o == NULL) return unknown_option(tool, argument);
        if (o->kind == OPTION_FLAG && value != NULL) {
            return fail(tool, PARSE_BAD, "--%s takes no value", o->name);
        }
        if (o->kind != OPTION_FLAG && value == NULL) {
            if (++i == argc) {
                return fail(tool, PARSE_BAD, "--%s needs a value: --%s %s", o->name, o->name,
                            o->value);
            }
            value = argv[i];
        }
        if (set_option(tool, o, value) != 0) return PARSE_BAD;
        if (print_asked(tool)) return PARSE_DONE;
    }
    return n_plain;
}

/* The help and the manual page of a tool. */
#include "manual.h"

#include <centerloss.h>

#include <stdio.h>
#include <string.h>

/* The day of the release, which CMake takes from tools/package/changelog; other ways of building leave it out. */
#ifndef CEN_RELEASED
#define CEN_RELEASED ""
#endif

/* "-e, --epochs N" */
static void name_option(const option *o, char *text, size_t size)
{
    text[0] = '\0';
    if (o->letter != '\0') {
        append(text, size, "-%c, ", o->letter);
    } else {
        append(text, size, "    ");
    }
    append(text, size, "--%s", o->name);
    if (o->value != NULL) append(text, size, " %s", o->value);
}

static void print_lines(const char *title, const entry *entries)
{
    size_t width = 0;
    if (entries == NULL) return;
    printf("\n%s:\n", title);
    for (const entry *e = entries; e->term != NULL; e++) {
        if (strlen(e->term) > width) width = strlen(e->term);
    }
    for (const entry *e = entries; e->term != NULL; e++) {
        printf("  %-*s  %s\n", (int)width, e->term, e->text);
    }
}

void print_help(const command *tool)
{
    char name[80];
    size_t width = 0;
    for (size_t i = 0; option_at(tool, i) != NULL; i++) {
        name_option(option_at(tool, i), name, sizeof name);
        if (strlen(name) > width) width = strlen(name);
    }
    printf("Usage: %s\n%s\n", tool->usage, tool->summary);
    print_lines("Commands", tool->commands);
    print_lines("Examples", tool->examples);
    for (size_t i = 0; option_at(tool, i) != NULL; i++) {
        const option *o = option_at(tool, i);
        if (o->group != NULL) printf("\n%s:\n", o->group);
        name_option(o, name, sizeof name);
        printf("  %-*s  %s\n", (int)width, name, o->help);
    }
    printf("Exit codes: 0 done, 1 failed, 2 bad command line.");
    if (tool->about != NULL) printf(" More: man %s", tool->name);
    putchar('\n');
}

/* ---- roff -------------------------------------------------------------------------------------- */

/* One character, with what roff would obey or print as another escaped. */
static void print_character(char character, bool begins_line)
{
    static const struct {
        char plain;
        const char *escaped;
    } marks[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'"', "\\(dq"},
                 {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};
    if (character == '.' && begins_line) printf("\\&");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (marks[i].plain != character) continue;
        printf("%s", marks[i].escaped);
        return;
    }
    putchar(character);
}

static void print_roff(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) print_character(*at, at == text);
}

/* Sentences, in lines of a usual length; a newline begins a paragraph. */
static void print_text(const char *text)
{
    enum { LONG = 60 };
    size_t column = 0;
    for (const char *at = text; *at != '\0'; at++, column++) {
        const bool ends_sentence = at > text + 1 && at[-1] == '.' && at[-2] >= 'a' && at[1] >= 'A';
        if (*at == '\n' || (*at == ' ' && (column > LONG || ends_sentence))) {
            printf(*at == '\n' ? "\n.PP\n" : "\n");
            column = SIZE_MAX; /* 0 at the next */
        } else {
            print_character(*at, column == 0);
        }
    }
    putchar('\n');
}

static void print_bold(const char *text)
{
    printf("\\fB");
    print_roff(text);
    printf("\\fR");
}

static void print_section(const char *title, const entry *entries)
{
    if (entries == NULL) return;
    printf(".SH %s\n", title);
    for (const entry *e = entries; e->term != NULL; e++) {
        printf(".TP\n");
        print_bold(e->term);
        putchar('\n');
        print_text(e->text);
    }
}

static void print_option(const option *o)
{
    if (o->group != NULL) printf(".SS %s\n", o->group);
    printf(".TP\n");
    if (o->letter != '\0') printf("\\fB\\-%c\\fR, ", o->letter);
    printf("\\fB\\-\\-");
    print_roff(o->name);
    printf("\\fR");
    if (o->value != NULL) {
        printf(" \\fI");
        print_roff(o->value);
        printf("\\fR");
    }
    putchar('\n');
    char text[128] = "";
    append(text, sizeof text, "%s", o->help);
    if (text[strlen(text) - 1] != '.') append(text, sizeof text, ".");
    print_text(text);
    if (o->more != NULL) print_text(o->more);
    if (o->kind != OPTION_CHOICE) return;
    printf("It takes ");
    for (size_t i = 0; o->choices[i] != NULL; i++) {
        if (i > 0) printf(o->choices[i + 1] != NULL ? ",\n" : " or\n");
        print_bold(o->choices[i]);
    }
    printf(".\n");
}

static void print_synopsis(const command *tool)
{
    printf(".SH SYNOPSIS\n");
    for (const char *at = tool->usage; *at != '\0';) {
        const size_t size = strcspn(at, "\n");
        char line[256] = "";
        append(line, sizeof line, "%.*s", (int)size, at);
        const char *text = line + strspn(line, " ");
        const size_t name = strlen(tool->name);
        if (strncmp(text, tool->name, name) == 0) {
            print_bold(tool->name);
            text += name;
        }
        print_roff(text);
        at += size + (at[size] == '\n');
        printf(*at != '\0' ? "\n.br\n" : "\n");
    }
}

void print_man_page(const command *tool)
{
    static const entry codes[] = {{"0", "Done."},
                                  {"1", "Failed; one sentence on the error stream says why."},
                                  {"2", "The command line cannot be used."},
                                  {NULL, NULL}};
    static const entry environment[] = {
        {"CEN_INSTRUCTIONS",
         "A lower set of instructions than the processor has: baseline, avx2 or "
         "avx512 on x86, baseline or fma elsewhere."},
        {"NO_COLOR", "If it is set and not empty, nothing is printed in colour."},
        {NULL, NULL}};
    static const char *const others[] = {"cl_features", "cl_idx", "cl_knn", "cl_train"};
    enum { N_OTHERS = sizeof others / sizeof *others };
    char title[32] = "", brief[256] = "";
    append(title, sizeof title, "%s", tool->name);
    for (char *at = title; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
    }
    append(brief, sizeof brief, "%s", tool->summary);
    brief[strcspn(brief, ".")] = '\0';
    printf(".TH %s 1 \"%s\" \"libcenterloss %s\"\n.SH NAME\n%s \\- ", title, CEN_RELEASED,
           cen_version(), tool->name);
    print_text(brief);
    print_synopsis(tool);
    printf(".SH DESCRIPTION\n");
    print_text(tool->about);
    print_section("COMMANDS", tool->commands);
    printf(".SH OPTIONS\n");
    for (size_t i = 0; option_at(tool, i) != NULL; i++) print_option(option_at(tool, i));
    print_section("EXAMPLES", tool->examples);
    print_section("FILES", tool->files);
    print_section("EXIT STATUS", codes);
    print_section("ENVIRONMENT", environment);
    printf(".SH SEE ALSO\n");
    for (size_t i = 0, n = 0; i < N_OTHERS; i++) {
        if (strcmp(others[i], tool->name) == 0) continue;
        printf("%s\\fB%s\\fR(1)", n++ > 0 ? ",\n" : "", others[i]);
    }
    putchar('\n');
}

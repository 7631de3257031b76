/* Completion of a tool's command line by bash, zsh and fish. */
#include "manual.h"

#include <centerloss_eval.h>

#include <stdio.h>
#include <string.h>

/* What may stand in a place of the command line. */
typedef struct offer {
    char words[512]; /* with spaces between them */
    bool files, folders;
} offer;

static void offer_word(offer *o, const char *word, size_t size)
{
    append(o->words, sizeof o->words, "%s%.*s", o->words[0] != '\0' ? " " : "", (int)size, word);
}

static bool is_typed(const char *word, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const bool is_plain =
            (word[i] >= 'a' && word[i] <= 'z') || (word[i] >= '0' && word[i] <= '9');
        if (!is_plain) return false;
    }
    return size > 0;
}

/* One of the parts of a value, "RUN" in "RUN|MODEL". */
static void offer_part(offer *o, const char *part, size_t size)
{
    static const char *const files[] = {"FILE",    "LIST", "MODEL",  "IMAGE",
                                        "GALLERY", "SET",  "LABELS", "PAGE"};
    static const char *const folders[] = {"DIR", "RUN"};
    if (is_typed(part, size)) offer_word(o, part, size);
    if (strncmp(part, "PRESET", size) == 0) {
        size_t n;
        const cen_preset *presets = cen_presets(&n);
        for (size_t i = 0; i < n; i++) offer_word(o, presets[i].name, strlen(presets[i].name));
    }
    for (int split = CEN_SPLIT_TRAIN; strncmp(part, "SPLIT", size) == 0; split++) {
        const char *name = split <= CEN_SPLIT_HELD_OUT ? cen_split_name((cen_split)split) : "all";
        offer_word(o, name, strlen(name));
        if (split > CEN_SPLIT_HELD_OUT) break;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        o->files |= strncmp(part, files[i], strlen(files[i])) == 0;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        o->folders |= strncmp(part, folders[i], strlen(folders[i])) == 0;
    }
}

static offer offer_value(const char *value, const char *const *choices)
{
    offer o = {"", false, false};
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++) {
        offer_word(&o, choices[i], strlen(choices[i]));
    }
    for (const char *at = choices == NULL && value != NULL ? value : ""; *at != '\0';) {
        const size_t size = strcspn(at, "|");
        offer_part(&o, at, size);
        at += size + (at[size] == '|');
    }
    return o;
}

/* Text inside single quotes of a shell, `also` with a backslash before it. */
static void print_quoted(const char *text, const char *also, const char *quote)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            printf("%s", quote);
        } else {
            if (strchr(also, *text) != NULL) putchar('\\');
            putchar(*text);
        }
    }
}

/* ---- bash: file names are readline's own, which quotes them ------------------------------------ */

static void print_bash_offer(const offer *o)
{
    if (o->words[0] != '\0') printf(" words='%s'", o->words);
    if (o->files || o->folders) {
        printf("%s compopt -o %s", o->words[0] != '\0' ? ";" : "",
               o->files ? "default" : "dirnames");
    }
    if (o->words[0] == '\0' && !o->files && !o->folders) printf(" :");
    printf(" ;;\n");
}

/* What completes the word in $cur, after $prev, as arguments and options of a tool or of a command of it. */
static void print_bash_words(const command *tool)
{
    const offer arguments = offer_value(tool->arguments, NULL);
    printf("    case $prev in\n");
    for (size_t i = 0; option_at(tool, i) != NULL; i++) {
        const option *p = option_at(tool, i);
        if (p->value == NULL) continue;
        printf("    --%s", p->name);
        if (p->letter != '\0') printf(" | -%c", p->letter);
        printf(")");
        const offer value = offer_value(p->value, p->choices);
        print_bash_offer(&value);
    }
    printf("    *)\n        if [[ $cur == -* ]]; then\n            words='");
    for (size_t i = 0; option_at(tool, i) != NULL; i++) {
        printf("%s--%s", i > 0 ? " " : "", option_at(tool, i)->name);
    }
    printf("'\n        else\n");
    if (tool->commands != NULL) {
        printf("            [[ $COMP_CWORD != 1 ]] || words='");
        for (const entry *e = tool->commands; e->term != NULL; e++) {
            printf("%s%s", e > tool->commands ? " " : "", e->term);
        }
        printf("'\n");
    }
    printf("            compopt -o %s\n        fi\n        ;;\n    esac\n",
           arguments.files ? "default" : "dirnames");
}

/* "cl_train compare" is the command compare of cl_train. */
static const char *command_name(const command *apart)
{
    return strrchr(apart->name, ' ') + 1;
}

void print_bash_completion(const command *tool)
{
    printf("# Completion of %s for bash, printed by %s --print bash\n_%s() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
           "    if [[ $cur == = ]]; then\n        cur=\n"
           "    elif [[ $prev == = ]]; then\n        prev=${COMP_WORDS[COMP_CWORD - 2]}\n    fi\n",
           tool->name, tool->name, tool->name);
    if (tool->apart != NULL) {
        printf("    if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == %s ]]; then\n",
               command_name(tool->apart));
        print_bash_words(tool->apart);
        printf("    else\n");
    }
    print_bash_words(tool);
    if (tool->apart != NULL) printf("    fi\n");
    printf("    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _%s %s\n",
           tool->name, tool->name);
}

/* ---- zsh --------------------------------------------------------------------------------------- */

static void print_zsh_value(const option *p)
{
    static const char *const quote = "'\\''";
    const offer o = offer_value(p->value, p->choices);
    putchar(':');
    print_quoted(p->value, ":", quote);
    putchar(':');
    if (o.words[0] != '\0') {
        printf("(%s)", o.words);
    } else if (o.files) {
        printf("_files");
    } else if (o.folders) {
        printf("_files -/");
    }
}

static void print_zsh_arguments(const command *tool)
{
    printf("_arguments -s -S");
    for (size_t i = 0; option_at(tool, i) != NULL; i++) {
        const option *p = option_at(tool, i);
        const char *mark = p->value != NULL ? "=" : "";
        printf(" \\\n    ");
        if (p->letter != '\0') {
            printf("'(-%c --%s)'{-%c%s,--%s%s}'[", p->letter, p->name, p->letter,
                   p->value != NULL ? "+" : "", p->name, mark);
        } else {
            printf("'--%s%s[", p->name, mark);
        }
        print_quoted(p->help, "[]\\", "'\\''");
        putchar(']');
        if (p->value != NULL) print_zsh_value(p);
        putchar('\'');
    }
    if (tool->commands != NULL) {
        printf(" \\\n    '1: :%s", tool->needs_command ? "((" : "{compadd");
        for (const entry *e = tool->commands; e->term != NULL; e++) {
            if (!tool->needs_command) printf(" %s", e->term);
            if (!tool->needs_command) continue;
            printf("%s%s\\:\"", e > tool->commands ? " " : "", e->term);
            print_quoted(e->text, ":()\\\"", "'\\''");
            putchar('"');
        }
        printf(tool->needs_command ? "))'" : "; _files}'");
    }
    const offer arguments = offer_value(tool->arguments, NULL);
    printf(" \\\n    '*: :_files%s'\n", arguments.files ? "" : " -/");
}

void print_zsh_completion(const command *tool)
{
    printf("#compdef %s\n# Printed by %s --print zsh\n", tool->name, tool->name);
    if (tool->apart != NULL) {
        printf(
            "if (( CURRENT > 2 )) && [[ $words[2] == %s ]]; then\n(( CURRENT-- ))\nshift words\n",
            command_name(tool->apart));
        print_zsh_arguments(tool->apart);
        printf("return\nfi\n");
    }
    print_zsh_arguments(tool);
}

/* ---- fish -------------------------------------------------------------------------------------- */

/* `also`: in which command these options are. */
static void print_fish_options(const command *tool, const char *name, const char *also)
{
    for (size_t i = 0; option_at(tool, i) != NULL; i++) {
        const option *p = option_at(tool, i);
        const offer o = offer_value(p->value, p->choices);
        printf("complete -c %s%s -l %s", name, also, p->name);
        if (p->letter != '\0') printf(" -s %c", p->letter);
        if (p->value != NULL) printf(o.files ? " -r -F" : " -x");
        if (o.words[0] != '\0') {
            printf(" -a '%s'", o.words);
        } else if (o.folders && !o.files) {
            printf(" -a '(__fish_complete_directories)'");
        }
        printf(" -d '");
        print_quoted(p->help, "\\", "\\'");
        printf("'\n");
    }
}

void print_fish_completion(const command *tool)
{
    char within[96] = "", without[96] = "";
    if (tool->apart != NULL) {
        const char *name = command_name(tool->apart);
        append(within, sizeof within, " -n '__fish_seen_subcommand_from %s'", name);
        append(without, sizeof without, " -n 'not __fish_seen_subcommand_from %s'", name);
    }
    printf("# Completion of %s for fish, printed by %s --print fish\n", tool->name, tool->name);
    print_fish_options(tool, tool->name, without);
    if (tool->apart != NULL) print_fish_options(tool->apart, tool->name, within);
    for (const entry *e = tool->commands; e != NULL && e->term != NULL; e++) {
        printf("complete -c %s -n __fish_use_subcommand %s-a %s -d '", tool->name,
               tool->needs_command ? "-f " : "", e->term);
        print_quoted(e->text, "\\", "\\'");
        printf("'\n");
    }
}

#include "export/c_print.h"

#include <string.h>

enum { LINE_MOST = 96 };

/* True if a name and ; follow: of a union's variable, or of a type. */
static bool is_named(const char *code)
{
    while (*code == ' ') code++;
    while (strchr("; {}", *code) == NULL) code++;
    return *code == ';';
}

/* Code that was one line: a new line after ; { and } but not in brackets, and indented by its blocks. */
void cen__c_print_code(cen__text *to, const char *code)
{
    size_t depth = 0, brackets = 0;
    bool starts = true;
    for (; *code != '\0'; code++) {
        if (starts && *code == ' ') continue;
        if (*code == '}' && depth > 0) depth--;
        for (size_t i = 0; starts && i < depth; i++) cen__text_add(to, "    ");
        starts = false;
        cen__text_add_bytes(to, code, 1);
        if (*code == '(') brackets++;
        if (*code == ')') brackets--;
        if (*code == '{') depth++;
        if (brackets > 0 || strchr(";{}", *code) == NULL) continue;
        if (*code == '}' && is_named(code + 1)) continue;
        cen__text_add(to, depth == 0 ? "\n\n" : "\n");
        starts = true;
    }
}

void cen__c_print_float(cen__text *text, float number)
{
    const size_t start = text->size;
    cen__text_add_float(text, number);
    if (text->failed) return;
    const bool has_point = strpbrk(text->data + start, ".e") != NULL;
    cen__text_add(text, has_point ? "f" : ".f");
}

cen__c_list cen__c_list_begin(cen__text *text, const char *type, const char *name, size_t index,
                              size_t n)
{
    cen__text_print(text, "static const %s %s", type, name);
    if (index != SIZE_MAX) cen__text_print(text, "%zu", index);
    cen__text_print(text, "[%zu] = {\n", n);
    return (cen__c_list){.text = text, .start = text->size};
}

void cen__c_list_next(cen__c_list *list)
{
    cen__text_add(list->text, ",");
    list->column += list->text->size - list->start;
    if (list->column >= LINE_MOST) {
        cen__text_add(list->text, "\n");
        list->column = 0;
    }
    list->start = list->text->size;
}

void cen__c_list_end(const cen__c_list *list)
{
    cen__text_add(list->text, list->column > 0 ? "\n};\n" : "};\n");
}

void cen__c_list_floats(cen__text *text, const char *name, size_t index, const float *numbers,
                        size_t n)
{
    cen__c_list list = cen__c_list_begin(text, "float", name, index, n);
    for (size_t i = 0; i < n; i++) {
        cen__c_print_float(text, numbers[i]);
        cen__c_list_next(&list);
    }
    cen__c_list_end(&list);
}

/* Names of classes: in the order in which people look for them, and short enough for their place. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/report.h"

const char *cen__class_name(const cen_report *report, int32_t label, char *buffer)
{
    if (label < 0) return "no class";
    if ((size_t)label < report->n_classes) return report->class_names[label];
    (void)snprintf(buffer, 16, "%ld", (long)label);
    return buffer;
}

void cen__add_class(cen__text *text, const cen_report *report, int32_t label)
{
    char number[16];
    cen__text_add(text, "<bdi>");
    cen__add_escaped(text, cen__class_name(report, label, number), SIZE_MAX);
    cen__text_add(text, "</bdi>");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The longer number is the larger one, without its zeros in front. */
static int compare_numbers(const char **a, const char **b)
{
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    size_t n_a = strspn(*a, "0123456789"), n_b = strspn(*b, "0123456789");
    int order = n_a != n_b ? (n_a < n_b ? -1 : 1) : strncmp(*a, *b, n_a);
    *a += n_a;
    *b += n_b;
    return order;
}

int cen__compare_names(const char *a, const char *b)
{
    const char *x = a, *y = b;
    while (*x != '\0' && *y != '\0') {
        if (is_digit(*x) && is_digit(*y)) {
            int order = compare_numbers(&x, &y);
            if (order != 0) return order;
        } else if (*x == *y) {
            x++;
            y++;
        } else {
            break;
        }
    }
    if (*x != *y) return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
    return strcmp(a, b);
}

static bool is_before(const cen_report *report, int32_t a, int32_t b)
{
    char numbers[2][16];
    return cen__compare_names(cen__class_name(report, a, numbers[0]),
                              cen__class_name(report, b, numbers[1])) < 0;
}

/* Merges runs of `size` labels. */
static void merge(const cen_report *report, const int32_t *from, int32_t *to, size_t n, size_t size)
{
    for (size_t start = 0; start < n; start += 2 * size) {
        size_t middle = start + size < n ? start + size : n;
        size_t end = start + 2 * size < n ? start + 2 * size : n, i = start, j = middle;
        for (size_t k = start; k < end; k++) {
            bool takes_left = i < middle && (j == end || !is_before(report, from[j], from[i]));
            to[k] = takes_left ? from[i++] : from[j++];
        }
    }
}

int32_t *cen__labels_in_order(cen_context *context, const cen_report *report, const bool *occurs,
                              size_t n_labels, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < n_labels; i++) *n += occurs[i];
    int32_t *labels = cen__alloc(context, 2 * *n + 1, sizeof *labels), *other = labels + *n;
    if (labels == NULL) return NULL;
    size_t at = 0;
    for (size_t i = 0; i < n_labels; i++) {
        if (occurs[i]) labels[at++] = (int32_t)i;
    }
    int32_t *from = labels, *to = other;
    for (size_t size = 1; size < *n; size *= 2) {
        merge(report, from, to, *n, size);
        int32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != labels) memcpy(labels, from, *n * sizeof *labels);
    return labels;
}

/* Groups: pictures that must stay on one side of a split, such as those of one person or one film. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/folder.h"

/* options.group: a number, a pattern, or a column. */
static size_t level_of(const char *group)
{
    size_t level = 0;
    for (; *group >= '0' && *group <= '9' && level < 1000; group++) {
        level = 10 * level + (size_t)(*group - '0');
    }
    return *group == '\0' ? level : 0;
}

bool cen__group_is_column(const cen_folder *folder)
{
    const char *group = folder->options.group;
    return group != NULL && level_of(group) == 0 && strchr(group, '*') == NULL;
}

/* ---- the group of an image ----------------------------------------------------------------- */

/* Each * of the pattern stands for any text. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL; /* the last *, and the end of the text that it matched */
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == *name) {
            pattern++, name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

/* The text that the first * matches: the shortest. */
static bool match_first(const char *pattern, const char *name, const char **begin, size_t *size)
{
    size_t before = (size_t)(strchr(pattern, '*') - pattern);
    if (strncmp(pattern, name, before) != 0) return false;
    *begin = name + before;
    for (*size = 0; !matches(pattern + before + 1, *begin + *size); ++*size) {
        if ((*begin)[*size] == '\0') return false;
    }
    return true;
}

/* The first `level` folders of a name. */
static bool match_level(size_t level, const char *name, const char **begin, size_t *size)
{
    const char *end = name;
    *begin = name;
    for (; level > 0; level--) {
        end = strchr(end, '/');
        if (end == NULL) return false;
        if (level > 1) end++;
    }
    *size = (size_t)(end - name);
    return true;
}

cen_status cen__group_of(cen_folder *folder, const char *name, const char *column,
                         const char **group, cen_error *error)
{
    const char *option = folder->options.group, *begin = column;
    *group = NULL;
    if (option == NULL) return CEN_OK;
    size_t level = level_of(option), size = column != NULL ? strlen(column) : 0;
    bool has_group = size > 0;
    if (strchr(option, '*') != NULL) {
        has_group = match_first(option, cen__base_name(name), &begin, &size);
    } else if (level > 0) {
        has_group = match_level(level, name, &begin, &size);
    } else if (column == NULL) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "--group '%s' names the column of a list, but there is no list; use a pattern "
            "with *, or 1 for the folder below the class",
            option);
    }
    if (!has_group) return CEN_OK;
    char *text = cen__alloc(folder->context, size + 1, 1);
    if (text != NULL) {
        memcpy(text, begin, size);
        text[size] = '\0';
        *group = cen__folder_keep(folder, text);
        cen__free(text);
    }
    return *group == NULL ? cen__fail_memory(error, "the names of groups") : CEN_OK;
}

/* ---- splits that were there already -------------------------------------------------------- */

static int compare_groups(const void *a, const void *b)
{
    const cen_folder_image *one = *(const cen_folder_image *const *)a;
    const cen_folder_image *other = *(const cen_folder_image *const *)b;
    int order = strcmp(one->group, other->group);
    return order != 0 ? order : (int)one->split - (int)other->split;
}

cen_status cen__group_check(const cen_folder *folder, cen_error *error)
{
    size_t n = 0;
    const cen_folder_image **sorted =
        cen__alloc(folder->context, folder->info.n_images, sizeof *sorted);
    if (sorted == NULL) return cen__fail_memory(error, "the groups of images");
    for (size_t i = 0; i < folder->info.n_images; i++) {
        const cen_folder_image *image = &folder->images[i];
        if (image->group != NULL && image->split != CEN_SPLIT_HELD_OUT) sorted[n++] = image;
    }
    cen_status status = CEN_OK;
    if (n == 0) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "--group '%s' gives no picture a group; check it against their names",
                           folder->options.group);
    } else {
        qsort(sorted, n, sizeof *sorted, compare_groups);
    }
    for (size_t i = 1; i < n && status == CEN_OK; i++) {
        const cen_folder_image *one = sorted[i - 1], *other = sorted[i];
        if (one->split == other->split || strcmp(one->group, other->group) != 0) continue;
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "%s: its group \"%s\" is of %s, and so is %s of %s; move the group to "
                           "one side, or leave --group out",
                           one->path, one->group, cen_split_name(one->split), other->path,
                           cen_split_name(other->split));
    }
    cen__free(sorted);
    return status;
}

/* ---- the split that is drawn --------------------------------------------------------------- */

/* Pictures of a group that are of one class. */
typedef struct {
    int32_t label;
    size_t group, n;
} part;

typedef struct {
    uint64_t key;     /* groups come in its order */
    const char *name; /* NULL: the picture is in no group */
    int32_t label;
    size_t image;
} member;

typedef struct {
    size_t first, n_parts; /* in parts[] */
    size_t n;              /* images */
    bool is_drawn;
} group;

typedef struct {
    cen_folder *folder;
    member *members; /* [n_train], group by group, and in a group by label */
    group *groups;
    part *parts, *by_class;
    size_t *n_of, *n_drawn, *wanted; /* [n_classes] */
    size_t n_train, n_groups, n_parts;
} draw;

static int compare_members(const void *a, const void *b)
{
    const member *one = a, *other = b;
    if (one->key != other->key) return one->key < other->key ? -1 : 1;
    if ((one->name == NULL) != (other->name == NULL)) return one->name == NULL ? -1 : 1;
    int order = one->name != NULL ? strcmp(one->name, other->name) : 0;
    if (order != 0) return order;
    return one->image < other->image ? -1 : one->image > other->image; /* and therefore by label */
}

/* The group with the fewest pictures comes first, so that a class is validated on a small group. */
static int compare_parts(const void *a, const void *b)
{
    const part *one = a, *other = b;
    if (one->label != other->label) return one->label < other->label ? -1 : 1;
    if (one->n != other->n) return one->n < other->n ? -1 : 1;
    return one->group < other->group ? -1 : one->group > other->group;
}

static void list_groups(draw *d)
{
    const cen_folder *folder = d->folder;
    for (size_t i = 0; i < d->n_train; i++) {
        const cen_folder_image *image = &folder->images[i];
        uint64_t name = cen__hash_name(image->group != NULL ? image->group : image->name);
        if (image->group == NULL) {
            name = cen__substream(cen__hash_name(folder->class_names[image->label]), name);
        }
        uint64_t key = cen__random_bits(folder->options.seed, CEN__STREAM_SPLIT, name);
        d->members[i] = (member){key, image->group, image->label, i};
        d->n_of[image->label]++;
    }
    qsort(d->members, d->n_train, sizeof *d->members, compare_members);
    for (size_t i = 0; i < d->n_train; i++) {
        const member *m = &d->members[i], *before = m - 1;
        bool is_new =
            i == 0 || m->name == NULL || before->name == NULL || strcmp(m->name, before->name) != 0;
        if (is_new) d->groups[d->n_groups++] = (group){d->n_parts, 0, 0, false};
        group *g = &d->groups[d->n_groups - 1];
        if (is_new || m->label != before->label) {
            d->parts[d->n_parts++] = (part){m->label, d->n_groups - 1, 0};
            g->n_parts++;
        }
        d->parts[d->n_parts - 1].n++;
        g->n++;
    }
}

static double distance(size_t a, size_t b)
{
    return a > b ? (double)(a - b) : (double)(b - a);
}

/* True if drawing the group leaves every class a training image. *gain: how much closer the classes come to
 * their share. */
static bool can_draw(const draw *d, const group *g, double *gain)
{
    *gain = 0;
    for (size_t i = g->first; i < g->first + g->n_parts; i++) {
        const part *p = &d->parts[i];
        size_t now = d->n_drawn[p->label], then = now + p->n;
        if (then >= d->n_of[p->label]) return false;
        *gain += distance(now, d->wanted[p->label]) - distance(then, d->wanted[p->label]);
    }
    return !g->is_drawn;
}

static void take(draw *d, group *g)
{
    g->is_drawn = true;
    for (size_t i = g->first; i < g->first + g->n_parts; i++) {
        d->n_drawn[d->parts[i].label] += d->parts[i].n;
    }
}

/* First takes every group that brings the classes closer to their share. Then takes the smallest group of each
 * class that has no image yet. */
static cen_status draw_groups(draw *d, cen_error *error)
{
    double gain;
    cen_folder *folder = d->folder;
    for (size_t i = 0; i < d->n_groups; i++) {
        if (can_draw(d, &d->groups[i], &gain) && gain > 0) take(d, &d->groups[i]);
    }
    memcpy(d->by_class, d->parts, d->n_parts * sizeof *d->parts);
    qsort(d->by_class, d->n_parts, sizeof *d->by_class, compare_parts);
    for (size_t i = 0; i < d->n_parts; i++) {
        const part *p = &d->by_class[i];
        if (d->n_drawn[p->label] > 0 || d->wanted[p->label] == 0) continue;
        if (can_draw(d, &d->groups[p->group], &gain)) {
            take(d, &d->groups[p->group]);
        } else if (i + 1 == d->n_parts || p[1].label != p->label) {
            const char *name = folder->class_names[p->label];
            cen_status status = cen__folder_remark(
                folder, folder->class_folders[p->label], error,
                "no group of class \"%.100s\" can be spared from training, so it is not validated",
                name);
            if (status != CEN_OK) return status;
        }
    }
    return CEN_OK;
}

cen_status cen__group_draw(cen_folder *folder, size_t n_train, cen_error *error)
{
    size_t n_classes = folder->info.n_classes;
    draw d = {.folder = folder, .n_train = n_train};
    d.members = cen__alloc(folder->context, n_train, sizeof *d.members);
    d.groups = cen__alloc(folder->context, n_train, sizeof *d.groups);
    d.parts = cen__alloc(folder->context, n_train, sizeof *d.parts);
    d.by_class = cen__alloc(folder->context, n_train, sizeof *d.by_class);
    d.n_of = cen__alloc_zeroed(folder->context, n_classes, sizeof *d.n_of);
    d.n_drawn = cen__alloc_zeroed(folder->context, n_classes, sizeof *d.n_drawn);
    d.wanted = cen__alloc_zeroed(folder->context, n_classes, sizeof *d.wanted);
    cen_status status = CEN_OK;
    if (d.members == NULL || d.groups == NULL || d.parts == NULL || d.by_class == NULL ||
        d.n_of == NULL || d.n_drawn == NULL || d.wanted == NULL) {
        status = cen__fail_memory(error, "the validation split");
    } else {
        list_groups(&d);
        for (size_t i = 0; i < n_classes; i++) {
            d.wanted[i] = cen__folder_validation_count(folder, d.n_of[i]);
        }
        status = draw_groups(&d, error);
        size_t at = 0; /* members come group by group */
        for (size_t i = 0; i < d.n_groups && status == CEN_OK; at += d.groups[i++].n) {
            for (size_t j = at; j < at + d.groups[i].n && d.groups[i].is_drawn; j++) {
                folder->images[d.members[j].image].split = CEN_SPLIT_VALIDATION;
            }
        }
    }
    cen__free(d.members);
    cen__free(d.groups);
    cen__free(d.parts);
    cen__free(d.by_class);
    cen__free(d.n_of);
    cen__free(d.n_drawn);
    cen__free(d.wanted);
    return status;
}

/* cl_knn cluster: what its files share. */
#ifndef TOOLS_KNN_CLUSTER_H
#define TOOLS_KNN_CLUSTER_H

#include "knn.h"

/* A set in groups, the largest first. */
typedef struct knn_groups {
    const knn_set *set;
    int32_t *labels;       /* [set->f.n] */
    size_t n, n_shared;    /* groups; those of two rows or more, which come first */
    size_t *starts, *rows; /* [n + 1], [set->f.n]: the rows of group i begin at starts[i] */
    double threshold, far; /* far: the share of pairs it was calibrated at, NAN if it was given */
    cen_cluster_scores scores; /* n 0: the set has no classes */
} knn_groups;

/* The name of a group in a folder and a table: its number, with as many digits as the last has, in text[32]. */
const char *knn_group_name(const knn_groups *groups, size_t group, char *text);

/* Fails if --output names what cannot be written. */
int knn_check_groups_output(const knn *s, const knn_set *set);

/* A table, or a folder with copies of the pictures. */
int knn_write_groups(const knn *s, const knn_groups *groups);

#endif

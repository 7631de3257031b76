/* cl_train: the facts that it takes to repeat a run, for its page. */
#ifndef TOOLS_TRAIN_FACTS_H
#define TOOLS_TRAIN_FACTS_H

#include "train_run.h"

/* Pairs of a name and a value; `failed` without memory. */
typedef struct facts {
    const char **pairs; /* [n, 2] */
    size_t n;
    bool failed;
} facts;

void facts_fill(facts *list, const run *r, const page_content *content);
void facts_free(facts *list);

#endif

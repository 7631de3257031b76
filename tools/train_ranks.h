/* cl_train: processes that train together. All read the same command line; the first one alone prints and writes
 * files. */
#ifndef TOOLS_TRAIN_RANKS_H
#define TOOLS_TRAIN_RANKS_H

#include <centerloss.h>

#include <stdbool.h>
#include <stddef.h>

/* How they reach each other; NULL: this process trains by itself. */
extern const cen_exchange *ranks;

bool is_first_rank(void);
size_t count_ranks(void);

/* bytes[size] = those of the first rank. False if that failed. */
bool take_from_first(void *bytes, size_t size);

/* The exit code so far; EXIT_FAILED if that of another process is not 0. */
int agree_code(int code);

#endif

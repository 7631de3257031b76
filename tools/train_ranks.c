#include "train_ranks.h"

#include <stdlib.h>
#include <string.h>

#include "options.h"

const cen_exchange *ranks;

bool is_first_rank(void)
{
    return ranks == NULL || ranks->rank == 0;
}

size_t count_ranks(void)
{
    return ranks == NULL ? 1 : ranks->n_ranks;
}

bool take_from_first(void *bytes, size_t size)
{
    if (ranks == NULL) return true;
    char *all = malloc(ranks->n_ranks * size + 1);
    bool good = all != NULL && ranks->gather(ranks->user, bytes, size, all) == 0;
    if (good) memcpy(bytes, all, size);
    free(all);
    return good;
}

int agree_code(int code)
{
    if (ranks == NULL) return code;
    int *all = malloc(ranks->n_ranks * sizeof *all);
    bool good = all != NULL && ranks->gather(ranks->user, &code, sizeof code, all) == 0;
    for (size_t rank = 0; rank < ranks->n_ranks && good; rank++) good = all[rank] == 0;
    free(all);
    return good || code != 0 ? code : EXIT_FAILED;
}

#include "base/exchange.h"

#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"

cen_status cen__exchange_check(const cen_exchange *exchange, cen_error *error)
{
    if (exchange == NULL || (exchange->gather != NULL && exchange->rank < exchange->n_ranks)) {
        return CEN_OK;
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "an exchange needs a gather, and a rank below its number of ranks");
}

bool cen__exchange_is_alone(const cen_exchange *exchange)
{
    return exchange == NULL || exchange->n_ranks == 1;
}

void cen__exchange_share(const cen_exchange *exchange, size_t n, size_t *first, size_t *count)
{
    *first = 0;
    *count = n;
    if (cen__exchange_is_alone(exchange)) return;
    *first = exchange->rank * n / exchange->n_ranks;
    *count = (exchange->rank + 1) * n / exchange->n_ranks - *first;
}

cen_status cen__exchange_fail(const cen_exchange *exchange, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_IO,
                     "the exchange with the other %zu processes failed; go on in all of them from "
                     "a state that was saved",
                     exchange->n_ranks - 1);
}

cen_status cen__exchange_gather(const cen_exchange *exchange, const void *own, size_t size,
                                void *all, cen_error *error)
{
    return exchange->gather(exchange->user, own, size, all) == 0
               ? CEN_OK
               : cen__exchange_fail(exchange, error);
}

/* Rows of a process: so many, or one less. */
static size_t most_rows(const cen_exchange *exchange, size_t n)
{
    return (n + exchange->n_ranks - 1) / exchange->n_ranks;
}

size_t cen__exchange_room(const cen_exchange *exchange, size_t n, size_t size)
{
    if (cen__exchange_is_alone(exchange)) return 0;
    return cen__times(cen__times(most_rows(exchange, n), size), exchange->n_ranks + 1);
}

cen_status cen__exchange_rows(const cen_exchange *exchange, void *rows, size_t n, size_t size,
                              void *buffer, cen_error *error)
{
    size_t first, count;
    char *at = rows;
    if (cen__exchange_is_alone(exchange) || n == 0) return CEN_OK;
    const size_t n_ranks = exchange->n_ranks, most = most_rows(exchange, n) * size;
    char *own = buffer, *all = own + most;
    cen__exchange_share(exchange, n, &first, &count);
    memset(own, 0, most);
    memcpy(own, at + first * size, count * size);
    cen_status status = cen__exchange_gather(exchange, own, most, all, error);
    for (size_t rank = 0; rank < n_ranks && status == CEN_OK; rank++) {
        const size_t start = rank * n / n_ranks, end = (rank + 1) * n / n_ranks;
        memcpy(at + start * size, all + rank * most, (end - start) * size);
    }
    return status;
}

cen_status cen__exchange_first(const cen_exchange *exchange, const cen_context *context,
                               void *bytes, size_t size, cen_error *error)
{
    enum { BLOCK = 1 << 18 };
    char *at = bytes;
    cen_status status = CEN_OK;
    if (cen__exchange_is_alone(exchange)) return CEN_OK;
    char *all = cen__alloc(context, exchange->n_ranks, BLOCK);
    if (all == NULL) return cen__fail_memory(error, "an exchange");
    for (size_t done = 0, n; done < size && status == CEN_OK; done += n) {
        n = size - done < BLOCK ? size - done : BLOCK;
        status = cen__exchange_gather(exchange, at + done, n, all, error);
        if (status == CEN_OK) memcpy(at + done, all, n);
    }
    cen__free(all);
    return status;
}

cen_status cen__exchange_status(const cen_exchange *exchange, const cen_context *context,
                                cen_status status, cen_error *error)
{
    if (cen__exchange_is_alone(exchange)) return status;
    cen_error own = {status, ""}, *all = cen__alloc(context, exchange->n_ranks, sizeof *all);
    if (all == NULL) return cen__fail_memory(error, "an exchange");
    if (status != CEN_OK && error != NULL) own = *error;
    own.status = status;
    cen_status shared = cen__exchange_gather(exchange, &own, sizeof own, all, error);
    for (size_t rank = 0; rank < exchange->n_ranks && shared == CEN_OK; rank++) {
        if (all[rank].status == CEN_OK) continue;
        shared = cen__fail(error, all[rank].status, "%s", all[rank].message);
    }
    cen__free(all);
    return shared;
}

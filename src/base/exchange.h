/* What processes that train together exchange, by the hooks of cen_exchange. One that trains by itself (NULL, or
 * n_ranks 1) has all already, and nothing here does anything for it. */
#ifndef CEN_BASE_EXCHANGE_H
#define CEN_BASE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Errors: ARGUMENT. */
cen_status cen__exchange_check(const cen_exchange *exchange, cen_error *error);

bool cen__exchange_is_alone(const cen_exchange *exchange);

/* The rows of n that this process works on. */
void cen__exchange_share(const cen_exchange *exchange, size_t n, size_t *first, size_t *count);

/* The error of a hook that failed: IO. */
cen_status cen__exchange_fail(const cen_exchange *exchange, cen_error *error);

/* all[n_ranks] = the `size` bytes of each. Errors: IO. */
cen_status cen__exchange_gather(const cen_exchange *exchange, const void *own, size_t size,
                                void *all, cen_error *error);

/* Bytes of the buffer of cen__exchange_rows; SIZE_MAX if there are too many. */
size_t cen__exchange_room(const cen_exchange *exchange, size_t n, size_t size);

/* rows[n] of `size` bytes, of which each process has filled its share: all get all. Errors: IO. */
cen_status cen__exchange_rows(const cen_exchange *exchange, void *rows, size_t n, size_t size,
                              void *buffer, cen_error *error);

/* bytes[size] = those of rank 0. Errors: IO, MEMORY. */
cen_status cen__exchange_first(const cen_exchange *exchange, const cen_context *context,
                               void *bytes, size_t size, cen_error *error);

/* *status and *error = those of the first rank that failed. Errors: IO, MEMORY. */
cen_status cen__exchange_status(const cen_exchange *exchange, const cen_context *context,
                                cen_status status, cen_error *error);

#endif

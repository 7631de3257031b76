/* Processes that train together: an all-gather through pipes, in which rank 0 collects and hands out. Include after
 * cmocka.h, with _POSIX_C_SOURCE. */
#ifndef TESTS_SUPPORT_RANKS_H
#define TESTS_SUPPORT_RANKS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <centerloss.h>

enum { MOST_RANKS = 6 };

typedef struct links {
    int up[MOST_RANKS][2], down[MOST_RANKS][2];
    size_t rank, n_ranks;
} links;

static inline int write_all(int file, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t n = write(file, at, size);
        if (n <= 0) return 1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static inline int read_all(int file, void *bytes, size_t size)
{
    char *at = bytes;
    while (size > 0) {
        ssize_t n = read(file, at, size);
        if (n <= 0) return 1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static inline int gather(void *user, const void *own, size_t size, void *all)
{
    const links *l = user;
    if (l->rank > 0) {
        return write_all(l->up[l->rank][1], own, size) ||
               read_all(l->down[l->rank][0], all, l->n_ranks * size);
    }
    memcpy(all, own, size);
    for (size_t rank = 1; rank < l->n_ranks; rank++) {
        if (read_all(l->up[rank][0], (char *)all + rank * size, size)) return 1;
    }
    for (size_t rank = 1; rank < l->n_ranks; rank++) {
        if (write_all(l->down[rank][1], all, l->n_ranks * size)) return 1;
    }
    return 0;
}

/* By gathering all blocks of all. */
static inline int swap(void *user, const void *own, size_t size, void *all)
{
    const links *l = user;
    const size_t n = l->n_ranks;
    char *blocks = malloc(n * n * size);
    if (blocks == NULL || gather(user, own, n * size, blocks) != 0) return 1;
    for (size_t rank = 0; rank < n; rank++) {
        memcpy((char *)all + rank * size, blocks + (rank * n + l->rank) * size, size);
    }
    free(blocks);
    return 0;
}

static inline cen_exchange exchange_of(size_t rank, size_t n_ranks, void *user,
                                       int (*hook)(void *, const void *, size_t, void *))
{
    cen_exchange exchange = cen_exchange_init();
    exchange.rank = rank;
    exchange.n_ranks = n_ranks;
    exchange.user = user;
    exchange.gather = hook;
    return exchange;
}

/* Runs each rank in a process of its own; true if `run` returned 0 in all. */
static inline bool run_ranks_by(int (*hook)(void *, const void *, size_t, void *), size_t n_ranks,
                                int (*run)(const cen_exchange *exchange, const void *how),
                                const void *how)
{
    links l = {.n_ranks = n_ranks};
    pid_t children[MOST_RANKS];
    bool are_good = true;
    for (size_t rank = 0; rank < n_ranks; rank++) {
        assert_int_equal(pipe(l.up[rank]), 0);
        assert_int_equal(pipe(l.down[rank]), 0);
    }
    for (size_t rank = 0; rank < n_ranks; rank++) {
        children[rank] = fork();
        assert_true(children[rank] >= 0);
        if (children[rank] > 0) continue;
        alarm(600); /* an exchange out of step would wait for ever */
        l.rank = rank;
        cen_exchange exchange = exchange_of(rank, n_ranks, &l, gather);
        exchange.swap = hook;
        _exit(run(&exchange, how));
    }
    for (size_t rank = 0; rank < n_ranks; rank++) {
        close(l.up[rank][0]);
        close(l.up[rank][1]);
        close(l.down[rank][0]);
        close(l.down[rank][1]);
    }
    for (size_t rank = 0; rank < n_ranks; rank++) {
        int status;
        assert_true(waitpid(children[rank], &status, 0) == children[rank]);
        are_good = are_good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return are_good;
}

/* With gather only. */
static inline bool run_ranks(size_t n_ranks,
                             int (*run)(const cen_exchange *exchange, const void *how),
                             const void *how)
{
    return run_ranks_by(NULL, n_ranks, run, how);
}

#endif

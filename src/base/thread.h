/* Threads, a lock with two conditions, and numbers that threads share. thread_posix.c, thread_windows.c and
 * thread_none.c implement them. */
#ifndef CEN_BASE_THREAD_H
#define CEN_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include <centerloss.h>

#include "base/systems.h"

/* True if compiler and system support the following. Without it a pool has only its caller. */
#if defined(__GNUC__) && (CEN__POSIX || CEN__WINDOWS)
#define CEN__THREADS 1
#else
#define CEN__THREADS 0
#endif

#if CEN__THREADS

/* Sequentially consistent. */
#define CEN__LOAD(number) __atomic_load_n(number, __ATOMIC_SEQ_CST)
#define CEN__STORE(number, value) __atomic_store_n(number, value, __ATOMIC_SEQ_CST)
#define CEN__FETCH_ADD(number, value) __atomic_fetch_add(number, value, __ATOMIC_SEQ_CST)
#define CEN__REPLACE(number, expected, value)                                                      \
    __atomic_compare_exchange_n(number, expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* A short pause of a spinning thread. */
#if defined(__x86_64__) || defined(__i386__)
#define CEN__PAUSE() __builtin_ia32_pause()
#else
#define CEN__PAUSE() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

typedef enum { CEN__WORK, CEN__DONE } cen__condition;

/* A mutex and its two conditions. */
typedef struct cen__monitor cen__monitor;

/* NULL if no memory is left. */
cen__monitor *cen__monitor_create(cen_context *context);
void cen__monitor_free(cen__monitor *monitor);

void cen__monitor_enter(cen__monitor *monitor);
void cen__monitor_leave(cen__monitor *monitor);

/* Leaves, sleeps until the condition is signalled (or sooner), and enters again. */
void cen__monitor_wait(cen__monitor *monitor, cen__condition condition);

/* Wakes one thread that waits for the condition. */
void cen__monitor_signal(cen__monitor *monitor, cen__condition condition);

typedef struct cen__thread cen__thread;

/* NULL if the system gives no thread or no memory; errno stays. Signals of the process go to other threads, signals of
 * a fault to the thread itself. */
cen__thread *cen__thread_start(cen_context *context, void (*run)(void *user), void *user);

/* Waits for its end and frees it. */
void cen__thread_join(cen__thread *thread);

/* The number of this process; a fork has another. (Narrow enough for an atomic exchange on 32-bit machines.) */
unsigned long cen__process(void);

#endif

/* Processors that this process may use, by its affinity and the quota of its control group. At least 1. */
int cen__processors(void);

#endif

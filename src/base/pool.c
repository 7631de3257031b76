#include "base/pool.h"

#include <stdbool.h>

#include "base/memory.h"
#include "base/thread.h"

static void run_all(size_t n_tasks, cen__task *run, void *data)
{
    for (size_t task = 0; task < n_tasks; task++) run(data, task, 0);
}

#if CEN__THREADS

/* The longest spinning of a wait before it sleeps: some tens of microseconds. */
enum { SPINS = 1000 };

typedef struct {
    cen__task *run;
    void *data;
    size_t n_tasks, next; /* next: atomic, the next task to hand out */
} job;

struct cen__pool {
    cen_context *context; /* for memory */
    int n_threads;        /* with the caller */
    int n_spins;
    unsigned long owner;   /* atomic: the process that runs a job; 0: none */
    unsigned long process; /* the process of the threads */
    cen__monitor *monitor;
    cen__thread **threads; /* [n_threads - 1] */
    int n_started;
    bool is_refused; /* a thread could not be made */

    /* Changed in the monitor. Spinning threads also read generation and n_active. */
    job job;
    int n_wanted,
        n_joined; /* threads beside the caller: most that the job may have; that have joined it */
    int n_active;
    int n_asleep;
    bool is_caller_asleep;
    unsigned generation;
    bool is_ending;
};

cen__pool *cen__pool_create(cen_context *context, int n_threads, int n_processors)
{
    cen__pool *pool = cen__alloc_zeroed(context, 1, sizeof *pool);
    if (pool == NULL) return NULL;
    pool->context = context;
    pool->n_threads = n_threads;
    pool->n_spins = n_threads <= n_processors ? SPINS : 0;
    pool->process = cen__process();
    pool->threads = cen__alloc(context, (size_t)n_threads, sizeof(cen__thread *));
    pool->monitor = cen__monitor_create(context);
    if (pool->threads != NULL && pool->monitor != NULL) return pool;
    cen__pool_free(pool);
    return NULL;
}

static void run_tasks(job *job_, int worker)
{
    for (;;) {
        size_t task = CEN__FETCH_ADD(&job_->next, 1);
        if (task >= job_->n_tasks) return;
        job_->run(job_->data, task, worker);
    }
}

static bool may_join(const cen__pool *pool)
{
    return pool->n_joined < pool->n_wanted || pool->is_ending;
}

/* In the monitor: waits until there is a job or the end. */
static void await_job(cen__pool *pool)
{
    while (!may_join(pool)) {
        const unsigned seen = pool->generation;
        cen__monitor_leave(pool->monitor);
        for (int i = 0; i < pool->n_spins && CEN__LOAD(&pool->generation) == seen; i++)
            CEN__PAUSE();
        cen__monitor_enter(pool->monitor);
        if (pool->generation != seen) continue;
        pool->n_asleep++;
        cen__monitor_wait(pool->monitor, CEN__WORK);
        pool->n_asleep--;
    }
}

static void live(void *user)
{
    cen__pool *pool = user;
    cen__monitor_enter(pool->monitor);
    for (;;) {
        await_job(pool);
        if (pool->is_ending) break;
        const int worker = ++pool->n_joined;
        CEN__FETCH_ADD(&pool->n_active, 1);
        cen__monitor_leave(pool->monitor);
        run_tasks(&pool->job, worker);
        cen__monitor_enter(pool->monitor);
        if (CEN__FETCH_ADD(&pool->n_active, -1) == 1 && pool->is_caller_asleep) {
            cen__monitor_signal(pool->monitor, CEN__DONE);
        }
    }
    cen__monitor_leave(pool->monitor);
}

/* In the monitor: begins a generation; returns how many sleeping threads it needs. */
static int announce(cen__pool *pool, int n_threads)
{
    CEN__FETCH_ADD(&pool->generation, 1);
    return n_threads < pool->n_asleep ? n_threads : pool->n_asleep;
}

static void open_job(cen__pool *pool, job job_, int n_wanted)
{
    cen__monitor_enter(pool->monitor);
    pool->job = job_;
    pool->n_joined = 0;
    pool->n_wanted = n_wanted;
    int n_to_wake = announce(pool, n_wanted);
    cen__monitor_leave(pool->monitor);
    while (n_to_wake-- > 0) cen__monitor_signal(pool->monitor, CEN__WORK);
}

/* All tasks are handed out: no thread joins any more. Waits for those that have joined. */
static void close_job(cen__pool *pool)
{
    for (int i = 0; i < pool->n_spins && CEN__LOAD(&pool->n_active) > 0; i++) CEN__PAUSE();
    cen__monitor_enter(pool->monitor);
    pool->n_wanted = 0;
    while (CEN__LOAD(&pool->n_active) > 0) {
        pool->is_caller_asleep = true;
        cen__monitor_wait(pool->monitor, CEN__DONE);
    }
    pool->is_caller_asleep = false;
    cen__monitor_leave(pool->monitor);
}

/* After a fork the child has only this thread, and the lock is in any state: only their memory can be freed. Other
 * threads of the child may ask for the pool meanwhile, so owner and n_threads, which they read, stay as they are. */
static void renew(cen__pool *pool)
{
    for (int i = 0; i < pool->n_started; i++) cen__free(pool->threads[i]);
    cen__free(pool->monitor);
    pool->n_started = pool->n_wanted = pool->n_joined = pool->n_active = pool->n_asleep = 0;
    pool->is_caller_asleep = pool->is_ending = false;
    pool->process = cen__process();
    pool->monitor = cen__monitor_create(pool->context);
    pool->is_refused = pool->monitor == NULL;
}

/* True if this caller now owns the pool. A fork may have copied it while another thread owned it. */
static bool claim(cen__pool *pool, unsigned long self)
{
    unsigned long owner = 0;
    if (CEN__REPLACE(&pool->owner, &owner, self)) return true;
    return owner != self && CEN__REPLACE(&pool->owner, &owner, self);
}

/* The number of threads, beside the caller, for this number of tasks. */
static int start_threads(cen__pool *pool, size_t n_tasks)
{
    const int most = n_tasks < (size_t)pool->n_threads ? (int)n_tasks - 1 : pool->n_threads - 1;
    while (pool->n_started < most && !pool->is_refused) {
        cen__thread *thread = cen__thread_start(pool->context, live, pool);
        pool->is_refused = thread == NULL;
        if (thread != NULL) pool->threads[pool->n_started++] = thread;
    }
    return pool->n_started < most ? pool->n_started : most;
}

void cen__pool_run(cen__pool *pool, size_t n_tasks, cen__task *run, void *data)
{
    const unsigned long self = cen__process();
    if (pool == NULL || n_tasks < 2 || pool->n_threads < 2 || !claim(pool, self)) {
        run_all(n_tasks, run, data);
        return;
    }
    if (pool->process != self) renew(pool);
    const int n_wanted = start_threads(pool, n_tasks);
    if (n_wanted == 0) {
        run_all(n_tasks, run, data);
    } else {
        open_job(pool, (job){run, data, n_tasks, 0}, n_wanted);
        run_tasks(&pool->job, 0);
        close_job(pool);
    }
    CEN__STORE(&pool->owner, 0);
}

static void end_threads(cen__pool *pool)
{
    cen__monitor_enter(pool->monitor);
    pool->is_ending = true;
    int n_to_wake = announce(pool, pool->n_started);
    cen__monitor_leave(pool->monitor);
    while (n_to_wake-- > 0) cen__monitor_signal(pool->monitor, CEN__WORK);
    for (int i = 0; i < pool->n_started; i++) cen__thread_join(pool->threads[i]);
}

void cen__pool_free(cen__pool *pool)
{
    if (pool == NULL) return;
    if (pool->process != cen__process()) renew(pool);
    if (pool->monitor != NULL) end_threads(pool);
    cen__monitor_free(pool->monitor);
    cen__free(pool->threads);
    cen__free(pool);
}

#else

struct cen__pool {
    int n_threads;
};

cen__pool *cen__pool_create(cen_context *context, int n_threads, int n_processors)
{
    (void)n_processors;
    cen__pool *pool = cen__alloc(context, 1, sizeof *pool);
    if (pool != NULL) pool->n_threads = n_threads;
    return pool;
}

void cen__pool_run(cen__pool *pool, size_t n_tasks, cen__task *run, void *data)
{
    (void)pool;
    run_all(n_tasks, run, data);
}

void cen__pool_free(cen__pool *pool)
{
    cen__free(pool);
}

#endif

#include "base/systems.h"

#if CEN__POSIX
#if defined(__linux__)
#define _GNU_SOURCE 1 /* sched_getaffinity */
#else
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#define _DARWIN_C_SOURCE 1
#endif

#include "base/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"

#if CEN__THREADS
#include <pthread.h>

/* Stack size of a thread. The defaults range from 128 KB to 8 MB of address space. */
enum { STACK_SIZE = 1 << 20 };

struct cen__monitor {
    pthread_mutex_t mutex;
    pthread_cond_t conditions[2];
};

cen__monitor *cen__monitor_create(cen_context *context)
{
    cen__monitor *monitor = cen__alloc(context, 1, sizeof *monitor);
    if (monitor == NULL) return NULL;
    pthread_mutex_init(&monitor->mutex, NULL);
    pthread_cond_init(&monitor->conditions[CEN__WORK], NULL);
    pthread_cond_init(&monitor->conditions[CEN__DONE], NULL);
    return monitor;
}

void cen__monitor_free(cen__monitor *monitor)
{
    if (monitor == NULL) return;
    pthread_cond_destroy(&monitor->conditions[CEN__DONE]);
    pthread_cond_destroy(&monitor->conditions[CEN__WORK]);
    pthread_mutex_destroy(&monitor->mutex);
    cen__free(monitor);
}

void cen__monitor_enter(cen__monitor *monitor)
{
    pthread_mutex_lock(&monitor->mutex);
}

void cen__monitor_leave(cen__monitor *monitor)
{
    pthread_mutex_unlock(&monitor->mutex);
}

void cen__monitor_wait(cen__monitor *monitor, cen__condition condition)
{
    pthread_cond_wait(&monitor->conditions[condition], &monitor->mutex);
}

void cen__monitor_signal(cen__monitor *monitor, cen__condition condition)
{
    pthread_cond_signal(&monitor->conditions[condition]);
}

struct cen__thread {
    pthread_t handle;
    void (*run)(void *user);
    void *user;
};

static void *begin(void *user)
{
    const cen__thread *thread = user;
    thread->run(thread->user);
    return NULL;
}

/* Signals of the process are handled in the threads of the program. Signals of a fault stay in the thread that causes
 * them: the system ends a process that blocks these, whatever handler it has. */
static void list_blocked(sigset_t *signals)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    (void)sigfillset(signals);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        (void)sigdelset(signals, faults[i]);
    }
}

static bool start(cen__thread *thread)
{
    pthread_attr_t attributes;
    sigset_t blocked, before;
    if (pthread_attr_init(&attributes) != 0) return false;
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    list_blocked(&blocked);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const bool is_started = pthread_create(&thread->handle, &attributes, begin, thread) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return is_started;
}

cen__thread *cen__thread_start(cen_context *context, void (*run)(void *user), void *user)
{
    const int kept = errno; /* the caller can do without */
    cen__thread *thread = cen__alloc(context, 1, sizeof *thread);
    if (thread != NULL) {
        *thread = (cen__thread){.run = run, .user = user};
        if (start(thread)) return thread;
    }
    cen__free(thread);
    errno = kept;
    return NULL;
}

void cen__thread_join(cen__thread *thread)
{
    if (thread != NULL) (void)pthread_join(thread->handle, NULL);
    cen__free(thread);
}

unsigned long cen__process(void)
{
    return (unsigned long)getpid();
}

#endif

#if defined(__linux__)

/* The first line of a file, without its end; false if there is none. */
static bool first_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    const bool is_read = fgets(line, size, file) != NULL;
    (void)fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return is_read;
}

/* The whole processors, at least 1, that `quota` of each `period` microseconds allow; 0: no limit. */
static int whole(long long quota, long long period)
{
    if (quota <= 0 || period <= 0) return 0;
    return (quota - 1) / period >= 1024 ? 0 : (int)((quota - 1) / period + 1);
}

/* The limit in one folder of control groups: version 2, then version 1. */
static int group_limit(const char *folder)
{
    char path[1200], line[64], *end;
    (void)snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (first_line(path, line, sizeof line)) { /* "50000 100000" or "max 100000" */
        const long long quota = strtoll(line, &end, 10);
        return whole(quota, strtoll(end, NULL, 10));
    }
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!first_line(path, line, sizeof line)) return 0;
    const long long quota = strtoll(line, NULL, 10);
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    return first_line(path, line, sizeof line) ? whole(quota, strtoll(line, NULL, 10)) : 0;
}

static int lower(int count, int limit)
{
    return limit > 0 && limit < count ? limit : count;
}

/* The groups above a group limit it, too. root: the mount point of its kind. */
static int limit_by(const char *root, const char *group, int count)
{
    char folder[1100];
    if (snprintf(folder, sizeof folder, "%s%s", root, group) >= (int)sizeof folder) return count;
    for (;;) {
        count = lower(count, group_limit(folder));
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < strlen(root)) return count;
        *slash = '\0';
    }
}

/* Lines of /proc/self/cgroup: "0::/group" of version 2, "4:cpu,cpuacct:/group" of version 1. */
static int limit_by_groups(int count)
{
    char line[1024];
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL) return count;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *kinds = strchr(line, ':');
        char *group = kinds != NULL ? strchr(kinds + 1, ':') : NULL;
        if (group == NULL) continue;
        *group++ = '\0';
        if (kinds[1] == '\0') {
            count = limit_by("/sys/fs/cgroup", group, count);
            count = limit_by("/sys/fs/cgroup/unified", group, count);
        }
        if (strncmp(kinds + 1, "cpu,", 4) == 0 || strcmp(kinds + 1, "cpu") == 0) {
            count = limit_by("/sys/fs/cgroup/cpu", group, count);
        }
    }
    (void)fclose(file);
    return count;
}

static int allowed(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return limit_by_groups((int)online);
    for (size_t i = 0; i < CPU_SETSIZE; i++) count += CPU_ISSET(i, &set) != 0;
    return limit_by_groups(count);
}

#else

static int allowed(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

#endif

int cen__processors(void)
{
    const int kept = errno; /* errno is set by a file system that is not mounted */
    int count = allowed();
    errno = kept;
    return count < 1 ? 1 : count;
}

#else
typedef int cen__not_posix;
#endif

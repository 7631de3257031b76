/* The twin of thread_posix.c for Windows. */
#include "base/systems.h"

#if CEN__WINDOWS
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0600
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0600 /* condition variables */
#endif
#define WIN32_LEAN_AND_MEAN 1
#define NOMINMAX 1

#include "base/thread.h"

#include <errno.h>
#include <process.h>
#include <windows.h>

#include "base/memory.h"

#if CEN__THREADS

struct cen__monitor {
    CRITICAL_SECTION section;
    CONDITION_VARIABLE conditions[2];
};

cen__monitor *cen__monitor_create(cen_context *context)
{
    cen__monitor *monitor = cen__alloc(context, 1, sizeof *monitor);
    if (monitor == NULL) return NULL;
    InitializeCriticalSection(&monitor->section);
    InitializeConditionVariable(&monitor->conditions[CEN__WORK]);
    InitializeConditionVariable(&monitor->conditions[CEN__DONE]);
    return monitor;
}

void cen__monitor_free(cen__monitor *monitor)
{
    if (monitor != NULL) DeleteCriticalSection(&monitor->section);
    cen__free(monitor);
}

void cen__monitor_enter(cen__monitor *monitor)
{
    EnterCriticalSection(&monitor->section);
}

void cen__monitor_leave(cen__monitor *monitor)
{
    LeaveCriticalSection(&monitor->section);
}

void cen__monitor_wait(cen__monitor *monitor, cen__condition condition)
{
    (void)SleepConditionVariableCS(&monitor->conditions[condition], &monitor->section, INFINITE);
}

void cen__monitor_signal(cen__monitor *monitor, cen__condition condition)
{
    WakeConditionVariable(&monitor->conditions[condition]);
}

struct cen__thread {
    HANDLE handle;
    void (*run)(void *user);
    void *user;
};

static unsigned __stdcall begin(void *user)
{
    const cen__thread *thread = user;
    thread->run(thread->user);
    return 0;
}

cen__thread *cen__thread_start(cen_context *context, void (*run)(void *user), void *user)
{
    const int kept = errno; /* the caller can do without */
    cen__thread *thread = cen__alloc(context, 1, sizeof *thread);
    if (thread != NULL) {
        *thread = (cen__thread){.run = run, .user = user};
        thread->handle = (HANDLE)_beginthreadex(NULL, 1 << 20, begin, thread, 0, NULL);
        if (thread->handle != NULL) return thread;
    }
    cen__free(thread);
    errno = kept;
    return NULL;
}

void cen__thread_join(cen__thread *thread)
{
    if (thread == NULL) return;
    (void)WaitForSingleObject(thread->handle, INFINITE);
    (void)CloseHandle(thread->handle);
    cen__free(thread);
}

unsigned long cen__process(void)
{
    return GetCurrentProcessId();
}

#endif

int cen__processors(void)
{
    DWORD_PTR ours, all;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all)) return 1;
    int count = 0;
    for (; ours != 0; ours &= ours - 1) count++;
    return count < 1 ? 1 : count;
}

#else
typedef int cen__not_windows;
#endif

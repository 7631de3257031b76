#!/bin/sh
# Threads that the system refuses are not missed: a whole training comes to the same bytes without them, or without
# some of them, and a lack of memory is one sentence.
. "$(dirname "$0")/common.sh"
[ "$(uname)" = Linux ] || {
    echo "skipped: it limits processes of Linux"
    exit 77
}
few small 12
train() { "$TOOLS/cl_train" -q --no-report --net "$LITTLE" --epochs 2 "$@" small; }
succeed train --threads 1 -o whole

same() { cmp -s whole/model.safetensors "$1/model.safetensors" || complain "$1: the model is another"; }

# ---- by the C library: all of them, or every second one, or every third ----
cat >refuse.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Of so many threads the last is refused; each try is a line of the file REFUSE_LOG. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data)
{
    static int n, period;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = 0;
    FILE *log = fopen(getenv("REFUSE_LOG"), "a");
    if (period == 0) period = atoi(getenv("REFUSE_EACH"));
    n++;
    if (log == NULL || fprintf(log, "%s\n", n % period == 0 ? "refused" : "made") < 0 || fclose(log) != 0) abort();
    if (n % period == 0) return EAGAIN;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, run, data);
}
END
if cc -shared -fPIC refuse.c -o refuse.so -ldl 2>err.txt; then
    for each in 1 2 3; do
        succeed env LD_PRELOAD="$WORK/refuse.so" REFUSE_LOG="$WORK/log.$each" REFUSE_EACH=$each \
            "$TOOLS/cl_train" -q --no-report --net "$LITTLE" --epochs 2 --threads 8 -o refused-$each small
        same refused-$each
        grep -q refused log.$each || complain "no thread was refused: $(sort log.$each | uniq -c)"
        [ $each -eq 1 ] || grep -q made log.$each || complain "no thread was made"
    done
else
    echo "not tried: a C library that refuses threads: $(head -n 1 err.txt)"
fi

# ---- by ulimit -u: of a user who has one process and may have no other; root has no limit ----
chmod -R a+rX "$WORK"
mkdir -m 777 limited
guest="setpriv --reuid=65534 --clear-groups"
[ "$(id -u)" -eq 0 ] || guest=
if $guest prlimit --nproc=1 "$TOOLS/cl_train" --version >out.txt 2>&1 && ! $guest prlimit --nproc=1 sh -c 'true & wait' 2>err.txt; then
    succeed $guest prlimit --nproc=1 "$TOOLS/cl_train" -q --no-report --net "$LITTLE" --epochs 2 --threads 8 \
        -o limited/run small
    same limited/run
else
    echo "not tried: a limit of processes: $(head -n 1 out.txt err.txt)"
fi

# ---- by ulimit -v: from what one thread can live with to what eight can; some of these refuse stacks ----
within() { (ulimit -v "$1" && rm -rf lean && train --threads "$2" -o lean) >out.txt 2>err.txt; }
least=1000
while ! within $least 1; do
    least=$((least + least / 8))
    [ $least -lt 1000000 ] || break
done
if [ $least -lt 1000000 ]; then
    room=$least
    until within $room 8 && [ $room -gt $((least + 30000)) ]; do
        if [ -s err.txt ]; then
            grep -qE '^cl_train: .*not enough memory for' err.txt && [ "$(wc -l <err.txt)" -eq 1 ] ||
                complain "within $room: $(cat err.txt)"
        else
            same lean
        fi
        room=$((room + 1500))
        [ $room -lt 1000000 ] || complain "eight threads do not fit into $room kB"
        [ $room -lt 1000000 ] || break
    done
    same lean
else
    echo "not tried: a limit of memory: $(head -n 1 err.txt)"
fi

# ---- one processor ----
if taskset -c "$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')" true 2>err.txt; then
    succeed taskset -c "$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')" \
        "$TOOLS/cl_train" -q --no-report --net "$LITTLE" --epochs 2 -o pinned small
    same pinned
else
    echo "not tried: one processor: $(head -n 1 err.txt)"
fi

finish

#!/bin/sh
# cl_knn classify reads each picture once for its feature and its probability, and a damaged one keeps the others.
. "$(dirname "$0")/common.sh"
[ "$(uname)" = Linux ] || {
    echo "skipped: it counts the calls of a C library of Linux"
    exit 77
}
few small 70
succeed "$TOOLS/cl_train" -q --no-report --net "$LITTLE" --epochs 1 -o run small

cat >count.c <<'END_OF_C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each picture that is opened is a line of the file COUNT_LOG. */
static int count(const char *name, const char *path, int flags, int mode)
{
    int (*real)(const char *, int, ...) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    if (strstr(path, ".png") != NULL) {
        FILE *log = fopen(getenv("COUNT_LOG"), "a");
        if (log == NULL || fprintf(log, "%s\n", path) < 0 || fclose(log) != 0) abort();
    }
    return real(path, flags, mode);
}
#define COUNTED(name)                                 \
    int name(const char *path, int flags, ...)        \
    {                                                 \
        va_list list;                                 \
        va_start(list, flags);                        \
        const int mode = va_arg(list, int);           \
        va_end(list);                                 \
        return count(#name, path, flags, mode);       \
    }
COUNTED(open)
COUNTED(open64)
END_OF_C
cc -shared -fPIC count.c -o count.so -ldl 2>err.txt || {
    echo "skipped: $(head -n 1 err.txt)"
    exit 77
}
opened() { # COMMAND...: how often each picture was opened, as "TIMES PATH"
    rm -f log
    succeed env LD_PRELOAD="$WORK/count.so" COUNT_LOG="$WORK/log" "$TOOLS/cl_knn" "$@"
    sort log | uniq -c | awk '{ print $1, $2 }'
}
# Opening a folder also opens pictures, to tell them from other files: cl_features shows how often that is.
succeed env LD_PRELOAD="$WORK/count.so" COUNT_LOG="$WORK/log" "$TOOLS/cl_features" -q run small -o small.csv
sort log | uniq -c | awk '{ print $1, $2 }' >features.txt
[ "$(wc -l <features.txt)" -eq 210 ] || complain "not 210 pictures were opened: $(head -n 3 features.txt)"
opened classify --json run small >classify.txt
grep -q '"best_probability": [01]' out.txt || complain "no probability: $(head -c 300 out.txt)"
cmp -s features.txt classify.txt || complain "classify opens pictures more often: $(diff features.txt classify.txt | head -n 4)"

# The pictures of a block with a damaged one keep feature and probability.
cp out.txt whole.json
cp -r small damaged
broken=damaged/bag/$(ls damaged/bag | sed -n 3p)
head -c 60 "$broken" >cut.png
mv cut.png "$broken"
"$TOOLS/cl_knn" classify --json run damaged >part.json 2>err.txt || complain "a damaged picture: $(cat err.txt)"
answers() { # FILE: a line per picture, but the third
    tr '{' '\n' <"$1" | sed 's/damaged/small/' | grep -E '"known"|best_probability' |
        awk -v name="${broken#damaged/}" '/"known"/ { skip = index($0, name) } !skip'
}
answers whole.json >whole.txt
answers part.json >part.txt
[ "$(wc -l <part.txt)" -eq 418 ] || complain "not 209 answers: $(wc -l <part.txt)"
cmp -s whole.txt part.txt || complain "other answers beside a damaged picture: $(diff whole.txt part.txt | head -n 4)"
mkdir alone
cp "$broken" alone/
expect 1 "alone/.*png: .*; there is no other image to use" "$TOOLS/cl_knn" classify -q run alone
finish

#!/bin/sh
# The include rule of src/README.md: a room uses the rooms on lower floors, never one beside it or
# above it; tools/ sees the two public headers and its own; system headers beyond C99 stay in
# src/base/os_*.c, src/base/thread_*.c, tools/system.c and tools/train_mpi.c. Prints each line that breaks it and fails.
#
#     tests/check_includes.sh [ROOT]
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"

find include src tools -name '*.[ch]' | LC_ALL=C sort | xargs awk '
BEGIN {
    n = split("base 2 image 3 format 3 kernels 3 data 4 nn 4 loss 4 search 4 export 4 train 5 report 5", rooms, " ")
    for (i = 1; i <= n; i += 2) floors[rooms[i]] = rooms[i + 1]
    n = split("assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp " \
              "signal stdarg stdbool stddef stdint stdio stdlib string tgmath time wchar wctype",
              names, " ")
    for (i = 1; i <= n; i++) c99[names[i] ".h"] = 1
}

function complain(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
    n_wrong++
}

FNR == 1 {
    n_files++
    n = split(FILENAME, part, "/")
    top = part[1]
    room = top == "src" ? part[2] : ""
    if (top == "src" && (n != 3 || !(room in floors))) complain("this file is in no room")
    knows_system = FILENAME ~ /^(src\/base\/(os|thread)_[a-z]+|tools\/(system|train_mpi))\.c$/
}

!/^[ \t]*#[ \t]*include/ { next }

{
    name = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
    quote = substr(name, 1, 1)
    name = substr(name, 2)
    sub(/[>"].*$/, "", name)
}

quote == "<" {
    if (name in c99 || knows_system) next
    if (name == "centerloss.h" && FILENAME != "include/centerloss.h") next
    if (name == "centerloss_eval.h" && top != "include") next
    complain("no C99 header; only src/base/os_*.c, src/base/thread_*.c and tools/system.c may know the system")
    next
}

quote != "\"" { complain("write the name of the header itself"); next }

top == "include" { complain("the public header stands alone"); next }

top == "tools" {
    if (name ~ /^[a-z_]+\.h$/ && (getline line < ("tools/" name)) >= 0) {
        close("tools/" name)
        next
    }
    complain("tools/ sees only the two public headers and its own")
    next
}

{
    split(name, target, "/")
    if (!(target[1] in floors)) complain("name a room, as in \"base/status.h\"")
    else if (target[1] != room && floors[target[1]] >= floors[room])
        complain(target[1] " is on floor " floors[target[1]] ", " room " is on floor " floors[room])
}

END {
    if (n_files == 0) { print "no source files were found"; exit 1 }
    if (n_wrong > 0) exit 1
}'

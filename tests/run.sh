#!/bin/sh
# Installs what is missing on Debian or Ubuntu, builds, and runs every test: format and include rules, one
# plain cc line, clang, the sanitizers, valgrind, and at last the suite with gcc. Run from anywhere.
# CEN_TEST_DATA, if set, names a folder of real images for the conformance tests. CEN_CI, if set, makes
# warnings errors; those of a new compiler are no fault of a user's machine.
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh
need cmake cmake
need make make
need gcc gcc libc6-dev
need g++ g++
need clang clang
need clang-format clang-format
need valgrind valgrind
need pkg-config pkg-config
need nm binutils
[ -e /usr/include/cmocka.h ] || missing="$missing libcmocka-dev"
install_missing
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
jobs=$(getconf _NPROCESSORS_ONLN)
werror=OFF
[ -z "${CEN_CI:-}" ] || werror=ON

step() { printf '\n== %s\n' "$*"; }

step "format: every C file is as clang-format leaves it, but for generated golden values"
find include src tools tests -path tests/golden -prune -o -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror

step "one line, no build system: cc -std=c99"
cc -std=c99 -O3 -Iinclude -Isrc src/*/*.c tools/cl_train.c tools/train_*.c tools/options.c tools/progress.c -lm \
    -o "$SCRATCH/cl_train"
"$SCRATCH/cl_train" --version

suite() { # name, compiler, cmake options...
    name=$1
    compiler=$2
    shift 2
    step "the suite: $name"
    cmake -S . -B "$SCRATCH/$name" -DCMAKE_C_COMPILER="$compiler" -DCEN_TESTS=ON -DCEN_WERROR="$werror" "$@" \
        >"$SCRATCH/$name.log" || { cat "$SCRATCH/$name.log"; exit 1; }
    cmake --build "$SCRATCH/$name" -j "$jobs" >"$SCRATCH/$name.log" 2>&1 ||
        { cat "$SCRATCH/$name.log"; exit 1; }
    ctest --test-dir "$SCRATCH/$name" --output-on-failure -j "$jobs"
}

suite clang clang
suite sanitizers gcc -DCEN_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo

step "valgrind: a short training run reads and frees all that it should"
cmake -S . -B "$SCRATCH/valgrind" -DCMAKE_C_COMPILER=gcc -DCEN_OPENMP=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    >/dev/null
cmake --build "$SCRATCH/valgrind" -j "$jobs" --target cl_train >/dev/null
CEN_INSTRUCTIONS=avx2 valgrind -q --leak-check=full --errors-for-leak-kinds=all --error-exitcode=9 \
    "$SCRATCH/valgrind/cl_train" --quiet --stop-after 2 --image-size 16 --cache-mb 1 -o "$SCRATCH/run" data/fashion

suite gcc gcc -DCEN_BENCH=ON

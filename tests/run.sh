#!/bin/sh
# Installs what is missing on Debian or Ubuntu, builds, and runs every test: format and include rules, one
# plain cc line, clang, the sanitizers, valgrind, the same bits from each compiler, and at last the suite with
# gcc. Run from anywhere; steps may be named, else all run.
#     sh tests/run.sh [format|line|clang|sanitizers|threads|valgrind|bits|gcc]...
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

[ $# -gt 0 ] || set -- format line clang sanitizers threads valgrind bits gcc

step() { printf '\n== %s (%s)\n' "$*" "$(date +%T)"; }

run_format() {
    step "format: every C file is as clang-format leaves it, but for generated golden values"
    find include src tools tests -path tests/golden -prune -o -name '*.[ch]' -print0 |
        xargs -0 clang-format --dry-run --Werror
}

run_line() {
    step "one line, no build system: cc -std=c99"
    [ -e "$SCRATCH/cl_train" ] ||
        cc -std=c99 -O3 -Iinclude -Isrc src/*/*.c tools/cl_train.c tools/train_*.c tools/options.c tools/manual.c tools/completion.c tools/progress.c tools/system.c -lm \
            -o "$SCRATCH/cl_train"
    "$SCRATCH/cl_train" --version
}

build() { # name, compiler, target, cmake options...
    name=$1
    compiler=$2
    target=$3
    shift 3
    cmake -S . -B "$SCRATCH/$name" -DCMAKE_C_COMPILER="$compiler" -DCEN_WERROR="$werror" "$@" \
        >"$SCRATCH/$name.log" || { cat "$SCRATCH/$name.log"; exit 1; }
    cmake --build "$SCRATCH/$name" -j "$jobs" --target "$target" >"$SCRATCH/$name.log" 2>&1 ||
        { cat "$SCRATCH/$name.log"; exit 1; }
    grep -A 3 'warning:' "$SCRATCH/$name.log" || true
}

suite() { ctest --test-dir "$SCRATCH/$1" --output-on-failure -j "$jobs" -E "${2:-^$}"; }

run_clang() { # other people's builds and the rules of the sources are the gcc suite's
    step "the suite: clang"
    build clang clang all -DCEN_TESTS=ON
    suite clang '^(cli_test_install|cli_test_header|check_includes.*)$'
}

run_sanitizers() {
    step "the suite: sanitizers"
    build sanitizers gcc all -DCEN_TESTS=ON -DCEN_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
    suite sanitizers '^(cli_test_header|check_includes.*)$'
}

run_threads() { # training, search and decoding; and the pool itself
    step "the thread sanitizer"
    build threads gcc all -DCEN_TESTS=ON -DCEN_SANITIZE=thread -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
    ctest --test-dir "$SCRATCH/threads" --output-on-failure -j "$jobs" \
        -R '^(test_(context|training|norms|conv|knn|episodes|verification|load|extract|guest)|cli_test_consumers)$'
}

run_valgrind() {
    step "valgrind: a short training run reads and frees all that it should"
    build valgrind gcc cl_train -DCMAKE_BUILD_TYPE=RelWithDebInfo
    CEN_INSTRUCTIONS=avx2 valgrind -q --leak-check=full --errors-for-leak-kinds=all --error-exitcode=9 \
        "$SCRATCH/valgrind/cl_train" --quiet --stop-after 2 --image-size 16 --cache-mb 1 \
        --net "conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 16" -o "$SCRATCH/run" data/fashion
}

run_bits() {
    run_line
    step "the same model from gcc, clang and the one line, in each instruction set"
    build gcc gcc cl_train
    build clang clang cl_train
    sh tests/same_bits.sh "$SCRATCH/gcc/cl_train" "$SCRATCH/clang/cl_train" "$SCRATCH/cl_train"
}

run_gcc() {
    step "the suite: gcc"
    build gcc gcc all -DCEN_TESTS=ON -DCEN_BENCH=ON
    suite gcc
}

for each; do
    case $each in
    format | line | clang | sanitizers | threads | valgrind | bits | gcc) "run_$each" ;;
    *)
        echo "$each: there is no such step; choose among format, line, clang, sanitizers, threads, valgrind, bits, gcc" >&2
        exit 2
        ;;
    esac
done

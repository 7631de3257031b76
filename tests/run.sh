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
if [ -n "${CEN_CI:-}" ]; then # other machines, 1.4 GB; elsewhere their tests run if the tools are there
    need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32
    need arm-none-eabi-gcc gcc-arm-none-eabi
    [ -e "$(arm-none-eabi-gcc --print-file-name=nano.specs 2>/dev/null)" ] || missing="$missing libnewlib-arm-none-eabi"
    need qemu-system-arm qemu-system-arm
    need riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
    need qemu-riscv32 qemu-user
    need wasm-ld lld
    need node nodejs
    [ -d /usr/include/wasm32-wasi ] || missing="$missing wasi-libc libclang-rt-dev-wasm32"
fi
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
        cc -std=c99 -O3 -Iinclude -Isrc src/*/*.c tools/cl_train.c tools/train_*.c tools/options.c tools/manual.c tools/completion.c tools/progress.c tools/system.c tools/text.c -lm \
            -o "$SCRATCH/cl_train"
    "$SCRATCH/cl_train" --version
}

build() { # name, compiler, targets, cmake options...
    name=$1
    compiler=$2
    targets=$3
    shift 3
    cmake -S . -B "$SCRATCH/$name" -DCMAKE_C_COMPILER="$compiler" -DCEN_WERROR="$werror" "$@" \
        >"$SCRATCH/$name.log" || { cat "$SCRATCH/$name.log"; exit 1; }
    cmake --build "$SCRATCH/$name" -j "$jobs" --target $targets >"$SCRATCH/$name.log" 2>&1 ||
        { cat "$SCRATCH/$name.log"; exit 1; }
    grep -A 3 'warning:' "$SCRATCH/$name.log" || true
}

# Some tests wait for a process, so there is one more of them than processors.
suite() { ctest --test-dir "$SCRATCH/$1" --output-on-failure -j $((jobs + 1)) -E "${2:-^$}"; }

# Of the tools, what depends on arithmetic. How they meet signals, full disks, failed calls and strangers' files is in
# the suites of gcc and the sanitizers; other people's builds and the rules of the sources are gcc's only.
run_clang() {
    step "the suite: clang"
    build clang clang all -DCEN_TESTS=ON
    suite clang '^(cli_test_(install|packages|readme|documents|manual|completion_.*|header|signals|full_disk|run_folder|bad_input|hostile|unseen|export_c|mpi|nets|from_torch|to_torch)|consumer_.*|test_injection.*|check_includes.*)$'
}

run_sanitizers() {
    step "the suite: sanitizers"
    build sanitizers gcc all -DCEN_TESTS=ON -DCEN_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
    KILLS=2 suite sanitizers '^(cli_test_header|check_includes.*)$'
}

run_threads() { # what uses threads: training, search and decoding; and the pool itself
    step "the thread sanitizer"
    tests='test_context test_training test_norms test_knn test_episodes test_verification test_load test_extract test_guest'
    build threads gcc "$tests cl_train door_camera own_arrays" -DCEN_TESTS=ON -DCEN_SANITIZE=thread -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
    ctest --test-dir "$SCRATCH/threads" --output-on-failure -j "$jobs" \
        -R "^($(echo "$tests" | tr ' ' '|')|cli_test_consumers)\$"
}

run_valgrind() {
    step "valgrind: a short training run reads and frees all that it should"
    build gcc gcc cl_train
    CEN_INSTRUCTIONS=avx2 valgrind -q --leak-check=full --errors-for-leak-kinds=all --error-exitcode=9 \
        "$SCRATCH/gcc/cl_train" --quiet --stop-after 2 --image-size 16 --cache-mb 1 \
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

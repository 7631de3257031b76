#!/bin/sh
# Line and branch coverage of src/ by the suite: builds with gcc's counters and without optimisation, runs
# every test, and prints a line a file (tests/coverage.py). Where CEN_TEST_DATA is set, a second table adds
# what the conformance tests reach with it. tests/coverage.md says what is left, and why.
#     sh tests/coverage.sh [FOLDER for the build, kept]
set -eu
cd "$(dirname "$0")/.."
if [ $# -gt 0 ]; then
    BUILD=$1
else
    BUILD=$(mktemp -d)
    trap 'rm -rf "$BUILD"' EXIT
fi
data=${CEN_TEST_DATA:-}
unset CEN_TEST_DATA
export GCOV_ERROR_FILE=/dev/null # a test with full disks has no place for counters either
jobs=$(getconf _NPROCESSORS_ONLN)

# Functions that are always inlined would count once more at each call: here they are called.
cmake -S . -B "$BUILD" -DCMAKE_C_COMPILER=gcc -DCEN_TESTS=ON -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS_DEBUG="-O0 --coverage -fprofile-update=atomic -Dalways_inline=noinline" >/dev/null
cmake --build "$BUILD" -j "$jobs" >"$BUILD/build.log" 2>&1 || { cat "$BUILD/build.log"; exit 1; }
find "$BUILD" -name '*.gcda' -delete

measure() { # a stranger's program is not linked with the counters' runtime
    ctest --test-dir "$BUILD" -j "$jobs" --timeout 3600 -E "test_(install|recipe|extending)" >"$BUILD/suite.log" 2>&1 ||
        { grep -E 'Failed|Timeout|tests passed' "$BUILD/suite.log"; exit 1; }
    grep 'tests passed' "$BUILD/suite.log"
    python3 tests/coverage.py "$BUILD"
}

echo "== the suite alone"
measure
if [ -n "$data" ]; then
    echo "== and with the conformance data"
    export CEN_TEST_DATA="$data"
    measure
fi

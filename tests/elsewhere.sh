#!/bin/sh
# The suite on other machines, as far as Debian's cross compilers, qemu-user and wine bring it:
#     sh tests/elsewhere.sh [i386|arm64|armhf|s390x|musl|windows]...
# Each machine gets a build of its own and runs the tests in an emulator; at last all of them make the same
# models and features, which must be the same bytes as those made here; of Windows that is all: many tests
# speak of a POSIX system. Prints one table.
# ELSEWHERE names a folder to build in that is kept; JOBS how many run at a time.
set -eu
cd "$(dirname "$0")/.."
SOURCE=$PWD
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
if [ -z "${ELSEWHERE:-}" ]; then
    ELSEWHERE=$(mktemp -d)
    trap 'rm -rf "$ELSEWHERE"' EXIT
fi
mkdir -p "$ELSEWHERE"
ELSEWHERE=$(cd "$ELSEWHERE" && pwd)
[ $# -gt 0 ] || set -- i386 arm64 armhf s390x musl windows

# Tests that say nothing of another machine: rules of the sources, a stranger's program, which is
# compiled with cc for this one, and limits of a process, which an emulator meets first.
NOT_HERE='^(cli_test_(install|packages|readme|documents|manual|completion_.*|bench|other_header|python|recipe|extending|refused_threads|export_c|nets)|check_includes|check_includes_test)$'

# An emulated process costs much: each ninth failure alone is injected, and runs are killed twice.
export CEN_WALK_EACH=9 KILLS=2

debian() { # triplet, Debian's name
    triplet=$1
    compiler=$1-gcc
    packages="gcc-$1 libc6-dev-$2-cross"
}

# describe MACHINE: how it is compiled for and run; `here` is this one, to compare with.
describe() {
    system=Linux emulator='' link='' suite=yes
    case $1 in
    here) compiler=gcc ;;
    i386) debian i686-linux-gnu i386 && emulator="/usr/$triplet/lib/ld-linux.so.2 --library-path /usr/$triplet/lib" ;;
    arm64) debian aarch64-linux-gnu arm64 && emulator="qemu-aarch64 -L /usr/$triplet" ;;
    armhf) debian arm-linux-gnueabihf armhf && emulator="qemu-arm -L /usr/$triplet" ;;
    s390x) debian s390x-linux-gnu s390x && emulator="qemu-s390x -L /usr/$triplet" ;;
    musl) compiler=musl-gcc link=-static packages=musl-tools ;;
    windows)
        export WINEPREFIX="$ELSEWHERE/wine" WINEDEBUG=-all
        compiler=x86_64-w64-mingw32-gcc system=Windows link=-static emulator=wine suite=no
        packages='gcc-mingw-w64-x86-64 wine'
        ;;
    *)
        echo "$1: there is no such machine; choose among i386, arm64, armhf, s390x, musl, windows" >&2
        exit 2
        ;;
    esac
    folder=$ELSEWHERE/$1
}

missing=
for machine in "$@"; do
    describe "$machine"
    command -v "$compiler" >/dev/null || missing="$missing $packages"
    case $emulator in
    qemu-*) command -v "${emulator%% *}" >/dev/null || missing="$missing qemu-user" ;;
    esac
done
for program in cmake make gcc xz:xz-utils; do
    command -v "${program%:*}" >/dev/null || missing="$missing ${program#*:}"
done
if [ -n "$missing" ]; then
    echo "For these machines install: apt-get install$missing" >&2
    exit 1
fi

# cmocka's one source file, compiled for each machine: Debian's libcmocka-dev can stand there for one alone.
# apt has its lists in the scratch folder, so that those of the system stay as they are.
fetch_cmocka() {
    [ -e "$ELSEWHERE/cmocka/src/cmocka.c" ] && return
    mkdir -p "$ELSEWHERE/apt/lists/partial" "$ELSEWHERE/apt/cache/archives/partial" "$ELSEWHERE/cmocka"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" \
        >"$ELSEWHERE/apt/sources.list"
    (
        cd "$ELSEWHERE/apt"
        set -- -qq -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=- \
            -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User="$(id -un)"
        apt-get "$@" update
        apt-get "$@" source --download-only cmocka
        tar xf cmocka_*.orig.tar.xz -C "$ELSEWHERE/cmocka" --strip-components=1
    )
}

# wrap PROGRAM: under its name a script that runs it in the emulator, for the tests in tests/cli.
wrap() {
    program=${1%.exe}
    there=$program.exe
    [ "$1" = "$there" ] || mv "$1" "$there"
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$emulator" "$there" >"$program"
    chmod +x "$program"
}

# A DLL exports the public functions, and nothing else.
exports_are_ours() {
    x86_64-w64-mingw32-objdump -p "$folder/libcenterloss.dll" |
        awk '/Ordinal\/Name Pointer/ { inside = 1; next } inside && !NF { exit } inside { print $NF }' >"$folder/exports"
    [ "$(grep -c '^cen_[a-z]' "$folder/exports")" -eq "$(cat include/*.h | grep -c '^CEN_API')" ] && ! grep -v '^cen_[a-z]' "$folder/exports" || {
        echo "the DLL exports other names, or none" >&2
        exit 1
    }
}

build() {
    mkdir -p "$folder"
    rm -f "$folder"/cl_* # the wrappers of an earlier run
    [ -e "$folder/cmocka.o" ] || "$compiler" -O1 -w -DHAVE_SIGNAL_H -DHAVE_MALLOC_H -DHAVE_INTTYPES_H \
        -DHAVE_STRINGS_H -I"$ELSEWHERE/cmocka/include" -c "$ELSEWHERE/cmocka/src/cmocka.c" -o "$folder/cmocka.o"
    cmake -S . -B "$folder" -DCMAKE_SYSTEM_NAME=$system -DCMAKE_C_COMPILER="$compiler" -DCEN_TESTS=ON \
        -DCEN_WERROR=ON -DCMAKE_EXE_LINKER_FLAGS=$link \
        -DCMAKE_CROSSCOMPILING_EMULATOR="$(echo "$emulator" | tr ' ' ';')" \
        -DCMOCKA_INCLUDE="$ELSEWHERE/cmocka/include" -DCMOCKA_LIBRARY="$folder/cmocka.o" >"$folder/build.log"
    cmake --build "$folder" -j "$JOBS" >>"$folder/build.log" 2>&1 || {
        cat "$folder/build.log"
        exit 1
    }
    [ "$system" != Windows ] || exports_are_ours
    for program in "$folder"/cl_*; do
        [ -z "$emulator" ] || wrap "$program"
    done
}

# The same work on each machine: layers and options whose sums or functions could differ, and both kinds of
# convolution. In one set of instructions: others fuse and group their sums in their own ways.
NET='conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, conv 16 3x3 pad 1, prelu, conv 8 5x5 stride 2, relu, gap,
    dropout 0.2, dense 16'
work() { # machine
    (
        cd "$ELSEWHERE"
        rm -rf "work/$1"
        mkdir -p "work/$1" few
        for class in bag coat sandal; do
            mkdir -p "few/$class"
            cp "$SOURCE/data/fashion/train/$class"/0* "few/$class"
        done
        export CEN_INSTRUCTIONS=baseline
        "$folder/cl_train" -q --no-report --epochs 2 --augment strong --clip 1 --net "$NET" \
            --steps "work/$1/steps" -o "work/$1/run" few
        "$folder/cl_features" -q work/here/run few -o "work/$1/of-here.npy"
        "$ELSEWHERE/here/cl_features" -q "work/$1/run" few -o "work/$1/read-here.npy"
    )
}

# same FILE...: "same" where the machine's are those made here
same() {
    for file; do
        cmp -s "$ELSEWHERE/work/here/$file" "$ELSEWHERE/work/$machine/$file" || {
            echo "$file differs"
            return
        }
    done
    echo same
}

describe here
fetch_cmocka
build
work here
echo "| machine | compiler | passed | failed | skipped | model | features |" >"$ELSEWHERE/table"
echo "|---|---|---|---|---|---|---|" >>"$ELSEWHERE/table"
failures=0
for machine in "$@"; do
    describe "$machine"
    echo "== $machine"
    build
    : >"$folder/test.log"
    [ $suite = no ] || CTEST_PARALLEL_LEVEL=$JOBS ctest --test-dir "$folder" -E "$NOT_HERE" \
        --output-on-failure | tee "$folder/test.log" || true
    work "$machine"
    count() { grep -cE "Test +#.*$1" "$folder/test.log" || true; }
    failed=$(count '\*\*\*(Failed|Timeout|Exception|Not Run)')
    model=$(same run/model.safetensors steps)
    features=$(same run/features.npy run/features.tsv of-here.npy read-here.npy)
    echo "| $machine | $("$compiler" --version | head -n 1) | $(count '  Passed ') | $failed |" \
        "$(count '\*\*\*Skipped') | $model | $features |" >>"$ELSEWHERE/table"
    [ "$failed $model $features" = "0 same same" ] || failures=$((failures + 1))
done
cat "$ELSEWHERE/table"
[ "$failures" -eq 0 ]

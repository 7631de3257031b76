#!/bin/sh
# How much of each format's code its fuzzer's inputs reach, in per cent of lines and branches:
#     sh tests/fuzz/coverage.sh FOUND BUILD
# FOUND/NAME/found holds what fuzz_NAME kept; the seeds and crashes of this folder are run with them. BUILD is
# where the replays are built with gcc's counters.
set -eu
FOUND=$(cd "$1" && pwd)
mkdir -p "$2"
BUILD=$(cd "$2" && pwd)
cd "$(dirname "$0")/../.."
cmake -S . -B "$BUILD" -DCMAKE_C_COMPILER=gcc -DCEN_TESTS=ON -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS_DEBUG="-O0 --coverage -Dalways_inline=noinline" >/dev/null

files() { # of a format
    case $1 in
    bmp | pnm) echo "src/image/$1.c" ;;
    png) echo 'src/image/png(_header|_rows|_filter)?.[ch]' ;;
    jpeg) echo 'src/image/(jpeg.*|exif)[.][ch]' ;;
    inflate) echo 'src/image/(inflate|gzip).c' ;;
    idx) echo 'src/data/idx.c' ;;
    json | npy) echo "src/format/$1.c" ;;
    model) echo 'src/(format/safetensors|train/model_file).c' ;;
    checkpoint) echo 'src/train/checkpoint.c' ;;
    net) echo 'src/nn/(net|line).c' ;;
    table) echo 'src/format/(table|features_read).c' ;;
    options) echo 'tools/options.c' ;;
    esac
}

echo "| format | inputs | files | lines | branches |"
echo "|---|---|---|---|---|"
for source in tests/fuzz/fuzz_*.c; do
    format=$(basename "$source" .c)
    format=${format#fuzz_}
    cmake --build "$BUILD" --target "replay_$format" >"$BUILD/build.log" 2>&1
    find "$BUILD" -name '*.gcda' -delete
    set -- "$PWD/tests/fuzz/corpus/$format"
    for folder in "$PWD/tests/fuzz/crashes/$format" "$FOUND/$format/found"; do
        [ ! -d "$folder" ] || set -- "$@" "$folder"
    done
    work=$(mktemp -d)
    (cd "$work" && "$BUILD/tests/fuzz/replay_$format" "$@") >"$BUILD/replay.log" 2>&1 ||
        { tail -n 20 "$BUILD/replay.log"; exit 1; }
    rm -rf "$work"
    python3 tests/coverage.py "$BUILD" --with-tools | awk -v files="^$(files "$format")\$" -v format="$format" \
        -v inputs="$(find "$@" -type f | wc -l)" '
        $1 ~ files { n++; a += $2; b += $4; c += $7; d += $9 }
        END { printf "| %s | %d | %d | %d of %d, %.1f %% | %d of %d, %.1f %% |\n", format, inputs, n, a, b,
              100 * a / b, c, d, 100 * c / d }'
done

#!/bin/sh
# A model as a C file: it compiles without a warning and without a library, each compiler and sanitizer here gives the
# bits that the library computes, and mistakes are reported.
. "$(dirname "$0")/common.sh"
CC=${CC:-cc}
command -v "$CC" >/dev/null || {
    echo "skipped: no C compiler"
    exit 77
}
WARNINGS="-std=c99 -Wall -Wextra -Werror -pedantic-errors -Wshadow -Wconversion -Wno-sign-conversion"

# checks COMPILER OPTIONS...: the file $name.c is right about its test picture.
checks() {
    "$@" "-D${name}_MAIN" "$name.c" -o "$name.program" 2>err.txt || {
        complain "$name.c: $*: $(head -n 3 err.txt)"
        return
    }
    "./$name.program" 2>err.txt || complain "$name.c: $*: another feature: $(head -n 3 err.txt)"
}

# Layers of every kind; test_c_file compares what they must give with a predictor.
"$TOOLS/tests/test_c_file" . || complain "test_c_file wrote no files"
files=0
for file in *.c; do
    name=${file%.c}
    files=$((files + 1))
    $CC $WARNINGS -O1 -ffreestanding "-D${name}_MAIN" -c "$file" -o free.o 2>err.txt || complain "$file: $(head -n 3 err.txt)"
    [ -z "$(nm -u free.o)" ] || complain "$file needs a library: $(nm -u free.o)"
    nm -g --defined-only free.o | awk '{ print $3 }' | LC_ALL=C sort | tr '\n' ' ' >names.txt
    [ "$(cat names.txt)" = "$(printf '%s\n' main "${name}_check" "${name}_feature" | LC_ALL=C sort | tr '\n' ' ')" ] || complain "$file has other names: $(cat names.txt)"
    { $CC free.o -o program && ./program; } 2>err.txt || complain "$file: another feature: $(head -n 3 err.txt)"
    case $name in winograd* | groups | residuals) command -v clang >/dev/null && checks clang $WARNINGS -O1 ;; esac
done
[ "$files" -gt 30 ] || complain "$files files"
echo 'int main(void) { return 0; }' >empty.c
if $CC -fsanitize=address,undefined empty.c -o empty 2>/dev/null && ./empty 2>/dev/null; then
    for name in groups planes windows residuals winograd5_half residuals_bytes planes_bytes; do
        checks $CC -std=c99 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
    done
fi

# The feature that cl_features computes, with the bits of "baseline".
few photos 4
succeed "$TOOLS/cl_train" --net "$LITTLE" --flip --seed 7 -e 2 -q photos -o run
mkdir one
{
    printf 'P5 28 28 255\n'
    head -c 784 run/model.safetensors
} >one/picture.pgm
succeed "$TOOLS/cl_export" run -o little.c
succeed "$TOOLS/cl_export" run/model.safetensors -o ./little.c
CEN_INSTRUCTIONS=baseline succeed "$TOOLS/cl_features" run one -o one.fvecs -q
cat >show.c <<'END'
#include "little.c"
#include <stdio.h>
int main(void)
{
    static unsigned char pixels[28 * 28];
    static float feature[little_feature_size], work[little_work_size];
    int d = little_feature_size;
    if (fread(pixels, 1, sizeof pixels, stdin) != sizeof pixels) return 1;
    little_feature(pixels, feature, work);
    fwrite(&d, sizeof d, 1, stdout);
    fwrite(feature, sizeof *feature, little_feature_size, stdout);
    return 0;
}
END
succeed $CC -std=c99 -O2 show.c -o show
tail -c 784 one/picture.pgm | ./show >shown.fvecs || complain "show failed"
cmp one.fvecs shown.fvecs || complain "cl_features and the C file give two features"
succeed "$TOOLS/cl_export" --unit-length run -o unit.c
grep -q '    unit(32, feature);' unit.c || complain "--unit-length changes nothing"
succeed "$TOOLS/cl_export" --half run -o half.c
[ "$(wc -c <half.c)" -lt "$(wc -c <little.c)" ] || complain "--half gives a larger file"
succeed "$TOOLS/cl_export" --int8 photos run -o bytes.c
says '^int8: median cosine (0\.99[0-9]*|1\.0000) on 12 pictures, accuracy [0-9.]+ % before and [0-9.]+ % after$'
name=bytes
checks $CC $WARNINGS -O2
mkdir unsorted
cp photos/bag/* unsorted
succeed "$TOOLS/cl_export" --int8 unsorted run -o bytes.c
says '^int8: median cosine [0-9.]+ on 4 pictures$'

expect 2 "^cl_export: run.h: its name does not tell the format; end it with .onnx or .c$" "$TOOLS/cl_export" run -o run.h
expect 2 "^cl_export: --half is for a C file; end the name with .c$" "$TOOLS/cl_export" --half run -o run.onnx
expect 2 "^cl_export: --int8 is for a C file; end the name with .c$" "$TOOLS/cl_export" --int8 photos run -o run.onnx
expect 2 "^cl_export: --half and --int8 are two forms of weights; choose one$" "$TOOLS/cl_export" --half --int8 photos run -o run.c
expect 1 "^cl_export: nothing: no such file or folder" "$TOOLS/cl_export" --int8 nothing run -o run.c
expect 1 "^cl_export: my-net.c: .* a NAME of letters, digits and _, a letter first$" "$TOOLS/cl_export" run -o my-net.c
expect 1 "^cl_export: no/folder.c: " "$TOOLS/cl_export" run -o no/folder.c
[ ! -e my-net.c ] && [ ! -e run.c ] || complain "a failure left a file"
if [ -e /dev/full ]; then
    ln -s /dev/full full.c
    expect 1 "^cl_export: full.c: " "$TOOLS/cl_export" run -o full.c
fi
finish

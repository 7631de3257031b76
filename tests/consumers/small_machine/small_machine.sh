#!/bin/sh
# The library on machines without files, threads and a heap: small_machine.c is built for wasm32-wasi and run by
# node, and for a Cortex-M4 and run by qemu. Both print the bits of this machine's baseline. The program for the
# Cortex-M4 computes features only, and without its model it has at most 120 KB of code. What is not installed
# is left out; 77 if that is all.
#
#     small_machine.sh BUILD SOURCE     Debian: clang lld wasi-libc libclang-rt-dev-wasm32 nodejs,
#                                       gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
set -eu
work=$1/small_machine
rm -rf "$work"
mkdir -p "$work"
ln -s "$1" "$work/build"
ln -s "$2" "$work/source"
cd "$work"
build=build source=source here=source/tests/consumers/small_machine # words without blanks
n_done=0

has() {
    for tool; do
        command -v "$tool" >/dev/null || {
            echo "left out: $tool is missing"
            return 1
        }
    done
}

# compile FOLDER "COMPILER OPTIONS" ROOM...: objects are named by room and file.
compile() {
    folder=$1 command=$2
    shift 2
    mkdir "$folder"
    for room; do
        for file in "$source/src/$room"/*.c; do
            echo "$file $folder/${room}_$(basename "$file" .c).o"
        done
    done | xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 2 sh -c "$command -c \"\$0\" -o \"\$1\""
}

same() {
    grep -v arena "$1" >"$1.bits"
    cmp "$1.bits" host.bits
    n_done=$((n_done + 1))
}

cc -std=c11 -I "$source/include" "$here/make_model.c" "$build/libcenterloss.a" -lm -lpthread -o make_model
./make_model >model_bytes.h
cc -std=c11 -I . -I "$source/include" "$here/small_machine.c" "$build/libcenterloss.a" -lm -lpthread -o host
CEN_INSTRUCTIONS=baseline ./host | grep -v arena >host.bits

includes="-I $source/include -I $source/src"

if has clang wasm-ld node && [ -d /usr/include/wasm32-wasi ]; then
    wasm="clang --target=wasm32-wasi -O2 -ffp-contract=off -Wall -Wextra -Werror"
    compile wasm "$wasm -std=c99 $includes" $(cd "$source/src" && ls -d */ | tr -d /)
    $wasm -std=c11 -I . $includes "$here/small_machine.c" wasm/*.o -o small.wasm
    node --no-warnings "$here/run_wasi.mjs" small.wasm >wasm.out
    same wasm.out
    echo "wasm32-wasi: $(wc -c <small.wasm) bytes, $(tail -n 1 wasm.out)"
fi

if has arm-none-eabi-gcc qemu-system-arm && [ ! -e "$(arm-none-eabi-gcc --print-file-name=nano.specs)" ]; then
    echo "left out: newlib is missing"
elif has arm-none-eabi-gcc qemu-system-arm; then
    arm="arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -Os -ffp-contract=off"
    arm="$arm -ffunction-sections -fdata-sections"
    compile arm "$arm -flto -std=c99 -Wall -Wextra -Werror -DCEN_SMALL $includes" \
        base data format image kernels loss nn train
    $arm -std=c11 -c "$here/cortex_m.c" -o cortex_m.o
    $arm -flto -std=c11 -I . $includes "$here/small_machine.c" cortex_m.o arm/*.o --specs=nano.specs \
        --specs=rdimon.specs -Wl,--gc-sections,--undefined=vectors,--section-start=.vectors=0 \
        -Wl,-Tdata=0x20000000 -lm -o small.elf 2>arm.log || { cat arm.log && exit 1; }
    qemu-system-arm -M mps2-an386 -cpu cortex-m4 -nographic -kernel small.elf \
        -semihosting-config enable=on,target=native </dev/null >arm.out
    same arm.out
    model=$(tail -n +3 model_bytes.h | tr -cd , | wc -c)
    arm-none-eabi-size small.elf | tail -n 1 | {
        read -r text data bss _
        echo "Cortex-M4: text $text with a model of $model, data $data, bss $bss, $(tail -n 1 arm.out)"
        [ $((text - model)) -le 122880 ]
    }
fi
[ $n_done -gt 0 ] || exit 77

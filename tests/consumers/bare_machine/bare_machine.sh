#!/bin/sh
# C files of models on machines without an operating system: each is compiled for the machines below without a library,
# and has the bits of its test picture there. Prints a table: flash is code and constants, RAM the work memory and the
# stack. What is not installed is left out; 77 if that is all.
#
#     bare_machine.sh BUILD SOURCE [NAME.c ...]     without names, those of test_c_file
#
# Debian: gcc-arm-none-eabi qemu-system-arm gcc-riscv64-unknown-elf qemu-user clang lld nodejs
set -eu
build=$1 here=$2/tests/consumers/bare_machine
shift 2
work=$build/bare_machine
rm -rf "$work"
mkdir -p "$work"
for file; do cp "$file" "$work/"; done
[ $# -gt 0 ] || "$build/tests/test_c_file" "$work"
cd "$work"
[ $# -gt 0 ] || ls *.c | grep -vE '^(planes|residuals|windows_bytes|winograd5_half)\.c$' | xargs rm
n_done=0

has() {
    for tool; do
        command -v "$tool" >/dev/null || {
            echo "left out: $tool is missing"
            return 1
        }
    done
}

# bare MACHINE "COMPILER OPTIONS" SIZE "OPTIONS OF THE PROGRAM" RUN...: one row for each file.
bare() {
    machine=$1 compiler="$2 -std=c99 -O2 -ffreestanding -Wall -Wextra -Werror" size=$3 link=$4
    shift 4
    for file in *.c; do
        name=${file%.c}
        $compiler -c "$file" -o part.o
        flash=$("$size" part.o | awk 'NR == 2 { print $1 + $2 }')
        ram=$(($(sed -n "s/.*${name}_work_size = \([0-9]*\).*/\1/p" "$file") * 4))
        $compiler -DFILE="\"$file\"" "-D${name}_CHECK" "-DCHECK=${name}_check" "-DWORK=${name}_work_size" -I. \
            "$here/bare_machine.c" -o program $link
        stack=$("$@" program 2>&1) || {
            echo "$machine: $name: another feature $stack" >&2
            exit 1
        }
        [ "${stack:-0}" -lt 1024 ] || {
            echo "$machine: $name takes $stack bytes of stack" >&2
            exit 1
        }
        echo "| $machine | $name | $flash | $ram | $(echo $stack) | same |"
        n_done=$((n_done + 1))
    done
}

echo "| machine | model | flash | RAM: work | stack | bits |"
echo "|---|---|---|---|---|---|"
cat >run.mjs <<'END'
import { readFileSync } from 'node:fs';
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
process.exit(instance.exports.check() ? 0 : 1);
END
cat >cortex.ld <<'END'
SECTIONS
{
    .text 0 : { KEEP(*(.vectors)) *(.text* .rodata* .ARM*) }
    .data 0x20000000 : { *(.data*) *(.bss*) *(COMMON) }
    stack_end = 0x20400000;
}
END
if has arm-none-eabi-gcc qemu-system-arm; then
    qemu="-nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel"
    bare Cortex-M4 "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" arm-none-eabi-size \
        "-nostdlib -T cortex.ld -lgcc" qemu-system-arm -M mps2-an386 $qemu </dev/null
    bare Cortex-M7 "arm-none-eabi-gcc -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16" arm-none-eabi-size \
        "-nostdlib -T cortex.ld -lgcc" qemu-system-arm -M mps2-an500 $qemu </dev/null
fi
if has riscv64-unknown-elf-gcc qemu-riscv32; then
    bare "RISC-V 32" "riscv64-unknown-elf-gcc -march=rv32imafc -mabi=ilp32f" riscv64-unknown-elf-size \
        "-nostdlib -Wl,--no-relax,--no-warn-rwx-segments -lgcc" qemu-riscv32
fi
if has clang wasm-ld node; then
    bare wasm "clang --target=wasm32" llvm-size "-nostdlib -Wl,--no-entry" node run.mjs
fi
[ $n_done -gt 0 ] || exit 77

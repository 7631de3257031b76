#!/bin/sh
# The tools are hardened as CMakeLists.txt asks, read from their ELF headers and symbols: loaded anywhere
# (PIE), addresses read-only once they run (RELRO, now), guarded stacks, checked calls of the C library.
. "$(dirname "$0")/common.sh"

command -v readelf >/dev/null || { echo "no readelf here"; exit 77; }
readelf -l "$TOOLS/cl_train" 2>/dev/null | grep -q INTERP || { echo "no dynamic ELF program"; exit 77; }

# asked NAME: the compiler has what CMakeLists.txt asks for under that name.
asked() { grep -q "^CEN_HAS_$1:INTERNAL=1" "$TOOLS/CMakeCache.txt"; }
asked RELRO || complain "the linker has no relro and now"
asked fstack_protector_strong || complain "the compiler has no stack protector"

for program in "$TOOLS"/cl_train "$TOOLS"/cl_export "$TOOLS"/cl_features "$TOOLS"/cl_knn "$TOOLS"/cl_idx "$TOOLS/libcenterloss.so"; do
    readelf -W -h -l -d --dyn-syms "$program" >elf.txt 2>/dev/null
    grep -q 'Type: *DYN' elf.txt || complain "$program is not position-independent"
    grep -q 'GNU_RELRO' elf.txt || complain "$program has no RELRO"
    grep -qE 'BIND_NOW|FLAGS_1.*NOW' elf.txt || complain "$program binds its calls late"
    grep -q 'GNU_STACK.* RWE' elf.txt && complain "$program has a stack that is executable"
    nm -a "$program" 2>/dev/null | grep -q '__stack_chk_fail' || complain "$program has no guarded stacks"
    # glibc's; musl has no such calls, and sanitizers have checks of their own
    if grep -q 'GLIBC_' elf.txt && grep -q '^CEN_SANITIZE:BOOL=OFF' "$TOOLS/CMakeCache.txt" &&
        grep -q '^CMAKE_BUILD_TYPE:STRING=Rel' "$TOOLS/CMakeCache.txt"; then
        grep -q '_chk@' elf.txt || complain "$program calls the C library unchecked"
    fi
done

finish

#!/bin/sh
# The header alone, in every dialect that includes it: C99 to C23, and C++ from 1998 on, with gcc and
# clang, and no warning; also after the macros that <windows.h> defines.
. "$(dirname "$0")/common.sh"

# Names that <windows.h> and the headers it includes take as macros.
cat >once.c <<'END'
#define far
#define near
#define small char
#define interface struct
#define hyper long
#define IN
#define OUT
#define ERROR 0
#include <centerloss.h>
#include <centerloss.h>
END
: >empty.c
STRICT="-pedantic-errors -Wall -Wextra -Wshadow -Wconversion -Wundef -Werror -fsyntax-only"

# dialects LANGUAGE COMPILER DIALECT...: which of them were compiled; one that the compiler does not
# know is passed over.
dialects() {
    language=$1
    compiler=$2
    shift 2
    checked=
    command -v "$compiler" >/dev/null || return 0
    for dialect; do
        "$compiler" -x "$language" -std="$dialect" -fsyntax-only empty.c 2>/dev/null || continue
        # shellcheck disable=SC2086
        succeed "$compiler" -x "$language" -std="$dialect" $STRICT -I"$SOURCE/include" once.c
        checked="$checked $dialect"
    done
    echo "$compiler:$checked"
    tried="$tried$checked"
}

tried=
for compiler in cc gcc clang; do dialects c $compiler c99 gnu99 c11 c17 c2x c23 gnu2x; done
case $tried in
*c99*c11*c17*c2*) ;;
*) complain "no compiler knows C99, C11, C17 and C23" ;;
esac
tried=
for compiler in c++ g++ clang++; do dialects c++ $compiler c++98 c++11 c++14 c++17 c++20 c++23; done
[ -n "$tried" ] || echo "no C++ compiler here: not tried in C++"

finish

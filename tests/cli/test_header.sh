#!/bin/sh
# Both headers, in every dialect that includes them: C99 to C23, and C++ from 1998 on, with gcc and
# clang, and no warning; also after headers of systems, whose macros take names.
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
#include <centerloss_eval.h>
#include <centerloss.h>
#include <centerloss_eval.h>
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

# <windows.h> makes macros of words (far, near, small, interface), <complex.h> of I, <sys/param.h> of MIN and more.
# after COMPILER HEADER
after() {
    command -v "$1" >/dev/null || {
        echo "$1 is not here: not tried after <$2>"
        return 0
    }
    printf '#include <%s>\n#include <centerloss_eval.h>\n' "$2" >after.c
    # shellcheck disable=SC2086
    succeed "$1" -std=c99 -Wall -Wextra -Werror -fsyntax-only -I"$SOURCE/include" after.c
}
for header in windows.h complex.h sys/param.h; do after x86_64-w64-mingw32-gcc "$header"; done
for header in complex.h sys/param.h; do after gcc "$header"; done

finish

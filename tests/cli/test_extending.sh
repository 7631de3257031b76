#!/bin/sh
# A layer, a loss, a center rule, an image kind and a format of feature files take one new file and one line in
# a list each: added to a copy of the sources, they are built and used. A dataset takes nothing of the library.
. "$(dirname "$0")/common.sh"
NEW=$SOURCE/tests/extending

command -v cc >/dev/null || {
    echo "cc is not here"
    exit 77
}
cp -R "$SOURCE/src" "$SOURCE/include" "$SOURCE/tools" "$SOURCE/tests/check_includes.sh" .

# add FILE TO LIST LINE: the new file, and its line at the end of the list.
add() {
    [ -e "src/$2" ] && complain "src/$2 is there already"
    cp "$NEW/$1" "src/$2"
    echo "$4" >>"src/$3"
}
add leaky.c nn/leaky.c nn/layer_list.h "CEN__LAYER(leaky)"
add length.c loss/length.c loss/loss_list.h "CEN__LOSS(length)"
add descent.c loss/rule_descent.c loss/rule_list.h "CEN__RULE(descent)"
add farbfeld.c image/farbfeld.c image/kind_list.h "CEN__IMAGE_KIND(farbfeld)"
add feature_svm.c format/feature_svm.c format/feature_list.h "CEN__FEATURE_FORMAT(svm)"
succeed sh ./check_includes.sh .

# Compiled are the new files and those that hold the lists; all else is in the library as it was built. In the order
# of the command line they come before it, so that nobody asks for the same files of the library.
holders=$(grep -lE '^#include "[a-z]+/[a-z]+_list\.h"' src/*/*.c)
[ "$(echo "$holders" | wc -l)" -eq 4 ] || complain "lists stand in other files than four: $holders"
echo 'int main(void) { return 0; }' >empty.c
library=
for name in m pthread; do cc empty.c -l$name -o empty 2>/dev/null && library="$library -l$name"; done
# Some compilers for s390x, and those for i386, compute float as double unless they are asked not to.
flags=
for flag in -fexcess-precision=fast -msse2 -mfpmath=sse; do
    cc -std=c99 $flags $flag empty.c -o empty 2>/dev/null && flags="$flags $flag"
done
# shellcheck disable=SC2086
succeed cc -std=c99 -O1 -ffp-contract=off $flags -Iinclude -Isrc "$NEW/program.c" src/nn/leaky.c \
    src/loss/length.c src/loss/rule_descent.c src/image/farbfeld.c src/format/feature_svm.c $holders \
    "$TOOLS/libcenterloss.a" $library -o program
succeed ./program features.svm
printf '0 1:0.5 2:-1\n1 1:2 2:0.25\n' >expected.svm
cmp -s features.svm expected.svm || complain "the new format is another: $(cat features.svm)"

finish

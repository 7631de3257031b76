#!/bin/sh
# A program that was compiled with an older or a newer header does with the library of today what it does with today's
# header: every struct that begins with its size may grow at its end.
. "$(dirname "$0")/common.sh"
PROGRAM=$SOURCE/tests/consumers/every_struct.c

# The headers without comments, so that fields can be told apart.
cat >strip.awk <<'END'
{ text = text $0 "\n" }
END {
    while ((at = index(text, "/*")) > 0) {
        printf "%s", substr(text, 1, at - 1)
        text = substr(text, at)
        text = substr(text, index(text, "*/") + 2)
    }
    printf "%s", text
}
END
mkdir today older newer
for header in centerloss.h centerloss_eval.h; do
    awk -f strip.awk "$SOURCE/include/$header" | sed 's/ *$//; /^$/d' >"today/$header"
done
structs=$(cat today/*.h | sed -n '/^typedef struct cen_[a-z_]* {$/{s/typedef struct cen_\([a-z_]*\) {/\1/;h;n;/^ *size_t size;/{x;p;};}')
echo "structs with a size:" $structs
[ "$(echo "$structs" | wc -l)" -ge 15 ] || complain "structs were not found"
for name in $structs; do
    grep -q "HOLD($name, " "$PROGRAM" || complain "every_struct.c does not use cen_$name"
done

# An older header has not the last field of each struct, nor the line of its _init that sets it; of the folder's not the
# last two (one bool would leave the size). A dataset and an exchange are nothing without their last.
cat >older.awk <<'END'
function leave(    i, keep, last) {
    keep = n - (name ~ /^(dataset|exchange)$/ ? 0 : name == "folder_options" ? 2 : 1)
    for (i = 1; i <= n; i++) {
        if (i <= keep) { print lines[i]; continue }
        last = lines[i]
        if (last ~ /\(\*/) { sub(/\).*/, "", last); sub(/.*\*/, "", last) }
        sub(/;.*/, "", last)
        gsub(/.*[ *]/, "", last)
        gone[name "." last] = 1
    }
}
/^typedef struct cen_[a-z_]* \{$/ { name = substr($3, 5); n = 0; inside = 1; print; next }
inside && /^}/ {
    if (lines[1] ~ /^ *size_t size;/) leave(); else for (i = 1; i <= n; i++) print lines[i]
    inside = 0; print; next
}
inside && n > 0 && lines[n] !~ /;$/ { lines[n] = lines[n] $0; next }
inside { lines[++n] = $0; next }
/^static inline cen_[a-z_]* / { of = $3; sub(/^cen_/, "", of) }
/^ *[a-z]*\.[a-z_]* = / {
    field = $1
    sub(/.*\./, "", field)
    if ((of "." field) in gone) next
}
{ print }
END
cat >newer.awk <<'END'
/^typedef struct cen_[a-z_]* \{$/ { first = 1; print; next }
first { grows = /^ *size_t size;/; first = 0 }
grows && /^}/ { print "double not_known_yet[3];"; grows = 0 }
{ print }
END
cat >sizes.c <<'END'
#include <centerloss_eval.h>
#include <stdio.h>
int main(void)
{
END
for name in $structs; do printf '    printf("%s %%zu\\n", sizeof(cen_%s));\n' "$name" "$name"; done >>sizes.c
echo "    return 0; }" >>sizes.c
few pictures 6
for age in today older newer; do
    [ $age = today ] || for header in centerloss.h centerloss_eval.h; do
        awk -f $age.awk "today/$header" >"$age/$header"
    done
    succeed cc -std=c99 -I$age sizes.c -o sizes
    ./sizes >$age/sizes
    succeed cc -std=c99 -Wall -Werror -I$age "$PROGRAM" -L"$TOOLS" -lcenterloss -lm -o $age/program
    LD_LIBRARY_PATH=$TOOLS succeed $age/program pictures $age/result
    mv out.txt $age/result.txt
    for kind in txt safetensors json onnx c; do
        cmp -s today/result.$kind $age/result.$kind || complain "with the $age header result.$kind is another"
    done
done
[ -s today/result.txt ] || complain "nothing was printed"

# Each struct has in fact another size, or nothing was shown.
paste -d' ' older/sizes today/sizes newer/sizes | while read -r name older _ today _ newer; do
    [ "$name" = dataset ] || [ "$name" = exchange ] || [ "$older" -lt "$today" ] || echo "cen_$name is not shorter in the older header"
    [ "$today" -lt "$newer" ] || echo "cen_$name is not longer in the newer header"
done >same.txt
[ -s same.txt ] && complain "$(cat same.txt)"

finish

#!/bin/sh
# README.md's commands, typed in its order in a checkout, print what README.md shows: the same lines, except for the
# numbers. `...` stands for lines that README.md leaves out. photos/ is a folder as a user may have one.
. "$(dirname "$0")/common.sh"

ln -s "$SOURCE/data" "$SOURCE/include" .
ln -s "$TOOLS" build
few photos 12
mkdir inbox
cp "$(ls "$SOURCE"/data/fashion/val/bag/* | head -n 1)" inbox/new.png
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$SOURCE/README.md" >who.c
awk '/^```console$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$SOURCE/README.md" >session
[ "$(grep -c '^\$ ' session)" -ge 5 ] || complain "README.md shows fewer than five commands"
[ "$(wc -l <"$SOURCE/README.md")" -le 150 ] || complain "README.md has more than 150 lines"

# Numbers, and the blanks around them, differ between machines.
mask() { sed -E 's/[0-9]+([.,:][0-9]+)*/N/g; s/[ ]+/ /g; s/ $//' "$1"; }

# compare COMMAND: each line of `shown` stands in what the command printed, in this order.
compare() {
    cat out.txt err.txt >printed
    mask printed >printed.masked
    mask shown | awk -v command="$1" '
        FILENAME == "printed.masked" { lines[++n] = $0; next }
        $0 == "..." { next }
        {
            for (found = at + 1; found <= n && lines[found] != $0; found++) { }
            if (found > n) { print "README.md shows after \"" command "\": " $0; exit }
            at = found
        }' printed.masked - >missing
    [ ! -s missing ] || complain "$(cat missing), but it printed: $(cat printed)"
}

: >shown
typed=
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    '$ '*)
        [ -z "$typed" ] || compare "$typed"
        typed=${line#\$ }
        : >shown
        succeed sh -c "$typed"
        ;;
    *) printf '%s\n' "$line" >>shown ;;
    esac
done <session
compare "$typed"

# A line that no command prints is found.
printf 'a line that nothing prints\n' >shown
before=$failures
complaint=$(compare "$typed" | head -n 1)
case $complaint in
*'a line that nothing prints'*) failures=$before ;;
*) complain "a line that is not printed passes" ;;
esac

finish

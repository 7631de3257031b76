#!/bin/sh
# What a person sees: the line of progress in windows of several widths, the table of epochs, colours.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null && python3 -c 'import pty; pty.openpty()' 2>/dev/null || exit 77
few small 20
unset NO_COLOR
export TERM=xterm
# terminal WIDTHS OUT [OPTIONS]: trains there; the line of progress comes at least once an epoch.
terminal() {
    widths=$1
    out=$2
    shift 2
    python3 "$SOURCE/tests/support/terminal.py" "$widths" "$out" "$TOOLS/cl_train" --no-report --overwrite \
        -o "run-$out" --net "$LITTLE" --image-size 16 --epochs 3 "$@" small || complain "$widths $*: exit code $?"
    tr '\r' '\n' <"$out" | sed "s/$(printf '\033')\[[0-9;]*m//g; s/ *\$//" >"$out.lines"
}

# drawn FILE PATTERN: a line of progress is like that
drawn() {
    grep -qE -- "$2" "$1.lines" || complain "no '$2' in: $(cat "$1.lines")"
}

# epoch, time left, losses, accuracy, in this order; what has no room is left out from the end
terminal 80 wide
drawn wide '^epoch 1/3  [0-9:]+ left  softmax [0-9.]+  center [0-9.]+  accuracy [0-9.]+ %$'
terminal 200 wider
drawn wider '^epoch 1/3  \[=*>? *\]  [0-9:]+ left  softmax [0-9.]+  center [0-9.]+  accuracy [0-9.]+ %  [0-9]+ images/s$'
terminal 25 narrow
drawn narrow '^epoch 1/3  [0-9:]+ left$'
grep -qE '^epoch .* softmax [0-9]+' narrow.lines && complain "25 columns hold the losses?"
# a window that changes: at most one line is drawn with the old width. If the training was over before, a longer one is
# tried
epochs=20
until [ -s changed.lines ] || [ $epochs -gt 20000 ]; do
    terminal 100,40 changing --epochs $epochs
    grep -q '<changed>' changing.lines || complain "the window was not changed"
    sed '1,/<changed>/d' changing.lines | grep -E '^epoch [0-9]+/' >changed.lines
    epochs=$((4 * epochs))
done
[ -s changed.lines ] || complain "nothing was drawn in the other window: $(cat changing.lines)"
[ "$(awk 'length > 39' changed.lines | wc -l)" -le 1 ] || complain "lines longer than the window: $(cat changing.lines)"

# the table of epochs fits 80 columns, its columns stand under their names, and the internals come if asked for
awk '/^epoch softmax|^ +-+ training|^ +[0-9]+ .* %/ {n++; if (length > 79) bad = 1} END {exit (bad || n < 5)}' wide.lines ||
    complain "the table is wider than 79: $(cat wide.lines)"
grep -c '^epoch softmax' wide.lines | grep -qx 1 || complain "one header: $(cat wide.lines)"
grep -q 'lr .*lambda .*spread' wide.lines && complain "internals without --verbose"
terminal 100 verbose --verbose --balance
[ "$(grep -cE '^ +lr [0-9.e-]+  lambda' verbose.lines)" -eq 3 ] || complain "--verbose without the internals"
awk '/^epoch softmax|^ +[0-9]+ .* %/ && length > 100 {exit 1}' verbose.lines ||
    complain "a row is longer than 100: $(cat verbose.lines)"

# the best epoch and errors have a colour, unless the user, the terminal or a pipe says no
ESCAPE=$(printf '\033')
grep -qE "^$ESCAPE\[1;32m +1 .* \*$ESCAPE\[0m" wide || tr '\r' '\n' <wide | grep -qE "^$ESCAPE\[1;32m +1 .* \*" ||
    complain "the best epoch looks like the others: $(cat -v wide)"
python3 "$SOURCE/tests/support/terminal.py" 80 red "$TOOLS/cl_train" nowhere && complain "nowhere is a folder?"
grep -q "^$ESCAPE\[31mcl_train: .*$ESCAPE\[0m" red || complain "an error looks like the rest: $(cat -v red)"
NO_COLOR=1 terminal 80 plain
TERM=dumb terminal 80 dumb
grep -q "$ESCAPE" plain dumb && complain "colours though NO_COLOR is set, or the terminal has none"
succeed "$TOOLS/cl_train" --no-report --net "$LITTLE" --epochs 2 -o piped small
grep -qE "$ESCAPE|$(printf '\r')" out.txt err.txt && complain "control characters in a pipe: $(cat -v out.txt)"

# a line of classify shows as many of the nearest pictures as the window holds, at least one
for pair in 60:1 115:2 200:3; do
    python3 "$SOURCE/tests/support/terminal.py" ${pair%:*} table "$TOOLS/cl_knn" classify piped small/bag ||
        complain "classify in a terminal: $(cat table)"
    tr '\r' '\n' <table | grep -E '^small/bag/.* %' >lines.txt
    [ "$(wc -l <lines.txt)" -eq 20 ] || complain "not 20 lines: $(cat table)"
    awk -v n=$((1 + ${pair#*:})) -v columns=${pair%:*} '
        gsub(/\.png/, "&") != n || (n > 2 && length > columns) { bad = 1 } END { exit bad }' lines.txt ||
        complain "not ${pair#*:} of the nearest in ${pair%:*} columns: $(cat lines.txt)"
done

finish

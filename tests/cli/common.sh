# Sourced by the tests of the command-line tools: TOOLS is the folder of the programs, SOURCE that of
# the project; the work happens in a folder that is thrown away.
set -u
export LC_ALL=C # awk, sort and ranges of letters differ between locales
TOOLS=$1
SOURCE=$2
WORK=$(mktemp -d) || exit 1
case $WORK in # the tests' commands are words
*' '*) rmdir "$WORK" && WORK=$(mktemp -d /tmp/tests.XXXXXX) ;;
esac
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
case $TOOLS$SOURCE in
*' '*) # they go through links without spaces
    mkdir .links
    ln -s "$TOOLS" .links/tools
    ln -s "$SOURCE" .links/source
    TOOLS=$WORK/.links/tools
    SOURCE=$WORK/.links/source
    ;;
esac
failures=0
# A little net, for trainings in which something else is tested: in an emulator a large one takes an hour.
LITTLE="conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 32"

complain() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE PATTERN COMMAND...: the exit code, one line on the error stream that matches PATTERN, and
# nothing of a sanitizer.
expect() {
    code=$1
    pattern=$2
    shift 2
    "$@" >out.txt 2>err.txt
    got=$?
    [ "$got" -eq "$code" ] || complain "$* : exit code $got instead of $code: $(cat err.txt)"
    [ "$(wc -l <err.txt)" -eq 1 ] || complain "$* : not one line: $(cat err.txt)"
    grep -qE -- "$pattern" err.txt || complain "$* : '$(cat err.txt)' does not match '$pattern'"
}

# succeed COMMAND...: exit code 0; the output stays in out.txt.
succeed() {
    "$@" >out.txt 2>err.txt || complain "$* : exit code $?: $(cat err.txt)"
}

# says PATTERN: the last command printed it.
says() {
    grep -qE -- "$1" out.txt || complain "no '$1' in: $(cat out.txt)"
}

# few DIR N: a folder of N images a class from the embedded data, three classes.
few() {
    for class in bag coat sandal; do
        mkdir -p "$1/$class"
        for file in $(ls "$SOURCE/data/fashion/train/$class" | head -n "$2"); do
            cp "$SOURCE/data/fashion/train/$class/$file" "$1/$class/"
        done
    done
}

# await FILE: until the process $pid has made it, or has ended.
await() {
    until_true "$1 was there" test -e "$1"
}

# await_line PATTERN FILE: until the process $pid has written such a line, or has ended.
await_line() {
    until_true "'$1' stood in $2" grep -q -- "$1" "$2"
}

# until_true WHAT COMMAND...: until the command succeeds, while $pid lives, and for at most ten minutes.
until_true() {
    what=$1
    shift
    n_polls=0
    until "$@" 2>/dev/null; do
        n_polls=$((n_polls + 1))
        kill -0 $pid 2>/dev/null || {
            "$@" 2>/dev/null && return
            complain "ended before $what: $(cat err.txt)"
            finish
        }
        [ $n_polls -lt 30000 ] || {
            kill -KILL $pid
            complain "ten minutes went by before $what"
            finish
        }
        sleep 0.02
    done
}

# sleep_part LENGTH N: sleeps for a part of so many microseconds, another one for each N.
sleep_part() {
    moment=$(($1 * ($2 * 37 % 97) / 97))
    [ $moment -eq 0 ] || sleep "$(printf '%d.%06d' $((moment / 1000000)) $((moment % 1000000)))"
}

finish() {
    [ "$failures" -eq 0 ] || {
        echo "$failures checks failed"
        exit 1
    }
    echo "all checks passed"
}

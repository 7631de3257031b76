#!/bin/sh
# A program that trains on its own arrays with its own schedule is killed again and again, wherever it stands, and
# comes to the bytes of one that was not.
. "$(dirname "$0")/common.sh"

command -v cc >/dev/null || {
    echo "cc is not here"
    exit 77
}
cc -std=c99 -Wall -Wextra -I"$SOURCE/include" "$SOURCE/tests/consumers/own_arrays.c" \
    "$TOOLS"/libcenterloss.a -lm -lpthread -o own_arrays || complain "the program does not compile"
succeed ./own_arrays whole.state whole.safetensors
killed=0
resumed=0
for hundredths in 1 2 3 4 5 7 9 12 15 20 3 6 1 10 2 30 8 5 2 1; do
    [ -e state ] && resumed=$((resumed + 1))
    ./own_arrays state killed.safetensors 2>err.txt &
    pid=$!
    sleep "$(printf '0.%02d' "$hundredths")"
    kill -KILL $pid 2>/dev/null && killed=$((killed + 1))
    wait $pid 2>/dev/null
    [ -s err.txt ] && complain "it could not go on: $(cat err.txt)"
done
succeed ./own_arrays state killed.safetensors
cmp whole.safetensors killed.safetensors || complain "killed $killed times it comes to other bytes"
echo "killed $killed times, resumed $resumed times"
finish

#!/bin/sh
# Programs that build on the library (tests/consumers), each a small one of a kind that people write.
. "$(dirname "$0")/common.sh"
PROGRAMS=$TOOLS/tests

# ---- a door camera: five threads, four of them with a predictor each of one model ----
few people 12
succeed "$TOOLS/cl_train" --quiet --no-report --net "$LITTLE" --epochs 3 -o run people
succeed "$PROGRAMS/door_camera" run/model.safetensors people/*/*.png
says "failed 0; 33 pictures let in"
grep -qE '^named [1-9]' out.txt || complain "nobody was recognised: $(cat out.txt)"
[ "$(wc -l <"$SOURCE/tests/consumers/door_camera.c")" -lt 150 ] || complain "the door camera has 150 lines or more"

# ---- arrays and a schedule of the program's own, killed again and again wherever it stands (KILLS, 8 if not set) ----
begun=$(date +%s%N)
succeed "$PROGRAMS/own_arrays" whole.state whole.safetensors
length=$((($(date +%s%N) - begun) / 1000)) # in microseconds
same() { cmp -s whole.safetensors killed.safetensors || complain "killed $killed times it comes to other bytes"; }
killed=0
sent=0
until [ $killed -ge "${KILLS:-8}" ] || [ $sent -ge $((20 * ${KILLS:-8})) ]; do
    sent=$((sent + 1))
    "$PROGRAMS/own_arrays" killed.state killed.safetensors 2>err.txt &
    pid=$!
    sleep_part $length $sent
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    # 137: killed. A sanitizer may then write that its threads are gone, so only what ended by itself is read.
    case $? in
    137) killed=$((killed + 1)) ;;
    0) # it is over: the next one begins anew
        [ ! -s err.txt ] || complain "it ended well and wrote $(cat err.txt)"
        same
        rm -f killed.state killed.safetensors
        length=$((length - length / 16))
        ;;
    *) complain "it could not go on: $(cat err.txt)" ;;
    esac
done
succeed "$PROGRAMS/own_arrays" killed.state killed.safetensors
same
echo "killed $killed times of $sent"
[ $killed -ge "${KILLS:-8}" ] || complain "only $killed of $sent kills came before the end"

finish

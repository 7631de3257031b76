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

# ---- arrays and a schedule of the program's own, killed again and again wherever it stands ----
succeed "$PROGRAMS/own_arrays" whole.state whole.safetensors
killed=0
for hundredths in 1 2 3 4 5 7 9 12 15 20 3 6 1 10 2 30 8 5 2 1; do
    "$PROGRAMS/own_arrays" killed.state killed.safetensors 2>err.txt &
    pid=$!
    sleep "$(printf '0.%02d' "$hundredths")"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    # 137: killed. A sanitizer may then write that its threads are gone, so only what ended by itself is read.
    case $? in
    137) killed=$((killed + 1)) ;;
    0) [ ! -s err.txt ] || complain "it ended well and wrote $(cat err.txt)" ;;
    *) complain "it could not go on: $(cat err.txt)" ;;
    esac
done
succeed "$PROGRAMS/own_arrays" killed.state killed.safetensors
cmp -s whole.safetensors killed.safetensors || complain "killed $killed times it comes to other bytes"
echo "killed $killed times of 20"

finish

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
[ "$(wc -l <"$SOURCE/tests/consumers/door_camera.c")" -le 150 ] || complain "the door camera has more than 150 lines"

# ---- a loop of one's own, killed at random, ends in the same bytes ----
STEPS=${STEPS:-400}
succeed "$PROGRAMS/own_loop" whole.state whole.safetensors "$STEPS"
kills=0
for try in $(seq "${KILLS:-40}"); do
    "$PROGRAMS/own_loop" killed.state killed.safetensors "$STEPS" 2>err.txt &
    pid=$!
    sleep "$(awk -v seed="$try" 'BEGIN { srand(seed); print 0.005 + 0.06 * rand() }')"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ $? -ne 137 ] || kills=$((kills + 1))
done
succeed "$PROGRAMS/own_loop" killed.state killed.safetensors "$STEPS"
cmp -s whole.safetensors killed.safetensors || complain "a loop that was killed $kills times ends in other bytes"
[ "$kills" -gt 3 ] || echo "only $kills of $tries kills came in time"

finish

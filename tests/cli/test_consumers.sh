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

finish

#!/bin/sh
# cl_train flips what may be flipped, says why, and keeps it in the run; --flip and --no-flip override it.
. "$(dirname "$0")/common.sh"
SLICE=$SOURCE/data/fashion
train() {
    "$TOOLS/cl_train" --net "flatten, dense 8" --epochs 1 --no-report "$@"
}

succeed train --dry-run "$SLICE"
says "^flip +yes: mirror images keep [0-9]+ % of what tells the classes apart; --no-flip overrides$"
says "^mirror +a feature is the mean"
succeed train --dry-run --no-flip "$SLICE"
says "^flip +no, as typed$"
if grep -q '^mirror' out.txt; then complain "--no-flip mirrors: $(cat out.txt)"; fi
few three 1 # nothing can be compared
succeed train --dry-run --val-split 0 three
says "^flip +no: too few images to tell$"
succeed train --dry-run --val-split 0 --flip three
says "^flip +yes, as typed$"
expect 2 "--flip and --no-flip exclude each other" train --flip --no-flip "$SLICE"

few some 30
succeed "$TOOLS/cl_train" --net "flatten, dense 8" --epochs 1 --json -o run some
says '"kind": "start".*"flip": (true|false), "mirror_kept": [0-9.]+'
grep -aq '"mirror_kept": *"[0-9.]*"' run/model.safetensors || complain "the model does not say what was measured"
grep -q 'of what tells the classes apart' run/report.html || complain "the page does not say why"
finish

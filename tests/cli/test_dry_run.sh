#!/bin/sh
# cl_train --dry-run says what would be trained, in the words of the training, and leaves no trace.
. "$(dirname "$0")/common.sh"
few small 20
train() {
    "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 3 "$@" small
}
all() { # files and folders, but for what the commands printed
    find . ! -name "*.txt" | LC_ALL=C sort
}
before=$(all)
succeed train --dry-run --steps steps.csv
mv out.txt dry.txt
train --dry-run -o elsewhere >elsewhere.txt || complain "with -o"
[ "$(all)" = "$before" ] || complain "--dry-run wrote: $(all)"
succeed train -o run
for line in images sizes input net training; do
    [ "$(grep "^$line " dry.txt)" = "$(grep "^$line " out.txt)" ] || complain "another line $line: $(cat dry.txt)"
done
mv dry.txt out.txt
says "^to train  bag 18, coat 18, sandal 18$"
says "^time      about [0-9.:]+( s| min)? per epoch, [0-9.:]+( s| min)? in all \(measured on a few steps\)$"
says "^memory    about [1-9][0-9]* MB$"
says "^ +9  dense 32 +32x1x1 +8,224$"
grep -q "^epoch softmax\|^done\|^next" out.txt && complain "it trained: $(cat out.txt)"
# as an object; without validation images; and what would fail fails here
succeed train --dry-run --json --val-split 0
says '^\{"kind": "plan", "run": null, .*"train": 60, "val": 0, .*"epoch_seconds": [0-9.e-]+, "seconds": [0-9.e-]+, "memory_bytes": [1-9]'
expect 2 "^cl_train: " train --dry-run --net "flatten, dense x"
expect 2 "dry-run" "$TOOLS/cl_train" --dry-run --resume run
finish

#!/bin/sh
# Of more than 20 epochs not each one measures the validation images; only a measured one is the best, or the last one
# before patience ends a training.
. "$(dirname "$0")/common.sh"
few small 10
train() {
    "$TOOLS/cl_train" --net "conv 4 3x3, batchnorm, relu, flatten, dense 8" --image-size 8 --no-report --val-split 0.2 "$@" small
}
measured() { # FILE: the epochs that have a k-NN accuracy
    awk -F, 'NR > 1 && $10 != "nan" && $10 != "-nan" { printf "%s ", $1 }' "$1/log.csv"
}
succeed train --epochs 20 -o twenty
[ "$(measured twenty | wc -w)" -eq 20 ] || complain "not all of 20: $(measured twenty)"
succeed train --epochs 45 -o many
[ "$(measured many)" = "1 3 6 9 12 15 18 21 24 27 30 33 36 39 42 45 " ] || complain "of 45: $(measured many)"
[ "$(wc -l <many/log.csv)" -eq 46 ] || complain "not 45 rows"
says "^ +2 +[0-9.]+ +[0-9.]+ +[0-9.]+ % +- +- +- +- +[0-9:]+$"
awk -F, 'NR > 1 && $13 == 1 && $10 ~ /nan/' many/log.csv | grep . && complain "an epoch without a measure is the best"
# patience counts epochs, and ends after a measured one
succeed train --epochs 400 --patience 1 -o patient
last=$(tail -n 1 patient/log.csv | cut -d, -f1)
[ "$last" -lt 400 ] || complain "no end by patience"
[ "$(measured patient | tr ' ' '\n' | sed '/^$/d' | tail -n 1)" = "$last" ] || complain "ended after $last, which was not measured"
# what a stop leaves was measured, and a resumed run ends as one that was not stopped
succeed train --epochs 45 --stop-after 4 -o stopped
[ "$(measured stopped | tr ' ' '\n' | sed '/^$/d' | tail -n 1)" = "$(tail -n 1 stopped/log.csv | cut -d, -f1)" ] ||
    complain "stopped: $(cat stopped/log.csv)"
succeed "$TOOLS/cl_train" --resume stopped
cmp stopped/model.safetensors many/model.safetensors || complain "resumed, it is another model"
[ "$(measured stopped)" = "$(measured many)" ] || complain "resumed: $(measured stopped)"
finish

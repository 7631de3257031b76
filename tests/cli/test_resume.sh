#!/bin/sh
# A training that is killed, stopped or out of disk goes on with --resume, and ends with the same bytes as
# one that was never stopped. KILLS, 8 where it is not set, is how often one is killed, and how often
# it gets SIGTERM.
. "$(dirname "$0")/common.sh"
few small 12
few other 11
NET="conv 8 3x3 stride 2 pad 1, batchnorm, relu6, \
residual {conv 8 3x3 pad 1 groups 8, gelu, avgpool 3 stride 1 pad 1, conv 8 1x1, batchnorm, dropout 0.1}, \
relu, maxpool 3 stride 2 pad 1, flatten, dropout 0.2, dense 16"
OPTIONS="--epochs 12 --batch-size 16 --augment strong --checkpoint-minutes 0.0005"
train() {
    "$TOOLS/cl_train" --no-report $OPTIONS --net "$NET" "$@" >said
}
# For the background: its process is cl_train, which takes the signals.
start() {
    exec "$TOOLS/cl_train" --no-report $OPTIONS --net "$NET" "$@"
}
same() {
    cmp -s whole/model.safetensors "$1/model.safetensors" || complain "$2: another model"
    cut -d, -f1-11,13- whole/log.csv >whole.csv
    cut -d, -f1-11,13- "$1/log.csv" >part.csv
    cmp -s whole.csv part.csv || complain "$2: another log: $(diff whole.csv part.csv)"
    cmp -s whole/features.npy "$1/features.npy" || complain "$2: other features"
}

started=$(date +%s%N)
train --threads 1 --steps whole.steps -o whole small || complain "the undisturbed run failed"
length=$((($(date +%s%N) - started) / 1000)) # in microseconds

# stopped within an epoch, at the end of one, and resumed with another number of threads
for steps in 1 7 21 22 40; do
    train --threads 2 --stop-after $steps -o "stop$steps" --steps "stop$steps/steps.csv" small || complain "stop $steps"
    succeed "$TOOLS/cl_train" --resume "stop$steps" --threads 1
    says "^resumed "
    same "stop$steps" "stopped after $steps steps"
    cmp -s whole.steps "stop$steps/steps.csv" || complain "stopped after $steps steps: other losses"
done

# begin FOLDER: trains there in the background, going on where there is something to go on with.
begin() {
    if [ -e "$1/arguments" ]; then
        "$TOOLS/cl_train" --resume "$1" >"$1.out" 2>>warnings &
    else
        start -o "$1" small >"$1.out" &
    fi
    pid=$!
}

# often SIGNAL COUNT CODE: COUNT times a run gets it, at moments that differ, and is resumed. A run that was
# done before its signal came does not count; one that ends with any code but 0 and CODE has failed.
often() {
    hits=0
    sent=0
    until [ "$hits" -ge "$2" ] || [ "$sent" -ge $((20 * $2)) ]; do
        rm -rf "$1"
        is_done=false
        until $is_done; do
            begin "$1"
            if [ "$hits" -lt "$2" ]; then
                sent=$((sent + 1))
                sleep_part $length $sent
                kill -s "$1" "$pid" 2>/dev/null
            fi
            wait "$pid"
            code=$?
            if [ "$code" -ne 0 ] && [ "$code" -ne "$3" ]; then
                complain "SIG$1: a run ended with $code"
                return
            elif [ "$code" -ne 0 ] || grep -q '^stopped' "$1.out"; then
                hits=$((hits + 1))
            else
                is_done=true
            fi
        done
        same "$1" "SIG$1"
    done
    echo "SIG$1 hit $hits times of $sent"
    [ "$hits" -ge "$2" ] || complain "SIG$1: too few came before the end"
}
often KILL "${KILLS:-8}" 137
often TERM "${KILLS:-8}" 143

# a damaged checkpoint is told, and the one before it is used
train --stop-after 30 -o cut small
cp -r cut cut2
head -c 3000 cut/checkpoint.safetensors >short
mv short cut/checkpoint.safetensors
succeed "$TOOLS/cl_train" --resume cut --stop-after 1000
grep -q "warning: cut/checkpoint.safetensors: .*; the checkpoint before it is used" err.txt ||
    complain "a cut checkpoint is not told: $(cat err.txt)"
same cut "a cut checkpoint"
rm cut2/checkpoint.safetensors
succeed "$TOOLS/cl_train" --resume cut2 --stop-after 1000
same cut2 "a missing checkpoint"
for file in cut2/checkpoint.safetensors cut2/checkpoint.safetensors.previous; do
    printf 'no checkpoint' >$file
done
expect 1 "cut2/checkpoint.safetensors" "$TOOLS/cl_train" --resume cut2
cp whole/model.safetensors cut2/checkpoint.safetensors
expect 1 "do not say 'centerloss checkpoint" "$TOOLS/cl_train" --resume cut2

# other options and images are refused by name; more epochs are not
expect 1 "begun with learning rate 0.002, not 0.1" "$TOOLS/cl_train" --resume stop7 --lr 0.1
expect 1 "begun with net .*, not flatten, dense 4" "$TOOLS/cl_train" --resume stop7 --net "flatten, dense 4"
expect 1 "begun with 36 images, and there are 33 now; put them back" "$TOOLS/cl_train" --resume stop7 other
mv small/"$(ls small | head -n 1)" small/zzz
expect 1 "pictures were moved to another class or split, or classes renamed, since .* put them back" "$TOOLS/cl_train" --resume stop7
mv small/zzz small/"$(ls other | head -n 1)"
# other pictures under the same names: exchanged within a class, and one that is another
set -- small/bag/*
mv "$1" kept && mv "$2" "$1" && mv kept "$2"
expect 1 "pictures were exchanged, renamed or changed since .*; put them back" "$TOOLS/cl_train" --resume stop7
mv "$1" kept && mv "$2" "$1" && mv kept "$2"
cp "$1" kept
cp small/coat/"$(ls small/coat | head -n 1)" "$1"
expect 1 "pictures were exchanged, renamed or changed since .*; put them back" "$TOOLS/cl_train" --resume stop7
mv kept "$1"
# another instruction set is named, and is no error
train --stop-after 3 -o machine small
CEN_INSTRUCTIONS=baseline "$TOOLS/cl_train" --resume machine --stop-after 1 >out.txt || complain "another instruction set"
grep -aq "baseline" whole/checkpoint.safetensors || grep -q "baseline" out.txt ||
    complain "another instruction set is not named: $(cat out.txt)"
# the same one is not; and the name of the one before is that of the checkpoint
CEN_INSTRUCTIONS=baseline "$TOOLS/cl_train" --resume machine --stop-after 1 >same.txt || complain "the same machine"
if grep -q "last bits of its numbers may" same.txt; then complain "the same machine is called another: $(cat same.txt)"; fi
if grep -q "baseline" out.txt; then
    before=$(tr '{,' '\n\n' <whole/checkpoint.safetensors | sed -n 's/.*"machine":"\([^"]*\)".*/\1/p' | head -n 1)
    grep -qF "$before" out.txt || complain "the machine before, $before, is not named: $(cat out.txt)"
fi
succeed "$TOOLS/cl_train" --resume stop7 --epochs 13
says "^   13 "
# what begins a run is refused, and fewer epochs than were begun are pointed out
expect 2 "--output begins a run, and --resume stop7 goes on" "$TOOLS/cl_train" --resume stop7 -o elsewhere
expect 2 "--overwrite begins a run" "$TOOLS/cl_train" --resume stop7 --overwrite
expect 2 "--init begins a run" "$TOOLS/cl_train" --resume stop7 --init whole/model.safetensors
[ -e elsewhere ] && complain "--resume -o made a folder"
expect 0 "warning: 13 epochs were begun already, more than --epochs 5: only features" "$TOOLS/cl_train" --resume stop7 --epochs 5
expect 1 "no run that can be resumed" "$TOOLS/cl_train" --resume nowhere
expect 1 "a: no such folder" "$TOOLS/cl_train" --resume stop7 a b

# a disk that is full loses nothing that was there
train --stop-after 12 -o full small
if (ulimit -f 20 && trap '' XFSZ && "$TOOLS/cl_train" -q --resume full) 2>said; then complain "no full disk?"; fi
grep -q "free some space" said || complain "a full disk is not told: $(cat said)"
succeed "$TOOLS/cl_train" -q --resume full
same full "a full disk"
finish

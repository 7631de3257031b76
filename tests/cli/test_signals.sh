#!/bin/sh
# What ends a training from outside: its exit code, how long it takes, and that it goes on from there.
. "$(dirname "$0")/common.sh"
few small 12
NET="conv 4 3x3 pad 1, batchnorm, relu, maxpool 4, flatten, dense 8"
start() {
    exec "$TOOLS/cl_train" -q --net "$NET" --epochs 100000 --patience 1000000 "$@"
}

# worked: the seconds of processor time that $pid has used; 0 if the system does not say
worked() {
    seconds=$(ps -o cputimes= -p $pid 2>/dev/null) || seconds=0
    echo $((seconds))
}

# within SECONDS: waits for $pid, which may work so long, however busy the machine is; its exit code is then in $code.
within() {
    before=$(worked)
    (
        tries=0
        while [ $(($(worked) - before)) -lt "$1" ] && [ $tries -lt 1200 ]; do
            tries=$((tries + 1))
            sleep 0.5
        done
        kill -KILL $pid
    ) >/dev/null 2>&1 &
    timer=$!
    wait $pid
    code=$?
    kill $timer 2>/dev/null
}

# -- the codes that a shell knows; nohup's signal is not taken up
for each in INT:130 TERM:143 HUP:129; do
    signal=${each%:*}
    # A shell starts what runs in the background with Ctrl-C ignored; this undoes it.
    env --default-signal=INT true 2>/dev/null || {
        [ $signal = INT ] && continue
    }
    rm -rf run
    if [ $signal = INT ]; then
        env --default-signal=INT "$TOOLS/cl_train" -q --net "$NET" --epochs 100000 --patience 1000000 -o run small &
    else
        start -o run small &
    fi
    pid=$!
    await run/model.safetensors
    kill -$signal $pid
    within 8
    [ $code -eq "${each#*:}" ] || complain "SIG$signal ends with $code"
    succeed "$TOOLS/cl_train" -q --resume run --stop-after 3
done
rm -rf run
(trap '' HUP INT && start -o run small) &
pid=$!
await run/model.safetensors
kill -HUP $pid
kill -INT $pid
sleep 0.3
kill -0 $pid 2>/dev/null || complain "a signal that was ignored ended the training"
kill -TERM $pid
within 8
[ $code -eq 143 ] || complain "SIGTERM after ignored signals ends with $code"

# -- while pictures are read, it is gone at once and leaves a run or nothing
mkdir many
for class in a b; do
    mkdir many/$class
    i=0
    while [ $i -lt 40 ]; do
        i=$((i + 1))
        { printf 'P5\n1500 1500\n255\n'; head -c 2250000 /dev/zero | tr '\0' $class; } >many/$class/$i.pgm
    done
done
for delay in 0.05 0.2; do
    rm -rf reading
    start -o reading many &
    pid=$!
    sleep $delay
    kill -TERM $pid
    within 8
    [ $code -eq 143 ] || complain "SIGTERM after $delay s of reading ends with $code"
done

# -- while an epoch is measured and pictures are read again in each epoch: soon, and the state is on the disk
rm -rf slow
"$TOOLS/cl_train" -q --net "flatten, dense 2" --image-size 8 --cache-mb 0 --batch-size 4 --epochs 50 -o slow many &
pid=$!
await_line "^1," slow/log.csv
await slow/checkpoint.safetensors
kill -STOP $pid
rows=$(wc -l <slow/log.csv)
kill -TERM $pid
kill -CONT $pid
within 8
[ $code -eq 143 ] || complain "SIGTERM of a slow training ends with $code"
[ "$(wc -l <slow/log.csv)" -le $((rows + 1)) ] || complain "epochs went by after SIGTERM"
[ -e slow/features.npy ] && complain "features were made after an interruption"
[ -e slow/report.html ] && complain "a report was made after an interruption"

# -- while the features are made, after the last epoch: at once, and they are made when it is resumed. On a busy machine
# the signal may come after the end, which does not count
code=0
n_tries=0
until [ $code -ne 0 ] || [ $n_tries -eq 20 ]; do
    n_tries=$((n_tries + 1))
    rm -rf slow
    "$TOOLS/cl_train" -q --net "flatten, dense 2" --image-size 8 --cache-mb 0 --epochs 1 -o slow many 2>err.txt &
    pid=$!
    await_line "^1," slow/log.csv
    kill -TERM $pid 2>/dev/null
    within 8
done
[ $code -eq 143 ] || complain "SIGTERM after the last epoch ends with $code"
[ -e slow/report.html ] && complain "a report was made after SIGTERM"
succeed "$TOOLS/cl_train" -q --resume slow
[ "$(wc -l <slow/log.csv)" -eq 2 ] || complain "resumed after the last epoch: $(cat slow/log.csv)"
[ "$(wc -l <slow/features.tsv)" -eq 81 ] || complain "resumed after the last epoch: other features"

# -- a batch of seconds is not waited for: the state of the one before it is on the disk already. On a busy machine a
# step may seem slow that is not, and end before the signal comes; then a larger one is tried. With one thread, since a
# machine of many processors has no slow batch that fits its memory
size=32
n_slow=0
until [ -n "${slow:-}" ] || [ $n_slow -eq 6 ]; do
    size=$((size * 2))
    rm -rf steps.csv heavy
    "$TOOLS/cl_train" -q --net "conv 16 5x5 pad 2, conv 16 5x5 pad 2, gap, dense 2" --image-size $size --epochs 100 \
        --threads 1 --batch-size 36 --val-split 0 --steps steps.csv -o heavy small 2>err.txt &
    pid=$!
    await heavy/checkpoint.safetensors
    begun=$(date +%s)
    until_true "a first step was done" sh -c '[ "$(wc -l <steps.csv)" -ge 2 ]'
    if [ $(($(date +%s) - begun)) -ge 3 ]; then
        slow=true
        n_slow=$((n_slow + 1))
        await heavy/checkpoint.safetensors.previous
        await heavy/checkpoint.safetensors
    fi
    kill -TERM $pid
    within 60
    [ $code -eq 143 ] || complain "SIGTERM in a slow batch ends with $code"
    [ "$(wc -l <steps.csv)" -eq 2 ] || slow=
done
[ "$(wc -l <steps.csv)" -eq 2 ] || complain "a slow batch was waited for: $(cat steps.csv)"
succeed "$TOOLS/cl_train" --resume heavy --steps steps.csv --stop-after 1
[ "$(sed 's/,.*//' steps.csv | tr '\n' ' ')" = "step 1 2 " ] || complain "a slow training does not go on: $(cat steps.csv)"

# -- a file that outgrows the system's limit ends in a sentence
(ulimit -f 1 && exec "$TOOLS/cl_train" -q --net "$NET" --epochs 2 -o limited small) 2>err.txt
[ $? -eq 1 ] || complain "a limit on files ends with $?"
grep -q "limited/.*: writing failed: File too large" err.txt || complain "a limit on files: $(cat err.txt)"

# -- pictures that are gone, or that a pipe has replaced, in an epoch that reads them again: a folder has the place of
# the file that would keep their bytes
few gone 12
mkdir -p gone-run/.scratch/kept
start --no-report --cache-mb 0 --batch-size 8 --overwrite -o gone-run gone 2>err.txt &
pid=$!
await gone-run/model.safetensors
victim=gone/bag/$(ls gone/bag | head -n 1)
mkfifo pipe
mv pipe "$victim"
await_line "passed over" err.txt
sleep 0.5 # epochs more
kill -TERM $pid
within 8
[ $code -eq 143 ] || complain "a pipe in place of a picture: ends with $code: $(cat err.txt)"
grep -q "warning: passed over $victim: $victim: this is a device, a pipe" err.txt ||
    complain "a pipe in place of a picture: $(cat err.txt)"
[ "$(grep -c "passed over $victim" err.txt)" -eq 1 ] || complain "one warning a picture: $(cat err.txt)"

# -- nor does a picture that is gone at the end keep the others from their features. If the training was faster than the
# removal, a longer one is tried
epochs=40
is_in_time=false
until $is_in_time || [ $epochs -gt 40000 ]; do
    rm -rf late late-run
    few late 12
    mkdir -p late-run/.scratch/kept
    "$TOOLS/cl_train" --net "$NET" --cache-mb 0 --val-split 0.25 --epochs $epochs --patience 1000000 \
        --overwrite -o late-run late >said.txt 2>err.txt &
    pid=$!
    await late-run/model.safetensors
    for class in bag coat sandal; do # of both splits, most likely
        for file in $(ls late/$class | head -n 3); do rm "late/$class/$file"; done
    done
    [ "$(wc -l <late-run/log.csv)" -gt $epochs ] || is_in_time=true
    epochs=$((2 * epochs))
    within 300
done
[ $code -eq 0 ] || complain "pictures gone at the end: ends with $code: $(cat err.txt)"
[ "$(grep -c 'warning: no feature of late/.*: cannot open' err.txt)" -eq 9 ] || complain "nine warnings: $(cat err.txt)"
[ "$(wc -l <late-run/features.tsv)" -eq 28 ] || complain "rows of features.tsv: $(wc -l <late-run/features.tsv)"
succeed "$TOOLS/cl_knn" eval late-run --json
sum=$(($(sed 's/.*"gallery": {[^}]*"n": \([0-9]*\).*/\1/' out.txt) + $(sed 's/.*"queries": {[^}]*"n": \([0-9]*\).*/\1/' out.txt)))
[ "$sum" -eq 27 ] || complain "$sum features: $(head -c 600 out.txt)"
grep -q "9 skipped" late-run/report.html || complain "the page does not count 9 skipped"
[ "$(grep -o '"reason": *"cannot open' late-run/report.json | wc -l)" -eq 9 ] || complain "the JSON does not name 9"
finish

#!/bin/sh
# A run folder is only data, and belongs to one training at a time: nothing outside of it is written because
# a file in it says so, an older run stays whole until a new one has its first checkpoint, and two trainings
# never share one.
. "$(dirname "$0")/common.sh"
few small 12
OPTIONS="--epochs 2 --batch-size 16"
NET="conv 4 3x3 pad 1, batchnorm, relu, maxpool 4, flatten, dense 8"
train() {
    timeout 300 "$TOOLS/cl_train" -q $OPTIONS --net "$NET" "$@"
}
resume() {
    timeout 300 "$TOOLS/cl_train" -q --resume "$@"
}

# -- a stranger's run: what its arguments name is written only within the run
echo precious >precious
mkdir stranger
train --stop-after 1 -o stranger/run --steps steps.csv small || complain "no run"
for path in precious "$WORK/precious" stranger/precious stranger/run/../../precious stranger/run/sub/steps.csv \
    evil/log.csv evil/model.safetensors; do
    cp -r stranger/run evil
    printf '%s\0' --steps "$path" >>evil/arguments
    expect 2 "evil/arguments names --steps .*, which is not a file of its own in the run; add --steps FILE" resume evil
    cmp -s evil/checkpoint.safetensors stranger/run/checkpoint.safetensors || complain "$path: the run went on"
    rm -r evil
done
echo precious | cmp -s - precious || complain "a stranger's --steps was obeyed"
[ "$(wc -l <steps.csv)" -eq 2 ] || complain "steps.csv is another"
cp -r stranger/run evil
succeed resume evil --steps steps.csv
[ "$(wc -l <steps.csv)" -eq 7 ] || complain "named again, --steps does not go on: $(cat steps.csv)"
rm -r evil

# -- nor does what its net takes go beyond the limits of a model, unless the user types it again
for given in "--image-size 16384" "--feature-size 16000000" "--max-pixels 300000000"; do
    cp -r stranger/run evil
    printf '%s\0' $given >>evil/arguments
    case $given in
        --max*) remedy="the usual 268435456; if you trust its maker, add --max-pixels 300000000" ;;
        *) remedy="the limit .*; if you trust its maker, .*: add --image-size and --net as they stand there" ;;
    esac
    expect 2 "evil/arguments.* $remedy" resume evil --steps steps.csv
    rm -r evil
done
train --stop-after 1 --image-size 2100 --net "maxpool 16, maxpool 16, flatten, dense 8" -o large small || complain "no run"
expect 2 "its input of 2100x2100 has more pixels than the limit of 4194304" resume large
succeed resume large --image-size 2100 --net "maxpool 16, maxpool 16, flatten, dense 8"
rm -r large

# -- nor are links followed
for name in log.csv checkpoint.safetensors checkpoint.safetensors.previous model.safetensors arguments \
    features.npy features.tsv report.html report.json svg .lock .new steps.csv; do
    rm -rf evil outside
    train --stop-after 1 --svg -o evil --steps evil/steps.csv small || complain "no run"
    mkdir outside
    [ "$name" = svg ] || [ "$name" = .new ] || echo precious >outside/file
    if [ -f "evil/$name" ]; then mv "evil/$name" outside/file; else rm -rf "evil/$name"; fi
    if [ -e outside/file ]; then ln -s ../outside/file "evil/$name"; else ln -s ../outside "evil/$name"; fi
    cp -r outside outside.before
    for command in "resume evil" "train --overwrite -o evil small"; do
        $command >out.txt 2>err.txt && [ "$name" != steps.csv ] && complain "$name: a link is followed: $command"
        grep -qE "evil/$name: this is a link|is not a file of its own" err.txt || [ "$name" = steps.csv ] ||
            complain "$name: $(cat err.txt)"
        diff -r outside outside.before >diff.txt || complain "$name: written through a link: $command: $(cat diff.txt)"
    done
    rm -r outside.before
done
rm -rf evil
train --stop-after 1 --svg -o evil small || complain "no run"
for file in evil/svg/*; do ln -sf ../../precious "$file"; done
succeed resume evil
echo precious | cmp -s - precious || complain "a link in svg/ was followed"

# -- a pipe, a device and a huge file in place of a run's file end in a sentence
for name in arguments log.csv; do
    rm -rf evil
    cp -r stranger/run evil
    rm "evil/$name"
    mkfifo "evil/$name"
    expect 1 "evil/$name: this is a (link, a )?device(,| or) a pipe" resume evil --steps steps.csv
done
for name in model.safetensors checkpoint.safetensors features.tsv report.html report.json; do
    rm -rf evil
    cp -r stranger/run evil
    rm -f "evil/$name"
    mkfifo "evil/$name"
    expect 1 "evil/$name: this is a link, a device or a pipe" resume evil --steps steps.csv
done
rm -rf evil
cp -r stranger/run evil
rm evil/log.csv
dd if=/dev/null of=evil/log.csv bs=1 seek=2000000000 2>/dev/null
expect 1 "evil/log.csv: .* bytes" resume evil --steps steps.csv
expect 2 "name a file or folder in place of -" train --steps - -o dash small
expect 2 "name a file or folder in place of -" train -o - small
[ -e ./- ] && complain "a file is named -"
rm -rf evil
cp -r stranger/run evil
printf 'none' >evil/arguments
expect 1 "evil/arguments: this is not the command line of a run" resume evil
dd if=/dev/null of=evil/arguments bs=1 seek=2000000 2>/dev/null
expect 1 "evil/arguments: .* bytes" resume evil

# -- an older run is the run until the new one has its first checkpoint
train --stop-after 3 -o old small || complain "no run"
cp -r old old.before
same_as_before() {
    diff -r old old.before >diff.txt || complain "$*: the old run is another: $(cat diff.txt)"
}
for options in "--net zzz" "--lambda x" "--image-size 0" "--init nowhere" "--holdout-classes nowhere" \
    "--per-class 7" "--steps nowhere/steps.csv" "--per-class 33" "--batch-size 8 --per-class 2"; do
    train --overwrite -o old $options small >out.txt 2>err.txt && complain "$options: trained"
    same_as_before "$options"
done
train --overwrite -o old nowhere 2>err.txt && complain "trained on nothing"
same_as_before "a folder that is not there"
if (ulimit -f 1 && train --overwrite -o old small) 2>err.txt; then complain "no full disk?"; fi
grep -q "free some space" err.txt || complain "a full disk: $(cat err.txt)"
same_as_before "a full disk"
train --overwrite -o old --steps /dev/full small 2>err.txt && complain "wrote to /dev/full"
same_as_before "--steps that cannot be written"

# The parts of an overwriting that was cut short, in each order in which it can be.
train --seed 2 --stop-after 1 -o new small || complain "no new run"
for done in 0 1 2 3; do
    rm -rf cut
    cp -r old.before cut
    mkdir cut/.new
    cp new/arguments new/log.csv new/checkpoint.safetensors cut/.new/
    [ $done -ge 1 ] && rm -f cut/checkpoint.safetensors.previous
    [ $done -ge 2 ] && mv cut/.new/arguments cut/arguments
    [ $done -ge 3 ] && mv cut/.new/log.csv cut/log.csv
    succeed resume cut
    cp -r new whole
    succeed resume whole
    cmp -s cut/model.safetensors whole/model.safetensors || complain "cut at $done: not the new run"
    [ -e cut/.new ] && complain "cut at $done: .new is left"
    rm -r whole
done
for file in arguments log.csv; do # before the first checkpoint: the old one
    rm -rf cut
    cp -r old.before cut
    mkdir cut/.new
    cp "new/$file" cut/.new/
    succeed resume cut
    [ -e cut/.new ] && complain "cut with $file: .new is left"
    grep -aq 'seed.*2' cut/model.safetensors && grep -aq '"seed\\*":\\*"2' cut/model.safetensors && complain "the new run"
done

# Killed KILLS times (8 if it is not set), at moments that differ, --overwrite leaves a run whose model can be
# used and that goes on: the old one or the new one.
resume old >out.txt
cp -r old old.done
cp -r new new.done
resume new.done >out.txt
cp -r old.before cut
begun=$(date +%s%N)
train --seed 2 --overwrite -o cut small || complain "no overwriting"
length=$((($(date +%s%N) - begun) / 1000)) # in microseconds
hits=0
sent=0
n_old=0
until [ $hits -ge "${KILLS:-8}" ] || [ $sent -ge $((20 * ${KILLS:-8})) ]; do
    sent=$((sent + 1))
    rm -rf cut
    cp -r old.before cut
    "$TOOLS/cl_train" -q $OPTIONS --net "$NET" --seed 2 --overwrite -o cut small >out.txt 2>&1 &
    pid=$!
    sleep_part $length $sent
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    [ $code -ne 0 ] || continue
    [ $code -eq 137 ] || complain "kill $sent: ended by itself with $code: $(cat out.txt)"
    hits=$((hits + 1))
    succeed "$TOOLS/cl_features" -q cut small -o cut.npy
    succeed resume cut
    if cmp -s cut/model.safetensors old.done/model.safetensors; then
        n_old=$((n_old + 1))
    else
        cmp -s cut/model.safetensors new.done/model.safetensors || complain "kill $sent: neither the old run nor the new one"
    fi
    [ -e cut/.new ] && complain "kill $sent: .new is left"
    [ -z "$(find cut -name '*.cen-tmp')" ] || complain "kill $sent: $(find cut -name '*.cen-tmp')"
done
echo "--overwrite killed $hits times of $sent: $n_old times the old run goes on, else the new one"
[ $hits -ge "${KILLS:-8}" ] || complain "only $hits of $sent kills came before the end"

# -- two trainings never share a folder
n=0
while [ $n -lt 6 ]; do
    n=$((n + 1))
    train --seed $n --no-report small &
    eval "pid$n=$!"
done
n=0
while [ $n -lt 6 ]; do
    n=$((n + 1))
    eval "wait \$pid$n" || complain "a parallel start failed"
done
[ "$(ls runs | wc -l)" -eq 6 ] || complain "six parallel starts made $(ls runs)"
[ "$(cat runs/*/model.safetensors | grep -ao '"seed[\\]*":[\\]*"[1-6]' | sort -u | wc -l)" -eq 6 ] ||
    complain "a parallel run took another's folder"
"$TOOLS/cl_train" -q --net "$NET" --epochs 100000 --patience 1000000 -o live small >live.txt 2>&1 &
pid=$!
await live/model.safetensors
expect 1 "live: another training is writing this run" resume live
expect 1 "live: another training is writing this run" train -o live small
expect 1 "live: another training is writing this run" train --overwrite -o live small
kill -KILL $pid
wait $pid 2>/dev/null
succeed "$TOOLS/cl_train" -q --resume live --stop-after 1

# -- a folder of somebody's own files is no place for a run
for file in features.npy report.html log.csv; do
    mkdir own
    echo precious >own/$file
    expect 1 "own: $file stands here already, and is of no run" train -o own small
    echo precious | cmp -s - own/$file || complain "$file was overwritten"
    rm -r own
done

# -- a start in vain leaves nothing
ls >before.txt
expect 1 "nowhere" train -o vain nowhere
expect 1 "nowhere/steps.csv" train -o vain --steps nowhere/steps.csv small
rm -f out.txt err.txt
[ -e vain ] && complain "a start in vain left a folder: $(ls -A vain)"
expect 1 "steps.csv: cannot write here" train -o vain --steps nowhere/steps.csv "folder that is not read"
finish

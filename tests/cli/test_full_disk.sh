#!/bin/sh
# A training on a disk that fills up ends with one sentence, keeps what stood there whole, and goes on to the
# same bytes where there is more room: on small tmpfs of growing sizes, so that the disk fills at other places.
# Needs root, to mount them. STEP, 32 if it is not set, is by how many KB the room for --overwrite grows (a page
# of a tmpfs is 4: every point at which it can fill up).
. "$(dirname "$0")/common.sh"
mkdir disk
mount -t tmpfs -o size=64k cen-disk disk 2>/dev/null || {
    echo "skipped: no tmpfs can be mounted here (root alone may)"
    exit 77
}
trap 'umount disk; rm -rf "$WORK"' EXIT
few small 12
OPTIONS="--epochs 6 --batch-size 16 --checkpoint-minutes 0.0001 --image-size 14"
NET="conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 16"
train() {
    "$TOOLS/cl_train" $OPTIONS --net "$NET" "$@"
}
room() { # KB
    mount -o "remount,size=$1k" disk
}

# full_or_done FILE CODE: a disk that was full ends in one sentence.
full_or_done() {
    [ "$2" -eq 0 ] && return
    full=$((full + 1))
    [ "$(wc -l <err.txt)" -eq 1 ] || complain "$1 KB: not one line: $(cat err.txt)"
    grep -q 'free some space' err.txt || complain "$1 KB: no remedy: $(cat err.txt)"
}
# no_parts KB: nothing is cut, and nothing is left.
no_parts() {
    for file in $(find disk -name '*.safetensors'); do
        head -c 8 "$file" | od -An -tu8 | tr -d ' ' >header.txt
        [ "$(wc -c <"$file")" -gt "$(cat header.txt)" ] || complain "$1 KB: $file is cut"
    done
    [ -z "$(find disk -name '*tmp*')" ] || complain "$1 KB: left behind: $(find disk -name '*tmp*')"
}
# same_run FOLDER: its files are those of disk/run.
same_run() {
    for file in model.safetensors features.npy features.tsv; do
        cmp -s "$1/$file" "disk/run/$file" || return 1
    done
    cut -d, -f1-11,13- "$1/log.csv" >one.csv
    cut -d, -f1-11,13- disk/run/log.csv >other.csv
    cmp -s one.csv other.csv
}

train -q -o whole small || complain "the undisturbed run failed"
full=0
n_sizes=0
for size in 4 12 20 28 40 60 80 100 120 140 160 180 200 240 280 320 400 500 700 1000; do
    n_sizes=$((n_sizes + 1))
    rm -rf disk/*
    room "$size"
    train -q -o disk/run small >out.txt 2>err.txt
    full_or_done "$size" $?
    room 4096
    no_parts "$size"
    if [ -e disk/run/arguments ]; then
        succeed "$TOOLS/cl_train" -q --resume disk/run
    else
        rm -rf disk/run
        train -q -o disk/run small || complain "$size KB: no new run"
    fi
    same_run whole || complain "$size KB: another run"
done
echo "$full of $n_sizes disks were full"
[ "$full" -ge 5 ] || complain "too few disks were full"

# -- --overwrite on a disk with so many KB left: the older run stands whole and goes on, or the new one does
train -q --seed 2 -o new small || complain "the new run failed"
mv whole done
train -q --net "flatten, dense 2" -o smaller small || complain "the smaller run failed"
for state in done stopped smaller; do
    full=0
    n_sizes=0
    n_old=0
    rm -rf disk/*
    room 4096
    case $state in
    done) train -q -o disk/run small ;;
    stopped) train -q --stop-after 7 -o disk/run small ;;
    smaller) train -q --net "flatten, dense 2" -o disk/run small ;; # so that the disk is full later, too
    esac || complain "no older run"
    old=$state
    [ $state = stopped ] && old=done
    rm -rf before
    cp -rp disk/run before
    for left in $(seq 0 "${STEP:-32}" 160) 200 240 320 400 600; do
        n_sizes=$((n_sizes + 1))
        room 4096
        rm -rf disk/run
        cp -rp before disk/run
        room $(($(du -sk disk | cut -f 1) + left))
        train -q --seed 2 --overwrite -o disk/run small >out.txt 2>err.txt
        code=$?
        full_or_done "$state, $left" $code
        [ -e disk/run/model.safetensors ] || complain "$state, $left KB: no model"
        "$TOOLS/cl_features" -q disk/run small -o after.npy || complain "$state, $left KB: the model cannot be used"
        room 4096
        no_parts "$state, $left"
        if [ $code -ne 0 ] && diff -r before disk/run >diff.txt; then
            n_old=$((n_old + 1))
        else
            [ -e disk/run/checkpoint.safetensors ] || complain "$state, $left KB: no checkpoint"
        fi
        [ $code -eq 0 ] || succeed "$TOOLS/cl_train" -q --resume disk/run
        same_run $old || same_run new || complain "$state, $left KB: neither the older run nor the new one"
        [ -e disk/run/.new ] && complain "$state, $left KB: .new is left"
    done
    echo "--overwrite of a run that was $state: $full of $n_sizes disks were full, which left the older run as it was $n_old times"
    [ "$full" -ge 3 ] || complain "too few disks were full"
    [ "$n_old" -ge 1 ] || complain "the older run never stayed"
done
finish

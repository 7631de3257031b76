#!/bin/sh
# A training on a disk that fills up ends with one sentence, keeps what stood there whole, and goes on to the
# same bytes where there is more room: on small tmpfs of growing sizes, so that the disk fills at other places.
# Needs root, to mount them.
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

train -q -o whole small || complain "the undisturbed run failed"
full=0
n_sizes=0
for size in 4 12 20 28 40 60 80 100 120 140 160 180 200 240 280 320 400 500 700 1000; do
    n_sizes=$((n_sizes + 1))
    rm -rf disk/*
    room "$size"
    if ! train -q -o disk/run small >out.txt 2>err.txt; then
        full=$((full + 1))
        [ "$(wc -l <err.txt)" -eq 1 ] || complain "$size KB: not one line: $(cat err.txt)"
        grep -q 'free some space' err.txt || complain "$size KB: not told: $(cat err.txt)"
    fi
    room 4096
    for file in $(find disk -name '*.safetensors'); do
        head -c 8 "$file" | od -An -tu8 | tr -d ' ' >header.txt
        [ "$(wc -c <"$file")" -gt "$(cat header.txt)" ] || complain "$size KB: $file is cut"
    done
    [ -z "$(find disk -name '*.tmp*')" ] || complain "$size KB: left behind: $(find disk -name '*.tmp*')"
    if [ -e disk/run/arguments ]; then
        succeed "$TOOLS/cl_train" -q --resume disk/run
    else
        rm -rf disk/run
        train -q -o disk/run small || complain "$size KB: no new run"
    fi
    for file in model.safetensors features.npy features.tsv; do
        cmp -s "whole/$file" "disk/run/$file" || complain "$size KB: another $file"
    done
done
echo "$full of $n_sizes disks were full"
[ "$full" -ge 5 ] || complain "too few disks were full"
finish

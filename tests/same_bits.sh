#!/bin/sh
# The same model, to the byte, from several builds of cl_train, in each instruction set that this processor has:
#     sh tests/same_bits.sh CL_TRAIN CL_TRAIN...
set -eu
cd "$(dirname "$0")/.."
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT

# train PROGRAM FOLDER: 8 steps hold every kernel of the default network.
train() {
    "$1" -q --no-report --stop-after 8 --threads 1 -o "$2" data/fashion
}

differ=0
for set in baseline avx2 avx512; do
    case $set in
    baseline) ;;
    avx2) grep -qw avx2 /proc/cpuinfo || continue ;;
    avx512) grep -qw avx512vl /proc/cpuinfo || continue ;;
    esac
    export CEN_INSTRUCTIONS=$set
    number=0
    for program; do
        number=$((number + 1))
        train "$program" "$SCRATCH/$set.$number" &
    done
    wait
    for each in $(seq $number); do # of a training that failed there is no model
        cmp "$SCRATCH/$set.1/model.safetensors" "$SCRATCH/$set.$each/model.safetensors" || differ=1
    done
    echo "$set: $number builds compared"
done
[ "$differ" -eq 0 ] || { echo "Builds differ in what they train." >&2; exit 1; }

#!/bin/sh
# The same model, to the byte, from several builds of cl_train, in each instruction set that this processor has:
#     sh tests/same_bits.sh CL_TRAIN CL_TRAIN...
set -eu
cd "$(dirname "$0")/.."
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT

# Depthwise convolutions, each by loops of its own.
DEPTHWISE="conv 12 3x3 pad 1, relu, conv 12 3x3 pad 1 groups 12, conv 12 5x5 pad 2 groups 12, relu, conv 12 5x5 stride 2
    pad 2 groups 12, conv 12 3x3 pad 1 groups 12, relu, conv 12 3x3 stride 2 pad 1 groups 12, relu, conv 12 3x3 pad 1
    groups 12, conv 12 5x5 pad 2 groups 12, flatten, dense 16"

# train PROGRAM FOLDER: 8 steps hold every kernel of the default network.
train() {
    "$1" -q --no-report --stop-after 8 --threads 1 -o "$2" data/fashion
    "$1" -q --no-report --stop-after 8 --threads 1 -o "$2.depthwise" --net "$(echo $DEPTHWISE)" data/fashion
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
        for net in "" .depthwise; do
            cmp "$SCRATCH/$set.1$net/model.safetensors" "$SCRATCH/$set.$each$net/model.safetensors" || differ=1
        done
    done
    echo "$set: $number builds compared"
done
[ "$differ" -eq 0 ] || { echo "Builds differ in what they train." >&2; exit 1; }

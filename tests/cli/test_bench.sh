#!/bin/sh
# Each benchmark still builds and runs, with the least work, and prints as many lines as it should. No figure is
# tested. The list of benchmarks is the program's own, so that a new one must be called here.
. "$(dirname "$0")/common.sh"
BENCH=$TOOLS/tests/bench
[ -x "$BENCH" ] || {
    echo "skipped: this build has no benchmarks"
    exit 77
}
mkdir -p pictures/a pictures/b
for class in a b; do
    printf 'P2 2 2 255 0 64 128 255\n' >pictures/$class/1.pgm
    cp pictures/$class/1.pgm pictures/$class/2.pgm
done

# blink LINES NAME ARGUMENTS...: so many lines of output, or more.
blink() {
    lines=$1
    shift
    ran="$ran $1"
    "$BENCH" blink "$@" >out.txt 2>err.txt || complain "bench $*: $(cat err.txt)"
    [ "$(wc -l <out.txt)" -ge "$lines" ] || complain "bench $*: too few lines: $(cat out.txt)"
}

ran=
blink 1 ask 2 0
blink 17 conv
blink 1 decode 0 pictures/a/1.pgm
mkdir gallery # 128 numbers each
head -c 5120 /dev/zero >gallery/rows.f32
head -c 1024 /dev/zero >gallery/queries.f32
blink 0 gallery gallery
blink 1 gallery gallery 2
blink 15 gemm
blink 15 gemm 2 baseline
blink 1 knn 2 0
blink 25 layers
blink 2 limits 0 lenet++
blink 1 load pictures 8 1 2
blink 1 scaling small 2
for case in article lenet++ conv64 small small64 resnet; do blink 1 steps "$case" 2 0 2; done

"$BENCH" 2>usage.txt
for name in $(sed -n 's/^  \([a-z]*\) .*/\1/p' usage.txt); do
    case " $ran " in
    *" $name "*) ;;
    *) complain "bench $name is not run here" ;;
    esac
done
finish

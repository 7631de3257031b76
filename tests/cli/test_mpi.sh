#!/bin/sh
# cl_train under mpirun: any number of processes that divides the shards comes to the bytes of one; a run goes on
# with another number; one that dies ends all, and what was saved stays. With each MPI that is installed.
. "$(dirname "$0")/common.sh"
KINDS=
for kind in .openmpi .mpich ""; do
    command -v "mpicc$kind" >/dev/null && command -v "mpirun$kind" >/dev/null || continue
    [ -z "$kind" ] && [ -n "$KINDS" ] && continue # it is one of them
    KINDS="$KINDS mpirun$kind"
done
if [ -z "$KINDS" ]; then
    echo "skipped: no mpicc with its mpirun is installed (apt-get install openmpi-bin libopenmpi-dev)"
    exit 77
fi
few small 12
OPTIONS="--no-report --shards 4 --batch-size 16 --threads 1 --epochs 6 --augment strong"
NET="conv 8 3x3 stride 2 pad 1, batchnorm, relu, flatten, dropout 0.2, dense 16"
succeed "$TOOLS/cl_train" $OPTIONS --net "$NET" -o one small

# build KIND: the tool with that MPI, on the library that is built.
build() {
    "mpicc$1" -std=c99 -O1 -DCEN_MPI -I"$SOURCE/include" "$SOURCE"/tools/cl_train.c "$SOURCE"/tools/train_*.c \
        "$SOURCE"/tools/options.c "$SOURCE"/tools/text.c "$SOURCE"/tools/manual.c "$SOURCE"/tools/completion.c \
        "$SOURCE"/tools/progress.c "$SOURCE"/tools/system.c "$TOOLS/libcenterloss.a" -lm -lpthread -o trainer
}
# on N ARGUMENTS...: in N processes.
on() {
    n=$1
    shift
    $RUN -n "$n" ./trainer "$@"
}
train() {
    n=$1
    shift
    on "$n" $OPTIONS --net "$NET" "$@" small
}
same() {
    cmp -s one/model.safetensors "$1/model.safetensors" || complain "$RUN, $2: another model"
    cmp -s one/features.npy "$1/features.npy" || complain "$RUN, $2: other features"
    cut -d, -f1-11,13- one/log.csv >one.csv
    cut -d, -f1-11,13- "$1/log.csv" >more.csv
    cmp -s one.csv more.csv || complain "$RUN, $2: another log: $(diff one.csv more.csv)"
}
# process RANK RUN: the process of this rank that trains into RUN here; another suite may run at the same time.
process() {
    for p in /proc/[0-9]*; do
        [ "$(readlink "$p/cwd")" = "$(pwd -P)" ] || continue
        { tr "\0" " " <"$p/cmdline"; } 2>/dev/null | grep -q "^./trainer .*-o $2 " || continue
        { tr "\0" "\n" <"$p/environ"; } 2>/dev/null | grep -qE "^(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1\$" || continue
        echo "${p#/proc/}"
    done
}

for mpirun in $KINDS; do
    RUN=$mpirun
    if $mpirun --version | grep -q "Open MPI\|OpenRTE"; then
        RUN="$mpirun --allow-run-as-root --oversubscribe --bind-to none"
    fi
    build "${mpirun#mpirun}" || complain "$mpirun: the tool does not build"
    rm -rf run* cut killed

    for n in 1 2 4; do
        succeed train $n -o "run$n"
        same "run$n" "$n processes"
        [ "$(grep -c '^done ' out.txt)" -eq 1 ] || complain "$RUN, $n processes: not printed once: $(cat out.txt)"
        [ "$(ls "run$n" | tr '\n' ' ')" = "$(ls one | tr '\n' ' ')" ] || complain "$RUN: other files: $(ls "run$n")"
    done

    succeed train 4 -o cut --stop-after 8
    succeed on 2 --resume cut
    says "^resumed "
    same cut "4 processes and then 2"

    # a process that dies
    train 2 -o killed --epochs 100000 --checkpoint-minutes 0.0001 >out.txt 2>err.txt &
    pid=$!
    await killed/model.safetensors
    victim=$(process 1 killed)
    kill -9 $victim || complain "$RUN: process 1 is not found"
    wait $pid && complain "$RUN: exit code 0 although a process was killed"
    [ -s err.txt ] || [ -s out.txt ] || complain "$RUN: not a word about the process that was killed"
    n=0
    while [ -n "$(process 0 killed)" ] && [ $n -lt 600 ]; do # it ends soon after mpirun has
        n=$((n + 1))
        sleep 0.1
    done
    [ $n -lt 600 ] || complain "$RUN: a process goes on without the one that was killed"
    succeed on 4 --resume killed --stop-after 1
    says "^resumed "

    # what all get wrong is printed once, and what one gets wrong by that one
    on 4 --shards 3 small >out.txt 2>err.txt && complain "$RUN: 4 processes share 3 shards"
    [ "$(cat out.txt err.txt | grep -c '4 processes cannot share --shards 3')" -eq 1 ] ||
        complain "$RUN: not printed once: $(cat out.txt err.txt)"
    $RUN -n 1 ./trainer $OPTIONS -o wrong small : -n 1 ./trainer $OPTIONS -o wrong elsewhere >out.txt 2>err.txt &&
        complain "$RUN: a process without its folder trains"
    [ "$(cat out.txt err.txt | grep -c 'process 1: cl_train: elsewhere: no such folder')" -eq 1 ] ||
        complain "$RUN: the process that fails does not say why: $(cat out.txt err.txt)"
done
finish

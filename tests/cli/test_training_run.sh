#!/bin/sh
# A run as a user makes it: what is printed, what the run folder holds, and the same bytes from any
# number of threads.
. "$(dirname "$0")/common.sh"

few small 20
succeed "$TOOLS/cl_train" --lambda 0.2 --epochs 3 --batch-size 32 -o run --steps steps.csv small
says "3 classes, 60 images: 54 to train, 6 to validate"
says "28x28 .*grey"
says "^epoch softmax  center accuracy   softmax accuracy    k-NN intra/inter    time$"
says "^    3( +[0-9.]+){2} +[0-9.]+ %  +[0-9.]+( +[0-9.]+ %){2} +[0-9.]+ +[0-9:]+"
says "done +run: "
for name in model.safetensors log.csv features.npy features.tsv; do
    [ -s "run/$name" ] || complain "no run/$name"
done
[ "$(wc -l <run/log.csv)" -eq 4 ] || complain "log.csv has not three epochs"
[ "$(wc -l <run/features.tsv)" -eq 61 ] || complain "features.tsv has not 60 rows"
[ "$(wc -l <steps.csv)" -eq 7 ] || complain "steps.csv has not 6 steps"
head -n 1 steps.csv | grep -qx "step,total,softmax,center" || complain "steps.csv has another header"
head -n 1 run/features.tsv | grep -q "^row	path	label	class	split	digest$" || complain "features.tsv header"

# the same seed, the same bytes, at any number of threads; without a cache, too
train() {
    "$TOOLS/cl_train" --quiet --net "$LITTLE" --lambda 0.2 --epochs 3 --batch-size 32 "$@"
}
for threads in 1 2 3; do
    succeed train --threads $threads -o "run-$threads" small
    [ -s out.txt ] && complain "--quiet printed something"
    for name in model.safetensors features.npy; do
        cmp -s "run-1/$name" "run-$threads/$name" || complain "$name differs with $threads threads"
    done
done
succeed train --seed 2 -o other-seed small
cmp -s run-1/model.safetensors other-seed/model.safetensors && complain "another seed, the same model"
succeed train --cache-mb 0 -o uncached small
cmp -s run-1/model.safetensors uncached/model.safetensors || complain "the cache changes the model"
# the default net as well
succeed "$TOOLS/cl_train" --quiet --lambda 0.2 --epochs 3 --batch-size 32 --threads 1 -o alone small
cmp -s run/model.safetensors alone/model.safetensors || complain "the default net differs with one thread"

# the run folders are numbered
succeed "$TOOLS/cl_train" --quiet --net "$LITTLE" --epochs 1 small
succeed "$TOOLS/cl_train" --quiet --net "$LITTLE" --epochs 1 small
[ -s runs/1/model.safetensors ] && [ -s runs/2/model.safetensors ] || complain "no runs/1, runs/2"

# all short and long forms of one setting give the same
succeed "$TOOLS/cl_train" --quiet --net "$LITTLE" --lambda=0.5 --epochs=1 --batch-size 16 -o b small
succeed "$TOOLS/cl_train" -q -n "$LITTLE" -l0.5 -e 1 -b 16 -o c small
cmp -s b/model.safetensors c/model.safetensors || complain "short and long options differ"

# --stop-after, --init, own split, presets
succeed "$TOOLS/cl_train" -q --net "$LITTLE" --stop-after 1 --steps one.csv -o d small
[ "$(wc -l <one.csv)" -eq 2 ] || complain "--stop-after 1 made other than one step"
succeed "$TOOLS/cl_train" --net "$LITTLE" --epochs 1 --init b/model.safetensors -o e small
says "tensors from b/model.safetensors"
few split/train 6
few split/val 2
succeed "$TOOLS/cl_train" --net "$LITTLE" --epochs 1 -o f split
says "18 to train, 6 to validate \(the folder's own split\)"
succeed "$TOOLS/cl_train" --net article --image-size 32 --epochs 1 -o g small
says "3x32x32"
succeed "$TOOLS/cl_train" --net lenet++ --image-size 8 --centers mean --stop-after 1 -o h small
says "dense 2"
succeed "$TOOLS/cl_train" --net "$LITTLE" --feature-size 7 --epochs 1 -o i small
says "dense 7"

# cl_features gives the bytes that cl_train gave, in every format
succeed "$TOOLS/cl_features" run small -o f.npy
says "60 features of 128 numbers"
[ "$(wc -l <f.tsv)" -eq 61 ] || complain "f.tsv has not 60 rows"
succeed "$TOOLS/cl_features" run/model.safetensors small -o f.csv
[ "$(wc -l <f.csv)" -eq 61 ] || complain "f.csv has not 60 rows"
succeed "$TOOLS/cl_features" run small -o f.fvecs
[ "$(wc -c <f.fvecs)" -eq $((60 * 129 * 4)) ] || complain "f.fvecs has another size"
succeed "$TOOLS/cl_features" run small --format projector -o p.tsv
[ "$(wc -l <p.tsv)" -eq 60 ] && [ -s p.metadata.tsv ] || complain "the projector pair"
one=$(ls small/bag/* | head -n 1)
succeed "$TOOLS/cl_features" --normalize run "$one" -o one.csv
[ "$(wc -l <one.csv)" -eq 2 ] || complain "one.csv has not one row"

# twenty classes are whitened at the end, once, unless --no-whiten leaves them
for class in "$SOURCE"/data/fashion/train/*; do
    for half in 1 2; do
        mkdir -p "twenty/$(basename "$class")$half"
        for file in $(ls "$class" | head -n $((3 * half)) | tail -n 3); do
            cp "$class/$file" "twenty/$(basename "$class")$half/"
        done
    done
done
whiten() {
    succeed "$TOOLS/cl_train" --net "$LITTLE" --image-size 12 --epochs 1 --no-report --overwrite "$@" twenty
}
whiten --no-whiten -o plain
grep -q "^whiten" out.txt && complain "--no-whiten whitens"
whiten -o white
says "^whiten +the features"
cmp -s plain/model.safetensors white/model.safetensors && complain "twenty classes are not whitened"
cp white/model.safetensors white/features.npy .
succeed "$TOOLS/cl_train" --resume white
cmp model.safetensors white/model.safetensors || complain "a run that is over is whitened twice"
cmp features.npy white/features.npy || complain "a run that is over gets other features"
whiten --recipe article -o plain
grep -q "^whiten" out.txt && complain "the article whitens"

# Ctrl-C ends after the batch and saves; without checkpoints within an epoch also after a batch of more than a second
"$TOOLS/cl_train" --net "$LITTLE" --epochs 100000 --checkpoint-minutes 0 -o stopped small >out.txt 2>&1 &
pid=$!
await stopped/model.safetensors
kill -TERM $pid
wait $pid
[ $? -eq 143 ] || complain "an interrupted run failed: $(cat out.txt)"
says "^stopped +the state of the training is saved; to go on, .*:$"
says "^ +$TOOLS/cl_train --resume stopped$"
[ -e stopped/features.npy ] && complain "an interrupted run has features"

finish

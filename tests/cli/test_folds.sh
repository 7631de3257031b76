#!/bin/sh
# cl_train --folds: nets that did not train on a picture find the wrong labels that the run's own net has learned. The
# run is the same as without folds, a kill among the folds changes nothing, and folds of an older training go.
. "$(dirname "$0")/common.sh"
TRAIN=$TOOLS/cl_train
KNN=$TOOLS/cl_knn

# draw CLASS SEED FILE: noisy stripes in one of three directions
draw() {
    awk -v class="$1" -v seed="$2" 'BEGIN {
        srand(seed)
        at = rand() * 6
        print "P2\n16 16\n255"
        for (y = 0; y < 16; y++) for (x = 0; x < 16; x++) {
            t = class == "across" ? y : class == "down" ? x : x + y
            print int((int((t + at) / 3) % 2) * 90 + rand() * 120)
        }
    }' >"$3"
}

for class in across down rise; do
    mkdir -p "photos/$class"
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do draw $class $i "photos/$class/$i.pgm"; done
done
# Three wrong labels.
mv photos/across/3.pgm photos/down/wrong1.pgm
mv photos/down/5.pgm photos/rise/wrong2.pgm
mv photos/rise/7.pgm photos/across/wrong3.pgm

# train RUN OPTION...: long enough to learn every label by heart
train() {
    run=$1
    shift
    succeed "$TRAIN" photos -o "$run" --net "$LITTLE" --image-size 16 --epochs 30 --augment none --val-split 0.1 "$@"
}
train plain --no-report
train folds --folds 3
[ "$(grep -c '^fold  *[123] of 3: ' out.txt)" -eq 3 ] || complain "no line for each fold: $(cat out.txt)"
for file in model.safetensors features.npy features.tsv; do
    cmp -s plain/$file folds/$file || complain "$file is another with --folds"
done

# ---- what the page and audit say ----
tr -d '\n' <folds/report.html | grep -q 'looks misplaced.*3 to nets that did not train on them: .*wrong[123].pgm (is ' ||
    complain "the page does not name what looks misplaced"
# wrong RUN: how many of the wrong labels are among the first three
wrong() {
    "$KNN" audit "$1" --ratio 1.2 >out.txt 2>err.txt || complain "audit $1: $(cat err.txt)"
    grep -E '^  photos.* is .*looks like' out.txt | head -n 3 | grep -c wrong
}
[ "$(wrong folds)" -eq 3 ] || complain "the folds find only $(wrong folds) of 3: $(cat out.txt)"
says 'photos/down/wrong1.pgm  is down \(0.*\), looks like across \(0.*\), as photos/across/'
says 'judged 60'
[ "$(wrong plain)" -lt 3 ] || complain "the run's own net finds as many: $(cat out.txt)"
succeed "$KNN" audit folds --ratio 1.2 --json
says '"n_judged": 60'
says '"nearer_class": "across", "like": "photos/across/[0-9]*.pgm", "own_probability": 0[^,]*, "probability": 0'
succeed "$KNN" audit folds --ratio 0 --json
[ "$(grep -o '"misplaced"' out.txt | wc -l)" -eq 60 ] || complain "audit --ratio 0 does not list all 60 that were judged"
succeed "$KNN" audit folds --ratio 0
says '^60 with the most doubtful first$'
succeed "$KNN" audit folds --gallery-split val
says 'judged [0-9]'

# ---- killed among the folds ----
"$TRAIN" photos -o killed --net "$LITTLE" --image-size 16 --epochs 30 --augment none --val-split 0.1 --no-report \
    --folds 3 -q >out.txt 2>err.txt &
pid=$!
await killed/folds.npy
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
succeed "$TRAIN" --resume killed --json
[ "$(grep -c '"kind": "fold"' out.txt)" -lt 3 ] || complain "the fold that was done is trained again"
for file in model.safetensors features.npy folds.npy folds.tsv; do
    cmp -s folds/$file killed/$file || complain "$file is another after a kill"
done
[ ! -e killed/folds.checkpoint.safetensors ] || complain "the state of a fold is left"
succeed "$TRAIN" --resume killed --json
grep -q '"kind": "fold"' out.txt && complain "folds that are done are trained again"
cmp -s folds/folds.npy killed/folds.npy || complain "folds.npy is another after a resume"

# ---- folds of another training ----
succeed "$TRAIN" --resume killed --epochs 31 --json
[ "$(grep -c '"kind": "fold"' out.txt)" -eq 3 ] || complain "the folds are those of fewer epochs"
train killed --overwrite --no-report
[ ! -e killed/folds.npy ] && [ ! -e killed/folds.tsv ] || complain "folds of the older run are left"
cp plain/features.npy plain/features.tsv killed
cp folds/folds.npy folds/folds.tsv plain
sed -i 's/wrong1/right1/' plain/folds.tsv
"$KNN" audit plain >out.txt 2>err.txt || complain "audit fails by folds of another run: $(cat err.txt)"
grep -q 'plain/folds.npy is not used' err.txt || complain "folds of other pictures are used: $(cat out.txt)"

# ---- a class too small to be left out ----
mkdir photos/tiny
draw across 90 photos/tiny/a.pgm
train small --folds 3 --no-report --val-split 0
succeed "$KNN" audit small
says '61 rows .* judged 60$'

# ---- groups stay together ----
n=0
for class in across down rise; do
    mkdir -p "bursts/$class"
    for file in "photos/$class"/*.pgm; do
        n=$((n + 1))
        cp "$file" "bursts/$class/$((n % 5))_$n.pgm"
    done
done
succeed "$TRAIN" bursts -o grouped --net "$LITTLE" --image-size 16 --epochs 1 --group '*_*' --folds 2 --no-report \
    --val-split 0
rows=$(($(wc -l <grouped/folds.tsv) - 1)) # of six float32 each, the first is the fold
od -A n -v -t f4 -j $(($(wc -c <grouped/folds.npy) - rows * 24)) grouped/folds.npy | tr -s ' ' '\n' | grep . |
    awk 'NR % 6 == 1' >numbers.txt
tail -n +2 grouped/folds.tsv | cut -f 2 | sed 's/_.*//' | paste - numbers.txt | sort -u >groups.txt
[ "$(cut -f 1 groups.txt | uniq -d | wc -l)" -eq 0 ] || complain "a group lies in two folds: $(cat groups.txt)"
[ "$(cut -f 2 groups.txt | sort -u | wc -l)" -eq 2 ] || complain "all groups lie in one fold: $(cat groups.txt)"

expect 2 'folds' "$TRAIN" photos --folds 1 -o none

finish

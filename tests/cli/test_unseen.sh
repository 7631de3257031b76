#!/bin/sh
# Classes that are kept out of training, the page of a run, and the losses to compare with.
. "$(dirname "$0")/common.sh"
few small 12
mkdir -p small/trouser small/dress
for class in trouser dress; do
    for file in $(ls "$SOURCE/data/fashion/train/$class" | head -n 12); do
        cp "$SOURCE/data/fashion/train/$class/$file" "small/$class/"
    done
done
printf 'dress\ntrouser\n' >names.txt
train() {
    "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 2 "$@"
}

succeed train --verbose --holdout-classes names.txt -o run --svg small
says "24 of 2 held-out classes"
says "^validation +[0-9.]+ % "
says "^unseen +[0-9.]+ % "
[ "$(grep -E '^(features .*k-NN|validation|unseen) ' out.txt | awk '{ print length }' | uniq)" -gt 80 ] ||
    complain "rows and titles have several lengths: $(cat out.txt)"
says "unseen: 1-shot among 2 classes"
[ "$(grep -c '	heldout	' run/features.tsv)" -eq 24 ] || complain "features.tsv has not 24 rows of held-out classes"
grep -q '"name": "unseen"' run/report.json || complain "report.json has no unseen set"
grep -q '<svg' run/report.html || complain "report.html has no plot"
grep -q 'holdout-classes names.txt' run/report.html || complain "report.html has no command line"
ls run/svg/*.svg >/dev/null || complain "no single plots"
if grep -qE '(src|href)="(https?:)?//' run/report.html; then complain "report.html needs a network"; fi

# one class has no other to be told from, so its k-NN of 100 % is not shown
echo dress >name.txt
succeed train --holdout-classes name.txt --no-report -o run-single small
says "12 of 1 held-out class$"
says "^held out  one class, .* is not measured$"
if grep -q '^unseen ' out.txt; then complain "one held-out class is measured: $(cat out.txt)"; fi

# the table of losses has the figures of the run
succeed train --loss softmax --holdout-classes names.txt --no-report -o run-compared small
shots=$(awk '$1 == "unseen" && $3 == "%" { print $6 }' out.txt)
COMPARE="--loss softmax" succeed sh "$SOURCE/tools/compare.sh" "$TOOLS/cl_train" small 1 \
    --net "$LITTLE" --image-size 16 --epochs 2 --holdout-classes names.txt
says "^\| .--loss softmax. +\| [0-9.]+ .*\| $shots \+- 0.00 \| [0-9.]+ "

# the model knows the trained classes only, and the same seed holds out the same share
if grep -aq '"dress"' run/model.safetensors; then complain "a held-out class is in the model"; fi
succeed train -q --holdout-classes 0.4 --no-report -o a small
succeed train -q --holdout-classes 0.4 --no-report --threads 1 -o b small
cmp -s a/model.safetensors b/model.safetensors || complain "the held-out share depends on threads"
cmp -s a/features.tsv b/features.tsv || complain "the held-out share is not the same"
[ -e a/report.html ] && complain "--no-report wrote a page"

# every loss trains; triplets fill their batches with few classes
for loss in softmax triplet triplet-semi contrastive-center cosface; do
    succeed train --no-report --loss $loss -o "run-$loss" small
    says "^    2 "
done
succeed train --no-report --verbose --lambda auto --lambda-warmup 1 --augment strong --flip --label-smoothing 0.1 --clip 1 \
    --patience 1 -o rest small
says "lambda [0-9.e-]+  gradients center/softmax [0-9.]+  feature to center [0-9.]+  spread [0-9.]+  val center"
says '^mirror    a feature is the mean over a picture and its mirror image$'
succeed train -q --no-report --flip --val-split 0 -o mirrored small
succeed "$TOOLS/cl_features" mirrored small -o mirrored.npy
cmp -s mirrored/features.npy mirrored.npy || complain "cl_features does not mirror as cl_train does"
expect 1 "own; choose centers that" train --loss contrastive-center --centers mean -o no small
expect 1 "choose a number" train --loss triplet --lambda auto -o no small

# -- of 50 classes and more a tenth is held out, which chooses the best epoch; 0 trains all
number=10
while [ $number -lt 60 ]; do
    mkdir -p many/c$number
    class=$(printf 'bag\ncoat\nsandal\ntrouser\ndress\n' | sed -n "$((number % 5 + 1))p")
    for file in $(ls "$SOURCE/data/fashion/train/$class" | sed -n "$((number - 9)),$((number - 6))p"); do
        cp "$SOURCE/data/fashion/train/$class/$file" many/c$number/
    done
    number=$((number + 1))
done
few_epochs() {
    "$TOOLS/cl_train" --net "flatten, dense 8" --image-size 8 --epochs 2 --no-report "$@"
}
succeed few_epochs -o many-run many
says "^images +45 classes, .* 20 of 5 held-out classes"
says "^ +--holdout-classes 0 trains them, too$"
says "^epoch .* AUC +time"
says "^done .*AUC of held-out classes [0-9.]+ %"
head -n 1 many-run/log.csv | grep -q ',unseen_auc$' || complain "log.csv has no unseen_auc"
succeed few_epochs --resume many-run
says "^done .*AUC of held-out classes"
succeed few_epochs --json -o many-json many
says '"kind": "measures".*"metric": "(l2|cosine)"'
says '"kind": "end".*"best_unseen_auc": 0.[0-9]+'
succeed few_epochs --holdout-classes 0 --dry-run many
says "^images +50 classes, "
rm -r many/c10
succeed few_epochs --dry-run many
says "^images +49 classes, "

# -- cosine is chosen where it is clearly better on held-out classes: here they are patterns, at any brightness. cl_knn
# takes the choice
for pattern in '1 1 0 0' '1 0 1 0' '1 0 0 1' '0 1 1 0'; do
    for level in 20 40 60 80 100 120 140 160 180 200; do
        mkdir -p "bright/$(echo $pattern | tr -d ' ')"
        echo "P2 2 2 255 $(echo $pattern | sed "s/1/$level/g")" >"bright/$(echo $pattern | tr -d ' ')/$level.pgm"
    done
done
succeed "$TOOLS/cl_train" --net flatten --mean 0 --std 1 --augment none --no-flip --epochs 1 --no-report --holdout-classes 0.5 -o bright-run bright
says "^metric +cosine: AUC 100.00 %, by l2 [0-9.]+ %$"
succeed "$TOOLS/cl_knn" eval bright-run
says "^metric +cosine, "
succeed "$TOOLS/cl_train" --net flatten --mean 0 --std 1 --augment none --no-flip --epochs 1 --no-report -o trained-run bright
says "^metric +l2: AUC [0-9.]+ %, by cosine 100.00 %; only held-out classes choose cosine$"
succeed "$TOOLS/cl_knn" sync --model trained-run plain.gallery bright
succeed "$TOOLS/cl_knn" eval bright-run plain.gallery # a .gallery has its metric, a run only a choice
says "^metric +l2, "
succeed "$TOOLS/cl_knn" add new.gallery Ada bright-run
succeed "$TOOLS/cl_knn" info new.gallery
says ", metric cosine$"
cp -r bright-run broken-run
echo x >broken-run/model.safetensors
succeed "$TOOLS/cl_knn" eval broken-run # needs its features only
says "^metric +l2, "
succeed "$TOOLS/cl_knn" eval --metric l2 bright-run
says "^metric +l2, "
succeed "$TOOLS/cl_knn" eval bright-run/features.npy # which names no run
says "^metric +l2, "
succeed "$TOOLS/cl_knn" eval --model bright-run bright
says "^metric +cosine, "
succeed "$TOOLS/cl_knn" sync --model bright-run bright.gallery bright
succeed "$TOOLS/cl_knn" info bright.gallery
says ", metric cosine$"
succeed "$TOOLS/cl_features" --info bright-run
says "metric cosine"
succeed "$TOOLS/cl_train" -q --net flatten --mean 0 --std 1 --augment none --no-flip --epochs 1 --no-report --holdout-classes 0.5 -o quiet-run bright
cmp -s bright-run/model.safetensors quiet-run/model.safetensors || complain "what is printed changes the model"
succeed "$TOOLS/cl_train" --net flatten --augment none --epochs 1 --no-report -o plain-run small
says "^metric +l2: AUC [0-9.]+ %, by cosine [0-9.]+ %"
succeed "$TOOLS/cl_knn" eval plain-run
says "^metric +l2, "

# -- test pictures are measured, too, and an epoch's k-NN among some of the training images is called so
few whole 12
mkdir -p apart/train apart/val apart/test
for class in bag coat sandal; do
    mkdir -p apart/val/$class apart/test/$class
    mv whole/$class apart/train/
    for file in $(ls apart/train/$class | head -n 3); do mv apart/train/$class/$file apart/val/$class/; done
    for file in $(ls apart/train/$class | head -n 4); do mv apart/train/$class/$file apart/test/$class/; done
done
succeed "$TOOLS/cl_train" --net "$LITTLE" --epochs 1 -o apart-run apart
says "^validation +[0-9.]+ % "
says "^test +[0-9.]+ % "
grep "k-NN among" out.txt && complain "all training images were searched"
grep -q '"name": "test"' apart-run/report.json || complain "report.json has no test set"
for class in bag coat sandal; do # 5,001 training images, by links to one of each class
    one=$WORK/apart/test/$class/$(ls apart/test/$class | head -n 1)
    i=0
    while [ $i -lt 1667 ]; do
        i=$((i + 1))
        echo "apart/train/$class/l$i.png"
    done | xargs -n 1 ln -s "$one"
done
succeed "$TOOLS/cl_train" --net "flatten, dense 4" --image-size 4 --epochs 1 -o large-run apart
says "^ +k-NN among 5,000 of 5,[0-9]+ training images"
says "^done .*epoch 1, k-NN among 5,000 [0-9.]+ %"
finish

#!/bin/sh
# What cl_train ends with is there to be opened, and its command lines work as they are printed.
. "$(dirname "$0")/common.sh"
train() {
    "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 2 "$@"
}
# type_all: each command line that was printed, by a shell
type_all() {
    sed -n 's/^              //p' out.txt >typed
    [ "$(wc -l <typed)" -eq "$1" ] || complain "not $1 command lines: $(cat out.txt)"
    while read -r line; do
        sh -c "$line" >answer.txt 2>err.txt </dev/null || complain "$line: exit code $?: $(cat err.txt)"
    done <typed
}

few "my pictures" 12
succeed train "my pictures" # runs/1, a folder with a space in its name
report=$(sed -n 's/^open *//p' out.txt)
[ "$report" = runs/1/report.html ] && [ -s "$report" ] || complain "no page to open: $(cat out.txt)"
type_all 3
grep -q "cl_knn classify --gallery-split train runs/1 'my pictures/[a-z]*/[0-9]*.png'" typed || complain "no picture: $(cat typed)"
sh -c "$(head -n 1 typed)" | grep -qE "^my pictures/[a-z]+/[0-9]+\.png  (bag|coat|sandal) " || complain "not classified"
[ -s runs/1/other.npy ] || complain "no features of the folder"
grep -q "k-NN" answer.txt || complain "eval has no k-NN: $(cat answer.txt)"

# what is printed beside names fits a terminal of 80 columns
succeed train --no-report --loss contrastive-center --centers adam-dense --augment strong --lambda 0.000123 --seed 123456789012 -o long "my pictures"
says '^training '
awk '/^training|^done/ { n = 2 } n-- > 0 && length > 80 { print; bad = 1 } END { exit bad }' out.txt >wide.txt ||
    complain "wider than 80: $(cat wide.txt)"

# of classes that are held out none is asked for, as it has no class to be found
succeed train --no-report --holdout-classes 0.3 --val-split 0.3 -o held "my pictures"
picture=$(sed -n "s/.*cl_knn classify --gallery-split train held '\(.*\)'/\1/p" out.txt)
grep -qE "	$picture	.*	val	" held/features.tsv || complain "$picture is no validation picture"

# from a list, with its own test split, and without a page
(cd "my pictures" && for class in bag coat sandal; do
    for file in $(ls $class | head -n 6); do echo "$class/$file,$class,train"; done
    for file in $(ls $class | tail -n 3); do echo "$class/$file,$class,test"; done
done) | sed 's/^/my pictures\//' | { echo path,label,split && cat; } >list.csv
succeed train --no-report -o "it's a run" list.csv
grep -q '^open' out.txt && complain "a page is to be opened that was not made"
type_all 3

# one that is stopped, after its batch however slow the machine is
"$TOOLS/cl_train" --net "$LITTLE" --epochs 1000000 --checkpoint-minutes 0 -o stopped "my pictures" >out.txt 2>err.txt &
pid=$!
await stopped/model.safetensors
kill -TERM $pid
wait $pid
sed -i 's/--resume/--epochs 1 --resume/' out.txt # else it takes days
type_all 1
[ -s stopped/report.html ] || complain "the training did not go on"
finish

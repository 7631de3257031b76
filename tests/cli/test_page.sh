#!/bin/sh
# What the page of a run says of it, and one page for several runs.
. "$(dirname "$0")/common.sh"
few small 12
train() {
    "$TOOLS/cl_train" -q --net "$LITTLE" --image-size 16 --val-split 0.3 "$@"
}

# value FILE KEY: the first number with this key.
value() {
    grep -o "\"$2\": *[-0-9.e]*" "$1" | head -n 1 | sed 's/.*: *//'
}

# -- the head's accuracy is that of training's own measure of the best epoch
for loss in center cosface; do
    succeed train --epochs 3 --loss $loss -o "$loss" small
    best=$(awk -F, 'NR > 1 && $13 == 1 { accuracy = $9 } END { printf "%.6f", accuracy }' $loss/log.csv)
    head=$(value $loss/report.json head_accuracy | awk '{ printf "%.6f", $1 }')
    [ "$best" = "$head" ] || complain "$loss: the head's accuracy is $head, and was $best in training"
    epoch=$(awk -F, 'NR > 1 && $13 == 1 { best = $1 } END { print best }' $loss/log.csv)
    grep -q "Shown first: epoch $epoch\." $loss/report.html || complain "$loss: the page does not open at epoch $epoch"
done
succeed train --epochs 2 --loss triplet --per-class 4 --batch-size 12 -o triplet small
grep -q '"head_accuracy": *null' triplet/report.json || complain "a loss without a head has an accuracy of the head"

# -- what it takes to repeat the run: options that are not the defaults, machine and places
fact() {
    grep -q "\"name\": \"$1\",\$" "$3/report.json" || complain "$3: no fact $1"
    grep -A 1 "\"name\": \"$1\",\$" "$3/report.json" | grep -q -- "$2" || complain "$3: $1 is not $2"
}
fact --loss cosface cosface
fact --epochs 3 center
fact --image-size 16x16 center
fact --quiet yes center
fact "run folder" "$(cd center && pwd -P)" center
fact "working folder" "$(pwd -P)" center
fact finished ' UTC"' center
grep -q '"name": "--seed"' center/report.json && complain "--seed is a fact though it is the default"
grep -q '"name": "--loss"' center/report.json && complain "--loss is a fact though it is the default"

# -- the same run has the same model and features, whatever the time and place
succeed train --epochs 3 -o again small
for file in model.safetensors features.npy features.tsv; do
    cmp -s center/$file again/$file || complain "$file is not the same in a second run"
done

# -- a page that is made after a resumption shows the plane of the best epoch, with pictures
train --epochs 3 --stop-after 1 -o stopped small >/dev/null 2>&1
succeed "$TOOLS/cl_train" -q --resume stopped
grep -q 'id="plane"' stopped/report.html || complain "a resumed run has no plane"
grep -q 'id="sprite"' stopped/report.html || complain "a resumed run has no pictures of points"

# -- several runs on one page
compare() {
    "$TOOLS/cl_train" compare "$@"
}
succeed "$TOOLS/cl_train" --help
says "compare RUN RUN"
succeed compare --help
says "cl_train compare RUN RUN"
succeed compare center cosface triplet -o all.html
says "^all.html shows 3 runs$"
for text in '>--loss<' '>cosface<' '<h3><bdi>validation</bdi></h3>' 'id="knn"' 'class="r2"'; do
    grep -q -- "$text" all.html || complain "the comparison has no $text"
done
grep -q '>--image-size<' all.html && complain "what all runs have in common is shown as a difference"
number=$(value center/report.json knn_accuracy | awk '{ printf "%.2f", 100 * $1 }')
grep -q ">$number" all.html || complain "the comparison has no $number"
cp -r center open
rm open/report.json
succeed compare center open -o two.html
grep -q 'has not ended' two.html || complain "a run without report.json is not marked"
[ "$(grep -c '<path class="r1"' two.html)" -gt 4 ] || complain "log.csv gives no curves"
expect 2 "name two runs or more" compare center
expect 2 "17 runs cannot be compared; name 1 to 16" compare center center center center center center center center \
    center center center center center center center center center
expect 1 "small: there is neither report.json nor log.csv" compare center small
expect 1 "no/page.html" compare center cosface -o no/page.html

# -- files of a stranger
stranger() {
    rm -rf evil
    mkdir evil
    printf '%s' "$2" >"evil/$1"
}
stranger report.json '{"facts": [], "sets": []}'
expect 1 "evil/report.json: this is no report of cl_train" compare center evil
stranger report.json '[1'
expect 1 "evil/report.json: .*byte" compare center evil
stranger log.csv 'name,age
'
expect 1 "evil/log.csv: this is no log of cl_train" compare center evil
stranger report.json '{"facts": [{"name": "<script>x", "value": "<script>x"}, {"name": 1}, 2],
"sets": [{"name": "</h3><script>x", "knn_accuracy": 1e300, "knn_accuracy_interval": ["a", 1]}, 3],
"epochs": [{"epoch": 1e300}, {"epoch": -1}, {"epoch": 5, "lr": -1e29, "knn_accuracy": "x"}, {"epoch": 2, "lr": 1e29}]}'
succeed compare center evil
grep -q '<script>x' compare.html && complain "a stranger's name is markup"
stranger log.csv 'epoch,knn_accuracy,lr
nan,nan,inf
1,0.5
99999999999999,0.5,x,y,z
2,0.5,1'
succeed compare center evil
rm -rf evil/log.csv
mkfifo evil/log.csv
expect 1 "evil/log.csv: " compare center evil
rm evil/log.csv
dd if=/dev/null of=evil/report.json bs=1 seek=2000000000 2>/dev/null
expect 1 "evil/report.json: .* bytes" compare center evil

finish

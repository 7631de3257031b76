#!/bin/sh
# cl_knn: measures, classes, strangers, new classes and audits, from pictures, run folders and feature
# files; and one sentence for every kind of bad input.
. "$(dirname "$0")/common.sh"
KNN="$TOOLS/cl_knn"

# npy FILE DESCR FORTRAN SHAPE BYTES...: a .npy of version 1.0; BYTES are formats of printf.
npy() {
    file=$1
    header="{'descr': '$2', 'fortran_order': $3, 'shape': $4, }"
    shift 4
    printf '\223NUMPY\001\000\166\000%-117s\n' "$header" >"$file"
    for bytes; do
        # shellcheck disable=SC2059
        printf "$bytes" >>"$file"
    done
}

# tsv FILE CLASS...: a row for each
tsv() {
    file=$1
    shift
    printf 'row\tpath\tlabel\tclass\tsplit\n' >"$file"
    row=0
    for class; do
        printf '%d\tpicture-%d.png\t0\t%s\t\n' $row $row "$class" >>"$file"
        row=$((row + 1))
    done
}

# has KEY VALUE: the last command printed "KEY": VALUE
has() {
    grep -qE -- "\"$1\": $2[,}]" out.txt || complain "no \"$1\": $2 in: $(cat out.txt)"
}

# -- the command line
expect 2 "name a command, as classify; cl_knn --help lists them" "$KNN"
expect 2 "evil: there is no such command; did you mean eval\?" "$KNN" evil x
expect 2 "name a gallery" "$KNN" eval
expect 2 "at most one set of queries" "$KNN" eval a b c
expect 2 "name a gallery and pictures" "$KNN" classify a
expect 2 "name a gallery, the new class" "$KNN" enroll a b
expect 2 "name the one set" "$KNN" audit
expect 2 "metric 'l1'" "$KNN" eval --metric l1 a
expect 2 "k '0'" "$KNN" eval --k 0 a
expect 2 "far has no use here" "$KNN" eval --far 0.1 a
expect 2 "far has no use here" "$KNN" classify --far 0.1 --threshold 3 a b
expect 2 "far must lie between" "$KNN" classify --far 0 a b
expect 2 "strangers has no use here" "$KNN" classify --strangers c a b
expect 2 "report has no use here" "$KNN" audit --report a.html a
expect 2 "add has no use here" "$KNN" eval --add a
expect 2 "ratio '-0.5'" "$KNN" audit --ratio -0.5 a

# -- four points of two classes, (0, 0) (0, 1) and (3, 0) (3, 1): every kind of .npy says the same
zero='\000\000\000\000'
one='\000\000\200\077'
three='\000\000\100\100'
points() {
    "$KNN" eval --json -k 1 g.npy >"$1" 2>err.txt || complain "$1: $(cat err.txt)"
}
tsv g.tsv a a b b
npy g.npy '<f4' False '(4, 2)' "$zero$zero" "$zero$one" "$three$zero" "$three$one"
points c.json
npy g.npy '<f4' True '(4, 2)' "$zero$zero$three$three" "$zero$one$zero$one"
points fortran.json
npy g.npy '>f4' False '(4, 2)' "$zero$zero" "$zero"'\077\200\000\000' '\100\100\000\000'"$zero" \
    '\100\100\000\000\077\200\000\000'
points big.json
one8='\000\000\000\000\000\000\360\077'
three8='\000\000\000\000\000\000\010\100'
npy g.npy '<f8' False '(4, 2)' "$zero$zero$zero$zero" "$zero$zero$one8" "$three8$zero$zero" "$three8$one8"
points double.json
for kind in fortran big double; do
    cmp -s c.json $kind.json || complain "$kind: $(cat $kind.json) instead of $(cat c.json)"
done
cp c.json out.txt
for key in knn_accuracy precision_at_1 r_precision map_at_r auc; do has $key 1; done
has eer 0
has n_queries 4
has n_lone 0
has n_genuine 2
has n_impostor 4
has pairs_sampled false
has leave_one_out true
has one_shot '\{"accuracy": 1, "interval": 0, "n_ways": 2, "n_episodes": 600}'
has five_shot null
has confusions '\[\]'

# -- lone queries, ties, weights, and a query that was mistaken, worked by hand
cat >line.csv <<'END'
path,label,class,split,f0
p0,0,a,,0
p1,0,a,,1
p2,1,b,,3
p3,1,b,,5
p4,2,lone,,20
END
succeed "$KNN" eval --json -k 1 line.csv
has n_lone 1
has knn_accuracy 0.6 # p0, p1 and p3 of five; p2 is 2 from p1 and from p3: the first
has precision_at_1 0.75
has r_precision 0.75
says '"class": "b", "predicted": "a", "count": 1'
printf 'path,label,class,split,f0\nq,0,b,,2\n' >between.csv # 1 from p1 (a) and from p2 (b)
for threads in 1 2 3; do
    succeed "$KNN" classify -t $threads -k 2 line.csv between.csv
    says '^q  a  distance 1 +margin 0 +votes 50.0 %   nearest  p1  p2$'
done
printf 'path,label,class,split,f0\nq,0,b,,2.5\n' >nearer.csv # b 0.5, a 1.5 and 2.5, b 2.5
expect 1 "nearer.csv: --k 3 asks for more than 1 row, which is all there is;" "$KNN" classify -k 3 nearer.csv nearer.csv
succeed "$KNN" classify --json -k 3 --weights uniform line.csv nearer.csv
has class '"a"' # b, a, a (row 0 before row 3)
succeed "$KNN" classify --json -k 3 --weights distance line.csv nearer.csv
has class '"b"' # 2 against 2/3 + 2/5
# shares of the votes: 2 / (2 + 2/3 + 2/5) and the rest; and 1 of 3, 2 of 3
says '"votes": \[\{"class": "b", "share": 0\.652173913\}, \{"class": "a", "share": 0\.347826087\}\], "head": null'
succeed "$KNN" classify --json -k 3 --weights uniform line.csv nearer.csv
says '"votes": \[\{"class": "a", "share": 0\.666666667\}, \{"class": "b", "share": 0\.333333333\}\]'
# the default counts 1 / distance^16: 1 to (1/3)^16 + (1/5)^16; of cosine distances ^8
succeed "$KNN" classify --json -k 3 line.csv nearer.csv
says '"votes": \[\{"class": "b", "share": 0\.999999977\}, \{"class": "a", "share": 2\.3237[0-9]*e-08\}\]'
printf 'path,label,class,split,f0\nq,0,b,,3\n' >upon.csv # on p2: the others do not count
succeed "$KNN" classify --json -k 3 --weights distance line.csv upon.csv
says '"votes": \[\{"class": "b", "share": 1\}\]'
succeed "$KNN" classify --threshold 0.4 -k 1 line.csv nearer.csv
says '^q  unknown  distance 0.5 '
succeed "$KNN" classify --threshold 0.5 -k 1 line.csv nearer.csv
says '^q  b  distance 0.5 +margin 1 '
# only neighbours within the threshold vote: of b 0.5, a 1.5 and a 2.5 away the first
succeed "$KNN" classify --threshold 0.5 -k 3 line.csv nearer.csv
says '^q  b  distance 0.5 +margin 1 '
succeed "$KNN" classify --json --threshold 1.5 -k 3 line.csv nearer.csv
has class '"b"' # the nearer one
succeed "$KNN" classify --json --threshold 1.5 -k 3 --weights uniform line.csv nearer.csv
has class '"a"' # one of each: the smaller label
succeed "$KNN" classify --json --threshold 0.4 -k 3 line.csv nearer.csv
says '"votes": \[\]'
has known false
has class null
has distance 0.5
has n_in_gallery 0
# rows without a class: no part of a gallery, and of measuring none; they can be classified
printf 'path,label,class,split,f0\nq,-1,,,2.5\np3,1,b,,5\n' >partly.csv
for command in "eval partly.csv" "eval line.csv partly.csv" "eval partly.csv line.csv" "classify partly.csv line.csv" \
    "audit partly.csv" "enroll partly.csv new line.csv" "classify --far 0.1 --strangers partly.csv line.csv line.csv"; do
    expect 1 "partly.csv: q has no class; fill in its label and class" "$KNN" $command
done
succeed "$KNN" classify -k 1 line.csv partly.csv
says '^q   b  distance 0.5 '
cp line.csv unnamed.csv
succeed "$KNN" enroll unnamed.csv new partly.csv
[ "$(grep -c ',new,' unnamed.csv)" -eq 2 ] || complain "enrolled: $(cat unnamed.csv)"
# a picture of the gallery finds itself, by its path or its feature, which is said
printf 'path,label,class,split,f0\np2,0,b,,3.5\nother,0,b,,5\nnew,0,b,,4.5\n' >seen.csv
expect 0 "2 of these pictures are in the gallery already: their nearest is itself" \
    "$KNN" classify -k 1 line.csv seen.csv
succeed "$KNN" classify --json -k 1 line.csv seen.csv
has n_in_gallery 2
succeed "$KNN" eval -k 1 line.csv seen.csv
says '^note +2 of the queries are rows of the gallery, too: they find themselves'
succeed "$KNN" eval --json -k 1 line.csv seen.csv
has n_in_gallery 2
has leave_one_out false
succeed "$KNN" eval --json -k 1 line.csv
cp line.csv same.csv
for set in line.csv same.csv; do # a set against itself is measured by leave-one-out
    succeed "$KNN" eval -k 1 line.csv $set
    says '^queries +the same rows as the gallery$'
    says 'leave-one-out'
    succeed "$KNN" eval --json -k 1 line.csv $set
    has leave_one_out true
    has knn_accuracy 0.6
    has knn_macro 0.5 # a 2 of 2, b 1 of 2, lone 0 of 1
    has knn_interval '\[0.23072428[0-9]*, 0.88237922[0-9]*\]'
    has n_in_gallery 0
done
succeed "$KNN" eval --json --metric cosine -k 1 g.npy
has metric '"cosine"'

# letters within one alphabet: both alphabets look the same, and each tells its own letters apart
printf 'path,label,class,split,f0\n' >letters.csv
for row in 0,x__a,0 0,x__a,1 1,x__b,100 1,x__b,101 2,y__a,0.5 2,y__a,1.5 3,y__b,100.5 3,y__b,101.5; do
    echo "p,$(echo $row | sed 's/,\([^,]*\)$/,,\1/')"
done >>letters.csv
succeed "$KNN" eval -k 1 --within __ letters.csv
says '^1-shot 2-way +100.00 % .* within one group$'
succeed "$KNN" eval -k 1 letters.csv
says '^1-shot 4-way +[0-9]?[0-9]\.'
succeed "$KNN" eval --json -k 1 --within __ letters.csv
has within '"__"'
expect 2 "within has no use here: it is for eval" "$KNN" audit --within __ letters.csv

# a class is matched by its name, whatever its number
printf 'path,label,class,split,f0\nq,7,b,,4\nr,0,zebra,,21\n' >query.csv
succeed "$KNN" eval --json -k 1 line.csv query.csv
has n_queries 2
has n_lone 1
has knn_accuracy 0.5
says '"class": "zebra", "predicted": "lone", "count": 1'

# -- splits within one set
cat >splits.csv <<'END'
path,label,class,split,f0
p0,0,a,train,0
p1,1,b,train,3
q0,0,a,val,1
q1,1,b,val,4
h0,2,c,heldout,10
h1,2,c,heldout,11
h2,3,d,heldout,15
h3,3,d,heldout,16
END
succeed "$KNN" eval -k 1 splits.csv
says '^gallery +splits.csv: 2 rows of split train$'
says '^queries +splits.csv: 2 rows of split val$'
says '^left out +4 rows of split heldout'
says '^k-NN accuracy +100.00 % +95 % interval 34.2 to 100.0 %$'
says '^k-NN macro +100.00 % '
sed 's/^h\([01]\)\(.*\)heldout/h\1\2test/' splits.csv >tests.csv
succeed "$KNN" eval -k 1 tests.csv
says '^left out +2 rows of split test: --query-split test measures them$'
says '^left out +2 rows of split heldout: --query-split heldout measures them$'
succeed "$KNN" eval --json -k 1 tests.csv
has n_left_out '\{"test": 2, "heldout": 2}'
succeed "$KNN" eval -k 1 --query-split heldout splits.csv
says '^set +splits.csv: 4 rows of split heldout$'
says 'leave-one-out'
succeed "$KNN" eval -k 1 --query-split all splits.csv
says '^set +splits.csv: 8 rows$'
expect 2 "queries would be among the gallery" "$KNN" eval --gallery-split train --query-split all splits.csv
expect 1 "splits.csv: no row is of split .vol.; there is train, val, heldout" \
    "$KNN" eval --query-split vol splits.csv
expect 1 "line.csv: its rows name no split" "$KNN" eval --query-split val line.csv

# -- names that are no UTF-8 or hold quotes, controls and newlines still make JSON
printf 'path,label,class,split,f0\na\377.png,0,a\303,,0\n"b""\\.png",0,"a\303",,1\nc\001\033[1m.png,1,b\355\240\200,,1.5\nd.png,1,b\355\240\200,,1.5\n' >names.csv
for command in "eval -k 1 names.csv" "eval -k 1 names.csv line.csv" "classify -k 1 names.csv names.csv" "audit names.csv" \
    "list names.csv"; do
    # shellcheck disable=SC2086
    "$KNN" $command --json >out.txt 2>err.txt || complain "$command: $(cat err.txt)"
    if command -v python3 >/dev/null; then
        python3 -c 'import json, sys; json.loads(open("out.txt", "rb").read().decode("utf-8"))' 2>err.txt ||
            complain "$command gives no JSON: $(tail -n 1 err.txt)"
    fi
    LC_ALL=C grep -q "$(printf '[\377\001\033]')" out.txt && complain "$command: raw bytes in its JSON"
done

# -- a run of cl_train
few small 20
succeed "$TOOLS/cl_train" -q --net "$LITTLE" --epochs 30 --batch-size 16 --lambda 0.2 -o run small
succeed "$KNN" eval run
says '^gallery +run: 54 rows of split train$'
says '^queries +run: 6 rows of split val$'
says '^k-NN accuracy +[0-9.]+ % +95 % interval [0-9.]+ to [0-9.]+ %$'
says '^AUC '
succeed "$KNN" eval --json run
cp out.txt one.json
succeed "$KNN" eval --json -t 1 run
cmp -s out.txt one.json || complain "eval differs with one thread"
succeed "$KNN" eval --json --model run small
has leave_one_out true
has n_queries 60
succeed "$KNN" eval -q --report page.html --svg plots run
grep -q '<html' page.html || complain "no page"
ls plots | grep -q 'svg$' || complain "no plots"
grep -q 'eval -q --report page.html --svg plots run' page.html || complain "the page names no command"

# -- the page opens only pictures in the folders that were named, whatever a feature file says
pictures() { # N PATTERN: the last page has so many pictures
    [ "$(grep -o '<img' page.html | wc -l)" -eq "$1" ] || complain "not $1 pictures in the page of $2"
}
succeed "$KNN" eval -k 1 --report page.html run
says '^page +page.html, with pictures in run; --pictures DIR names another folder$'
pictures 0 "a run whose pictures lie outside of it"
succeed "$KNN" eval -k 1 --report page.html --pictures small run
says '^page +page.html, with pictures in small$'
[ "$(grep -o '<img' page.html | wc -l)" -ge 8 ] || complain "--pictures shows none of small"
succeed "$KNN" eval -k 1 --report page.html --model run small
[ "$(grep -o '<img' page.html | wc -l)" -ge 8 ] || complain "pictures that were named are not shown"
expect 2 "pictures is given twice, 'small' and 'run'; name one" "$KNN" eval --report page.html --pictures small --pictures run run
expect 2 "pictures has no use here" "$KNN" eval --pictures small run
mkdir -p set/own secret
picture=$(ls small/bag/* | head -n 1)
cp "$picture" set/own/good.png
cp "$picture" secret/secret.png
cp "$picture" set-secret.png
ln -s ../../secret/secret.png set/own/link.png
ln -s ../secret set/folder
ln -s own/good.png set/inner.png
mkfifo set/own/pipe.png
ln -s /dev/zero set/own/zero.png
cat >set/set.csv <<END
path,label,class,split,f0
set/own/good.png,0,a,,0
$PWD/set/own/../own/good.png,0,a,,0.1
set/inner.png,0,a,,0.2
secret/secret.png,0,a,,0.3
$PWD/secret/secret.png,1,b,,5
set/own/link.png,1,b,,5.1
set/folder/secret.png,1,b,,5.2
set/../secret/secret.png,1,b,,5.3
set-secret.png,1,b,,5.4
set/own/pipe.png,1,b,,5.5
/dev/zero,1,b,,5.6
set/own/zero.png,1,b,,5.7
set/own,1,b,,5.8
END
succeed timeout 60 "$KNN" eval -k 1 --report page.html set/set.csv
grep -q 'secret.png" title' page.html && complain "a secret picture lies in the page"
pictures 7 "a stranger's set" # of three queries, and of the nearest of four
grep -q '<span class="missing">secret.png</span>' page.html || complain "a refused picture is not shown as missing"
succeed timeout 60 "$KNN" eval -k 1 --report page.html --pictures secret set/set.csv
grep -q 'good.png" title' page.html && complain "--pictures does not replace the folder of the set"
cp set/set.csv here.csv
succeed timeout 60 "$KNN" eval -k 1 --report page.html here.csv
grep -q 'secret.png" title' page.html || complain "the folder of the set is not the default"

# classify: pictures with the run's own model, and strangers
mkdir -p strangers/trouser strangers/dress
for class in trouser dress; do
    for file in $(ls "$SOURCE/data/fashion/train/$class" | head -n 20); do
        cp "$SOURCE/data/fashion/train/$class/$file" "strangers/$class/"
    done
done
picture=$(ls small/bag/* | head -n 1)
succeed "$KNN" classify run "$picture"
says "^$picture  bag  distance 0 +margin [0-9.]+ +votes [0-9.]+ % +head [0-9.]+ % +nearest  $picture  "
# the head's probabilities are the softmax of what it makes of the features
if command -v python3 >/dev/null; then
    succeed "$TOOLS/cl_features" run small -o small.csv
    "$KNN" classify --json run small >answers.json 2>err.txt || complain "classify --json: $(cat err.txt)"
    cat >head.py <<'END'
import csv, json, math, struct
with open("run/model.safetensors", "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
def tensor(name):
    begin, end = header[name]["data_offsets"]
    return struct.unpack("<%df" % ((end - begin) // 4), data[begin:end])
weight, bias = tensor("head.weight"), tensor("head.bias")
classes = ["bag", "coat", "sandal"]
features = {row["path"]: [float(row[key]) for key in row if key[0] == "f" and key[1:].isdigit()]
            for row in csv.DictReader(open("small.csv"))}
pictures = json.load(open("answers.json"))["pictures"]
assert len(pictures) == 60
for picture in pictures:
    f, head = features[picture["path"]], picture["head"]
    d = len(f)
    logits = [sum(w * x for w, x in zip(weight[c * d:], f)) + bias[c] for c in range(len(bias))]
    powers = [math.exp(logit - max(logits)) for logit in logits]
    p = [power / sum(powers) for power in powers]
    assert abs(p[classes.index(picture["class"])] - head["probability"]) < 1e-4, picture
    assert head["best_class"] == classes[p.index(max(p))], picture
    assert abs(max(p) - head["best_probability"]) < 1e-4, picture
END
    python3 head.py 2>err.txt || complain "the head: $(tail -n 3 err.txt)"
fi
succeed "$KNN" classify --json run small/bag small/coat
[ "$(grep -o '"known": true' out.txt | wc -l)" -eq 40 ] || complain "other than 40 pictures: $(cat out.txt)"
succeed "$KNN" classify --far 0.1 --strangers strangers run strangers
says '^threshold .*40 pictures of 2 strangers'
[ "$(grep -c 'unknown' out.txt)" -ge 36 ] || complain "too many strangers are known: $(cat out.txt)"
succeed "$KNN" classify --json --far 0.1 run "$picture"
has far 0.1
has n_strangers 3
has known true
expect 1 "small: the gallery knows all its classes" "$KNN" classify --far 0.1 --strangers small run "$picture"
expect 1 "run: .*at least|run: .*need|pictures" "$KNN" classify --far 0.00001 run "$picture"
expect 2 "small: .*pictures need a model.*--model" "$KNN" classify small "$picture"
expect 2 "pictures need a model" "$KNN" classify run/features.npy "$picture"
succeed "$KNN" classify --model run run/features.npy "$picture"
expect 1 "nowhere: nothing is there" "$KNN" classify run nowhere
expect 2 "features cannot be mixed" "$KNN" classify run "$picture" run

# enroll: a new class, in a new file and in place
trouser=$(ls strangers/trouser/* | head -n 3)
expect 0 "^  coat  distance .* to " sh -c "'$KNN' enroll run trouser $(echo $trouser) -o - 2>err.all; tail -n 1 err.all >&2"
[ "$(wc -l <out.txt)" -eq 64 ] || complain "standard output is not a gallery of 63 rows: $(head -n 3 out.txt)"
expect 2 "standard output holds the JSON" "$KNN" enroll --json run trouser $trouser -o -
expect 2 "run: only a .gallery, a .npy or a .csv is written back in place; add -o" "$KNN" enroll run trouser $trouser
succeed "$KNN" enroll run trouser $trouser -o people.npy
says 'people.npy: trouser added from 3 pictures; the gallery has 63 rows'
[ "$(grep -c '	trouser	' people.tsv)" -eq 3 ] || complain "people.tsv has not three trousers"
succeed "$KNN" classify -k 1 --model run people.npy strangers/trouser
[ "$(grep -c '  trouser  ' out.txt)" -ge 15 ] || complain "trousers are not found: $(cat out.txt)"
grep '  trouser  ' out.txt | grep -v 'head -  ' && complain "the head knows a class that it has not learned"
expect 1 "people.npy: the class .trouser. is there already, with 3 rows.*--add" \
    "$KNN" enroll --model run people.npy trouser $trouser
succeed "$KNN" enroll --model run --add people.npy trouser $(ls strangers/trouser/* | tail -n 2)
says 'added from 2 pictures; the gallery has 65 rows'
[ "$(grep -c '	trouser	' people.tsv)" -eq 5 ] || complain "people.tsv has not five trousers"
succeed "$KNN" enroll --json --threshold 0.001 --model run people.npy impostor "$picture"
says '"class": "bag", "distance": 0, "dangerous": true'
says '"class": "coat", .*"dangerous": false'
succeed "$KNN" enroll line.csv new between.csv
says 'line.csv: new added from 1 picture; the gallery has 6 rows'
says 'too small to calibrate'
says 'the nearest is a  distance 1  q  to  p1'
grep -q '^q,[0-9]+*,new,,2$' line.csv || complain "line.csv: $(cat line.csv)"
expect 2 "gallery-split the other rows would be lost" "$KNN" enroll --gallery-split train splits.csv new between.csv
expect 1 "nothing/people.npy" "$KNN" enroll run trouser $trouser -o nothing/people.npy
expect 2 "people.txt: its name does not tell" "$KNN" enroll run trouser $trouser -o people.txt
# a disk that is full after 4 KB: what stood there stays whole
cp people.npy before.npy
cp people.tsv before.tsv
expect 1 "people.*writing failed" sh -c "trap '' XFSZ; ulimit -f 8; exec $KNN enroll --model run people.npy x $picture"
cmp -s people.npy before.npy && cmp -s people.tsv before.tsv || complain "a full disk damaged the gallery"

# audit: a duplicate, a picture in the wrong folder, and one on both sides of the split
succeed "$KNN" audit --model run small
says 'small: 60 rows'
cp -r small planted
cp "$picture" planted/bag/zz-again.png
sandal=$(ls "$SOURCE/data/fashion/train/sandal" | sed -n 30p)
cp "$SOURCE/data/fashion/train/sandal/$sandal" planted/coat/zz-sandal.png
succeed "$KNN" audit --model run planted
says 'planted/coat/zz-sandal.png  is coat, looks like sandal: '
says 'planted/bag/.*planted/bag/zz-again.png  of bag  distance 0$'
succeed "$KNN" audit --json --model run planted
says '"kind": "misplaced", "picture": \{"row": [0-9]+, "path": "planted/coat/zz-sandal.png", "class": "coat"'
says '"kind": "duplicate"'
succeed "$KNN" audit --json --ratio 0 --model run planted
[ "$(grep -o '"misplaced"' out.txt | wc -l)" -eq 62 ] || complain "audit --ratio 0 does not list all 62"
grep -q '"findings": \[{"kind": "misplaced", "picture": {"row": [0-9]*, "path": "planted/coat/zz-sandal.png"' out.txt ||
    complain "the most doubtful is not the first: $(cat out.txt)"
few sides/train 6
few sides/val 2
succeed "$KNN" audit --model run sides
says 'sides/train/bag/.* sides/val/bag/.* in train and val'
succeed "$KNN" audit line.csv

# -- bad input
zeros='\000\000\000\000\000\000\000\000'
expect 1 "g.npy: features of 2 numbers, but run holds 32; both must come from one model" "$KNN" eval run g.npy
expect 1 "the model run makes features of 32 numbers, but g.npy holds 2" \
    "$KNN" classify --model run g.npy "$picture"
cp g.npy unnamed.npy
expect 1 "unnamed.npy: .*class.*tsv" "$KNN" eval unnamed.npy
tsv short.tsv a b b
cp g.npy short.npy
expect 1 "short.*(3|4)" "$KNN" eval short.npy
printf 'path,label,class,split,f0\np,0,a,,0\nq,1,b,,nan\n' >nan.csv
expect 1 "nan.csv: .*(row|line)" "$KNN" eval nan.csv
tsv nan.tsv a b
npy nan.npy '<f4' False '(2, 1)' "$zero" '\000\000\300\177'
expect 1 "nan.npy: .*row 1" "$KNN" eval nan.npy
tsv none.tsv
npy none.npy '<f4' False '(0, 2)'
expect 1 "none.npy: .*(empty|no row)" "$KNN" eval none.npy
expect 1 "none.npy: .*nothing in it to classify" "$KNN" classify -k 1 g.npy none.npy
expect 1 "g.npy: --k 4 asks for more than 3 rows.*beside the one" "$KNN" eval -k 4 g.npy
expect 1 "g.npy: --k 5 asks for more than 4 rows" "$KNN" classify -k 5 g.npy g.npy
tsv cut.tsv a a b b
npy cut.npy '<f4' False '(4, 2)' "$zeros" "$zeros"
expect 1 "cut.npy: " "$KNN" eval cut.npy
head -c 60 cut.npy >header.npy
expect 1 "header.npy: " "$KNN" eval header.npy
printf '\223NUMPY\002\000\000\000\000\100{' >gigabyte.npy
expect 1 "gigabyte.npy: " "$KNN" eval gigabyte.npy
npy huge.npy '<f4' False '(1000000000000, 128)' "$zeros"
expect 1 "huge.npy: " "$KNN" eval huge.npy
npy overflow.npy '<f4' False '(18446744073709551615, 18446744073709551615)' "$zeros"
expect 1 "overflow.npy: " "$KNN" eval overflow.npy
npy text.npy '<U4' False '(2, 1)' "$zeros"
expect 1 "text.npy: .*U4" "$KNN" eval text.npy
npy cube.npy '<f4' False '(1, 1, 2)' "$zeros"
expect 1 "cube.npy: " "$KNN" eval cube.npy
echo hello >hello.npy
expect 1 "hello.npy: " "$KNN" eval hello.npy
expect 1 "nowhere.npy" "$KNN" eval nowhere.npy
printf 'path,label,class,split,f0,f1\np,0,a,,0,1\nq,1,b,,2\n' >ragged.csv
expect 1 "ragged.csv: " "$KNN" eval ragged.csv
# what cannot be written or is not there ends before anything is measured
for option in "--report nothing/page.html" "--svg g.npy" "--report page.html --pictures nowhere"; do
    expect 1 "nothing/page.html|g.npy|nothing|nowhere" "$KNN" eval $option run
    [ -s out.txt ] && complain "$option is refused after the work: $(cat out.txt)"
done
[ -e /dev/full ] && expect 1 "could not be (printed|written)" sh -c "'$KNN' eval g.npy -k 1 >/dev/full"

finish

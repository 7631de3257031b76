#!/bin/sh
# cl_knn cluster: groups of unknown pictures as text, JSON, a list to train on and a folder; its threshold, and what
# it refuses.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn

# ---- features: 4 rows near 0, 3 near 10, one far away; classes differ from the groups in one row ----
cat >line.csv <<'END'
path,label,class,split,f0,f1
=a.png,0,red,,0,0
b.png,1,blue,,10,0
"c,d.png",0,red,,0.1,0
e.png,0,red,,0,0.1
f.png,1,blue,,10.1,0
g.png,2,green,,50,0
h.png,1,blue,,10,0.1
i.png,1,blue,,0.1,0.1
END
succeed "$KNN" cluster line.csv --threshold 1
says '^1  =a.png$'
says '^1  i.png$'
says '^2  h.png$'
says '^3  g.png$'
says '^8 pictures: 7 in 2 groups, 1 alone; threshold 1$'
# pairs: 9 in groups, 9 in classes, 6 in both
says 'F of pairs 66.7 % \(precision 66.7 %, recall 66.7 %\), BCubed F 81.2 %'
succeed "$KNN" cluster line.csv --threshold 20
says '^8 pictures: 7 in 1 group, 1 alone'
succeed "$KNN" cluster line.csv --threshold 1 --json
says '"n_pictures": 8, "n_groups": 2, "n_alone": 1, "threshold": 1, "far": null,'
says '"groups": \[\{"name": "1", "pictures": \["=a.png", "c,d.png", "e.png", "i.png"\]\}'
succeed "$KNN" cluster line.csv --threshold 1 -q
[ -s out.txt ] && complain "-q prints: $(cat out.txt)"
for n_threads in 1 2 5; do
    "$KNN" cluster line.csv --threshold 1 --json -t $n_threads >threads$n_threads.json
    cmp -s threads1.json threads$n_threads.json || complain "$n_threads threads give other groups"
done

# a table; a name that a spreadsheet takes for a formula leads to the same file
succeed "$KNN" cluster line.csv --threshold 1 -q -o groups.csv
printf '%s\n' path,label ./=a.png,1 '"c,d.png",1' e.png,1 i.png,1 b.png,2 f.png,2 h.png,2 g.png,3 >want.csv
cmp -s groups.csv want.csv || complain "groups.csv is $(cat groups.csv)"
succeed "$KNN" cluster line.csv --threshold 1 -o -
cmp -s out.txt want.csv || complain "-o - prints $(cat out.txt)"
succeed "$KNN" cluster line.csv --threshold 1 -q -o groups.tsv
grep -q "^c,d.png	1$" groups.tsv || complain "groups.tsv is $(cat groups.tsv)"

# ---- the threshold: a share of the pairs with others, which are of other classes ----
awk 'BEGIN { print "path,label,class,split,f0,f1"
    for (i = 0; i < 100; i++) print "o" i ".png,0," (i < 50 ? "other" : "red") ",," i * 0.5 ",20" }' >others.csv
succeed "$KNN" cluster line.csv --strangers others.csv --json
says '"far": 0.005,'
succeed "$KNN" cluster line.csv --strangers others.csv --far 0.01 --json
threshold=$(sed 's/.*"threshold": \([0-9.]*\).*/\1/' out.txt)
within=$(awk -v t="$threshold" -F , 'NR == FNR { if (FNR > 1) { n++; x[n] = $5; y[n] = $6; c[n] = $3 } next }
    FNR > 1 { gsub(/"c,d/, "c"); for (i = 1; i <= n; i++) if (c[i] != $3) { all++
    d = sqrt((x[i] - $5) ^ 2 + (y[i] - $6) ^ 2); nearer += d < t - 1e-5; within += d < t + 1e-5 } }
    END { print nearer, within, all, (nearer < all / 100 && within > all / 100 - 1) }' \
    others.csv line.csv)
[ "${within##* }" = 1 ] || complain "within the threshold $threshold are $within"
succeed "$KNN" cluster line.csv --strangers others.csv --far 0.5 --json
says '"far": 0.5,'
expect 1 "too few" "$KNN" cluster line.csv --strangers others.csv --far 0.0001
expect 2 "name the --model RUN" "$KNN" cluster line.csv
expect 2 "name the --model RUN" "$KNN" cluster line.csv --far 0.1
expect 2 "threshold is given" "$KNN" cluster line.csv --far 0.1 --threshold 1
expect 2 "goes with --far" "$KNN" cluster line.csv --strangers others.csv --threshold 1
expect 2 "query-split has no use here" "$KNN" cluster line.csv --query-split val
expect 2 "name the pictures" "$KNN" cluster
printf 'path,label,class,split,f0\nx.png,0,x,,1\n' >short.csv
expect 1 "features of 1 number," "$KNN" cluster line.csv --strangers short.csv
expect 2 "a folder of groups needs the pictures" "$KNN" cluster line.csv --threshold 1 -o new
[ -e new ] && complain "a folder was made"
expect 1 "missing" "$KNN" cluster line.csv --threshold 1 -o missing/groups.csv

# ---- a few wide classes: the usual share gives parts of groups, and the larger one is taken ----
awk 'BEGIN { print "path,label,class,split,f0,f1"
    for (i = 0; i < 60; i++) print "w" i ".png," i % 2 "," (i % 2 ? "left" : "right") ",," (i % 2) * 40 + i * 37 % 80 / 10 "," i * 53 % 79 / 10 }' >wide.csv
awk 'BEGIN { print "path,label,class,split,f0,f1"
    for (i = 0; i < 100; i++) print "o" i ".png,0,other,," i * 37 % 97 / 2 "," (i < 12 ? 0 : 20) + i * 31 % 80 / 10 }' >around.csv
succeed "$KNN" cluster wide.csv --strangers around.csv --far 0.005
says '^60 pictures: .* within which 0.5 % of pairs'
grep -q 'F of pairs 100.0 %' out.txt && complain "the usual share is right for wide classes, too"
succeed "$KNN" cluster wide.csv --strangers around.csv
says '^60 pictures: 60 in 2 groups, .* within which 10 % of pairs'
says 'F of pairs 100.0 %'

# ---- many pictures: a smaller share ----
awk 'BEGIN { print "path,label,class,split,f0,f1"
    for (i = 0; i < 5000; i++) print "m" i ".png,0,c" int(i / 4) ",," i % 100 "," int(i / 100) }' >many.csv
succeed "$KNN" cluster many.csv --strangers around.csv
says '^5,000 pictures: .*, within which 0.354 % of pairs'

# ---- pictures: of classes that the model has not seen ----
few known 8
succeed "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 1 --seed 1 -q --no-report -o run known
mkdir -p inbox/one inbox/two
i=0
for file in $(ls "$SOURCE/data/fashion/train/trouser" | head -n 6); do
    i=$((i + 1))
    cp "$SOURCE/data/fashion/train/trouser/$file" inbox/one/$i.png
    cp "$SOURCE/data/fashion/train/trouser/$file" inbox/two/$i.png
done
succeed "$KNN" cluster --model run inbox -q --threshold 0 -o copies
[ "$(ls copies)" = "$(printf '1\n2\n3\n4\n5\n6')" ] || complain "copies holds $(ls copies)"
for folder in copies/*; do
    [ "$(ls "$folder" | wc -l)" -eq 2 ] || complain "$folder holds $(ls "$folder")"
    cmp -s "$folder"/* || complain "$folder holds two pictures that differ"
done
for i in 1 2 3 4 5 6; do
    cmp -s copies/$i/$i.png inbox/one/$i.png || complain "copies/$i/$i.png is another picture"
done
expect 2 "is there already, and nothing is overwritten" "$KNN" cluster --model run inbox -o copies
succeed "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 1 -q --no-report -o again copies
succeed "$KNN" cluster --model run inbox -q --threshold 0 -o inbox.csv
succeed "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 1 -q --no-report -o from-list inbox.csv
succeed "$KNN" cluster --model run inbox
says "^12 pictures: .*, within which 0.5 % of pairs with pictures of others lie$"
says "against the classes of 12 pictures"
succeed "$KNN" cluster --model run --far 0.1 inbox/one
grep -q "against" out.txt && complain "pictures without classes have scores: $(tail -n 1 out.txt)"
succeed "$KNN" cluster run --gallery-split val --far 0.1 --json
says '"far": 0.1,'

# no folder to write in
if [ "$(id -u)" -ne 0 ]; then
    mkdir closed
    chmod a-w closed
    expect 1 "closed" "$KNN" cluster --model run inbox --threshold 0 -o closed/new
fi
expect 1 "run/model.safetensors/new" "$KNN" cluster --model run inbox --threshold 0 -q -o run/model.safetensors/new

finish

#!/bin/sh
# cl_features: labels are the model's, rows come as they were named, and what is skipped or damaged is said.
. "$(dirname "$0")/common.sh"
FEATURES="$TOOLS/cl_features"

few small 6
succeed "$TOOLS/cl_train" -q --no-report --net "$LITTLE" --epochs 1 -o run small
few named 2

# classes NAME FILE: the labels and classes that a .tsv gives
classes() {
    cut -f3,4 "$1" | sed 1d | sort -u | tr '\t\n' '= '
}

# a class has the label that it has in the model, and new ones follow
mkdir -p some/apple some/zebra
mv named/sandal named/coat some/
cp some/coat/* some/apple/
cp some/coat/* some/zebra/
succeed "$FEATURES" run some -o some.npy
[ "$(classes some.tsv)" = "1=coat 2=sandal 3=apple 4=zebra " ] ||
    complain "labels are not those of the model: $(classes some.tsv)"

# .fvecs has its names beside it, and no other file is touched
cp some.tsv before.tsv
succeed "$FEATURES" run some/coat some/sandal -o some.fvecs
[ "$(wc -l <some.fvecs.tsv)" -eq 5 ] || complain "some.fvecs.tsv: $(cat some.fvecs.tsv)"
cmp -s some.tsv before.tsv || complain "some.tsv was replaced"

# .faiss is an index of the same numbers: 45 bytes before them
succeed "$FEATURES" run some/coat some/sandal -o some.faiss
cmp -s some.faiss.tsv some.fvecs.tsv || complain "some.faiss.tsv: $(cat some.faiss.tsv)"
[ "$(head -c 4 some.faiss)" = IxF2 ] || complain "some.faiss is no index"
[ "$(tail -c +46 some.faiss | wc -c)" -eq $(($(wc -c <some.fvecs) - 16)) ] || complain "some.faiss has another size"

# broken and damaged files are said, and --strict refuses them
first=$(ls some/coat/* | head -n 1)
second=$(ls some/sandal/* | head -n 1)
head -c 60 "$first" >broken.png
head -c $(($(wc -c <"$first") - 30)) "$first" >cut.png
"$FEATURES" run "$first" broken.png cut.png "$second" -o f.fvecs >out.txt 2>err.txt || complain "a broken file failed"
grep -q 'skipped broken.png: ' err.txt || complain "broken.png is not said: $(cat err.txt)"
skipped=$(grep -c skipped err.txt)
says "$((4 - skipped)) features .*; $skipped skipped, so rows count only the others"
for file in "$first" "$second"; do
    grep -q "$file" f.fvecs.tsv || complain "f.fvecs.tsv does not name $file"
done
expect 1 "broken.png" "$FEATURES" --strict run "$first" broken.png -o g.npy
mkdir bare
expect 1 "^cl_features: bare: there are no images here; name a file or a folder" "$FEATURES" run bare -o g.npy
[ -e g.npy ] && complain "--strict wrote a file"
jpeg="$SOURCE/tests/fuzz/corpus/jpeg/rgb444p.jpg"
head -c $(($(wc -c <"$jpeg") * 3 / 4)) "$jpeg" >short.jpg
expect 0 "damaged short.jpg: " "$FEATURES" run short.jpg "$first" -o j.npy
expect 1 "short.jpg: " "$FEATURES" --strict run short.jpg "$first" -o g.npy
mkdir -p cut/coat cut/bag
cp "$first" cut/coat/
cp short.jpg "$second" cut/bag/
for command in "classify run short.jpg $first" "eval --model run cut" "audit --model run cut" \
    "eval run cut"; do
    # shellcheck disable=SC2086
    expect 0 "damaged (cut/bag/)?short.jpg: " "$TOOLS/cl_knn" $command --json
    says '"damaged": \[\{"path": "(cut/bag/)?short.jpg", "reason": "'
    says '"skipped": \[]'
done
expect 0 "skipped broken.png: " "$TOOLS/cl_knn" classify --json run broken.png "$first"
says '"skipped": \[\{"path": "broken.png", "reason": "'

# models that ask for too much
expect 1 "max-input" "$FEATURES" --max-input 783 run some -o g.npy
expect 1 "max-work" "$FEATURES" --max-work 1000 run some -o g.npy
expect 1 "max-input" "$TOOLS/cl_knn" eval --max-input 783 --model run some
expect 1 "max-work" "$TOOLS/cl_knn" eval --max-work 1000 --model run some
# standard output holds the file and nothing else; what cannot be written ends before any work
succeed "$FEATURES" run "$first" -o -
[ "$(wc -l <out.txt)" -eq 2 ] || complain "talk on standard output: $(cat out.txt)"
grep -q "1 feature of" err.txt || complain "no talk on the error stream: $(cat err.txt)"
expect 2 "this format is two" "$FEATURES" run "$first" -o /dev/stdout --format npy
mkfifo piped.tsv
expect 1 "piped.tsv: a pair of files cannot go here" timeout 300 "$FEATURES" run "$first" -o piped.npy
expect 1 "no/where.npy: cannot write here" "$FEATURES" missing-run "$first" -o no/where.npy
expect 1 "no/page.html: cannot write here" "$TOOLS/cl_knn" eval missing.npy --report no/page.html
succeed "$TOOLS/cl_knn" eval run --report -
head -n 1 out.txt | grep -q "DOCTYPE" || complain "talk before a page: $(head -n 1 out.txt)"
expect 2 "max-work '0'" "$FEATURES" --max-work 0 run some -o g.npy

finish

#!/bin/sh
# Folders as people have them, through the tools: nested pictures, splits with company, runs inside the data, lists,
# several roots, names on standard input, groups and balance.
. "$(dirname "$0")/common.sh"
TAB=$(printf '\t')
train() {
    "$TOOLS/cl_train" --net "conv 4 3x3, relu, flatten, dense 4" --image-size 8 --epochs 1 --no-report "$@"
}
# classes FILE COLUMN...: path, class and split of a features.tsv, sorted.
classes() {
    tail -n +2 "$1" | cut -f "$2" | LC_ALL=C sort
}

# -- the same classes as torchvision's ImageFolder, in every tool
picture=$(find "$SOURCE/data/fashion/train/bag" -name '*.png' | head -n 1)
while read -r path; do
    mkdir -p "$(dirname "$path")"
    case $path in
    *.[Pp][Nn][Gg]) cp "$picture" "$path" ;;
    *) echo text >"$path" ;;
    esac
done <"$SOURCE/tests/golden/folders.layout"
# these are read by ImageFolder and not here: thumbnails and resource forks of the system
mkdir -p nested/a/@eaDir nested/__MACOSX/a
cp "$picture" nested/a/@eaDir/thumb.png
cp "$picture" nested/__MACOSX/a/1.png
for root in nested split; do
    grep "^$root" "$SOURCE/tests/golden/folders.txt" | cut -f 2,3 | LC_ALL=C sort >expected.txt
    succeed train -o "run-$root" "$root"
    says "/(@eaDir|samples): passed over"
    classes "run-$root/features.tsv" 2,4 | sed "s/^\(.*\)$TAB\(.*\)/\2$TAB\1/" | LC_ALL=C sort >got.txt
    cmp -s expected.txt got.txt || complain "cl_train reads other classes of $root: $(diff expected.txt got.txt)"
    succeed "$TOOLS/cl_features" "run-$root" "$root" -o "$root.npy"
    grep -qE "/(@eaDir|samples): passed over" err.txt || complain "cl_features names nothing: $(cat err.txt)"
    classes "$root.tsv" 2,4 | sed "s/^\(.*\)$TAB\(.*\)/\2$TAB\1/" | LC_ALL=C sort >got.txt
    cmp -s expected.txt got.txt || complain "cl_features reads other classes of $root: $(diff expected.txt got.txt)"
done

# -- a run inside its data folder is no class, and resumes
few photos 8
(cd photos && train --stop-after 1 . >../out.txt 2>../err.txt) || complain "training in the data folder: $(cat err.txt)"
(cd photos && "$TOOLS/cl_train" --resume runs/1 >../out.txt 2>../err.txt) || complain "resuming there: $(cat err.txt)"
says "runs/1: passed over, a run of cl_train"
says "3 classes, 24 images"
succeed train -o again photos

# -- a flat test folder is read for features and has no label
mkdir -p flat/train
few flat/train 6
mkdir flat/test
cp "$picture" flat/test/0.png
succeed train -o run-flat flat
says "1 to test"
says "^validation .*  (-|[0-9.]+)$"
says "^ +validation: k-NN of 3 images [0-9.]+ %, 95 % interval [0-9.]+ to [0-9.]+ %$"
says "^test( +-){7}$"
says "^ +test: no image has a class that could be measured$"
tail -n 1 run-flat/features.tsv | grep -q "flat/test/0.png${TAB}-1${TAB}${TAB}test" ||
    complain "the flat test picture: $(tail -n 1 run-flat/features.tsv)"
succeed "$TOOLS/cl_train" -q --net "conv 4 3x3, relu, flatten, dense 4" --image-size 8 --epochs 1 -o run-page --svg flat
succeed "$TOOLS/cl_knn" eval run-page
# its pictures are left out of what needs classes, which is said, and no gallery loses them in place
for command in "eval run-page" "audit run-page" "classify run-page $picture" "enroll run-page new $picture -o new.npy"; do
    expect 0 "run-page: left out 1 of split test without a class" "$TOOLS/cl_knn" $command
done
expect 1 "there is train, val" "$TOOLS/cl_knn" eval -q --query-split test run-page
"$TOOLS/cl_knn" audit --json run-page 2>err.txt | grep -q '"remarks": \[{"path": "run-page", "reason": "left out 1 ' ||
    complain "what was left out is not in the JSON"
expect 2 "would be lost; add -o" "$TOOLS/cl_knn" enroll -q --model run-page run-page/features.npy new "$picture"

# -- no message advises to delete anything; --allow-empty
mkdir -p twice/a twice/b
cp "$picture" twice/a/1.png
cp "$picture" twice/a/2.png
cp "$picture" twice/b/1.png
succeed "$TOOLS/cl_knn" audit --model run-page twice
says "2 found twice, "
if grep -qiE "remove|delete|take out" out.txt; then complain "advice to delete: $(cat out.txt)"; fi
few gaps 6
mkdir gaps/empty
expect 1 "gaps/empty: no image of class .empty..*--allow-empty" train -o no gaps
if grep -qiE "remove|delete" err.txt; then complain "advice to delete: $(cat err.txt)"; fi
succeed train --allow-empty -o run-gaps gaps
says "gaps/empty: class .empty. is left out"

# -- several roots, validation from elsewhere
few more 12
rm -r more/coat
succeed train -o run-roots gaps/bag/.. more --allow-empty
says "3 classes"
few elsewhere 3
succeed train -o run-val --val elsewhere photos
says "33 images: 24 to train, 9 to validate"
mkdir strange-names
cp -r elsewhere/bag strange-names/handbag
cp -r elsewhere/bag strange-names/purse
expect 1 "strange-names: no image of it can be used to validate" train -o no --val strange-names photos
classes run-val/features.tsv 2,5 | grep -c "elsewhere/.*${TAB}val$" | grep -q '^9$' || complain "--val has not 9 rows"

# -- a list trains as the folder that it lists, and so does features.tsv
succeed train -o run-photos --seed 3 photos
{
    printf '\357\273\277path,label,split\r\n'
    tail -n +2 run-photos/features.tsv | awk -F "$TAB" '{ printf "\"%s\",%s,%s\r\n", $2, $4, $5 }'
} >list.csv
succeed train -o run-list --seed 3 list.csv
cmp -s run-photos/model.safetensors run-list/model.safetensors || complain "a list trains another model"
printf 'photos/bag/none.png,bag\n' >>list.csv
succeed train -o run-list2 --seed 3 list.csv
says "none.png: "
expect 1 "this is a file; name the folder that holds the classes, or a list" train -o no "$picture"

# -- what was passed over stands in the JSON of cl_knn, too
for command in "classify run-nested nested" "eval nested --model run-nested"; do
    succeed "$TOOLS/cl_knn" $command --json
    says '"skipped": \[.*], "damaged": \[], "remarks": \[.*"path": "nested/a/@eaDir", "reason": "passed over'
done

# -- names from standard input, in their order, with names that a list would cut
cp "$picture" "photos/bag/a, \"b\".png"
find photos -name '*.png' | LC_ALL=C sort -r >names.txt
"$TOOLS/cl_features" run-photos - -o names.npy <names.txt >out.txt 2>err.txt || complain "names from stdin: $(cat err.txt)"
tail -n +2 names.tsv | cut -f 2 >got.txt
cmp -s names.txt got.txt || complain "cl_features - : other names or another order: $(diff names.txt got.txt | head -n 4)"

"$TOOLS/cl_knn" classify run-photos - <names.txt >out.txt 2>err.txt || complain "cl_knn from stdin: $(cat err.txt)"
grep -q 'photos/bag/a, "b".png' out.txt || complain "cl_knn - : $(head -n 3 out.txt)"

# -- groups
for class in left right; do
    for person in ann bob cy dee eve; do
        for i in 1 2 3; do
            mkdir -p "people/$class"
            cp "$picture" "people/$class/${person}_$i.png"
        done
    done
done
succeed train -o run-people --group '*_*' --val-split 0.4 people
for split in train val; do
    classes run-people/features.tsv 2,5 | grep "${TAB}$split$" | sed 's/_.*//; s/.*\///' | sort -u >$split.txt
done
[ -s val.txt ] || complain "--group drew nobody"
[ -z "$(comm -12 train.txt val.txt)" ] || complain "on both sides: $(comm -12 train.txt val.txt)"
expect 1 "gives no picture a group" train -o no --group 1 people
expect 1 "names the column of a list" train -o no --group person people

# -- balance: macro figures in the text and the log, and the same bits at any number of threads
few uneven 30
for file in $(ls uneven/bag | tail -n +6); do rm "uneven/bag/$file"; done
succeed train --epochs 3 --balance --threads 1 -o run-balance uneven
says "k-NN   macro intra/inter"
says "^done .*\(epoch [0-9]+, macro k-NN [0-9.]+ %\)"
head -n 1 run-balance/log.csv | grep -q ',knn_macro,' || complain "log.csv has no knn_macro"
succeed train --epochs 3 --balance --threads 2 -o run-balance2 uneven
cmp -s run-balance/model.safetensors run-balance2/model.safetensors || complain "--balance depends on threads"
succeed train --epochs 3 -o run-plain uneven
if cmp -s run-balance/model.safetensors run-plain/model.safetensors; then complain "--balance changes nothing"; fi
expect 1 "are balanced already" train --balance --per-class 32 --batch-size 64 -o no uneven
succeed train --epochs 3 --balance --stop-after 2 -o run-stop uneven
succeed "$TOOLS/cl_train" --resume run-stop
cmp -s run-balance/model.safetensors run-stop/model.safetensors || complain "--balance resumes to another model"
finish

#!/bin/sh
# What enroll, add and sync say of pictures that would poison a class: a blurred, a dark, a flat and a tiny one, one of
# another class of the gallery, one that is like nothing there, and one that is near a negative. Each is named with its
# reason, good ones are not, and with --strict nothing changes.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn

# draw KIND SEED FILE [SIDE]: stripes of 24x24 pixels with some noise, in a direction that is the name of the kind
draw() {
    awk -v kind="$1" -v seed="$2" -v side="${4:-24}" 'BEGIN {
        srand(seed)
        at = rand() * 6
        print "P2\n" side " " side "\n255"
        for (y = 0; y < side; y++) for (x = 0; x < side; x++) {
            t = x + y
            if (kind == "across") t = y
            if (kind == "down") t = x
            if (kind == "slope") t = x - y + 48
            s = (int((t + at) / 3) % 2) * 160 + 40 + rand() * 30
            if (kind == "blurred") s = 120 + 90 * sin((x + y + at) / 9)
            if (kind == "dark") s /= 8
            if (kind == "flat") s = 120 + s / 50
            print int(s)
        }
    }' >"$3"
}

for kind in across down slope; do
    mkdir -p "train/$kind"
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do draw $kind $i "train/$kind/$i.pgm"; done
done
succeed "$TOOLS/cl_train" train -o run -q --no-report --net "$LITTLE" --image-size 24 --epochs 12

mkdir good
for i in 1 2 3 4 5 6; do draw rise "2$i" "good/good$i.pgm"; done
cp -r good mixed
for kind in blurred dark flat across; do draw $kind 31 "mixed/$kind.pgm"; done
draw rise 32 mixed/tiny.pgm 10

# ---- good pictures give no warning ----
succeed "$KNN" enroll run rise good -o gallery.npy
grep -q doubtful err.txt && complain "a good picture is doubtful: $(cat err.txt)"

# ---- each bad one is named, with its reason, and the good ones beside them are not ----
succeed "$KNN" enroll run rise mixed -o mixed.npy
# five_named COMMAND: the last command named each bad picture with its reason, and no other.
five_named() {
    for name in "blurred.pgm: blurred" "dark.pgm: dark" "flat.pgm: without contrast" "tiny.pgm: tiny: it has 10x10" \
        "across.pgm: nearer to across"; do
        grep -q "doubtful .*/$name" err.txt || complain "$1: no '$name' in: $(cat err.txt)"
    done
    [ "$(grep -c doubtful err.txt)" -eq 5 ] || complain "$1: others are named: $(cat err.txt)"
}
five_named enroll
[ "$(wc -l <mixed.tsv)" -eq $((36 + 11 + 1)) ] || complain "without --strict they are not added"

# ---- as JSON ----
succeed "$KNN" enroll run rise mixed -o mixed.npy --json
says '"doubtful": \[\{"path": "mixed/across.pgm", "reason": "nearer to across'
succeed "$KNN" enroll run rise good -o mixed.npy --json
says '"doubtful": \[\]'

# ---- far from the others, and near to nobody; features will do ----
printf 'path,label,class,split,f0,f1\na.png,0,a,,0,0\nb.png,1,b,,90,0\n' >two.csv
{
    echo path,label,class,split,f0,f1
    for i in 1 2 3 4 5 6; do echo "c$i.png,0,c,,4$i,$((i % 3))"; done
    echo far.png,0,c,,45,20
} >new.csv
succeed "$KNN" enroll two.csv c new.csv -o three.csv --threshold 1
[ "$(cat err.txt)" = "cl_knn: doubtful far.png: far from the others of its class: 19.06 from their mean, usual is 3.798" ] ||
    complain "not only far.png is named: $(cat err.txt)"

# ---- --strict refuses, and the bytes of the gallery stay ----
cp gallery.npy before.npy
cp gallery.tsv before.tsv
expect 1 'blurred.*doubtful: 1 of 1 picture, so nothing was changed' \
    "$KNN" enroll gallery.npy new mixed/blurred.pgm --model run --strict -q
"$KNN" enroll gallery.npy new mixed --model run --strict >out.txt 2>err.txt && complain "--strict added bad pictures"
[ "$(grep -c doubtful err.txt)" -ge 6 ] || complain "--strict names only some: $(cat err.txt)"
cmp -s gallery.npy before.npy && cmp -s gallery.tsv before.tsv || complain "--strict changed the gallery"
succeed "$KNN" enroll run rise good -o gallery.npy --strict
expect 2 'strict has no use here' "$KNN" audit gallery.npy --strict

# ---- add and sync judge as enroll does ----
mkdir people
cp -r train/across train/down train/slope people
cp -r good people/rise
succeed "$KNN" sync --model run g.gallery people
grep -q doubtful err.txt && complain "a good picture is doubtful when a gallery is made: $(cat err.txt)"
cp g.gallery before.gallery
cp g.gallery a.gallery
bad="mixed/blurred.pgm mixed/dark.pgm mixed/flat.pgm mixed/tiny.pgm mixed/across.pgm"
# shellcheck disable=SC2086
"$KNN" add --strict g.gallery rise good/good1.pgm $bad >out.txt 2>err.txt && complain "add --strict added bad pictures"
grep -q "doubtful: 5 of 5 pictures, so nothing was changed" err.txt || complain "add --strict: $(cat err.txt)"
cmp -s g.gallery before.gallery || complain "add --strict changed the gallery"
# shellcheck disable=SC2086
succeed "$KNN" add a.gallery rise $bad
five_named add
# shellcheck disable=SC2086
cp $bad people/rise
"$KNN" sync --strict g.gallery people >out.txt 2>err.txt && complain "sync --strict added bad pictures"
cmp -s g.gallery before.gallery || complain "sync --strict changed the gallery"
succeed "$KNN" sync --json g.gallery people
says '"doubtful": \[\{"path": ".*/people/rise/across.pgm", "reason": "nearer to across'
five_named sync
succeed "$KNN" sync --strict g.gallery people
says '0 added'
# a folder that gets another name, and a new picture: the old rows are gone, and do not count
mv people/rise people/rising
draw rise 41 people/rising/new.pgm
succeed "$KNN" sync --strict g.gallery people
says '1 added, 0 changed, 11 moved'

# ---- near a negative ----
printf 'path,label,class,split,f0,f1\nn.png,0,n,,2,0\n' >negative.csv
printf 'path,label,class,split,f0,f1\na1.png,0,a,,0,0\na2.png,0,a,,0,1\na3.png,0,a,,1,0\n' >a.csv
printf 'path,label,class,split,f0,f1\nb1.png,0,b,,10,0\nb2.png,0,b,,10,1\nb3.png,0,b,,2.1,0\n' >b.csv
succeed "$KNN" add n.gallery a a.csv
succeed "$KNN" add --negative n.gallery a negative.csv
succeed "$KNN" add --json n.gallery b b.csv
says '"doubtful": \[\{"path": "b3.png", "reason": "near a negative of a \(0.1, n.png\), so it would not be recognised; if both show the same, remove that negative"\}\]'
printf 'path,label,class,split,f0,f1\nn.png,0,n,,2,0\n' >stranger.csv
succeed "$KNN" calibrate n.gallery --far 0.3
succeed "$KNN" enroll --strict n.gallery stranger stranger.csv # the picture of the negative itself
succeed "$KNN" classify n.gallery stranger.csv
says '^n.png  stranger  distance 0 '
expect 2 'strict has no use here' "$KNN" add --strict --negative n.gallery a b.csv

finish

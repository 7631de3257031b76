#!/bin/sh
# sync: the gallery holds the pictures of the folder after any change of it, what did not change is neither read by the
# model nor written, and it is the gallery that is made of the folder anew. Pictures in a gallery need its model.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn
few photos 6
succeed "$TOOLS/cl_train" -q -t 1 --net "$LITTLE" --epochs 1 --no-report -o run photos
few people 5
first=$(ls people/bag | head -n 1) last=$(ls people/bag | tail -n 1)
other=$(ls people/coat | head -n 1)

# synced ADDED CHANGED MOVED REMOVED KEPT
synced() {
    "$KNN" sync --json g.gallery people >out.txt 2>err.txt || complain "sync: $(cat err.txt)"
    if command -v python3 >/dev/null; then
        got=$(python3 -c 'import json; j = json.load(open("out.txt"))
print(*[len(j[k]) for k in ("added", "changed", "moved", "removed")], j["n_kept"])')
        [ "$got" = "$*" ] || complain "sync did $got and not $*: $(cat out.txt)"
    fi
    same_as_new
}
# rows GALLERY: name, path and feature of each row, sorted
rows() {
    "$KNN" enroll "$1" zz dummy.csv -q --threshold 0 -o rows.csv && grep -v ',zz,' rows.csv | cut -d , -f 1,3,5- | sort
}
same_as_new() {
    rm -f new.gallery
    "$KNN" sync -q --model run new.gallery people 2>/dev/null
    rows g.gallery >g.txt
    rows new.gallery >n.txt
    cmp -s g.txt n.txt || complain "not the gallery of the folder: $(diff g.txt n.txt | head -n 4)"
}

expect 2 "pictures need a model; add --model RUN" "$KNN" sync g.gallery people
[ ! -e g.gallery ] || complain "a gallery was made without a model"
succeed "$KNN" sync --model run g.gallery people
says '^g.gallery: 15 added, 0 changed, 0 moved, 0 removed, 0 as before; the gallery has 15 rows$'
says "^  added    bag  $PWD/people/bag/$first\$"
{ echo "path,label,class,split,$(seq -s , 0 31 | sed 's/[0-9][0-9]*/f&/g')"; echo "d,0,zz,,$(seq -s , 0 31 | sed 's/[0-9][0-9]*/1e5/g')"; } >dummy.csv
same_as_new

# -- nothing has changed: nothing is written, and the model is not opened
mv run gone
touch -d '2001-01-01' g.gallery
succeed "$KNN" sync g.gallery people
says '^g.gallery: 0 added, 0 changed, 0 moved, 0 removed, 15 as before; the gallery has 15 rows$'
[ "$(date -r g.gallery +%Y)" = 2001 ] || complain "a gallery without a change was written"
# -- what has moved keeps its feature, without the model
mv people/bag "people/a bag"
mv people/coat/"$other" people/coat/renamed.png
succeed "$KNN" sync g.gallery people
says ': 0 added, 0 changed, 6 moved, 0 removed, 9 as before; '
says "^  moved    coat  $PWD/people/coat/renamed.png  from  coat  $PWD/people/coat/$other\$"
cp people/coat/renamed.png people/sandal/copy.png
expect 0 '^$' sh -c "'$KNN' sync g.gallery people; echo >&2"
says ': 1 added, '
# -- what is new needs it
few more 6
cp "more/bag/$(ls more/bag | tail -n 1)" people/coat/
expect 1 "g.gallery: its model $PWD/run is not there any more; name its new place with --model" "$KNN" sync g.gallery people
succeed "$KNN" sync --model gone g.gallery people
says ': 1 added, '
mv gone run
synced 0 0 0 0 17

# -- another picture at the same path, a deleted one, a broken one, files that are none
cp "more/sandal/$(ls more/sandal | tail -n 1)" people/sandal/copy.png
rm people/coat/renamed.png
echo broken >people/coat/broken.png
echo text >people/coat/readme
mkdir people/empty
synced 0 1 0 1 15
succeed "$KNN" sync g.gallery people
grep -q "skipped $PWD/people/coat/broken.png" err.txt || complain "a broken picture is not named: $(cat err.txt)"
# -- two pictures change places; one becomes broken
mv people/sandal/copy.png x.png
mv "people/a bag/$first" people/sandal/copy.png
mv x.png "people/a bag/$first"
synced 0 0 2 0 14
echo broken >people/sandal/copy.png
synced 0 0 0 1 15
# -- the folder at another place: all have moved
mv people there
ln -s there people
synced 0 0 15 0 0
rm people
mv there people
synced 0 0 15 0 0

# -- what is not of the folder stays, and negatives
succeed "$KNN" add g.gallery Ada "more/bag/$first"
succeed "$KNN" add --negative g.gallery Ada "people/a bag/$last"
"$KNN" sync -q g.gallery people 2>/dev/null
succeed "$KNN" list g.gallery Ada
[ "$(wc -l <out.txt)" -eq 2 ] || complain "Ada has not a picture and a negative: $(cat out.txt)"
succeed "$KNN" remove g.gallery Ada
"$KNN" sync -q g.gallery people 2>/dev/null
same_as_new
# -- pictures by their content
succeed "$KNN" add g.gallery Ada "more/bag/$first"
says '1 picture added as Ada'
succeed "$KNN" add g.gallery Ada "more/bag/$first"
says '0 pictures added as Ada'
says '^1 was there already$'
expect 1 "the same picture is in g.gallery as Ada, from $PWD/more/bag/$first" "$KNN" add g.gallery Bob "more/bag/$first"
succeed "$KNN" add --model run friends.gallery Ada "more/bag/$first"
succeed "$KNN" add g.gallery Ada friends.gallery
says '^1 was there already$'
expect 1 "the same picture is in g.gallery as Ada" "$KNN" add g.gallery Bob friends.gallery
cp "more/bag/$first" elsewhere.png
succeed "$KNN" remove g.gallery elsewhere.png
says '^g.gallery: 1 picture removed'
succeed "$KNN" list --json g.gallery
grep -q Ada out.txt && complain "Ada was not removed by the content of her picture"
digest=$(b2sum -l 128 "people/a bag/$last" 2>/dev/null | cut -d ' ' -f 1)
succeed "$KNN" list g.gallery 'a bag'
[ -z "$digest" ] || says "^$digest  $PWD/people/a bag/$last\$"

# -- another model: refused with both names
succeed "$TOOLS/cl_train" -q -t 1 --net "$LITTLE" --seed 2 --epochs 1 --no-report -o other photos
expect 1 "g.gallery: its features are of the model $PWD/run \([0-9a-f]{8}\), and other is another one \([0-9a-f]{8}\)" \
    "$KNN" add --model other g.gallery Ada "more/bag/$first"
expect 1 "its features are of the model" "$KNN" classify --model other g.gallery "more/bag/$first"
"$KNN" sync --model other g.gallery people >out.txt 2>err.txt && complain "sync with another model is not refused"
tail -n 1 err.txt | grep -qE "g.gallery: its features are of the model $PWD/run \([0-9a-f]{8}\), and other is another one" ||
    complain "sync with another model: $(cat err.txt)"
succeed "$KNN" sync --model run g.gallery people
"$KNN" sync -q --model other other.gallery people 2>/dev/null
for set in other other.gallery; do
    expect 1 "g.gallery: its features are of the model $PWD/run \([0-9a-f]{8}\), and .*other.* another one \([0-9a-f]{8}\)" \
        "$KNN" calibrate g.gallery --strangers $set
    for command in classify eval; do
        expect 1 "its features are of the model $PWD/run " "$KNN" $command g.gallery $set
    done
done
succeed "$KNN" classify g.gallery other/features.npy # which names no model
mv run kept
cp -r other run
expect 1 "g.gallery: its model $PWD/run has changed, from fingerprint" "$KNN" classify g.gallery "more/bag/$first"
rm -r run
mv kept run
succeed "$KNN" classify g.gallery "people/a bag/$last"
says '  a bag  distance 0 '

# -- rows of a run name pictures as its command did; a folder that has these pictures replaces the rows
"$KNN" enroll run Ada "more/bag/$first" -o of_run.gallery >out.txt 2>err.txt || complain "enroll: $(cat err.txt)"
succeed "$KNN" list --json of_run.gallery bag
says '"path": "photos/'
"$KNN" sync of_run.gallery photos >out.txt 2>err.txt || complain "sync after enroll: $(cat err.txt)"
says ': 0 added, 18 changed, 0 moved, 0 removed, 0 as before; the gallery has 19 rows$'
succeed "$KNN" sync of_run.gallery photos
says ': 0 added, 0 changed, 0 moved, 0 removed, 18 as before; the gallery has 19 rows$'

# -- but not rows whose path leads to nothing in this folder
"$KNN" enroll run Ada "more/bag/$first" -o apart.gallery >out.txt 2>err.txt || complain "enroll: $(cat err.txt)"
mkdir -p apart/photos/bag
cp "more/coat/$(ls more/coat | head -n 1)" apart/photos/bag/another.png
(cd apart && "$KNN" sync --model ../run ../apart.gallery photos) >out.txt 2>err.txt || complain "sync elsewhere: $(cat err.txt)"
says ': 1 added, 0 changed, 0 moved, 0 removed, 0 as before; the gallery has 20 rows$'

# -- refused, and nothing changes
cp g.gallery before.gallery
mkdir none
expect 1 "none" "$KNN" sync g.gallery none
expect 1 "nowhere: no such folder" "$KNN" sync g.gallery nowhere
expect 2 "people.npy: only a .gallery can be changed so" "$KNN" sync people.npy people
cp "more/bag/$first" people/loose.png
"$KNN" sync -q g.gallery people 2>err.txt || complain "a loose picture: $(cat err.txt)"
grep -q '1 picture is not in a sub-folder, .*people/loose.png' err.txt || complain "a loose picture is not named: $(cat err.txt)"
cmp -s g.gallery before.gallery || complain "the gallery has changed"

finish

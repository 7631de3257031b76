#!/bin/sh
# add, remove, rename, list, info and enroll on a .gallery: what each changes, what it prints, what it refuses; and
# that what is removed is gone from the file's bytes.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn

# person NAME X Y: one row in NAME.csv
person() {
    printf 'path,label,class,split,f0,f1\nfrom/%s.png,0,x,,%s,%s\n' "$1" "$2" "$3" >"$1.csv"
}
# holds "NAME N, NAME N ...": the gallery has these names with so many pictures
holds() {
    "$KNN" list g.gallery >list.txt 2>err.txt || complain "list: $(cat err.txt)"
    got=$(awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $2, $1 }' list.txt)
    [ "$got" = "$1" ] || complain "the gallery holds '$got' and not '$1'"
}
for i in 1 2 3 4 5 6; do person p$i $i 1; done

# -- without pictures no model is needed
succeed "$KNN" add g.gallery Ada p1.csv
says '^g.gallery: 1 picture added as Ada; the gallery has 1 row$'
succeed "$KNN" add g.gallery Bob p2.csv
succeed "$KNN" add --json g.gallery Ada p3.csv
says '^\{"gallery": "g.gallery", "name": "Ada", "negative": false, "n_added": 1, "n_there": 0, "n_rows": 3, "doubtful": \[\], "skipped": \[\]'
holds "Ada 2, Bob 1"
succeed "$KNN" list g.gallery Ada
[ "$(cut -c 35- out.txt | tr '\n' ' ')" = "from/p1.png from/p3.png " ] || complain "list Ada: $(cat out.txt)"
succeed "$KNN" list --json g.gallery Bob
says '"pictures": \[\{"path": "from/p2.png", "digest": "0{32}", "negative": false\}\]'
succeed "$KNN" info g.gallery
says '^rows +3$'
says '^names +2$'
says '^feature +2 numbers, metric l2$'
says '^threshold +none'
says "^file +$(wc -c <g.gallery | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta') bytes\$"

# -- negatives are kept apart
expect 1 'g.gallery: it has no "Adda"; did you mean "Ada"\?' "$KNN" add --negative g.gallery Adda p4.csv
succeed "$KNN" add --negative g.gallery Ada p4.csv
says 'added as negatives of Ada'
succeed "$KNN" list g.gallery
says '^ +2  Ada  and 1 that are not$'
succeed "$KNN" list g.gallery Ada
says 'from/p4.png  \(negative\)$'
succeed "$KNN" info --json g.gallery
says '"n_rows": 4, "n_negatives": 1, "n_names": 2, "d": 2, "metric": "l2", "model": null'

# -- the rows as features, without negatives; an index of faiss for cosine holds directions
succeed "$KNN" list g.gallery -o rows.csv
says '^rows.csv: 3 features of 2 numbers$'
[ "$(cut -d , -f 1,3,5,6 rows.csv | tr '\n' ' ')" = "path,class,f0,f1 from/p1.png,Ada,1,1 from/p2.png,Bob,2,1 from/p3.png,Ada,3,1 " ] ||
    complain "list -o: $(cat rows.csv)"
person long 3 4
person short 0.6 0.8
succeed "$KNN" add --metric cosine long.gallery Ada long.csv
succeed "$KNN" add short.gallery Ada short.csv
for name in long short; do succeed "$KNN" list $name.gallery -o $name.faiss -q; done
cmp -s long.faiss short.faiss && [ "$(head -c 4 long.faiss)" = IxF2 ] || complain "list -o .faiss is no index of directions"
grep -q 'Ada' long.faiss.tsv || complain "list -o .faiss does not name its rows"
expect 2 'its name does not tell the format' "$KNN" list g.gallery -o rows.txt
expect 2 'leave out the name' "$KNN" list g.gallery Ada -o rows.csv

# -- rename, also into a name that is there; negatives are counted apart
succeed "$KNN" rename g.gallery Ada Eva
says '^g.gallery: Ada is now Eva, with 2 pictures and 1 that is not$'
succeed "$KNN" rename g.gallery Eva Ada --json
says '"name": "Ada", "n_renamed": 3, "n_negatives": 1\}$'
expect 1 'g.gallery: it has no "Bobb"; did you mean "Bob"\?' "$KNN" rename g.gallery Bobb Rob
expect 1 '"Bob" is there already, with 1 row; .*--add' "$KNN" rename g.gallery Ada Bob
expect 2 'the old name and a new one' "$KNN" rename g.gallery Ada Ada
succeed "$KNN" rename g.gallery Bob Rob
says '^g.gallery: Bob is now Rob, with 1 picture$'
holds "Ada 2, Rob 1"
succeed "$KNN" rename --add g.gallery Rob Ada
holds "Ada 3"

# -- removed is gone: name, path and feature (5.25 is 00 00 a8 40)
person secret 5.25 5.25
succeed "$KNN" add g.gallery Mallory secret.csv
bytes() { od -An -v -tx1 g.gallery | tr -d ' \n'; }
for trace in "$(printf Mallory | od -An -tx1 | tr -d ' \n')" "$(printf from/secret | od -An -tx1 | tr -d ' \n')" 0000a8400000a840; do
    bytes | grep -q "$trace" || complain "$trace is not in the gallery before"
done
succeed "$KNN" remove g.gallery Mallory
says '^g.gallery: 1 picture removed; the gallery has 4 rows$'
for trace in "$(printf Mallory | od -An -tx1 | tr -d ' \n')" "$(printf from/secret | od -An -tx1 | tr -d ' \n')" 0000a8400000a840; do
    bytes | grep -q "$trace" && complain "$trace is still in the gallery"
done
succeed "$KNN" remove --json g.gallery from/p4.png from/p1.png
says '"n_removed": 2, "n_rows": 2\}'
holds "Ada 2"
cp g.gallery before.gallery
expect 1 'g.gallery: it has no "nobody"; cl_knn list shows the names' "$KNN" remove g.gallery Ada nobody
cmp -s g.gallery before.gallery || complain "a refused removal changed the gallery"
succeed "$KNN" remove g.gallery Ada
holds ""
expect 1 "g.gallery: the gallery is empty" "$KNN" classify g.gallery p1.csv
succeed "$KNN" add g.gallery Ada p1.csv

# -- a name of which only negatives are left can be enrolled
person not 9 9
succeed "$KNN" add only.gallery Ada p1.csv
succeed "$KNN" add only.gallery Bob p2.csv
succeed "$KNN" add --negative only.gallery Ada not.csv
succeed "$KNN" remove only.gallery from/p1.png
succeed "$KNN" enroll only.gallery Ada p3.csv
succeed "$KNN" list only.gallery
says '^ +1  Ada  and 1 that are not$'

# -- enroll: to a .gallery, from one, in place
printf 'path,label,class,split,f0,f1\na.png,0,first,,-5,1\nb.png,1,second,,-9,1\n' >start.csv
succeed "$KNN" enroll start.csv third p1.csv --threshold 7 -o g.gallery
says '^g.gallery: third added from 1 picture; the gallery has 3 rows$'
says '^1 class lies dangerously near, within 7:$'
holds "first 1, second 1, third 1"
expect 1 'the class "third" is there already, with 1 row;' "$KNN" enroll g.gallery third p2.csv --threshold 7
succeed "$KNN" enroll --add g.gallery third p2.csv --threshold 7
succeed "$KNN" enroll g.gallery fourth p3.csv --threshold 0.5
says '^no class lies dangerously near$'
holds "first 1, fourth 1, second 1, third 2"
succeed "$KNN" enroll g.gallery fifth p4.csv --threshold 0.5 -o five.csv
[ "$(cut -d , -f 3 five.csv | tr '\n' ' ')" = "class first second third third fourth fifth " ] || complain "five.csv: $(cat five.csv)"
holds "first 1, fourth 1, second 1, third 2"
succeed "$KNN" enroll g.gallery fifth p4.csv --threshold 0.5 -o copy.gallery
succeed "$KNN" list copy.gallery
says '^ +1  fifth$'

# -- every command reads one
succeed "$KNN" classify -k 1 g.gallery p2.csv
says '^from/p2.png  third  distance 0 '
succeed "$KNN" eval -k 1 g.gallery
succeed "$KNN" audit g.gallery
succeed "$KNN" list start.csv
says '^ +1  first$'
succeed "$KNN" add --metric cosine c.gallery Ada p1.csv
succeed "$KNN" info c.gallery
says 'metric cosine$'
expect 2 "c.gallery: this gallery has the metric cosine" "$KNN" classify --metric l2 c.gallery p1.csv

# -- what is refused
printf 'path,label,class,split,f0\nx,0,a,,1\n' >one.csv
expect 1 "one.csv: features of 1 number, but g.gallery holds 2; both must come from one model" "$KNN" add g.gallery Ada one.csv
expect 2 "start.csv: only a .gallery can be changed so" "$KNN" remove start.csv first
expect 1 "missing.gallery" "$KNN" remove missing.gallery Ada
expect 1 "missing.gallery" "$KNN" list missing.gallery
head -c 100 g.gallery >cut.gallery
expect 1 "cut.gallery" "$KNN" list cut.gallery
echo hello >text.gallery
expect 1 "text.gallery" "$KNN" add text.gallery Ada p1.csv
[ "$(cat text.gallery)" = hello ] || complain "a file that is no gallery was changed"
expect 2 "name a gallery, a name and pictures" "$KNN" add g.gallery Ada
expect 2 "name a gallery, and names or pictures" "$KNN" remove g.gallery
expect 2 "negative has no use here: it is for add" "$KNN" remove --negative g.gallery Ada
expect 2 "model has no use here" "$KNN" rename --model run g.gallery a b
expect 2 "ad: there is no such command; did you mean add\?" "$KNN" ad g.gallery
expect 2 "frobnicate: there is no such command; cl_knn --help lists them" "$KNN" frobnicate
expect 1 "nowhere/g.gallery" "$KNN" add nowhere/g.gallery Ada p1.csv
awk 'BEGIN { printf "path,label,class,split"; for (j = 0; j < 64; j++) printf ",f%d", j; print ""
    for (i = 0; i < 40; i++) { printf "%d,0,a,", i; for (j = 0; j < 64; j++) printf ",%d", i * j % 7; print "" } }' >wide.csv
succeed "$KNN" add wide.gallery a wide.csv
cp wide.gallery before.gallery
for change in "add wide.gallery b wide.csv" "rename wide.gallery a b" "enroll --threshold 1 wide.gallery b wide.csv"; do
    expect 1 "wide.gallery.*writing failed" sh -c "trap '' XFSZ; ulimit -f 8; exec $KNN $change"
    "$KNN" list wide.gallery >list.txt || complain "a full disk damaged the gallery"
    [ "$(cat list.txt)" = "      40  a" ] || complain "a full disk changed the gallery: $(cat list.txt)"
done
[ "$(id -u)" -eq 0 ] || {
    chmod 500 .
    expect 1 "g.gallery" "$KNN" remove g.gallery third
    chmod 700 .
}

# -- two at once: each adds to what the other has added, also if both find no gallery
rm -f g.gallery
for i in 1 2 3 4 5 6; do "$KNN" add -q g.gallery s$i p$i.csv || complain "add s$i failed" & done
wait
holds "s1 1, s2 1, s3 1, s4 1, s5 1, s6 1"
[ -z "$(find . -name '.*g.gallery*')" ] || complain "left over: $(find . -name '.*g.gallery*')"

finish

#!/bin/sh
# Galleries while several processes enroll and some are killed: whoever was acknowledged is there, and each
# name has its own feature. N=1000 runs it long; KILLS is the number of kills that come before the end.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn
N=${N:-20}
KILLS=${KILLS:-$N}

# person NUMBER: one row whose feature is the number
person() {
    printf 'path,label,class,split,f0,f1\np%d.png,0,x,,%d,1\n' "$1" "$1" >"person$1.csv"
}
person 0
printf 'path,label,class,split,f0,f1\na.png,0,first,,-5,1\nb.png,1,second,,-9,1\n' >start.csv

# begin GALLERY: one of two rows, mode 0600
begin() {
    rm -f "$1"*
    (umask 077 && "$KNN" enroll start.csv third person0.csv -q --threshold 0.1 -o "$1") || complain "no gallery"
}

# enroll GALLERY NUMBER
enroll() {
    person "$2"
    "$KNN" enroll "$1" "s$2" "person$2.csv" -q --threshold 0.1
}

# check GALLERY: each class sI has one row, and its feature is I; the names go to there.txt
check() {
    "$KNN" enroll "$1" last person0.csv -q --threshold 0.1 -o all.csv 2>why.txt || complain "$1 is not read: $(cat why.txt)"
    awk -F , '$3 ~ /^s[0-9]+$/ { print $3; if ($3 != "s" $5) print "wrong " $0 }' all.csv | sort >there.txt
    grep -q wrong there.txt && complain "$1: a name is on another's feature: $(grep wrong there.txt | head -n 3)"
    [ "$(uniq -d there.txt | wc -l)" -eq 0 ] || complain "$1: somebody is there twice"
    sort acknowledged.txt | comm -23 - there.txt >lost.txt
    [ -s lost.txt ] && complain "$1: $(wc -l <lost.txt) who were acknowledged are lost, so $(head -n 1 lost.txt)"
    [ "$(ls -ln "$1" | cut -c 1-10)" = -rw------- ] || complain "$1 does not keep its mode: $(ls -l "$1")"
}

for gallery in people.npy people.csv; do
    # ---- two at once ----
    begin "$gallery"
    : >acknowledged.txt
    for stream in 1 2; do
        i=0
        while [ $i -lt "$N" ]; do
            i=$((i + 1))
            enroll "$gallery" $((2 * i + stream)) && echo "s$((2 * i + stream))" >>acknowledged.txt
        done &
    done
    wait
    [ "$(wc -l <acknowledged.txt)" -eq $((2 * N)) ] || complain "$gallery: $(wc -l <acknowledged.txt) of $((2 * N)) enrolled"
    check "$gallery"
    [ "$(wc -l <there.txt)" -eq $((2 * N)) ] || complain "$gallery: $(wc -l <there.txt) of $((2 * N)) are there"

    # ---- killed at moments that differ; the later ones come earlier if most come too late ----
    begin "$gallery"
    : >acknowledged.txt
    begun=$(date +%s%N)
    enroll "$gallery" 0 || complain "$gallery cannot be enrolled into"
    length=$((($(date +%s%N) - begun) / 1000)) # in microseconds
    i=0 killed=0
    while [ $killed -lt "$KILLS" ] && [ $i -lt $((20 * KILLS)) ]; do
        i=$((i + 1))
        person $i
        "$KNN" enroll "$gallery" "s$i" "person$i.csv" -q --threshold 0.1 2>err.txt &
        sleep_part $length $i
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null # the shell's word about a kill is not wanted
        case $? in
        0)
            echo "s$i" >>acknowledged.txt
            length=$((length - length / 16))
            ;;
        137) killed=$((killed + 1)) ;;
        *) complain "$gallery: enrolment $i failed by itself: $(cat err.txt)" ;;
        esac
        "$KNN" enroll "$gallery" last person0.csv -q --threshold 0.1 -o read.csv || complain "$gallery is not read after kill $i"
    done 2>/dev/null
    check "$gallery"
    echo "$gallery: two streams of $N enrolments, $i more, of which $killed were killed"
    [ $killed -eq "$KILLS" ] || complain "only $killed of $i kills came before the end"
    enroll "$gallery" $((i + 1)) || complain "$gallery cannot be enrolled into after the kills"
    [ -z "$(find . -name '.*.cen-tmp' -o -name '.*.next')" ] || complain "left over: $(ls -A)"
done

# ---- a link, and what stays ----
mkdir far
begin far/people.npy
ln -s far/people.npy link.npy
ln -s far/people.tsv link.tsv
echo mine >far/people.tsv.old
enroll link.npy 1 || complain "a gallery behind a link cannot be enrolled into"
: >acknowledged.txt
check far/people.npy
[ -h link.npy ] && [ -h link.tsv ] && grep -qx s1 there.txt || complain "a link was not followed"
rm link.tsv
enroll link.npy 2 || complain "names that lie beside the linked gallery are not found"
[ -h link.npy ] && [ ! -e link.tsv ] || complain "names were written beside the link"
check far/people.npy
grep -qx s2 there.txt || complain "the linked gallery lacks the new name"
succeed "$KNN" classify -k 1 link.npy person2.csv
says '"class": "s2"|s2'
[ "$(cat far/people.tsv.old)" = mine ] || complain "a user's own .tsv.old was touched"

# ---- a feature that is no number changes nothing ----
cp far/people.npy before.npy
printf 'path,label,class,split,f0,f1\nn.png,0,x,,nan,1\n' >nan.csv
expect 1 "row 0" "$KNN" enroll far/people.npy nobody nan.csv
cmp -s far/people.npy before.npy || complain "a gallery was changed by a feature that is no number"

# ---- what cannot be written is known before the pictures are read ----
expect 1 "nowhere/people.npy: cannot write here" "$KNN" enroll far/people.npy x missing.csv -o nowhere/people.npy
if [ -e /dev/full ]; then
    ln -s /dev/full full.csv
    expect 1 "full.csv: writing failed: No space" "$KNN" enroll far/people.npy x person1.csv -q --threshold 0.1 -o full.csv
    [ -c /dev/full ] && [ -h full.csv ] || complain "a device was replaced"
fi

finish

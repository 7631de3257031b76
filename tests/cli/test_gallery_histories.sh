#!/bin/sh
# Random histories of add, remove, rename and sync, with a kill at a random moment in each: the gallery holds what was
# acknowledged, and of the killed command all or nothing; each picture has its own feature. N=1000 runs it long.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn
command -v timeout >/dev/null || { echo "no timeout here: not tested"; exit 77; }
N=${N:-8}
SEED=${SEED:-1}
few pool 4
succeed "$TOOLS/cl_train" -q -t 1 --net "conv 4 3x3, relu, maxpool 4, flatten, dense 4" --epochs 1 --no-report -o run pool
rm -rf pool/*/.[!.]*
for i in 1 2 3 4 5 6 7 8 9; do printf 'path,label,class,split,f0,f1,f2,f3\np%d.png,0,x,,%d,1,2,3\n' $i $i >p$i.csv; done
printf 'path,label,class,split,f0,f1,f2,f3\nlast,0,x,,1e6,0,0,0\n' >last.csv
# The feature of each picture of the pool, by its digest
"$KNN" sync -q --model run pool.gallery pool || complain "no gallery of the pool"

# random N: a number from 0 to N - 1, in $random
seed=$SEED
random() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    random=$((seed / 65536))
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    random=$(((random * 32768 + seed / 65536) % $1))
}
# one_of WORD...: one of them, in $word
one_of() {
    random $#
    shift "$random"
    word=$1
}
# The state of a gallery is a line "NAME SOURCE FEATURE" per row.
state() {
    "$KNN" enroll g.gallery last last.csv -q --threshold 0 -o rows.csv 2>why.txt || complain "history $history: $(cat why.txt)"
    awk -F , 'NR > 1 && $3 != "last" { print $3, $1, $5 }' rows.csv | sort
}
listing() { find folder -name '*.png' | while read -r f; do
    echo "$(basename "$(dirname "$f")") $PWD/$f $(grep -F "$(cksum <"$f")" features.txt | cut -d ' ' -f 3)"; done; }
"$KNN" enroll pool.gallery last last.csv -q --threshold 0 -o rows.csv
awk -F , 'NR > 1 && $3 != "last" { print $1, $5 }' rows.csv | while read -r path feature; do
    echo "$(cksum <"$path") $feature"
done >features.txt

# change: draws a command; its words are in $@ of `command`, the state that it leads to in after.txt
draw() {
    one_of Ada Bob Cid
    name=$word
    one_of add add remove rename sync sync
    case $word in
    add)
        random 9
        command="add g.gallery $name p$((random + 1)).csv"
        { cat before.txt; echo "$name p$((random + 1)).png $((random + 1))"; } | sort >after.txt
        ;;
    remove)
        command="remove g.gallery $name"
        grep -v "^$name " before.txt >after.txt
        ;;
    rename)
        one_of Dan Eve
        command="rename --add g.gallery $name $word"
        sed "s/^$name /$word /" before.txt | sort >after.txt
        ;;
    sync)
        for class in bag coat sandal; do
            mkdir -p folder/$class
            random 3
            # shellcheck disable=SC2012
            file=$(ls pool/$class | sed -n $((random + 1))p)
            one_of "cp pool/$class/$file folder/$class" "rm -f folder/$class/$file" "mv folder/bag/$file folder/$class/m$file" \
                "cp pool/coat/$(ls pool/coat | head -n 1) folder/$class/$file"
            $word 2>/dev/null
        done
        [ -n "$(find folder -name '*.png')" ] || cp pool/bag/* folder/bag
        command="sync g.gallery folder"
        { grep -v " $PWD/folder/" before.txt; listing; } | sort >after.txt
        ;;
    esac
}

# try COMMAND: runs it, and kills it after a random time. Late kills make the next ones come earlier, and hits later, so
# that they spread over the whole command.
add=8000 remove=8000 rename=8000 sync=30000 # microseconds at most
try() {
    kind=${command%% *}
    eval "most=\$$kind"
    random "$most"
    # shellcheck disable=SC2086
    timeout -s KILL "$((random / 1000000)).$(printf %06d $((random % 1000000)))" "$KNN" -q $command 2>err.txt
    code=$?
    if [ $code -eq 137 ]; then most=$((most + most / 8)); else most=$((most - most / 8)); fi
    [ $most -gt 200 ] || most=200
    [ $most -lt 30000000 ] || most=30000000
    eval "$kind=$most"
}

history=0 killed=0 changed=0 late=0
while [ $history -lt "$N" ]; do
    history=$((history + 1))
    rm -rf g.gallery .g.gallery* folder
    mkdir folder
    cp -r pool/bag folder
    "$KNN" sync -q --model run g.gallery folder || complain "history $history: no start"
    state >before.txt
    random 5
    kill_at=$random step=0 hit=0
    # Five commands, or as many as it takes until a kill meets one that runs.
    while [ $step -lt 5 ] || { [ $hit -eq 0 ] && [ $step -lt 50 ]; }; do
        draw
        # A name that is not there cannot be removed or renamed: the state stays.
        if [ $step -ge $kill_at ] && [ $hit -eq 0 ]; then
            try
        else
            # shellcheck disable=SC2086
            "$KNN" -q $command 2>err.txt
            code=$?
        fi
        state >now.txt
        if [ $code -eq 0 ]; then
            cmp -s now.txt after.txt || complain "history $history: $command: $(diff after.txt now.txt)"
        elif [ $code -eq 1 ]; then
            cmp -s now.txt before.txt && grep -q 'it has no' err.txt || complain "history $history: $command failed: $(cat err.txt)"
        elif [ $code -eq 137 ]; then
            hit=1
            killed=$((killed + 1))
            cmp -s before.txt after.txt || { cmp -s now.txt after.txt && changed=$((changed + 1)); }
            cmp -s now.txt after.txt || cmp -s now.txt before.txt ||
                complain "history $history: killed $command: $(diff before.txt now.txt)"
        else
            complain "history $history: $command: exit code $code: $(cat err.txt)"
        fi
        [ $step -lt "$kill_at" ] || [ $code -eq 137 ] || [ $hit -eq 1 ] || late=$((late + 1))
        mv now.txt before.txt
        step=$((step + 1))
    done 2>/dev/null
done
[ $killed -eq "$N" ] || complain "only $killed of $N histories met a command that runs"
echo "$N histories, each with a kill of a running command, of which $changed had changed the gallery; $late kills came too late"
[ -z "$(find . -name '.*.cen-tmp')" ] || echo "of killed writers there are left: $(find . -name '.*.cen-tmp' | wc -l)"

finish

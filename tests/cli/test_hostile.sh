#!/bin/sh
# Folders and files that mean harm: each ends in bounded time with one sentence, and nothing is written but
# where it was asked for.
. "$(dirname "$0")/common.sh"
train() {
    timeout 300 "$TOOLS/cl_train" --net "$LITTLE" --epochs 1 "$@"
}
FEATURES="timeout 300 $TOOLS/cl_features"
KNN="timeout 300 $TOOLS/cl_knn"
esc=$(printf '\033')

# outside: what stands in the current folder, but for what the test itself writes.
outside() {
    ls -A | grep -vE '^((out|err|before|after|iconv|codes)\.txt|wide\.bin|check\.py)$'
}

# printable FILE: UTF-8 without a control character (C0, DEL, C1) or a mark of direction, but for newlines.
printable() {
    iconv -f UTF-8 -t UTF-16LE <"$1" >wide.bin 2>iconv.txt || complain "$1 is no UTF-8: $(cat -v "$1")"
    od -An -v -tu2 wide.bin | tr -s ' ' '\n' >codes.txt
    awk '$1 != "" && $1 != 10 && ($1 < 32 || ($1 >= 127 && $1 < 160) || ($1 >= 8234 && $1 <= 8238) ||
        ($1 >= 8294 && $1 <= 8297)) { bad = 1 } END { exit bad }' codes.txt ||
        complain "$1 holds control characters: $(cat -v "$1")"
}

# -- what is no file is passed over, and nothing waits for it
few strange 4
mkfifo strange/bag/pipe.png strange/coat/pipe
ln -s /dev/zero strange/bag/zero.png
ln -s /dev/null strange/bag/null.png
ln -s loop.png strange/bag/loop.png
ln -s nowhere.png strange/bag/dangling.png
ln -s nowhere strange/coat/dangling
ln -s .. strange/sandal/up
ln -s . strange/sandal/self
mkdir strange/coat/folder.png
ln -s strange strange/itself
ln -s nowhere strange/gone
succeed train --quiet -o strange-run strange
[ "$(wc -l <strange-run/features.tsv)" -eq 13 ] || complain "features of other than 12 images"
succeed train --overwrite -o strange-run strange
says "strange/bag/dangling.png: .*No such file"
says "strange/bag/loop.png: .*[sS]ymbolic link"
for name in pipe null zero; do
    says "strange/bag/$name.png: this is a device, a pipe or a socket; copy what it gives to a file"
done
says '^skipped +5 images'
says '^passed +4 files'
succeed $FEATURES strange-run strange/bag -o f.npy
grep -q "bag/pipe.png: this is a device" err.txt || complain "cl_features names no pipe: $(cat err.txt)"
says "; 5 skipped, so rows count only the others"
succeed $KNN classify --json strange-run strange/bag
says '"skipped": .*bag/pipe.png", "reason": "[^"]*this is a device'
expect 1 "null.png: this is a device" $FEATURES --strict strange-run strange/bag -o f.npy
expect 1 "pipe.png: this is a file; name the folder" train -o pipe-run strange/bag/pipe.png
expect 1 "pipe.png: this is a device, a pipe or a socket" $FEATURES strange-run strange/bag/pipe.png -o f.npy

# -- a folder that holds itself
few turning 3
ln -s .. turning/bag/turning
ln -s ../turning turning/zz
succeed train -o turning-run turning
says "turning/zz: passed over, a link to the folder that it lies in"
says "turning/bag/turning: passed over"
says "3 classes, 9 images"

# -- files and folders that may not be read (root may read all)
if [ "$(id -u)" -ne 0 ]; then
    few closed 4
    chmod 000 closed/bag/"$(ls closed/bag | head -n 1)"
    succeed train -o closed-run closed
    says "skipped +1 image:"
    chmod 000 closed/bag
    expect 1 "closed/bag: cannot read this folder" train -o closed-run --overwrite closed
    chmod 755 closed/bag
fi

# -- names: what they hold is text, in every output
few names 6
few more 20
mv more/bag names/plain
mv more/coat names/coat2
mv names/bag 'names/<script>alert(1)<\script>&amp;"'"'"
mv names/coat "$(printf 'names/new\nline\ttab\rreturn\033[31mred')"
mv names/sandal "$(printf 'names/latin\351\200\377')"
long=$(printf '%0240d' 7)
mv "names/plain/$(ls names/plain | head -n 1)" "names/plain/$long.png"
: >"$(printf 'names/plain/broken\n\033[2Jname.png')"
: >"names/plain/x$long.png"
outside >before.txt
succeed train --svg -o names-run names
printable out.txt
says 'names/plain/broken[?][?]\[2Jname.png: the file is empty'
outside | grep -v '^names-run$' >after.txt
cmp -s before.txt after.txt || complain "written outside of the run: $(diff before.txt after.txt)"
find names-run -mindepth 1 | sed 's|^names-run/||' | LC_ALL=C grep -qv '^[a-zA-Z0-9_./-]*$' &&
    complain "a name of a file was made of a name of a class: $(find names-run)"
grep -q '<script>alert' names-run/report.html names-run/svg/* && complain "a class name is markup"
grep -q "$esc" names-run/report.html names-run/report.json names-run/svg/* && complain "an escape in a report"
grep -q 'new\\nline\\ttab\\rreturn' names-run/features.tsv || complain "the .tsv does not escape names"
[ "$(awk -F '\t' 'NF != 6' names-run/features.tsv | wc -l)" -eq 0 ] || complain "a name broke the .tsv"
grep -q 'new\\nline\\ttab\\rreturn\\u001b\[31mred' names-run/report.json || complain "a name is not in the JSON"
for run in names-run/report.json names-run/report.html; do
    iconv -f UTF-8 -t UTF-8 <$run >wide.bin 2>iconv.txt || complain "$run is no UTF-8"
done
succeed $FEATURES names-run names -o names.csv
printable names.csv
succeed $FEATURES names-run names -o names.npy
printable err.txt
if command -v python3 >/dev/null; then # each row's class is the folder of its path, its label that folder's place
    cat >check.py <<'END'
import csv, json, os, re

def plain(field):
    byte = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
    return re.sub(rb"\\(x..|.)", lambda m: byte.get(m[1]) or bytes([int(m[1][1:], 16)]), field.encode())

folders = sorted(map(os.fsencode, os.listdir("names")))
table = list(csv.reader(open("names.csv", encoding="utf-8", newline="")))[1:]
from_csv = [(plain(f[0][2:]) if f[0][:2] == "'\\" else f[0].encode(), int(f[1]),
             plain(f[2][2:]) if f[2][:2] == "'\\" else f[2].encode()) for f in table]
lines = [line.split("\t") for line in open("names.tsv", encoding="utf-8", newline="\n").read().split("\n")[1:-1]]
assert from_csv == [(plain(f[1]), int(f[2]), plain(f[3])) for f in lines]
for path, label, name in from_csv:
    assert path.split(b"/")[1] == name == folders[label], (path, label, name)
assert {label for _, label, _ in from_csv} == set(range(len(folders)))
json.load(open("names-run/report.json", encoding="utf-8"))
END
    succeed python3 check.py
    rm check.py
fi
succeed $KNN eval names.csv
printable out.txt
succeed $KNN eval names.csv --json
cp out.txt csv.json
succeed $KNN eval names.npy --json
sed "s/names[.]csv/names.npy/g" csv.json | cmp -s - out.txt ||
    complain "names are not the same from .csv and .npy"
succeed $KNN audit names.npy
printable out.txt

# -- the same in what the tools say of paths, on either stream
wild=$(printf 'w\033[31m\302\233\233\377\355\240\200\300\200\342\200\256\303\244\nline')
succeed train --epochs 1 -o "$wild" --init names-run/model.safetensors names
printable out.txt
says '^done      w[?]\[31m[?]{9}ä[?]line: '
expect 1 'w[?]\[31m[?]{9}ä[?]line: ' train -o "$wild" names
printable err.txt
expect 2 "unknown option" train "--$wild"
printable err.txt
expect 1 "line/nowhere: no such folder" train "$wild/nowhere"
printable err.txt
succeed $FEATURES "$wild" "$wild/../names" -o "$wild.npy"
printable out.txt
succeed $KNN eval "$wild"
printable out.txt
succeed $KNN enroll --model "$wild" "$wild.npy" "x$wild" names/plain
printable out.txt
expect 1 "line.nothing" $KNN classify "$wild.npy" "$wild.nothing" --model "$wild"
printable err.txt
expect 1 "line.nothing" timeout 300 "$TOOLS/cl_idx" "$wild.nothing" "$wild" -o "$wild"
printable err.txt
rm -r w*line*

# -- a model whose class names are paths stays where it is told to be
few paths 3
succeed train --quiet -o paths-run paths
LC_ALL=C sed 's|\\"bag\\",\\"coat\\"|\\"../\\",\\"/etc\\"|' paths-run/model.safetensors >paths.safetensors
cmp -s paths-run/model.safetensors paths.safetensors && complain "the model was not changed"
outside | LC_ALL=C sort >before.txt
succeed $FEATURES paths.safetensors paths -o paths.npy
outside | grep -vE '^paths\.(npy|tsv)$' | LC_ALL=C sort >after.txt
cmp -s before.txt after.txt || complain "written elsewhere: $(diff before.txt after.txt)"
printf '/etc/passwd\n../..\n' >list.txt
expect 1 "list.txt, line 1: no class is named ./etc/passwd" train --holdout-classes list.txt -o list-run paths

# -- a log that tells of no epoch that can be
succeed train --epochs 3 --stop-after 1 --quiet -o logged-run paths
sed '2,$s/^[0-9]*/-1/' logged-run/log.csv >log.csv
mv log.csv logged-run/log.csv
succeed timeout 300 $TOOLS/cl_train --quiet --resume logged-run

# -- numbers longer than any text that was made for them: from a checkpoint, and from plain options
succeed train --net "$LITTLE" --batch-size 2 --stop-after 2 -o numbers-run paths
LC_ALL=C sed 's/\(at\.softmax\\*":\\*"[^"\\]*\)[^"\\]\{4\}\(\\*"\)/\1e140\2/' \
    numbers-run/checkpoint.safetensors >changed
cmp -s changed numbers-run/checkpoint.safetensors && complain "the checkpoint was not changed"
cp changed numbers-run/checkpoint.safetensors
succeed timeout 300 $TOOLS/cl_train --resume numbers-run
for i in 1 2 3; do
    mkdir -p loud/train/$i loud/val/$i
    printf 'P5\n8\n8\n255\n%64s' '' | tr ' ' '\000' | tee loud/train/$i/1.pgm >loud/train/$i/2.pgm
    printf 'P5\n8\n8\n255\n%64s' '' | tr ' ' '\377' >loud/val/$i/1.pgm
done
succeed train --net "flatten, batchnorm, batchnorm, batchnorm" --batch-size 3 --epochs 60 --augment none \
    --mean 0 --std 1e-30 --lambda 0 --lr 0 --no-report -o loud-run loud

# -- names as long as a system takes, and longer
deep=$(printf '%0250d' 1)
expect 1 "0001.*: no such folder" train -o deep-run "$deep/$deep/$deep"
expect 1 "File ?name too long|no such folder" train -o deep-run "$long$long"
expect 1 "File ?name too long" train --quiet -o "$long$long" paths
far=$(printf '%05000d' 1)
expect 2 "longer than a path" train --quiet -o "$far" paths
expect 1 "0001" $FEATURES "$far" paths -o f.npy

finish

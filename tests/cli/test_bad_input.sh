#!/bin/sh
# Every kind of bad input gets one sentence that names the place, the right exit code, and loses nothing.
. "$(dirname "$0")/common.sh"
TRAIN="$TOOLS/cl_train --epochs 1 --quiet"
FEATURES="$TOOLS/cl_features"

# -- the command line
expect 2 "name the folder" $TRAIN
expect 1 "a: no such folder" $TRAIN a b
expect 2 "unknown option '--lamda'; did you mean --lambda" $TRAIN --lamda 1 x
expect 2 "unknown option '--zzzzzz'" $TRAIN --zzzzzz x
expect 2 "unknown option '-Z'" $TRAIN -Z x
expect 2 "loss 'x' .* it takes center, softmax, triplet, triplet-semi, contrastive-center or cosface$" $TRAIN --loss x x
expect 2 "lambda '-1'" $TRAIN --lambda -1 x
expect 2 "lambda 'nan'" $TRAIN --lambda nan x
expect 2 "lambda '1x'" $TRAIN --lambda=1x x
expect 2 "lambda needs a value" $TRAIN x --lambda
expect 2 "quiet takes no value" $TRAIN --quiet=1 x
expect 2 "batch-size '0'" $TRAIN --batch-size 0 x
expect 2 "channels takes 1 or 3" $TRAIN --channels 2 x
expect 2 "image-size '0x3'" $TRAIN --image-size 0x3 x
expect 2 "centers 'men'" $TRAIN --centers men x
expect 2 "batch-size '0' cannot be used; it takes a whole number from 1 to 1048576" $TRAIN --batch-size 0 x
expect 2 "epochs '1e3' cannot be used; it takes a whole number from 1 to 1000000000" $TRAIN --epochs 1e3 x
for rate in lr adam-eps weight-decay clip alpha margin lambda; do
    expect 2 "$rate '1e30' cannot be used; it takes a number from 0 to 1e\+29" $TRAIN --$rate 1e30 x
done
expect 2 "std '0' cannot be used; it takes one number from 1e-30 to 1e\+30, or three" $TRAIN --std 0 x
expect 2 "mean '1e31'" $TRAIN --mean 1e31 x
expect 2 "mean '1,2,3,4'" $TRAIN --mean 1,2,3,4 x
expect 2 "mean '1,2' cannot be used; it takes one number .*, or three" $TRAIN --mean 1,2 x
expect 2 "have three numbers, but the input is grey; give one" $TRAIN --dry-run -q --std 1,2,3 "$SOURCE/data/fashion"


# -- numbers beyond what a machine counts are refused, not cut (2^32 + 1 is 1 on 32 bits, else)
expect 2 "seed '18446744073709551617'" $TRAIN --seed 18446744073709551617 x
expect 2 "max-pixels '4611686018427387905'" $TRAIN --max-pixels 4611686018427387905 x
few counts 2
if $TRAIN --max-pixels 4294967297 -o counts-run counts 2>err.txt; then
    [ "$(wc -l <counts-run/features.tsv)" -eq 7 ] || complain "--max-pixels was cut to 1"
else
    grep -q "max-pixels '4294967297' is more than this machine can count" err.txt || complain "$(cat err.txt)"
fi
succeed $TRAIN --seed 9007199254740993 --overwrite -o counts-run counts
grep -aq '"seed[\]*":[\]*"9007199254740993' counts-run/model.safetensors || complain "the seed was rounded"

# -- what cannot be printed is an error
if [ -e /dev/full ]; then
    for tool in cl_train cl_export cl_features cl_idx cl_knn; do
        "$TOOLS/$tool" --help >/dev/full 2>err.txt && complain "$tool --help >/dev/full"
        grep -q "^$tool: what was printed could not be written" err.txt || complain "$tool: $(cat err.txt)"
    done
    "$TOOLS/cl_train" --epochs 1 -o full-run counts >/dev/full 2>err.txt && complain "cl_train >/dev/full"
    grep -q "could not be written" err.txt || complain "cl_train: $(cat err.txt)"
    [ -e full-run/features.npy ] || complain "a full stream ended a training"
fi

# -- a standard stream that is closed: no file takes its number and gets what is printed
for closed in '' '0<&-' '1>&-' '2>&-' '0<&- 1>&- 2>&-'; do
    printed=0 # the exit code of what prints to a stream that is closed
    case $closed in *1*) printed=1 ;; esac
    rm -rf streams
    mkdir streams
    for command in "0 cl_train -q --epochs 2 -o streams/run counts" "$printed cl_train --epochs 2 -o streams/loud counts" \
        "$printed cl_features streams/run counts -o streams/f.npy" "$printed cl_features streams/run counts -o streams/g.csv" \
        "0 cl_export streams/run -o streams/m.onnx" "$printed cl_knn enroll --model streams/run streams/g.csv one counts/bag" \
        "$printed cl_knn eval streams/run --report streams/page.html" \
        "0 cl_idx $SOURCE/tests/golden/idx/images.gz $SOURCE/tests/golden/idx/labels -o streams/idx"; do
        eval "'$TOOLS'/${command#* } >out.txt 2>err.txt $closed"
        code=$?
        [ $code -eq "${command%% *}" ] || complain "$closed: ${command#* }: ends with $code: $(cat err.txt)"
    done
    [ -e open ] || mv streams open
    [ -e streams ] || continue
    for file in run/model.safetensors run/features.npy run/features.tsv loud/model.safetensors loud/features.npy \
        f.npy f.tsv g.csv page.html idx; do
        diff -r "open/$file" "streams/$file" >diff.txt || complain "$closed: another $file: $(head -c 300 diff.txt)"
    done
    [ "$(wc -l <streams/loud/log.csv)" -eq 3 ] || complain "$closed: log.csv: $(cat streams/loud/log.csv)"
done
expect 1 "cl_features: .*Bad file descriptor" sh -c "$FEATURES open/run counts -o - >&-"

# -- folders
expect 1 "nowhere: no such folder" $TRAIN nowhere
mkdir empty
expect 1 "empty: .*sub-folder" $TRAIN empty
few one 3
rm -r one/coat one/sandal
expect 1 "one/bag: only one class, .bag.; at least two" $TRAIN one
few hold 3
expect 1 "holding out 2 of 3 classes leaves 1" $TRAIN --holdout-classes 0.6 hold
expect 1 "'nofile' is neither a share of the classes nor a file that is there" $TRAIN --holdout-classes nofile hold
echo shoe >names.txt
expect 1 "names.txt, line 1: no class is named .shoe." $TRAIN --holdout-classes names.txt hold
expect 1 "share of held-out classes of 1 " $TRAIN --holdout-classes 1 hold
expect 1 "33 images per class do not divide batches of 64" $TRAIN --per-class 33 hold
expect 1 "batches of 64 with 2 images per class need 32 classes, there are 3; make batches of 6$" $TRAIN --per-class 2 hold
few hollow 3
mkdir hollow/nothing
expect 1 "hollow/nothing" $TRAIN hollow
few flat 1
mv flat/bag/* flat/
rm -r flat/bag flat/coat flat/sandal
expect 1 "flat: .*sub-folder" $TRAIN flat

# -- images: skipped, named and counted; an error with --strict
few broken 4
first=$(ls broken/bag | head -n 1)
head -c 100 "broken/bag/$first" >"broken/bag/cut.png"
: >broken/coat/zero.png
printf '\0\0\0\030ftypheic' >broken/sandal/picture.heic
expect 1 "broken/coat/zero.png: the file is empty" $TRAIN --strict -o strict-run broken
rm broken/coat/zero.png
expect 1 "broken/sandal/picture.heic: HEIC is not supported" $TRAIN --strict -o strict-run broken
rm broken/sandal/picture.heic
expect 1 "broken/bag/cut.png: " $TRAIN --strict -o strict-run broken
[ -e strict-run/model.safetensors ] && complain "a strict run left a model"
: >broken/coat/zero.png
printf '\0\0\0\030ftypheic' >broken/sandal/picture.heic
succeed "$TOOLS/cl_train" --epochs 1 -o broken-run broken
says "skipped +3 images"
says "broken/bag/cut.png: "
says "broken/coat/zero.png: .*empty"
says "broken/sandal/picture.heic: .*HEIC is not supported"
[ "$(wc -l <broken-run/features.tsv)" -eq 13 ] || complain "features of other than 12 images"
few large 2
expect 1 "pixels .* raise that limit .*--max-pixels" $TRAIN --strict --max-pixels 100 large

# -- what works: a PNG named .jpg, names beyond ASCII, files that are no images
few odd 4
mv "odd/bag/$first" odd/bag/really-a-png.jpg
mv odd/coat "odd/größe 大きい"
echo hello >odd/sandal/notes.txt
succeed "$TOOLS/cl_train" --epochs 1 -o odd-run odd
says "passed +1 file: no image of a class"
grep -q "größe 大きい" odd-run/features.tsv || complain "a class name was lost"
grep -q "really-a-png.jpg" odd-run/features.tsv || complain "a PNG named .jpg was lost"

# -- nets
few good 6
expect 2 "net, column 13: 'maxpol'" $TRAIN --net "conv 8 3x3, maxpol 2, flatten" good
expect 2 "net, column 8: '3y3'" $TRAIN --net "conv 8 3y3, flatten" good
expect 2 "net, column 12: 'strid'" $TRAIN --net "conv 8 3x3 strid 2, flatten" good
expect 2 "layer 0 'conv 8 99x99'.*smaller than its window" $TRAIN --net "conv 8 99x99, flatten" good
expect 2 "layer 1 'dense 4'.*flatten" $TRAIN --net "conv 8 3x3, dense 4" good
expect 2 "no feature vector" $TRAIN --net "conv 8 3x3" good
expect 2 "net, column" $TRAIN --net "" good
expect 2 "layer 6 |layer 5 |smaller than its window" $TRAIN --image-size 4 good

# -- model files
succeed "$TOOLS/cl_train" --epochs 1 --quiet -o run good
expect 1 "run: a run stands here already" $TRAIN -o run good
succeed $TRAIN -o run --overwrite good
expect 1 "none.safetensors" $FEATURES none.safetensors good -o f.npy
head -c 4000 run/model.safetensors >cut.safetensors
expect 1 "cut.safetensors: " $FEATURES cut.safetensors good -o f.npy
head -c 4 run/model.safetensors >tiny.safetensors
expect 1 "tiny.safetensors: " $FEATURES tiny.safetensors good -o f.npy
printf '\377\377\377\377\377\377\377\177{}' >huge.safetensors
expect 1 "huge.safetensors: " $FEATURES huge.safetensors good -o f.npy
printf '\002\0\0\0\0\0\0\0{}' >foreign.safetensors
expect 1 "foreign.safetensors: " $FEATURES foreign.safetensors good -o f.npy
printf '\100\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,99999999]}}   ' >lies.safetensors
expect 1 "lies.safetensors: .*" $FEATURES lies.safetensors good -o f.npy
expect 1 "cut.safetensors: " $TRAIN --init cut.safetensors -o run3 good
expect 1 "body.0.weight.*shape" $TRAIN --init run/model.safetensors -o run3 \
    --net "conv 8 3x3, flatten, dense 8" good
expect 2 "does not tell the format" $FEATURES run good -o f.xyz
expect 2 "name a run" $FEATURES run
[ -e f.npy ] && complain "a failed cl_features left a file"

# -- rates beyond all sense end in a sentence
for rate in 1e29 1e9; do
    expect 1 "epoch 1 .*not finite.*; train with a smaller learning rate" $TRAIN --lr $rate -o wild-run good
    rm -r wild-run
done

# -- places that cannot be written
: >file
expect 1 "file/run" $TRAIN -o file/run good
expect 1 "file/f.npy" $FEATURES -q run good -o file/f.npy
expect 1 "file/run: cannot make the folder file: .*; choose another place" $TRAIN -o file/run good
mkfifo fifo
for place in file /dev/null fifo; do
    expect 1 "$place: this is no folder; name one for --svg" "$TOOLS/cl_knn" eval run --svg $place
    expect 1 "$place: this is no folder; name the one that the pictures lie in" \
        "$TOOLS/cl_knn" eval run --report page.html --pictures $place
done
expect 1 "nowhere: cannot open: " "$TOOLS/cl_knn" eval run --report page.html --pictures nowhere
[ -e page.html ] && complain "a page was written"
[ -e /dev/full ] && expect 1 "/dev/full: writing failed" $TRAIN -o run4 --steps /dev/full good
# A disk that is full after 64 KB: what stood there stays whole.
cp run/model.safetensors before
expect 1 "safetensors: writing failed.*untouched" \
    sh -c "trap '' XFSZ; ulimit -f 128; exec $TRAIN --overwrite -o run good"
cmp -s before run/model.safetensors || complain "a full disk damaged the model that stood there"
[ -z "$(ls run | grep tmp)" ] || complain "a full disk left a temporary file"

finish

#!/bin/sh
# Mistakes of somebody who tries the tools for the first time: one sentence each, which names what helps.
. "$(dirname "$0")/common.sh"
PATH=$TOOLS:$PATH
export PATH
few photos 2
mkdir empty
echo junk >junk.jpg

# ---- an option with one dash, which would be read as a letter and its value ----
expect 2 "^cl_train: unknown option '-epochs'; did you mean --epochs\?$" cl_train -epochs 3 photos
expect 2 "^cl_train: unknown option '-help'; did you mean --help\?$" cl_train -help
expect 2 "^cl_knn: unknown option '-quiet'; did you mean --quiet\?$" cl_knn eval -quiet photos
expect 2 "^cl_knn: unknown option '--verison'; did you mean --version\?$" cl_knn --verison
expect 2 '^cl_features: --help takes no value$' cl_features --help=all

# ---- nothing, or too little ----
expect 2 '^cl_train: name the folder of images, as: cl_train photos$' cl_train
expect 2 '^cl_features: name a run, images, and -o FILE, as: cl_features runs/1 photos -o features.npy$' cl_features photos
expect 2 '^cl_idx: name two files and -o DIR, as: cl_idx images.gz labels.gz -o mnist$' cl_idx images.gz
expect 2 "^cl_idx: --names ',' has no name in it; write cat,dog$" cl_idx a b -o c --names ,

# ---- another thing in place of a run ----
run='; name a run folder of cl_train, or a model of one$'
expect 1 "^cl_features: photos/model.safetensors: .*$run" cl_features photos photos -o x.npy
expect 1 "^cl_features: nowhere: .*$run" cl_features --info nowhere
expect 1 "^cl_features: junk.jpg: this is no safetensors file.*$run" cl_features junk.jpg photos -o x.npy
expect 1 "^cl_knn: empty/model.safetensors: .*$run" cl_knn classify photos photos --model empty
expect 2 '^cl_knn: photos: this is no run folder, .gallery, .npy or .csv, and pictures need a model; add --model RUN$' cl_knn eval photos

# ---- an option of another command ----
expect 2 '^cl_knn: --report has no use here: it is for eval$' cl_knn classify --report a.html photos photos
expect 2 '^cl_knn: --output has no use here: it is for list, enroll and cluster$' cl_knn eval photos -o a.npy
expect 2 '^cl_knn: --far has no use here: it is for classify, enroll, calibrate and cluster$' cl_knn eval --far 0.1 photos
expect 2 '^cl_knn: --far has no use here: --threshold is given already$' cl_knn classify --far 0.1 --threshold 3 a b
expect 2 '^cl_knn: --strangers has no use here: it goes with --far$' cl_knn classify --strangers a b c

# ---- a decimal comma ----
expect 2 "^cl_train: --lr '0,002' cannot be used; it takes a number from 0 to 1e\+29; did you mean 0\.002\?$" cl_train --lr 0,002 photos
expect 2 "^cl_train: --mean '0,5' cannot be used; .*; did you mean 0\.5\?$" cl_train --mean 0,5 photos
expect 2 "^cl_train: --lambda '0,02' cannot be used; .*; did you mean 0\.02\?$" cl_train --lambda 0,02 photos
expect 1 "^cl_train: --holdout-classes '0,2' .*; did you mean 0\.2\?$" cl_train --holdout-classes 0,2 photos
expect 2 "^cl_knn: --far '0,01' cannot be used; .*; did you mean 0\.01\?$" cl_knn classify --far 0,01 a b
expect 2 "^cl_train: --epochs '1,5' cannot be used; it takes a whole number from 1 to 1000000000$" cl_train --epochs 1,5 photos
expect 2 "^cl_train: --lr '1,2,3' cannot be used; it takes a number from 0 to 1e\+29$" cl_train --lr 1,2,3 photos

# ---- files that are read later are looked for first: late/ would fail by its picture ----
few late 3
for file in late/*/*; do
    head -c 100 "$file" >short # with its size, and no pixels
    mv short "$file"
done
early() { # PATTERN COMMAND...
    expect 1 "$@"
    [ ! -e runs ] || complain "$* : a run folder is made before the mistake is found"
}
early '^cl_train: --init nope: cannot open: ' cl_train --init nope late
early '^cl_train: --val nope: cannot open: ' cl_train --val nope late
early "^cl_train: --holdout-classes 'nope' is neither a share of the classes nor a file that is there$" cl_train --holdout-classes nope late
early '^cl_train: nope: this is no run that can be resumed' cl_train --resume nope
early '^cl_knn: --model nope: cannot open: ' cl_knn classify --model nope a b
early '^cl_knn: --strangers nope: cannot open: ' cl_knn classify --far 0.1 --strangers nope a b
early '^cl_knn: --pictures nope: cannot open: ' cl_knn eval --pictures nope --report a.html photos
# weights that do not fit the net, before any picture is decoded
early 'junk.jpg: this is no safetensors file' cl_train --init junk.jpg --strict --val-split 0 -o run late
expect 1 'late/.*png: ' cl_train --strict --val-split 0 -o run late
[ ! -e run/arguments ] || complain "a run begins with weights that cannot be read"
finish

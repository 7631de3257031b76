#!/bin/sh
# cl_train --recipe article trains what the long command of data/README.md does, to the byte; options beside it count
# more, and a run goes on as it began.
. "$(dirname "$0")/common.sh"
few small 12
long=$(sed -n '/^    cl_train --net article/,/photos/p' "$SOURCE/data/README.md" | tr -d '\\\n' | sed 's/cl_train//; s/photos.*//')
quick="--image-size 24 --epochs 2 --threads 1 --no-report -q"
train() {
    succeed "$TOOLS/cl_train" "$@" $quick small
}
same() {
    cmp "$1/model.safetensors" "$2/model.safetensors" || complain "$1 and $2 have other models"
}
train --recipe article -o article
train $long -o long
same article long
succeed "$TOOLS/cl_features" --info article
says "lambda 0.2, centers adam-dense, .*batch_size 32, lr 0.001, adam_eps [0-9.e-]*, adam_form keras"
# beside it
train --lr 0.01 --recipe article --adam-form torch -o beside
train $long --lr 0.01 --adam-form torch -o beside_long
same beside beside_long
cmp -s article/model.safetensors beside/model.safetensors && complain "the options beside it count nothing"
# without --epochs it is the article's
succeed "$TOOLS/cl_train" --recipe article --image-size 24 --dry-run small
says "10 epochs"
# all classes are trained, however many there are
for i in 1 2 3 4 5 6 7 8 9; do
    for k in 0 1 2 3 4 5; do
        mkdir -p "many/$i$k"
        cp small/bag/*0.png "many/$i$k"
    done
done
succeed "$TOOLS/cl_train" --recipe article --image-size 24 --dry-run many
says "^images    54 classes"
grep -q "held-out" out.txt && complain "classes are held out: $(grep "^images" out.txt)"
# stopped and resumed
train --recipe article --stop-after 1 -o stopped
succeed "$TOOLS/cl_train" --resume stopped -q
same article stopped
expect 2 "^cl_train: --recipe 'paper' cannot be used; it takes article$" "$TOOLS/cl_train" --recipe paper small
finish

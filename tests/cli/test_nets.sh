#!/bin/sh
# cl_train --nets lists what the presets are; --net takes a line from a file; --minutes chooses the epochs, and a resumed
# run keeps them.
. "$(dirname "$0")/common.sh"
few small 20
train() {
    "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --augment none --no-report "$@" small
}

# each preset with its parameters; the head of a training and its bias are not counted
succeed "$TOOLS/cl_train" --nets
mv out.txt nets.txt
[ "$(sed -n '3,$s/ .*//p' nets.txt | head -n 1)" = small ] || complain "small is not the first: $(cat nets.txt)"
succeed "$TOOLS/cl_train" --nets --json
[ "$(grep -c '"kind": "net"' out.txt)" -eq "$(sed 1,2d nets.txt | wc -l)" ] || complain "as many objects: $(cat out.txt)"
tail -n 1 out.txt | grep -q '"kind": "end", "state": "done"' || complain "no end: $(tail -n 1 out.txt)"
mv out.txt objects.txt
for name in $(sed -n '3,$s/ .*//p' nets.txt); do
    grep -F "\"name\": \"$name\"" objects.txt | grep -qE '_per_second": [1-9][0-9.e+]*\}|_per_second": 0\.[0-9]+\}' ||
        complain "no speed of $name: $(cat objects.txt)"
    listed=$(grep "^$name " nets.txt | grep -oE "[0-9]+(,[0-9]{3})+" | head -n 1)
    grep -F "\"name\": \"$name\"" objects.txt | grep -qF "\"parameters\": $(echo "$listed" | tr -d ,)," ||
        complain "$name: $listed parameters, but $(grep -F "\"$name\"" objects.txt)"
done
# article: 10 kernels of 2x2x3, and 111 x 111 x 10 numbers to 32; multiply-adds: 223 x 223 of the one, one of the other
says_nets() { grep -qE "$1" nets.txt || complain "no $1 in: $(cat nets.txt)"; }
says_nets "^article +3x224x224 +3,942,882 +9,910,200 "
# Chen et al. 2018: 0.99 million parameters and 221 million multiply-adds; here convolutions have biases, too
says_nets "^mobilefacenet +3x112x112 +1,012,928 +2[0-9]{2},[0-9]{3},[0-9]{3} "

# a net in a file is the line that it holds
printf '%s\n' "$LITTLE" | sed 's/, /,\n/g' >net.txt
succeed train --epochs 1 -o line
succeed "$TOOLS/cl_train" --net net.txt --image-size 16 --augment none --no-report --epochs 1 -o file small
cmp line/model.safetensors file/model.safetensors || complain "the net of a file is another one"
echo "conv 8 3x3, relus" >wrong.txt
expect 2 "net, column 13: 'relus' stands where a layer" "$TOOLS/cl_train" --net wrong.txt -o none small
expect 2 "there is no such preset" "$TOOLS/cl_train" --net missing.txt -o none small
printf 'flatten\0' >nul.txt
expect 1 "--net nul.txt: a line of layers has no byte 0" "$TOOLS/cl_train" --net nul.txt -o none small

# --minutes: as --epochs with the number that it prints; a run that was stopped goes on with that number
succeed train --minutes 0.02 --stop-after 2 -o timed
if grep '^flip .*typed' out.txt; then complain "--minutes takes its own choice for a typed one"; fi
n=$(sed -n 's/^time .*: \([0-9]*\) epochs\{0,1\} in 0.02 minutes$/\1/p' out.txt)
[ -n "$n" ] || n=1 # a slow machine
says "^training +$n epochs?, "
succeed "$TOOLS/cl_train" --resume timed
succeed train --epochs "$n" -o counted
cmp timed/model.safetensors counted/model.safetensors || complain "--minutes is not --epochs $n"
[ "$(tail -n 1 timed/log.csv | cut -d, -f1)" = "$n" ] || complain "not $n epochs: $(cat timed/log.csv)"
succeed train --minutes 0.02 --epochs 2 -o both
says "^training +2 epochs, "
succeed train --minutes 0.000001 --dry-run
says "^warning +one epoch takes about .*, which is longer than --minutes 1e-06"
finish

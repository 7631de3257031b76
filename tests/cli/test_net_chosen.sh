#!/bin/sh
# cl_train takes a net with gap if what is shown has no fixed place, says why, and keeps it in the run; --net overrides it.
. "$(dirname "$0")/common.sh"

# shapes DIR MOST: eight classes of 12 pictures, 24 x 24. A picture is moved by less than MOST pixels each way, around the edges.
shapes() {
    for class in 1 2 3 4 5 6 7 8; do
        mkdir -p "$1/$class"
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
            awk -v class=$class -v most="$2" -v seed=$((class * 12 + i)) '
                function draw(n) { seed = (seed * 1103 + 12345) % 65536; return int(seed / 64) % n }
                BEGIN {
                    for (k = 0; k < 9; k++) draw(2)
                    dy = draw(most); dx = draw(most)
                    print "P2 24 24 255"
                    for (y = 0; y < 24; y++) for (x = 0; x < 24; x++) {
                        v = (y - dy + 24) % 24 - 12; u = (x - dx + 24) % 24 - 12
                        inside = v * v <= 9 + 6 * class && u * u <= 75 - 6 * class && (class % 2 || (u + v) % 3)
                        print 40 + 150 * inside + draw(40)
                    }
                }' >"$1/$class/$i.pgm"
        done
    done
}
shapes moved 24
shapes same 2
train() {
    "$TOOLS/cl_train" --epochs 2 --no-report "$@"
}

succeed train --dry-run moved
says "^chosen +objects: images of two classes correlate by 0.0[0-4]; --net overrides$"
succeed train --dry-run same
says "^chosen +small: images of two classes correlate by 0.[1-9][0-9]; --net overrides$"
succeed train --dry-run --net small moved
if grep -q '^chosen' out.txt; then complain "what was typed is chosen: $(cat out.txt)"; fi
mkdir two
cp -r moved/1 moved/2 two
succeed train --dry-run two
says "^chosen +small: too few classes or images to tell$"

# A run that is stopped goes on with its net, also if its pictures have changed.
succeed train --json --stop-after 1 -o run moved
says '"net": "[^"]*gap, dense 128".*"alike": -?0.0[0-9]+'
grep -aq '"alike": *"-*0.0[0-9]*"' run/model.safetensors run/checkpoint.safetensors || complain "the model does not say what was measured"
tr '\0' '\n' <run/arguments | grep -qx -- '--net=objects' || complain "the run does not keep its net"
succeed "$TOOLS/cl_train" --resume run
"$TOOLS/cl_features" --info run 2>/dev/null | grep -q 'gap' || complain "resumed with another net"

# A run of before the recipe chose has the net small, and nothing of it in its arguments.
succeed train --net=small --stop-after 1 -o old moved
tr '\0' '\n' <old/arguments | grep -v '^--net=' | tr '\n' '\0' >arguments
mv arguments old/arguments
succeed "$TOOLS/cl_train" --resume old
says "^resumed "
"$TOOLS/cl_features" --info old 2>/dev/null | grep -q 'flatten, dense 128' || complain "an older run resumes with another net"

# Pictures of one grey, and classes that are told apart by place, do not correlate by chance.
for class in 1 2 3 4; do
    mkdir -p plain/$class third/$class
    for i in 1 2 3 4 5 6 7 8; do
        awk -v class=$class 'BEGIN { print "P2 8 8 255"; for (i = 0; i < 64; i++) print 50 * class }' >plain/$class/$i.pgm
        awk -v class=$class -v i=$i 'BEGIN { print "P2 8 8 255"; for (y = 0; y < 8; y++) for (x = 0; x < 8; x++)
            print int(y / 2) == class - 1 ? 200 + i : 20 + (x * i) % 7 }' >third/$class/$i.pgm
    done
done
succeed train --dry-run plain
says "^chosen +small: too few classes or images to tell$"
succeed train --dry-run third
says "^chosen +small: images of two classes correlate by -0.[0-9]+; --net overrides$"
finish

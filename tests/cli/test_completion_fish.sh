#!/bin/sh
# What fish offers for a line.
. "$(dirname "$0")/common.sh"
command -v fish >/dev/null || { echo "no fish here: not tested"; exit 77; }
PATH=$TOOLS:$PATH
export PATH
mkdir -p photos/few
for tool in cl_export cl_features cl_idx cl_knn cl_train; do
    $tool --print fish >$tool.fish || complain "$tool --print fish"
done

# offers LINE PATTERN
offers() {
    HOME=$WORK fish -N -c "source $tool.fish; complete -C '$1'" 2>&1 | cut -f 1 | tr '\n' ' ' >out.txt
    says "$2"
}
for tool in cl_export cl_features cl_idx cl_knn cl_train; do
    fish -n $tool.fish 2>err.txt || complain "$tool.fish: $(cat err.txt)"
done
tool=cl_train
offers 'cl_train --loss tri' '^triplet triplet-semi $'
offers 'cl_train --net ' '^article .*lenet\+\+ .*mobilefacenet .*small $'
offers 'cl_train --val' '^--val --val-split $'
offers 'cl_train --resume ph' '^photos/ $'
offers 'cl_train ph' '^photos/ $'
offers 'cl_train compar' '^compare $'
tool=cl_knn
offers 'cl_knn e' '^enroll eval '
tool=cl_train
offers 'cl_train compare -' '^-h -o '
offers 'cl_train compare --' '^--help --output --version $'
offers 'cl_train --outp' '^--output $'
finish

#!/bin/sh
# What bash offers for a line.
. "$(dirname "$0")/common.sh"
command -v bash >/dev/null || { echo "no bash here: not tested"; exit 77; }
PATH=$TOOLS:$PATH
export PATH
mkdir -p photos/few
for tool in cl_export cl_features cl_idx cl_knn cl_train; do
    $tool --print bash >$tool.bash || complain "$tool --print bash"
done

# $1: words with the cursor in the last; $2: what is offered
cat >complete.sh <<'END'
compopt() { files=$2; }
try() {
    COMP_WORDS=($1) files=
    [[ $1 != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    "_${COMP_WORDS[0]}"
    got="${COMPREPLY[*]}${files:+ +$files}"
    [[ $got == "$2" ]] || echo "'$1': '$got' and not '$2'"
}
for tool in cl_export cl_features cl_idx cl_knn cl_train; do . ./$tool.bash; done
try 'cl_train --loss ' 'center softmax triplet triplet-semi contrastive-center cosface'
try 'cl_train --loss tri' 'triplet triplet-semi'
try 'cl_train --loss = co' 'contrastive-center cosface'
try 'cl_train --loss =' 'center softmax triplet triplet-semi contrastive-center cosface'
try 'cl_train -n le' 'lenet++ +default'
try 'cl_train --lambda ' 'auto'
try 'cl_train --channels ' '1 3'
try 'cl_train --val' '--val --val-split'
try 'cl_train --epochs ' ''
try 'cl_train --init ' ' +default'
try 'cl_train --resume ' ' +dirnames'
try 'cl_train ph' ' +default'
try 'cl_train co' 'compare +default'
try 'cl_train compare -' '--output --help --version'
try 'cl_train compare --o' '--output'
try 'cl_train compare ' ' +dirnames'
try 'cl_train compare a b --output ' ' +default'
try 'cl_knn ' 'classify calibrate sync add remove rename list info enroll eval audit cluster +default'
try 'cl_knn e' 'enroll eval +default'
try 'cl_knn eval ru' ' +default'
try 'cl_knn eval --query-split ' 'train val test heldout all'
try 'cl_features --format n' 'npy'
try 'cl_idx --print ' 'man bash zsh fish'
END
bash complete.sh >out.txt 2>&1
[ ! -s out.txt ] || complain "completion by bash: $(cat out.txt)"
finish

#!/bin/sh
# What zsh offers for a line.
. "$(dirname "$0")/common.sh"
command -v zsh >/dev/null || { echo "no zsh here: not tested"; exit 77; }
PATH=$TOOLS:$PATH
export PATH
mkdir -p photos/few
for tool in cl_export cl_features cl_idx cl_knn cl_train; do
    $tool --print zsh >$tool.zsh || complain "$tool --print zsh"
done

mkdir -p site
for tool in cl_export cl_features cl_idx cl_knn cl_train; do
    zsh -n $tool.zsh 2>err.txt || complain "$tool.zsh: $(cat err.txt)"
    cp $tool.zsh site/_$tool
done
cat >.zshrc <<'END'
PS1= fpath=($PWD/site $fpath)
autoload -Uz compinit
compinit -u -D
unsetopt beep prompt_sp
zle-line-init() { print -n "it listens" }
zle -N zle-line-init
END
cat >complete.zsh <<'END'
zmodload zsh/zpty
zpty z "ZDOTDIR=$PWD TERM=xterm zsh -d -i"
zpty -r -m z text '*it listens*'
zpty -w -n z "$1"$'\t\t\C-uexit\n'
while zpty -r z text; do print -r -- "$text"; done
END
# offers LINE PATTERN
offers() {
    zsh -f complete.zsh "$1" >out.txt 2>&1
    says "$2"
}
offers 'cl_train --loss tri' 'triplet-semi'
offers 'cl_train --net le' 'lenet\+\+'
offers 'cl_knn en' 'enroll'
offers 'cl_train comp' 'compare'
offers 'cl_train ph' 'cl_train photos'
offers 'cl_train --resu' '--resume'
offers 'cl_train compare --ou' '--output'
offers 'cl_train compare --ver' '--version'
# --verbose is an option of cl_train only
grep -q -- --verbose out.txt && complain "cl_train compare: an option of cl_train: $(cat out.txt)"
finish

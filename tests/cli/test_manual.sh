#!/bin/sh
# Help, manual page and completions name every option of the tables; the help fits a terminal, its examples
# work as typed; the pages are clean to mandoc and man. cli/test_completion_*.sh complete lines.
. "$(dirname "$0")/common.sh"
PATH=$TOOLS:$PATH
export PATH

# names TOOL: the options in its table
names() {
    case $1 in
    cl_train) table=$SOURCE/tools/train_options.c ;;
    *) table=$SOURCE/tools/$1.c ;;
    esac
    grep -oE "^    \{\"[a-z-]+\", '" "$table" | cut -d '"' -f 2
    grep -q 'MODEL_LIMITS(' "$table" && printf 'max-input\nmax-work\n'
    printf 'help\nversion\nprint\n'
}

# the day and version of the newest entry of the changelog
version=$(sed -n '1s/^libcenterloss (\([0-9.]*\)-.*/\1/p' "$SOURCE/tools/package/changelog")
released=$(date -u -d "$(sed -n 's/^ -- .*>  //p' "$SOURCE/tools/package/changelog" | head -n 1)" +%F)
for tool in cl_export cl_features cl_idx cl_knn cl_train; do
    for kind in help man bash zsh fish; do
        flag="--print $kind"
        [ $kind != help ] || flag=--help
        $tool $flag >$tool.$kind 2>err.txt || complain "$tool $flag: $(cat err.txt)"
    done
    [ "$(names $tool | wc -l)" -ge 6 ] || complain "$tool: its table is not found"
    for name in $(names $tool); do
        grep -qE "^  (    |-., )--$name( |$)" $tool.help || complain "$tool --help: no --$name"
        grep -qF "\\fB\\-\\-$(printf %s "$name" | sed 's/-/\\-/g')\\fR" $tool.man || complain "$tool.1: no --$name"
        grep -qE "words='(.* )?--$name( |')" $tool.bash || complain "$tool for bash: no --$name"
        grep -qE -- "[{,']--$name[=['}]" $tool.zsh || complain "$tool for zsh: no --$name"
        grep -qF -- " -l $name " $tool.fish || complain "$tool for fish: no --$name"
    done
    awk -v tool=$tool 'length > 80 { print tool ": longer than 80: " $0; bad = 1 } END { exit bad }' $tool.help ||
        complain "$tool --help is too wide"
    [ "$(sed -n '/^Examples:/,/^$/p' $tool.help | grep -c "$tool ")" -eq 3 ] || complain "$tool --help: not three examples"
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES 'EXIT STATUS' ENVIRONMENT 'SEE ALSO'; do
        grep -qx ".SH $section" $tool.man || complain "$tool.1: no section $section"
    done
    grep -qx ".TH $(echo $tool | tr a-z A-Z) 1 \"$released\" \"libcenterloss $version\"" $tool.man ||
        complain "$tool.1: not of $released: $(grep '^\.TH' $tool.man)"
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W style $tool.man >lint.txt 2>&1 || complain "$tool.1: $(head -n 3 lint.txt)"
    fi
    if man --version >/dev/null 2>&1; then
        LC_ALL=C MANROFFSEQ='' MANWIDTH=80 man --warnings -l -Tutf8 -Z $tool.man 2>lint.txt >/dev/null
        [ ! -s lint.txt ] || complain "$tool.1: $(head -n 3 lint.txt)"
    fi
done
# each command of cl_knn has a line of its own in the usage
for name in classify calibrate sync add remove rename list info enroll eval audit cluster; do
    grep -qE "^(Usage:|      ) cl_knn $name \[OPTIONS\] GALLERY" cl_knn.help || complain "no usage of cl_knn $name"
done
[ "$(wc -l <cl_train.help)" -le 100 ] || complain "cl_train --help does not fit two screens"
expect 2 "^cl_train: --print 'pdf' cannot be used; it takes man, bash, zsh or fish$" cl_train --print pdf

succeed cl_train compare --help # a command that is on the page of its tool
says '^  -o, --output PAGE  '
expect 2 "^cl_train compare: unknown option '--print'" cl_train compare --print man

# ---- the examples of the help, as typed, in this order ----
# 15 little pictures of five classes, whose pixels are some text
{
    printf '\000\000\010\003\000\000\000\017\000\000\000\010\000\000\000\010'
    head -c 960 cl_train.help
} >images.gz
{
    printf '\000\000\010\001\000\000\000\017'
    printf '\000\001\002\003\004\000\001\002\003\004\000\001\002\003\004'
} >labels.gz
succeed cl_idx images.gz labels.gz -o photos
mkdir inbox
cp photos/2/* inbox/
cp photos/2/00002.png ada.png
for tool in cl_train cl_export cl_knn cl_features cl_idx; do
    sed -n '/^Examples:/,/^$/s/^  \(.*[^ ]\)   *[^ ].*/\1/p' $tool.help >examples.txt
    [ "$(wc -l <examples.txt)" -eq 3 ] || complain "$tool: the examples are not found"
    while read -r line; do
        sh -c "$line" >out.txt 2>err.txt </dev/null || complain "$line: exit code $?: $(cat err.txt)"
    done <examples.txt
done
[ -s people.gallery ] || complain "the examples made no people.gallery"
[ -s features.npy ] || complain "the examples made no features.npy"
[ -s photos.onnx ] || complain "the examples made no photos.onnx"
[ -e named/a ] || complain "the examples made no named/a"
finish

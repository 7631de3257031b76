#!/bin/sh
# The documents are true: each link leads to a file and a heading, each option is in a tool's help, each path
# exists, each function is in the headers, the lists of kinds are those of the sources, no sentence stands twice,
# the nets of the experiments can be built. A planted mistake of each sort is found.
. "$(dirname "$0")/common.sh"

# ---- what there is ----
for tool in cl_train cl_export cl_features cl_knn cl_idx; do
    "$TOOLS/$tool" --help >"help_$tool"
    grep -oE -- '--[a-z][a-z-]*' "help_$tool" | sort -u >"options_$tool"
done
# Options of programs that are not ours, and of our scripts.
{
    cat options_cl_*
    printf -- '--%s\n' build coverage install no-undefined prefix recursive target test-dir cflags libs static screenshots chromium
    grep -ohE -- '"--[a-z][a-z-]*"' "$SOURCE"/tests/*/*.py "$SOURCE"/tests/*.py "$SOURCE"/tools/*.py | tr -d '"'
    grep -ohE -- '--[a-z][a-z-]*' "$SOURCE"/tests/*.sh "$SOURCE"/tools/*.sh
} | sort -u >options_any
cat "$SOURCE"/include/*.h | grep -oE '\b(cen|CEN)_[A-Za-z0-9_]+' | sort -u >names
cat "$SOURCE"/src/*/*.[ch] | grep -oE '\bcen__[a-z0-9_]+' | sort -u >inner_names
for top in README.md .github data src tests tools include; do
    [ -e "$SOURCE/$top" ] && find "$SOURCE/$top" -name '*.md' -not -path '*/build*'
done | sed "s|^$SOURCE/||" | sort >documents

# ---- one document: `check FILE AS` prints a line for each mistake in FILE, which stands in the project as AS ----
prose() { awk '/^```/ { inside = !inside; next } !inside && !/^    /' "$1"; }
spans() { prose "$1" | grep -oE '`[^`]+`' | tr -d '`'; }
anchors() {
    awk '/^```/ { inside = !inside } !inside && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$1" |
        sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

check_links() {
    folder=$(dirname "$2")
    prose "$1" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' | while read -r link; do
        case $link in http*) continue ;; esac
        path=${link%%#*}
        if [ -z "$path" ]; then target=$1; else target=$SOURCE/$folder/$path; fi
        [ -e "$target" ] || echo "$2: $link leads nowhere"
        case $link in
        *"#"*) [ -f "$target" ] && anchors "$target" | grep -qxF "${link#*#}" || echo "$2: $link: there is no such heading" ;;
        esac
    done
}

# A line that names one tool is held against that tool's help; a line of two, of none or of a script, against all.
check_options() {
    awk -v name="$2" '
        FNR == 1 { n_files++; list = substr(FILENAME, 9) }
        n_files < 7 { known[list, $0] = 1; next }
        /--[a-z]/ {
            n = 0
            line = $0
            while (match(line, /cl_(train|export|features|knn|idx)/)) {
                one = substr(line, RSTART, RLENGTH)
                if (!(one in seen)) { seen[one] = 1; n++; tool = one }
                line = substr(line, RSTART + RLENGTH)
            }
            if (n != 1 || /\.(py|sh)|cmake/) tool = "any"
            for (one in seen) delete seen[one]
            line = " " $0
            while (match(line, /[^A-Za-z0-9-]--[a-z][a-z-]*/)) {
                option = substr(line, RSTART + 1, RLENGTH - 1)
                if (!((tool, option) in known)) print name ": " option ": " tool " does not know it"
                line = substr(line, RSTART + RLENGTH)
            }
        }' options_cl_train options_cl_export options_cl_features options_cl_knn options_cl_idx options_any "$1"
}

# A span with a slash whose first folder is in the project, or beside the document, or in src or tests. Words in
# capitals stand for any name.
check_paths() {
    { spans "$1" | grep -v '^build'; grep -oE '(^|[ (])((src|tests|tools|data|include)/[A-Za-z0-9_./*-]*|\.ci/run)' "$1"; } |
        grep -oE '[A-Za-z0-9_.*/-]+/[A-Za-z0-9_.*/-]*' | sed 's/[.,:;]*$//' | sort -u | while read -r path; do
        first=${path%%/*}
        [ "$first" != runs ] || continue # README's first command makes it
        for root in "$SOURCE" "$SOURCE/$(dirname "$2")" "$SOURCE/src" "$SOURCE/tests"; do
            [ -n "$first" ] && [ "$first" != . ] && [ "$first" != .. ] && [ -d "$root/$first" ] || continue
            pattern=$(echo "$path" | sed -E 's/[A-Z]{4,}/*/g')
            # shellcheck disable=SC2086
            set -- "$1" "$2" "$root"/$pattern
            [ -e "$3" ] && continue 2
            missing=$path
        done
        [ -z "${missing:-}" ] || echo "$2: $path does not exist"
        missing=
    done
    spans "$1" | grep -oE '\btest_[a-z0-9_]+(\.sh)?' | sed 's/\.sh$//; s/^cli_//' | sort -u | while read -r test; do
        ls "$SOURCE"/tests/unit/"$test".c "$SOURCE"/tests/cli/"$test".sh "$SOURCE"/tests/injection/"$test".c \
            "$SOURCE"/tests/conformance/"$test".c 2>/dev/null | grep -q . || echo "$2: there is no test $test"
    done
}

check_names() { # of the changes, the first cell of a row holds old names
    if [ "$2" = .github/CHANGELOG.md ]; then sed 's/^| [^|]* |/|/' "$1"; else cat "$1"; fi |
        grep -oE '\b(cen|CEN)_[A-Za-z0-9_]+' | grep -vE '_$' | sort -u >used
    grep -vE '^CEN_|^cen__' used | grep -vxF -f names | sed "s|.*|$2: & is not in the headers|"
    grep -E '^cen__' used | grep -vxF -f inner_names | sed "s|.*|$2: & is not in the sources|"
    grep -E '^CEN_' used | while read -r name; do
        grep -rqw "$name" "$SOURCE"/include "$SOURCE"/src "$SOURCE"/tests "$SOURCE"/CMakeLists.txt --include='*.[ch]' \
            --include='*.sh' --include=CMakeLists.txt || echo "$2: $name is nowhere in the project"
    done
}

# The first cells of the table below a heading, a word each.
column() { # FILE HEADING
    awk -v heading="$2" '/^#+ / { inside = $0 ~ "^#+ " heading "$"; n = 0 } inside && /^\|/ && ++n > 2' "$1" |
        sed 's/^| *`\{0,1\}\([A-Za-z0-9+-]*\).*/\1/' | tr 'A-Z_' 'a-z-'
}
listed() { sed -n 's/^CEN__[A-Z_]*(\([a-z0-9_]*\)).*/\1/p' "$SOURCE/$1" | tr _ -; } # an X-macro list
same() { # WHAT, and two files of words
    sort -u "$2" >left
    sort -u "$3" >right
    cmp -s left right || echo "$1: the document lists $(tr '\n' ' ' <left), the program $(tr '\n' ' ' <right)"
}
check_lists() { # of tools/README.md
    column "$1" Layers >words
    { listed src/nn/layer_list.h; echo residual; } >kinds
    same "layers" words kinds
    column "$1" Images >words
    listed src/image/kind_list.h >kinds
    same "image kinds" words kinds
    column "$1" 'Feature files' >words
    listed src/format/feature_list.h >kinds
    same "formats" words kinds
    column "$1" Presets >words
    sed -n 's/^    {"\([a-z0-9+]*\)",.*/\1/p' "$SOURCE/src/train/presets.c" >kinds
    same "presets" words kinds
    column "$1" 'Losses and centers' | grep -vxE -e '--.*|-*' >words
    grep -xE 'mean|adam|adam-dense' words >rules
    listed src/loss/rule_list.h >kinds
    same "center rules" rules kinds
    grep -vxE 'mean|adam|adam-dense' words >losses
    { listed src/loss/loss_list.h; echo softmax; } |
        sed 's/^triplet-hard$/triplet/; s/^triplet-semi-hard$/triplet-semi/; s/^contrastive$/contrastive-center/' >kinds
    same "losses" losses kinds
}

check() {
    check_links "$1" "$2"
    check_options "$1" "$2"
    check_paths "$1" "$2"
    check_names "$1" "$2"
    [ "$2" != tools/README.md ] || check_lists "$1"
}

# Sentences of eight words and more, a line each, of all files.
sentences() {
    for each; do
        prose "$each" | awk '/^#/ || /^\|/ || /^$/ { print "."; next } { sub(/^[*0-9]+[. ] */, "\n"); print }'
    done | tr '\n' ' ' | sed 's/[.:!?] /&\n/g' | tr -s ' ' | sed 's/^ *//; s/ *$//' | awk 'NF >= 8'
}

# ---- the documents ----
[ "$(wc -l <documents)" -ge 8 ] || complain "only $(wc -l <documents) documents found"
set --
while read -r document; do
    check "$SOURCE/$document" "$document" >found.txt 2>&1
    while read -r line; do complain "$line"; done <found.txt
    set -- "$@" "$SOURCE/$document"
done <documents
sentences "$@" | sort | uniq -d >twice.txt
while read -r line; do complain "stands twice: $line"; done <twice.txt

# ---- planted mistakes: each is found ----
# planted PATTERN AS TEXT: a document with this text, in the place of AS, gets a complaint that matches.
planted() {
    printf '%s\n' "$3" >planted.md
    check planted.md "$2" >found.txt 2>&1
    grep -qE -- "$1" found.txt || complain "not found: $3 ($(cat found.txt))"
}
planted 'nowhere.md leads nowhere' src/README.md 'See [this](nowhere.md).'
planted 'no such heading' src/README.md 'See [this](#no-such-place).'
planted 'no such heading' src/README.md 'See [this](../tests/README.md#no-such-place).'
planted 'cl_train does not know it' data/README.md 'Type `cl_train --lamda 0.1 photos/`.'
planted 'cl_idx does not know it' data/README.md 'Type `cl_idx --holdout-classes 0.2`.'
planted 'any does not know it' tests/README.md 'With `--no-such-option` it works.'
planted 'tests/cli/test_nothing.sh does not exist' src/README.md 'See `tests/cli/test_nothing.sh`.'
planted 'nn/nothing.c does not exist' src/README.md 'See `nn/nothing.c`.'
planted 'there is no test test_nothing' tests/trust.md 'See `test_nothing`.'
planted 'cen_nothing_create is not in the headers' src/README.md 'Call `cen_nothing_create`.'
planted 'cen__nothing is not in the sources' src/README.md 'Call `cen__nothing`.'
planted 'is nowhere in the project' tests/README.md 'Set `CEN_NOTH'"ING=1\`." # in two pieces: this file is searched, too
for kind in gelu PNM projector 'lenet++' cosface adam-dense; do
    grep -vE "^\| \`?$(echo "$kind" | sed 's/+/[+]/g')\`?[ |]" "$SOURCE/tools/README.md" >planted.md
    check_lists planted.md >found.txt 2>&1
    grep -q 'the document lists' found.txt || complain "not found: $kind is missing in tools/README.md"
done
{ cat "$SOURCE/src/README.md"; echo; sentences "$SOURCE/tests/README.md" | head -n 1; } >planted.md
sentences planted.md "$SOURCE/tests/README.md" | sort | uniq -d | grep -q . || complain "not found: a sentence stands twice"

# ---- the Python of tools/README.md reads a run ----
few more 10
succeed "$TOOLS/cl_train" -t 1 --net "$LITTLE" --epochs 1 --no-report -o runs/1 more
# block WORD: the block of Python that has this word
block() {
    awk -v word="$1" '/^```python$/ { text = ""; inside = 1; next }
        /^```$/ { if (inside && index(text, word)) { printf "%s", text; exit } inside = 0 }
        inside { text = text $0 "\n" }' "$SOURCE/tools/README.md"
}
block sklearn >measure.py
block safetensors >model.py
python=none
for each in /usr/bin/python3 python3; do "$each" -c 'import numpy' 2>/dev/null && python=$each; done
if [ $python != none ]; then
    succeed $python model.py
    says 'body.0.weight.*8, 1, 3, 3.*centers.weight'
else
    echo "no Python with numpy here: the blocks are not run"
fi
if [ $python != none ] && $python -c 'import sklearn' 2>/dev/null; then
    succeed "$TOOLS/cl_knn" eval runs/1 --json
    accuracy=$(sed -n 's/.*"knn_accuracy": \([0-9.]*\).*/\1/p' out.txt | head -n 1)
    succeed $python measure.py
    awk -v a="$accuracy" -v b="$(cat out.txt)" 'BEGIN { exit !(a - b < 1e-6 && b - a < 1e-6) }' ||
        complain "scikit-learn finds $(cat out.txt), cl_knn $accuracy"
fi

# ---- the nets and lists of the experiments ----
. "$SOURCE/data/nets.sh"
few photos 3
for net in small objects "$OBJECTS" "$FIFTH" "$SMALL" "$THREE" "$THREE_DROPOUT" "$DROPOUT" "$NORM" "$NARROW" "$FLATTEN" "$GAP" \
    "$RESIDUAL" "$DEPTHWISE"; do
    succeed "$TOOLS/cl_train" -t 1 --net "$net" --stop-after 1 --image-size 16 --no-report --overwrite -o run photos
    grep -E '^ {8,}[0-9]+ +[a-z]' out.txt >net.txt
    [ "$net" != small ] || mv net.txt small.txt
    [ "$net" != objects ] || mv net.txt objects.txt
    [ "$net" != "$SMALL" ] || cmp -s net.txt small.txt || complain "SMALL is not the preset small"
    [ "$net" != "$OBJECTS" ] || cmp -s net.txt objects.txt || complain "OBJECTS is not the preset objects"
done
succeed "$TOOLS/cl_train" -t 1 --net "$BOTTLENECKS" --dry-run --image-size 64 --overwrite -o run photos
# Each row's command is one that cl_train takes: it fails because the folder is not there, and not for an option.
ln -s "$SOURCE/data" data
OMNIGLOT=no-such-folder FACES=no-such-folder CIFAR=no-such-folder FASHION=no-such-folder LFW=no-such-folder CALTECH=no-such-folder
grep -E '^[|]' "$SOURCE/data/README.md" | grep -oE '`(cl_train|--)[^`]*[$](OMNIGLOT|FACES|CIFAR|FASHION|LFW|CALTECH)`' | tr -d '`' |
    sed 's/^--/cl_train --/; s/--seed S /--seed 1 /; s/--lambda L /--lambda 0 /; s/ LIST / data\/heldout\/att_faces_ten.txt /' |
    sort -u >rows.txt
[ "$(wc -l <rows.txt)" -ge 40 ] || complain "only $(wc -l <rows.txt) commands found in data/README.md"
while read -r row; do eval "expect 1 'no-such-folder: no such' \"\$TOOLS\"/$row"; done <rows.txt
for list in "$SOURCE"/data/heldout/*.txt; do
    [ -s "$list" ] && ! sort "$list" | uniq -d | grep -q . || complain "$list is empty or names a class twice"
    case $list in
    *omniglot*) folder=${CEN_TEST_DATA:-}/omniglot_background ;;
    *lfw*) folder=${CEN_TEST_DATA:-}/lfw_dev ;;
    *caltech*) folder=${CEN_TEST_DATA:-}/caltech20_dev ;;
    *cifar*) folder=${CEN_TEST_DATA:-}/cifar10_train_1000pc ;;
    *fashion*) folder=$SOURCE/data/fashion/train ;;
    *att_faces*) folder=${CEN_TEST_DATA:-}/att_faces ;;
    *mnist* | *signs*) continue ;; # a command makes their folders
    esac
    [ ! -d "$folder" ] || while read -r class; do
        [ -d "$folder/$class" ] || complain "$list: $folder has no class $class"
    done <"$list"
done

# ---- src/README.md: the lengths of cl_train's files ----
[ "$(wc -l <"$SOURCE/tools/cl_train.c")" -lt 250 ] || complain "tools/cl_train.c has 250 lines or more"
for part in "$SOURCE"/tools/train_*.c; do
    [ "$(wc -l <"$part")" -lt 200 ] || complain "$part has 200 lines or more"
done

finish

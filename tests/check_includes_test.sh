#!/bin/sh
# Proves that check_includes.sh lets the allowed arrows pass and finds each forbidden one.
set -eu
check=$(cd "$(dirname "$0")" && pwd)/check_includes.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# plant FILE LINE: a fresh tree that keeps the rule, and one more line in FILE.
plant() {
    rm -rf "$tree"
    for room in base image format kernels data nn search train report; do mkdir -p "$tree/src/$room"; done
    mkdir -p "$tree/include" "$tree/tools" "$tree/src/$(dirname "${1#src/}")"
    echo '#include <stdint.h>' >"$tree/include/centerloss.h"
    printf '#include <dirent.h>\n#include "base/os.h"\n' >"$tree/src/base/os_posix.c"
    printf '#  include <pthread.h>\n' >"$tree/src/base/thread_posix.c"
    printf '#include <centerloss.h>\n#include "image/image.h"\n' >"$tree/src/train/fit.c"
    printf '#include "options.h"\n#include <signal.h>\n' >"$tree/tools/cl_train.c"
    touch "$tree/tools/options.h"
    echo "$2" >>"$tree/$1"
}

allowed() {
    plant "$1" "$2"
    sh "$check" "$tree" || { echo "refused $1: $2"; exit 1; }
}

forbidden() {
    plant "$1" "$2"
    if found=$(sh "$check" "$tree"); then echo "let pass $1: $2"; exit 1; fi
    case $found in
    "$1":*"$2"*) ;;
    *) echo "named not $1: $2 but $found"; exit 1 ;;
    esac
}

allowed src/data/load.c '#include "image/image.h"'
allowed src/data/load.c '#include "data/folder.h"'
allowed src/train/fit.c '#include "search/knn.h"'
allowed src/nn/conv.c '/* #include <unistd.h> */'
allowed src/report/sheet.c '#include "image/image.h"'
allowed src/report/sheet.c '#include <centerloss_eval.h>'
allowed include/centerloss_eval.h '#include <centerloss.h>'
allowed tools/system.c '#include <unistd.h>'
forbidden src/base/file.c '#include "image/image.h"'
forbidden src/data/load.c '#include "nn/layer.h"'
forbidden src/data/load.c '#include "search/knn.h"'
forbidden src/image/png.c '#include "format/json.h"'
forbidden src/nn/net.c '	# include "train/model.h"'
forbidden src/report/html.c '#include "train/model.h"'
forbidden src/train/fit.c '#include "report/report.h"'
forbidden src/data/load.c '#include "folder.h"'
forbidden src/data/load.c '#include "../image/image.h"'
forbidden src/data/load.c '#include "centerloss.h"'
forbidden src/data/load.c '#include HEADER'
forbidden src/data/load.c '#include <unistd.h>'
forbidden src/kernels/gemm.c '#include <immintrin.h>'
forbidden src/nn/net.c '#include <omp.h>'
forbidden src/base/os.c '#include <sys/stat.h>'
forbidden src/extra/new.c '#include <stdio.h>'
forbidden src/loose.c '#include <stdio.h>'
forbidden tools/cl_train.c '#include "base/status.h"'
forbidden tools/cl_train.c '#include "../src/base/status.h"'
forbidden tools/cl_train.c '#include "missing.h"'
forbidden tools/cl_train.c '#include <unistd.h>'
forbidden include/centerloss.h '#include "base/status.h"'
forbidden include/centerloss.h '#include <unistd.h>'
forbidden include/centerloss.h '#include <centerloss_eval.h>'
forbidden include/centerloss_eval.h '#include <unistd.h>'

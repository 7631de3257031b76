#!/bin/sh
# Losses beside each other on one folder, over seeds, with lambda 0 as control: one table of means and
# standard deviations.
#
#     sh tools/compare.sh CL_TRAIN FOLDER [SEEDS [OPTIONS OF CL_TRAIN...]]
#     sh tools/compare.sh build/cl_train data/fashion 3 --epochs 10 --holdout-classes 0.2
#
# COMPARE, option sets with semicolons between them, replaces what is compared.
set -eu
export LC_ALL=C # some awks read and print numbers with the comma of the user's locale
if [ $# -lt 2 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
train=$1
folder=$2
seeds=${3:-3}
[ $# -lt 3 ] && shift 2 || shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: "${COMPARE:=--loss softmax;--loss center;--loss center --lambda auto;--loss triplet;--loss triplet-semi;--loss contrastive-center;--loss cosface}"

# The best epoch's row of log.csv, then what the page has of sets: accuracy, k-NN, intra/inter, unseen
# 1-shot, seconds.
figures() {
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { seconds += $at["seconds"] }
        $at["best"] == 1 { accuracy = $at["val_accuracy"]; knn = $at["knn_accuracy"]; intra = $at["intra_inter"] }
        END { printf "%s %s %s %s ", 100 * accuracy, 100 * knn, intra, seconds }' "$1/log.csv"
    awk '$1 == "unseen" && $3 == "%" { one = $6; knn = $2 } END { print one + 0 ? one + 0 : "nan", knn + 0 ? knn + 0 : "nan" }' "$2"
}

printf '| %-34s | accuracy, %% | k-NN, %% | intra/inter | unseen 1-shot, %% | unseen k-NN, %% | seconds |\n' loss
printf '|---|---|---|---|---|---|---|\n'
rest=$COMPARE
while [ -n "$rest" ]; do
    set_of=${rest%%;*}
    case $rest in *";"*) rest=${rest#*;} ;; *) rest= ;; esac
    : >"$scratch/rows"
    seed=1
    while [ "$seed" -le "$seeds" ]; do
        # shellcheck disable=SC2086
        "$train" "$@" $set_of --seed "$seed" --no-report --overwrite -o "$scratch/run" "$folder" >"$scratch/out"
        figures "$scratch/run" "$scratch/out" >>"$scratch/rows"
        seed=$((seed + 1))
    done
    awk -v name="$set_of" '
        { for (i = 1; i <= 6; i++) { sum[i] += $i; square[i] += $i * $i; text[i] = $i } }
        function cell(i, digits,    mean, spread) {
            if (text[i] == "nan" || text[i] == "-nan") return "-"
            mean = sum[i] / NR
            spread = NR > 1 ? (square[i] - NR * mean * mean) / (NR - 1) : 0
            return sprintf("%." digits "f +- %." digits "f", mean, sqrt(spread > 0 ? spread : 0))
        }
        END { printf "| %-34s | %s | %s | %s | %s | %s | %s |\n", "`" name "`", cell(1, 2), cell(2, 2), cell(3, 3), cell(5, 2), cell(6, 2), cell(4, 0) }' "$scratch/rows"
done

#!/bin/sh
# cl_train --json: each line of standard output is an object, and what they hold is what the files hold.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || exit 77
few small 12
echo "no picture" >"small/bag/\"odd\".png"
train() {
    "$TOOLS/cl_train" --json --net "$LITTLE" --image-size 16 --epochs 3 "$@"
}
# check FILE RUN KINDS: the objects of FILE come in this order; their figures are those of the run's files
cat >check.py <<'END'
import csv, json, math, os, sys
objects = [json.loads(line, parse_constant=lambda text: sys.exit(f"{text} is no JSON")) for line in open(sys.argv[1])]
kinds = [o["kind"] for o in objects]
assert kinds == sys.argv[3].split(), kinds
end = objects[-1]
rows = list(csv.DictReader(open(sys.argv[2] + "/log.csv"))) if end["log"] else []
epochs = [o for o in objects if o["kind"] == "epoch"]
for o in epochs:
    row = rows[o["epoch"] - 1]
    assert list(row) == list(o)[1:], list(o)
    for name, text in row.items():
        value = float(text)
        if name == "seconds":
            assert abs(o[name] - value) < 1e-3, (name, o[name], text)
        elif math.isnan(value):
            assert o[name] is None, (name, o[name])
        else:
            assert o[name] == value, (name, o[name], text)
if epochs:
    assert epochs[-1]["epoch"] == len(rows)
for name in ("model", "log", "features", "report"):
    assert end[name] is None or os.path.getsize(end[name]) > 0, (name, end[name])
if "measures" in kinds and end["report"]:
    sets = json.load(open(sys.argv[2] + "/report.json"))["sets"]
    for o, s in zip([o for o in objects if o["kind"] == "measures"], sets, strict=True):
        assert o["set"] == s["name"] and o["n_queries"] == s["n_queries"]
        for name in ("knn_accuracy", "map_at_r", "auc", "eer", "tar_at_far_0.01", "intra_inter"):
            assert o[name] == s[name] or abs(o[name] - s[name]) < 1e-8, (name, o[name], s[name])
        for a, b in zip(o["knn_accuracy_interval"], s["knn_accuracy_interval"], strict=True):
            assert abs(a - b) < 1e-8, (a, b)
if kinds[0] == "start":
    start = objects[0]
    assert start["run"] == sys.argv[2] and start["classes"] == 3
    assert start["parameters"] > 0 and start["train"] > start["val"]
    assert not start["skipped"] or start["skipped"][0]["path"] == 'small/bag/"odd".png', start["skipped"]
END
check() {
    python3 check.py "$@" || complain "$*: $(cat "$1")"
}

succeed train -o run small
[ -s err.txt ] && complain "--json says something else, too: $(cat err.txt)"
check out.txt run "start epoch epoch epoch measures end"
grep -q '"state": "done", "code": 0, "message": null, "run": "run", "best_epoch": [123], ' out.txt || complain "$(cat out.txt)"
# without validation images nothing is null that JSON does not know
succeed train --val-split 0 --no-report -o plain small
check out.txt plain "start epoch epoch epoch end"
# pictures without labels have no figures
few flat/train 8
mkdir flat/test
cp "$(ls flat/train/bag/* | head -n 1)" flat/test/0.png
succeed train --no-report -o unknown flat
check out.txt unknown "start epoch epoch epoch measures measures end"
grep -q '"set": "test", "n_queries": 0, "knn_accuracy": null, "knn_accuracy_interval": null' out.txt || complain "$(cat out.txt)"
# warnings are objects
succeed "$TOOLS/cl_train" --json --no-report --net "conv 10 2x2, maxpool 2, flatten, dense 32, relu" --lambda 100 \
    --centers adam --epochs 10 -o point small
grep -q '^{"kind": "warning", "message": "the features have collapsed' out.txt || complain "no warning: $(cat out.txt)"
# what fails ends in an object, too, and in one sentence on the error stream
expect 1 "a run stands here already" train -o run small
check out.txt run "end"
grep -q '"state": "failed", "code": 1, "message": "run: a run stands here already' out.txt || complain "$(cat out.txt)"
# one that is stopped, and goes on; --json is of the call, not of the run
succeed train --stop-after 2 --no-report -o cut small
check out.txt cut "start epoch epoch measures end"
succeed "$TOOLS/cl_train" --json --resume cut
grep -q '^{"kind": "resume", "epoch": ' out.txt || complain "no resume: $(cat out.txt)"
succeed "$TOOLS/cl_train" --resume cut --epochs 4
grep -q '"kind"' out.txt && complain "--json is remembered"
finish

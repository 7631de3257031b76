#!/bin/sh
# Asking a .gallery: the kept threshold decides, --together is one answer, --claim answers yes or no, negatives push, and
# --stream and --frames answer each picture at once, whatever comes.
. "$(dirname "$0")/common.sh"
KNN=$TOOLS/cl_knn
json() { python3 -c "import json; print($1)" <out.txt 2>err.txt || complain "no JSON: $(cat out.txt) $(tail -n 1 err.txt)"; }
has_python=false
command -v python3 >/dev/null && has_python=true

# ---- features: five people on a line, ten apart, six pictures each within one ----
awk 'BEGIN { print "path,label,class,split,f0,f1"
    for (p = 0; p < 5; p++) for (i = 0; i < 6; i++) printf "p%d-%d,%d,p%d,,%g,%g\n", p, i, p, p, 10 * p + i / 6, (i * 7 % 5) / 5 }' >people.csv
printf 'path,label,class,split,f0,f1\nx,0,x,,100,100\n' >far.csv
printf 'path,label,class,split,f0,f1\nn,0,x,,20.3,0.3\n' >near.csv
printf 'path,label,class,split,f0,f1\na,0,x,,20.3,0.3\nb,0,x,,20.4,0.1\nc,0,x,,10.1,0.2\n' >burst.csv
for person in 0 1 2 3 4; do
    grep -E "^path|^p$person-" people.csv >one.csv
    succeed "$KNN" add g.gallery p$person one.csv
done
succeed "$KNN" classify g.gallery far.csv
says '^x  p4  '
succeed "$KNN" calibrate --far 0.1 g.gallery
says '^threshold [0-9.]+: passes '
says '^for a claim, threshold [0-9.]+: passes 10 % of strangers who claim to be any of the names \(95 % interval '
says ' % for all names together, a single one may pass more\), by [0-9,]+ claims of 5 classes'
succeed "$KNN" info g.gallery
says '^threshold +[0-9.]+: passes .* % of strangers \(95 % interval '
succeed "$KNN" classify g.gallery far.csv
says '^x  unknown  '
succeed "$KNN" classify g.gallery near.csv
says '^n  p2  '
succeed "$KNN" classify --threshold 1000 g.gallery far.csv
says '^x  p4  '
# what is added later does not lose it, and old forms calibrate for each command
succeed "$KNN" add g.gallery p9 far.csv
succeed "$KNN" info --json g.gallery
says '"threshold": \{"distance": [0-9.]+, "far": '
succeed "$KNN" remove g.gallery p9
succeed "$KNN" classify --far 0.1 people.csv far.csv
says '^x  unknown  '

# ---- one visitor ----
succeed "$KNN" classify --together g.gallery burst.csv
[ "$(wc -l <out.txt)" -eq 1 ] || complain "not one answer: $(cat out.txt)"
says '^3 pictures  p2  '
succeed "$KNN" classify --together --json g.gallery burst.csv
says '"pictures": \[\{"paths": \["a", "b", "c"\], "known": true, "class": "p2", '

# ---- is it p2? ----
succeed "$KNN" classify --claim p2 g.gallery near.csv
says '^n  yes  '
succeed "$KNN" classify --claim p1 g.gallery near.csv
says '^n  no  '
succeed "$KNN" classify --claim p2 --json g.gallery near.csv
says '"path": "n", "claim": "p2", "same": true, '
expect 1 'g.gallery: it has no "q2"; did you mean "p2"\?' "$KNN" classify --claim q2 g.gallery near.csv

# ---- this is not p2 ----
succeed "$KNN" add --negative g.gallery p2 near.csv
succeed "$KNN" classify g.gallery near.csv
says '^n  unknown  '
succeed "$KNN" remove g.gallery n
succeed "$KNN" classify g.gallery near.csv
says '^n  p2  '

# ---- the command line ----
expect 2 "pictures come on standard input; name a gallery only" "$KNN" classify --stream g.gallery near.csv
expect 2 "together has no use here" "$KNN" classify --stream --together g.gallery
expect 2 "stream has no use here: it is for classify without --frames" "$KNN" classify --stream --frames g.gallery
expect 2 "claim has no use here" "$KNN" eval --claim p2 g.gallery
expect 2 "standard input: .* pictures need a model" sh -c "'$KNN' classify --stream g.gallery </dev/null"
expect 2 "start.csv: only a .gallery can be changed so" "$KNN" calibrate start.csv

# ---- streams ----
few photos 6
succeed "$TOOLS/cl_train" -q -t 1 --net "$LITTLE" --epochs 2 --no-report -o run photos
succeed "$KNN" sync --model run s.gallery photos
one=$(ls photos/bag/* | head -n 1) two=$(ls photos/coat/* | head -n 1)
echo text >text.png
head -c 100 "$one" >cut.png
mkfifo pipe.png
printf '%s\n' "$one" nowhere.png text.png "$two" photos pipe.png '' cut.png "bad$(printf '\377\033')name.png" >paths.txt
awk 'BEGIN { for (i = 0; i < 70000; i++) printf "x"; print "" }' >>paths.txt
printf '%s' "$two" >>paths.txt # without an end of line
"$KNN" classify --stream -k 1 s.gallery <paths.txt >out.txt 2>err.txt || complain "a stream: $(cat err.txt)"
[ ! -s err.txt ] || complain "a stream prints errors: $(cat err.txt)"
[ "$(wc -l <out.txt)" -eq 11 ] || complain "not one line per line: $(cat out.txt)"
[ "$(grep -c '"error": ' out.txt)" -eq 8 ] || complain "not eight errors: $(cut -c 1-200 out.txt)"
for line in 1 4 11; do sed -n ${line}p out.txt | grep -q '"known": true, "class": ".*"distance": 0, ' || complain "line $line: $(sed -n ${line}p out.txt)"; done
if $has_python; then
    python3 -c 'import json, sys
for line in open("out.txt", "rb"): json.loads(line.decode("utf-8"))' 2>err.txt || complain "lines that are no JSON: $(tail -n 1 err.txt)"
fi
LC_ALL=C grep -q "$(printf '[\377\033]')" out.txt && complain "raw bytes in a stream"
# the same answers as without a stream
"$KNN" classify --json -k 1 s.gallery "$one" >whole.txt
answer=$(sed -n 1p out.txt)
grep -qF "$answer" whole.txt || complain "a stream answers $answer and not $(cat whole.txt)"
# an old form as the gallery
"$KNN" classify --stream -k 1 run <paths.txt >old.txt 2>err.txt || complain "a stream on a run: $(cat err.txt)"
[ "$(grep -c '"known": true' old.txt)" -eq 3 ] || complain "a stream on a run: $(cut -c 1-100 old.txt)"

# an answer comes before the next line is sent
mkfifo ask answer
"$KNN" classify --stream -k 1 s.gallery <ask >answer 2>err.txt &
pid=$!
exec 3>ask 4<answer
for file in "$one" text.png "$two"; do
    echo "$file" >&3
    read -r line <&4
    case $line in "{\"path\": \"$file\""*) ;; *) complain "$file: $line" ;; esac
done
kill -TERM $pid # ends it without a word
wait $pid 2>/dev/null
[ $? -eq 143 ] || complain "SIGTERM does not end a stream"
exec 3>&- 4<&-
[ ! -s err.txt ] || complain "SIGTERM: $(cat err.txt)"
# the reader has gone
{ "$KNN" classify --stream -k 1 s.gallery 2>err.txt; echo $? >code; } <paths.txt | head -n 1 >/dev/null
[ ! -s err.txt ] || complain "a closed pipe: $(cat err.txt)"
# memory does not grow with the stream
if [ -r /proc/self/status ] && $has_python; then
    cat >grow.py <<'END'
import subprocess, sys
p = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def ask(n):
    for i in range(n):
        p.stdin.write((sys.argv[1] + "\n").encode()); p.stdin.flush(); p.stdout.readline()
    return int([l for l in open("/proc/%d/status" % p.pid) if l.startswith("VmRSS")][0].split()[1])
ask(50)
before = ask(50)
after = ask(400)
p.stdin.close()
assert p.wait() == 0
assert after - before < 512, (before, after)
END
    ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0 python3 grow.py "$one" "$KNN" classify --stream -t 1 s.gallery 2>err.txt || complain "a stream grows: $(tail -n 1 err.txt)"
fi

# ---- frames ----
# frame FILE: its length and its bytes
frame() {
    size=$(wc -c <"$1")
    # shellcheck disable=SC2059
    printf "\\$(printf %o $((size >> 24 & 255)))\\$(printf %o $((size >> 16 & 255)))\\$(printf %o $((size >> 8 & 255)))\\$(printf %o $((size & 255)))"
    cat "$1"
}
: >empty.png
{ for file in "$one" text.png empty.png "$two"; do frame "$file"; done; } >frames.bin
succeed sh -c "'$KNN' classify --frames -k 1 s.gallery <frames.bin"
[ "$(wc -l <out.txt)" -eq 4 ] || complain "not four answers: $(cat out.txt)"
[ "$(grep -c '"error"' out.txt)" -eq 2 ] || complain "not two errors: $(cat out.txt)"
[ "$(sed -n 1p out.txt | cut -d , -f 2-)" = "$(echo "$answer" | cut -d , -f 2-)" ] || complain "frames answer otherwise: $(sed -n 1p out.txt)"
says '^\{"frame": 4, "known": true, '
size=$(wc -c <frames.bin)
for cut in 1 3 5 100 $((size - 1)); do
    head -c $cut frames.bin >cut.bin
    expect 1 "^cl_knn: frame [14]: the stream ends within" sh -c "'$KNN' classify --frames -k 1 s.gallery <cut.bin"
    tail -n 1 out.txt | grep -q '^{"frame": [14], "error": "the stream ends within' || complain "cut after $cut: $(cat out.txt)"
done
printf '\177\377\377\377' >long.bin
expect 1 "frame 1: this frame is too long" sh -c "'$KNN' classify --frames -k 1 s.gallery <long.bin"
[ ! -e /dev/full ] || expect 1 "could not be written" sh -c "'$KNN' classify --stream -k 1 s.gallery <paths.txt >/dev/full"

# ---- the six lines of tools/README.md ----
if $has_python; then
    awk '/^### Stream/ { on = 1 } on && /^```python$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$SOURCE/tools/README.md" >ask.py
    [ "$(wc -l <ask.py)" -ge 4 ] || complain "no Python in tools/README.md"
    cp s.gallery people.gallery
    cp "$one" visitor.jpg
    PATH=$TOOLS:$PATH python3 ask.py >out.txt 2>err.txt || complain "the Python of tools/README.md: $(tail -n 1 err.txt)"
    says '^bag 0'
fi

finish

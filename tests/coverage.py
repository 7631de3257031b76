"""Line and branch coverage of src/ from the counters that programs built with gcc --coverage left
below BUILD: a line a file; with --missing, each line of which something was not reached.

    python3 tests/coverage.py BUILD [--with-tools] [--missing [PART OF A PATH]]

A file may be compiled into several programs, and a template for several instruction sets: each line and
each branch of the source counts once, and is reached where any of them reached it. Where a macro makes
more branches of a line in one set than in another, those of each set count apart."""
import collections
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def counters(build):
    for folder, _, names in sorted(os.walk(build)):
        for name in sorted(names):
            if name.endswith(".gcda"):
                yield os.path.join(os.path.abspath(folder), name)


def read(build, folders):
    """{file: {line: [reached, {number of branches: [branch reached, ...]}]}}"""
    files = collections.defaultdict(dict)
    for path in counters(build):
        text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path],
                              capture_output=True, check=True, cwd=os.path.dirname(path)).stdout
        data = json.loads(text)
        for file in data["files"]:
            name = os.path.relpath(os.path.join(data["current_working_directory"], file["file"]), ROOT)
            if name.split(os.sep)[0] not in folders:
                continue
            for line in file["lines"]:
                known = files[name].setdefault(line["line_number"], [False, {}])
                known[0] = known[0] or line["count"] > 0
                taken = [branch["count"] > 0 for branch in line["branches"]]
                before = known[1].get(len(taken), taken)
                known[1][len(taken)] = [a or b for a, b in zip(before, taken)]
    return {name: {n: (reached, sum(branches.values(), [])) for n, (reached, branches) in lines.items()}
            for name, lines in files.items()}


def row(name, lines):
    branches = [b for _, of_line in lines for b in of_line]
    figures = (sum(r for r, _ in lines), len(lines), sum(branches), len(branches))
    shares = [f"{100 * a / b:6.1f} %" if b else "       -" for a, b in (figures[:2], figures[2:])]
    print(f"{name:36} {figures[0]:6} of {figures[1]:5} {shares[0]} {figures[2]:6} of {figures[3]:5} {shares[1]}")


def print_missing(files, part):
    for name in sorted(files):
        if part not in name:
            continue
        source = open(os.path.join(ROOT, name), encoding="utf-8").read().split("\n")
        for number, (reached, branches) in sorted(files[name].items()):
            if reached and all(branches):
                continue
            what = "never" if not reached else "branches " + ",".join(
                str(i) for i, b in enumerate(branches) if not b) + f" of {len(branches)}"
            print(f"{name}:{number}: {what}: {source[number - 1].strip()}")


def main():
    folders = ["src", "tools"] if "--with-tools" in sys.argv else ["src"]
    files = read(sys.argv[1], folders)
    if "--missing" in sys.argv:
        rest = sys.argv[sys.argv.index("--missing") + 1:]
        print_missing(files, rest[0] if rest else "")
        return
    print(f"{'file':36} {'lines':>24} {'branches':>23}")
    for name in sorted(files):
        row(name, files[name].values())
    row("all of " + " ".join(folder + "/" for folder in folders),
        [line for lines in files.values() for line in lines.values()])


main()

#!/usr/bin/env python3
"""Resumes mutated run folders: run_folders.py CL_TRAIN SECONDS [SEED].

CL_TRAIN is a build with sanitizers. Each round changes bytes, numbers, words or the length of a run's
arguments, checkpoint, log.csv or model, and resumes it. A finding is an exit code other than 0, 1 and 2, a
sanitizer's report, one that does not end by SIGTERM, or a file outside of the run that is made or changed. The
folders of findings stay.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

train, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2])
draw = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
work = tempfile.mkdtemp(prefix="run-folders-")
os.chdir(work)
for name in "ab":
    os.makedirs("images/" + name)
    for i in range(4):
        with open(f"images/{name}/{i}.pgm", "wb") as file:
            file.write(b"P5 4 4 255\n" + bytes(draw.randrange(256) for _ in range(16)))
subprocess.run([train, "-q", "--net", "conv 2 3x3 pad 1, batchnorm, relu, flatten, dense 2", "--batch-size", "2",
                "--epochs", "2", "--stop-after", "4", "-o", "seed", "--steps", "seed/steps.csv", "images"], check=True)
FILES = ["arguments", "checkpoint.safetensors", "checkpoint.safetensors.previous", "log.csv", "steps.csv",
         "model.safetensors"]
WORDS = [b"1e140", b"-1e308", b"nan", b"inf", b"18446744073709551616", b"-1", b"0", b"9" * 400, b"\xff" * 9, b"%n%s",
         b"--steps\0../out", b"-o\0../out", b"--resume\0..", b"--svg\0", b"--epochs\0" + b"3\0"]


def mutate(data):
    data = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        kind, at = draw.randrange(5), draw.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] = draw.randrange(256)
        elif kind == 1:
            data[at:at] = draw.choice(WORDS)
        elif kind == 2:
            del data[at:at + draw.randint(1, 64)]
        elif kind == 3:
            data = data[:at] if draw.randrange(4) == 0 else data + draw.choice(WORDS)
        else:  # a number becomes another of the same length, so that the file stays well-formed
            found = list(re.finditer(rb"[0-9][0-9.e+-]{1,30}", bytes(data[:4000])))
            if found:
                one = draw.choice(found)
                size = one.end() - one.start()
                data[one.start():one.end()] = draw.choice([b"9" * size, (b"9" * size)[:-2] + b"e9",
                                                           (b"1" * size)[:max(size - 4, 0)] + b"e140"[:min(size, 4)]])
    return bytes(data)


def outside():
    return {path: open(path, "rb").read() for folder, _, names in os.walk(".")
            for path in (os.path.join(folder, name) for name in names) if not path.startswith("./run/")}


before, rounds, codes, findings = outside(), 0, {}, 0
deadline = os.times().elapsed + seconds
while os.times().elapsed < deadline:
    shutil.rmtree("run", ignore_errors=True)
    shutil.copytree("seed", "run")
    with open("run/arguments", "rb") as file:
        arguments = file.read().replace(b"seed/steps.csv", b"run/steps.csv")
    with open("run/arguments", "wb") as file:
        file.write(arguments)
    for name in draw.sample(FILES, draw.randint(1, 2)):
        with open("run/" + name, "rb") as file:
            data = file.read()
        with open("run/" + name, "wb") as file:
            file.write(mutate(data))
    shutil.rmtree(work + "-kept", ignore_errors=True)
    shutil.copytree("run", work + "-kept")
    process = subprocess.Popen([train, "--resume", "run", "--threads", "1"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    try:
        text = process.communicate(timeout=10)[1]
        code = process.returncode
    except subprocess.TimeoutExpired:  # a training may be long, but heeds SIGTERM
        process.terminate()
        try:
            text = process.communicate(timeout=30)[1]
            code = "stopped" if process.returncode == -15 else process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            code, text = "hangs", process.communicate()[1]
    rounds += 1
    codes[code] = codes.get(code, 0) + 1
    if code not in (0, 1, 2, "stopped") or b"Sanitizer" in text or b"runtime error" in text or outside() != before:
        findings += 1
        shutil.copytree(work + "-kept", f"{work}-finding-{findings}")
        print(f"finding {findings}: exit {code}: {work}-finding-{findings}\n{text[-1500:].decode(errors='replace')}")
        before = outside()
print(f"{rounds} rounds, exit codes {codes}, {findings} findings")
shutil.rmtree(work + "-kept", ignore_errors=True)
sys.exit(findings > 0)

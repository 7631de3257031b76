"""Training steps and features beside PyTorch, in turn on the same machine; prints a table of ratios.

    python3 tests/bench/steps.py BUILD/tests/bench [ROUNDS [SECONDS]]

Debian: python3-torch. Each figure is the median over rounds of a process's median; the ratio is that of the
medians. Centers are dense on both sides; float32.
"""
import os
import statistics
import subprocess
import sys
import time

CASES = ["article", "lenet++", "conv64", "classes"]


def torch_child(name, threads, seconds):
    import torch
    from torch import nn
    torch.set_num_threads(threads)

    def conv_pool(i, o):
        return [nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

    def pair(i, o):
        return [nn.Conv2d(i, o, 5, padding=2), nn.PReLU(o), nn.Conv2d(o, o, 5, padding=2), nn.PReLU(o),
                nn.MaxPool2d(2)]

    body, shape, batch, classes = {
        "article": ([nn.Conv2d(3, 10, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(123210, 32), nn.ReLU()],
                    (3, 224, 224), 32, 100),
        "lenet++": (pair(1, 32) + pair(32, 64) + pair(64, 128) + [nn.Flatten(), nn.Linear(1152, 2)],
                    (1, 28, 28), 128, 10),
        "conv64": (conv_pool(3, 32) + conv_pool(32, 64) + conv_pool(64, 128) +
                   [nn.Flatten(), nn.Linear(8192, 128)], (3, 64, 64), 32, 100),
        "classes": ([nn.Flatten(), nn.Linear(256, 128)], (1, 16, 16), 64, 100000),
    }[name]
    body = nn.Sequential(*body)
    x = torch.rand(batch, *shape) - 0.5
    y = torch.randint(0, classes, (batch,))
    d = body(x[:1]).shape[1]
    head, centers = nn.Linear(d, classes), nn.Embedding(classes, d)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters(), *centers.parameters()])

    def step():
        f = body(x)
        loss = nn.functional.cross_entropy(head(f), y) + 0.2 * ((f - centers(y)) ** 2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def features():
        with torch.no_grad():
            body(x)

    medians = []
    for work in (step, features):
        times, end = [], time.perf_counter() + seconds
        work(), work()
        while len(times) < 5 or time.perf_counter() < end:
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        medians.append(1e3 * statistics.median(times))
    print(name, threads, *medians)


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seconds = sys.argv[3] if len(sys.argv) > 3 else "1.5"
    print("| net | threads | step, ms | PyTorch, ms | ratio | features, ms | PyTorch, ms | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name in CASES:
        for threads in (1, 2):
            ours, theirs = [], []
            for _ in range(rounds):
                for into, command in (
                        (ours, [program, "steps", name, str(threads), seconds]),
                        (theirs, [sys.executable, __file__, "--child", name, str(threads), seconds])):
                    out = subprocess.run(command, check=True, capture_output=True, text=True,
                                         env={**os.environ, "OMP_NUM_THREADS": str(threads)}).stdout
                    into.append([float(v) for v in out.split()[2:]])
            row = []
            for i in range(2):
                a = statistics.median(r[i] for r in ours)
                b = statistics.median(r[i] for r in theirs)
                row += [f"{a:.2f}", f"{b:.2f}", f"{b / a:.2f}x"]
            print("|", name, "|", threads, "|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        torch_child(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        main()

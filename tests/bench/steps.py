"""Training steps and features beside PyTorch, in turn on the same machine; prints a table of ratios.

    PYTHON tests/bench/steps.py BUILD/tests/bench [ROUNDS [SECONDS [CASE...]]]

PYTHON has PyTorch. Its fastest setting is the peer: plain or channels_last, each as it is and compiled (torch.compile
needs a C++ compiler), Adam with fused=True, features in inference_mode. Each figure is the median over rounds of a
process's median; the ratio is that of the medians. Centers are dense on both sides; float32.
"""
import os
import statistics
import subprocess
import sys
import time

SETTINGS = {"plain": (False, False), "last": (True, False), "compiled": (False, True), "compiled last": (True, True)}


def conv_pool(nn, i, o, norm=False, pool=True):
    layers = [nn.Conv2d(i, o, 3, padding=1)] + [nn.BatchNorm2d(o)] * norm + [nn.ReLU()]
    return layers + [nn.MaxPool2d(2)] * pool


def small(nn, channels, flat):
    return (conv_pool(nn, channels, 64, True) + conv_pool(nn, 64, 64, True) + conv_pool(nn, 64, 128, True) +
            conv_pool(nn, 128, 128, True, False) + [nn.Flatten(), nn.Linear(flat, 128)])


def pair(nn, i, o):
    return [nn.Conv2d(i, o, 5, padding=2), nn.PReLU(o), nn.Conv2d(o, o, 5, padding=2), nn.PReLU(o), nn.MaxPool2d(2)]


# What makes the layers, the shape of an image, the batch, the classes; as in bench_steps.c.
CASES = {
    "small": (lambda nn: small(nn, 1, 1152), (1, 28, 28), 64, 10),
    "small64": (lambda nn: small(nn, 3, 8192), (3, 64, 64), 64, 100),
    "article": (lambda nn: [nn.Conv2d(3, 10, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(123210, 32), nn.ReLU()],
                (3, 224, 224), 32, 100),
    "lenet++": (lambda nn: pair(nn, 1, 32) + pair(nn, 32, 64) + pair(nn, 64, 128) + [nn.Flatten(), nn.Linear(1152, 2)],
                (1, 28, 28), 128, 10),
    "conv64": (lambda nn: conv_pool(nn, 3, 32) + conv_pool(nn, 32, 64) + conv_pool(nn, 64, 128) +
               [nn.Flatten(), nn.Linear(8192, 128)], (3, 64, 64), 32, 100),
    "classes": (lambda nn: [nn.Flatten(), nn.Linear(256, 128)], (1, 16, 16), 64, 100000),
}


def median_ms(work, seconds):
    times, end = [], time.perf_counter() + seconds
    work(), work()
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def torch_child(name, threads, seconds, settings):
    """Prints for each setting the milliseconds of a step and of a batch's features."""
    import torch
    from torch import nn
    torch.set_num_threads(threads)
    layers, shape, batch, classes = CASES[name]
    is_new = int(torch.__version__.split(".")[0]) > 1  # else nothing is compiled, and Adam is not fused
    for setting in settings:
        last, compiled = SETTINGS[setting]
        if compiled and not is_new:
            continue
        form = torch.channels_last if last else torch.contiguous_format
        body = nn.Sequential(*layers(nn)).to(memory_format=form)
        x = (torch.rand(batch, *shape) - 0.5).contiguous(memory_format=form)
        y = torch.randint(0, classes, (batch,))
        d = body(x[:2]).shape[1]
        head, centers = nn.Linear(d, classes), nn.Embedding(classes, d)
        optimizer = torch.optim.Adam([*body.parameters(), *head.parameters(), *centers.parameters()], fused=is_new)

        def loss_of(x, y):
            f = body(x)
            return nn.functional.cross_entropy(head(f), y) + 0.2 * ((f - centers(y)) ** 2).sum(1).mean()

        run, see = (torch.compile(loss_of), torch.compile(body)) if compiled else (loss_of, body)

        def step():
            optimizer.zero_grad()
            run(x, y).backward()
            optimizer.step()

        def features():
            with torch.inference_mode():
                see(x)

        step_ms = median_ms(step, seconds)
        body.eval()
        print(setting.replace(" ", "_"), step_ms, median_ms(features, seconds), flush=True)
    print("version", torch.__version__.replace("+", "_"), 0)


def run(command, threads):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)}).stdout


def row(program, name, threads, rounds, seconds):
    settings = ["plain", "compiled"] if name == "classes" else list(SETTINGS)
    ours, theirs = [], {}
    for _ in range(rounds):
        out = run([program, "steps", name, str(threads), seconds], threads)
        ours.append([float(v) for v in out.split()[2:]])
        out = run([sys.executable, __file__, "--child", name, str(threads), seconds, *settings], threads)
        for line in out.splitlines():
            setting, step, features = line.split()
            if setting != "version":
                theirs.setdefault(setting, []).append((float(step), float(features)))
    cells = []
    for i in range(2):
        a = statistics.median(r[i] for r in ours)
        b, setting = min((statistics.median(r[i] for r in rows), s) for s, rows in theirs.items())
        cells += [f"{a:.2f}", f"{b:.2f} ({setting.replace('_', ' ')})", f"{b / a:.2f}x"]
    print("|", name, "|", threads, "|", " | ".join(cells), "|", flush=True)


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seconds = sys.argv[3] if len(sys.argv) > 3 else "1.5"
    print("| net | threads | step, ms | PyTorch, ms | ratio | features, ms | PyTorch, ms | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name in sys.argv[4:] or CASES:
        for threads in (1, 2):
            row(program, name, threads, rounds, seconds)


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        torch_child(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:] or ["plain"])
    else:
        main()

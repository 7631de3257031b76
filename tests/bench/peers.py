"""k-NN, loading, decoding, memory and start beside the peers, in turn on the same machine; prints a
table of ratios. Training steps: steps.py.

    /usr/bin/python3 tests/bench/peers.py BUILD JPEG_FOLDER PNG_FOLDER [ROUNDS [SECONDS]]

BUILD: with -DCEN_BENCH=ON. JPEG_FOLDER/CLASS/*.jpg: loaded at 64x64, and decoded at full size; the same
pictures are written as PNG for the PNG decoder. PNG_FOLDER/CLASS/*.png: 28x28, loaded at 28x28.
Debian: python3-torch, python3-torchvision, python3-faiss, python3-pil, libopenblas0-pthread (without
which faiss and PyTorch multiply with the reference BLAS). Each figure is the median over rounds; the
ratio is that of the medians.
"""
import glob
import io
import os
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- the peers; each runs in a process of its own and prints one number ----

def faiss_knn(threads, seconds):
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(threads)
    rng = np.random.default_rng(0)
    index = faiss.IndexFlatL2(128)
    index.add(rng.random((100000, 128), dtype="f4"))
    queries = rng.random((1000, 128), dtype="f4")
    return 1e3 * repeat(lambda: index.search(queries, 5), seconds)


def torchvision_load(folder, side, channels, threads):
    """One worker process a thread, as ours has one thread; from the folder's name to all batches."""
    import torch
    from torchvision import datasets, transforms
    torch.set_num_threads(1)
    steps = [transforms.Resize(side), transforms.CenterCrop(side), transforms.ToTensor()]
    if channels == 1:
        steps.insert(0, transforms.Grayscale())
    begin = time.perf_counter()
    images = datasets.ImageFolder(folder, transforms.Compose(steps))
    for _ in torch.utils.data.DataLoader(images, batch_size=32, num_workers=threads):
        pass
    return time.perf_counter() - begin


def pillow_decode(seconds, paths):
    from PIL import Image
    files = [open(path, "rb").read() for path in paths]

    def decode():
        for data in files:
            Image.open(io.BytesIO(data)).load()

    return 1e3 * repeat(decode, seconds)


def repeat(work, seconds):
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def child(words):
    name, arguments = words[0], words[1:]
    if name == "knn":
        print(faiss_knn(int(arguments[0]), float(arguments[1])))
    elif name == "load":
        print(torchvision_load(arguments[0], *map(int, arguments[1:])))
    else:
        print(pillow_decode(float(arguments[0]), arguments[1:]))


# ---- in turn ----

def run(command, threads, **variables):
    """The first number a command prints, and the most memory it held, in MB."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **variables}
    read, write = os.pipe()
    pid = os.posix_spawnp(command[0], command, environment,
                          file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
    os.close(write)
    with os.fdopen(read) as out:
        text = out.read()
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, command
    return text, usage.ru_maxrss / 1024


def row(what, threads, ours, theirs, rounds, unit, **variables):
    a, b = [], []
    for _ in range(rounds):
        a.append(float(run(ours, threads, **variables)[0].split()[0]))
        b.append(float(run([sys.executable, __file__, "--child", *theirs], threads)[0].split()[0]))
    a, b = statistics.median(a), statistics.median(b)
    print("| %s | %d | %.4g %s | %.4g %s | %.2fx |" % (what, threads, a, unit, b, unit, b / a),
          flush=True)


def memory_row(bench):
    ours = run([bench, "steps", "article", "2", "1"], 2)[1]
    theirs = run([sys.executable, os.path.join(HERE, "steps.py"), "--child", "article", "2", "1"],
                 2)[1]
    print("| most memory, article net, batch 32 | 2 | %.0f MB | %.0f MB | %.2fx |" % (
        ours, theirs, theirs / ours))


def start_row(program):
    def start(command):
        times = []
        for _ in range(100):
            begin = time.perf_counter()
            os.waitpid(os.posix_spawnp(command[0], command, os.environ, file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]), 0)
            times.append(time.perf_counter() - begin)
        return 1e3 * statistics.median(times)
    print("| `cl_train --version`, beside `true` | 1 | %.2f ms | %.2f ms | |" % (
        start([program, "--version"]), start(["true"])))


def as_png(paths, folder):
    from PIL import Image
    made = []
    for i, path in enumerate(paths):
        made.append(os.path.join(folder, "%d.png" % i))
        Image.open(path).save(made[-1])
    return made


def main():
    build, jpegs, pngs = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    seconds = sys.argv[5] if len(sys.argv) > 5 else "1.5"
    bench = os.path.join(build, "tests", "bench")
    pictures = sorted(glob.glob(os.path.join(jpegs, "*", "*.jpg")))[::10]
    small = sorted(glob.glob(os.path.join(pngs, "*", "*.png")))[:1000]
    print("| work | threads | libcenterloss | peer | ratio |")
    print("|---|---|---|---|---|")
    for threads in (1, 2):
        row("k-NN, faiss IndexFlatL2", threads, [bench, "knn", str(threads), seconds],
            ["knn", str(threads), seconds], rounds, "ms")
    for what, folder, side, channels in (("JPEG at 64x64", jpegs, "64", "3"),
                                         ("PNG at 28x28", pngs, "28", "1")):
        for threads in (1, 2):
            words = [folder, side, channels, str(threads)]
            row("loading %s, torchvision" % what, threads, [bench, "load", *words],
                ["load", *words], rounds, "s")
    with tempfile.TemporaryDirectory() as scratch:
        for what, paths in (("JPEG at full size", pictures),
                            ("PNG at full size", as_png(pictures, scratch)),
                            ("PNG of 28x28", small)):
            for instructions in ("avx512", "avx2", "baseline"):
                row("%s, Pillow (%s)" % (what, instructions), 1,
                    [bench, "decode", seconds, *paths], ["decode", seconds, *paths], rounds, "ms",
                    CEN_INSTRUCTIONS=instructions)
    memory_row(bench)
    start_row(os.path.join(build, "cl_train"))


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        child(sys.argv[2:])
    else:
        main()

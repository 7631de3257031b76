"""A gallery in a file beside faiss: time from the name of the file to the answers, most memory, recall.

    PYTHON tests/bench/faiss_files.py BUILD ROWS [ROUNDS [FOLDER [KINDS]]]

PYTHON: with numpy and faiss-cpu. BUILD: with -DCEN_BENCH=ON. FOLDER (a temporary one) gets the files, 4 to 6 times
the 512 bytes of a row. KINDS are some of flat,IVF,HNSW. The features are a mixture like those of a net: 20 per class,
128 numbers, a spread within the classes of 0.38 of that between them, most of it in about 27 and 14 directions (measured on the 964 classes of
Omniglot after a training of 128 numbers). The questions are new features of these classes. All run in turn, each
in a process of its own on one thread, and read files that the system has in memory. The time is that of the
processor, without the imports of Python, and the least of the rounds: busy neighbours only add to it.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

D, PER_CLASS, K, MANY = 128, 20, 5, 1000
# name, class that builds it, and settings that are tried from fast to slow until recall@1 reaches 0.99
KINDS = (("flat", None, (None,)),
         ("IVF", "nprobe", (1, 2, 4, 8, 16, 32, 64, 128)),
         ("HNSW", "efSearch", (16, 32, 64, 128, 256, 512)))


def mixture(classes, per_class, rng, centers=None):
    between, within = (np.exp(-np.arange(D) / t / 2) for t in (7.0, 13.5))
    within *= 0.38 * np.sqrt((between ** 2).sum() / (within ** 2).sum())
    if centers is None:
        centers = rng.standard_normal((classes, D)).astype("f4") * between.astype("f4")
    x = np.repeat(centers, per_class, 0)
    for first in range(0, len(x), 100000):
        part = x[first:first + 100000]
        part += rng.standard_normal(part.shape).astype("f4") * within.astype("f4")
    return x, centers


def make_index(name, x, rng):
    import faiss
    if name == "flat":
        index = faiss.IndexFlatL2(D)
    elif name == "IVF":
        lists = int(4 * len(x) ** 0.5)
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(D), D, lists)
        index.cp.niter, index.cp.min_points_per_centroid = 5, 20
        index.train(x[rng.choice(len(x), min(len(x), 20 * lists), False)])
    else:
        index = faiss.IndexHNSWFlat(D, 32)
        index.hnsw.efConstruction = 40
    index.add(x)
    return index


def make(folder, n, kinds):
    import faiss
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(1)
    x, centers = mixture(n // PER_CLASS, PER_CLASS, rng)
    queries, _ = mixture(0, 1, rng, centers[rng.choice(len(centers), MANY, False)])
    x.tofile(os.path.join(folder, "rows.f32"))
    queries.tofile(os.path.join(folder, "queries.f32"))
    for name, _, _ in KINDS:
        if name not in kinds:
            continue
        begin = time.process_time()
        index = make_index(name, x, rng)
        faiss.write_index(index, os.path.join(folder, name))
        print("%s: built in %.0f s, %.0f MB" % (
            name, time.process_time() - begin,
            os.path.getsize(os.path.join(folder, name)) / 1e6), flush=True)
    np.save(os.path.join(folder, "truth.npy"), faiss.knn(queries, x, K)[1])


def ask(folder, name, n_queries, setting, mapped):
    """What a process of its own does: reads, asks, asks again."""
    import faiss
    faiss.omp_set_num_threads(1)
    queries = np.fromfile(os.path.join(folder, "queries.f32"), "f4").reshape(-1, D)[:n_queries]
    begin = time.process_time()
    index = faiss.read_index(os.path.join(folder, name), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    if setting:
        faiss.ParameterSpace().set_index_parameter(index, setting[0], float(setting[1]))
    read = time.process_time()
    found = index.search(queries, K)[1]
    end = time.process_time()
    index.search(queries, K)
    print(json.dumps([end - begin, time.process_time() - end, read - begin, found.tolist()]))


def run(command):
    read, write = os.pipe()
    pid = os.posix_spawnp(command[0], command, {**os.environ, "OMP_NUM_THREADS": "1"},
                          file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
    os.close(write)
    with os.fdopen(read) as out:
        text = out.read()
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, command
    return json.loads(text), usage.ru_maxrss / 1024


def recall(found, truth, k):
    return float(np.mean([len(set(f[:k]) & set(t[:k])) / k for f, t in zip(found, truth)]))


def measure(command, truth, rounds):
    whole, again, memory = [], [], []
    for _ in range(rounds):
        (first, second, _, found), peak = run(command)
        whole.append(first)
        again.append(second)
        memory.append(peak)
    return [min(whole), min(again), min(memory), recall(found, truth, 1), recall(found, truth, K)]


def choose(folder, name, key, values, truth):
    """The fastest setting with recall@1 of 0.99 at 1,000 questions, or the last."""
    for value in values:
        setting = "" if key is None else "%s=%d" % (key, value)
        found = run([sys.executable, __file__, "--ask", folder, name, str(MANY), setting, ""])[0][3]
        if recall(found, truth, 1) >= 0.99:
            break
    return setting


def table(build, folder, n, rounds, kinds):
    truth = np.load(os.path.join(folder, "truth.npy")).tolist()
    rows = {}
    bench = [os.path.join(build, "tests", "bench"), "gallery", folder]
    peers = [(name, choose(folder, name, key, values, truth), mapped)
             for name, key, values in KINDS if name in kinds for mapped in ("", "mapped")]
    for count in (1, MANY):
        rows[count] = [("this library, exact", measure([*bench, str(count)], truth, rounds))]
        for name, setting, mapped in peers:
            command = [sys.executable, __file__, "--ask", folder, name, str(count), setting, mapped]
            rows[count].append(("faiss %s %s %s" % (name, setting, mapped), measure(command, truth, rounds)))
    print("%d rows | questions | to the answer | again | memory | recall@1 | recall@5" % n)
    for count, lines in rows.items():
        ours = lines[0][1]
        for name, (whole, again, memory, at_1, at_5) in lines:
            print("| %s | %d | %.3gx | %.3gx | %.0f MB | %.3f | %.3f |" % (
                name, count, whole / ours[0], again / ours[1], memory, at_1, at_5), flush=True)


def main():
    build, n = sys.argv[1], int(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as scratch:
        folder = sys.argv[4] if len(sys.argv) > 4 else scratch
        kinds = sys.argv[5] if len(sys.argv) > 5 else "flat,IVF,HNSW"
        if not os.path.exists(os.path.join(folder, "truth.npy")):
            # not here: the system takes the memory of this process for that of the next ones
            subprocess.run([sys.executable, __file__, "--make", folder, str(n), kinds], check=True)
            subprocess.run([os.path.join(build, "tests", "bench"), "gallery", folder], check=True)
        table(build, folder, n, rounds, kinds.split(","))


if __name__ == "__main__":
    if sys.argv[1] == "--make":
        make(sys.argv[2], int(sys.argv[3]), sys.argv[4].split(","))
    elif sys.argv[1] == "--ask":
        ask(sys.argv[2], sys.argv[3], int(sys.argv[4]),
            sys.argv[5].split("=") if sys.argv[5] else None, sys.argv[6])
    else:
        main()

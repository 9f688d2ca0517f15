"""The top 10 of the vectors that `cargo bench --bench exact -- N FOLDER` has left in FOLDER, found by numpy and faiss.

    python -m venv venv && venv/bin/pip install numpy faiss-cpu
    venv/bin/python benches/exact.py FOLDER/F16.npy

Prints medians of seven turns with their ratio to reading the file's bytes, by as many threads as there are processors.
"""

import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np


def main(path):
    halves = np.load(path)
    singles = halves.astype(np.float32)
    query = np.random.default_rng(1).standard_normal((20, singles.shape[1])).astype(np.float32)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    index = faiss.IndexFlatIP(singles.shape[1])
    index.add(singles)
    words = halves.view(np.uint64).reshape(-1)
    n_threads = os.cpu_count()
    pool = ThreadPoolExecutor(n_threads)

    def read():
        list(pool.map(np.max, np.array_split(words, n_threads)))

    def best_by_numpy():
        scores = singles @ query[0]
        best = np.argpartition(-scores, 10)[:10]
        return best[np.argsort(-scores[best])]

    def best_by_faiss():
        return index.search(query[:1], 10)[1][0]

    cases = {
        "reading the f16 bytes": read,
        "numpy f32, top 10": best_by_numpy,
        "faiss IndexFlatIP, top 10": best_by_faiss,
        "numpy f32, 20 labels: product alone": lambda: singles @ query.T,
        "faiss IndexFlatIP, 20 labels": lambda: index.search(query, 10),
    }
    assert set(best_by_numpy()) == set(best_by_faiss())
    seconds = {name: [] for name in cases}
    for turn in range(8):
        for name, work in cases.items():
            start = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    floor = seconds["reading the f16 bytes"]
    print(f"{singles.shape[0]} x {singles.shape[1]}, {faiss.omp_get_max_threads()} threads of faiss")
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, floor))
        print(f"{name:<40} {statistics.median(found) * 1e3:8.1f} ms {ratio:8.2f} x reading")


main(sys.argv[1])

"""How quickly a library finds how much, and what it takes: each in a process of its own."""

import ctypes
import gc
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rivals.collection import CHUNK, N_QUERIES, generator
from rivals.libraries import RIVALS
from rivals.tables import FILTERS, RECALLS, print_tables

KINDS = ("pictures", "texts")


def compare(folder, rivals, limit, n_queries):
    """Measures each of `rivals`, whose build may take `limit` seconds, and prints the tables of all measured so far."""
    truth(folder)
    results = folder / "rivals"
    results.mkdir(exist_ok=True)
    for name in rivals or RIVALS:
        command = [sys.executable, "-m", "rivals.measure", folder.resolve(), name, limit, n_queries]
        # Threads that wait for work count as work otherwise, and take the processors from those that do some.
        calm = os.environ | {"OMP_WAIT_POLICY": "passive"}
        done = subprocess.run(list(map(str, command)), env=calm, cwd=Path(__file__).parent.parent)
        if done.returncode == -signal.SIGALRM:
            why = f"not built in {limit} s"
        elif done.returncode:
            why = f"ended with {done.returncode}"
        else:
            continue
        (results / f"{name}.json").write_text(json.dumps({"name": RIVALS[name].name, "failed": why}))
    found = {path.stem: json.loads(path.read_text()) for path in results.glob("*.json")}
    print_tables([found[name] for name in RIVALS if name in found])


def truth(folder):
    """The ten best rows of each query, in all rows and in those of each filter, by exact scan; kept in truth.npz.

    Arrays `pictures-1`, `texts-0.01` and so on, [500, 10], filled with -1 where a filter leaves fewer rows, and
    `mask-0.01` and so on, a bool for each row.
    """
    if (folder / "truth.npz").exists():
        return np.load(folder / "truth.npz")
    rows = np.load(folder / "features/features.npy", mmap_mode="r")
    rng = generator(1, 3)
    masks = {share: rng.random(len(rows)) < share for share in FILTERS}
    queries = np.concatenate([np.load(folder / f"{kind}.npy") for kind in KINDS])
    nothing = np.full((len(queries), 10), -np.inf, np.float32), np.full((len(queries), 10), -1)
    best = dict.fromkeys((1, *FILTERS), nothing)
    for first in range(0, len(rows), CHUNK):
        scores = queries @ rows[first : first + CHUNK].astype(np.float32).T
        for share in best:
            of = np.arange(scores.shape[1]) if share == 1 else np.flatnonzero(masks[share][first : first + CHUNK])
            all_scores = np.concatenate((best[share][0], scores[:, of]), axis=1)
            all_rows = np.concatenate((best[share][1], np.tile(first + of, (len(queries), 1))), axis=1)
            top = np.argpartition(-all_scores, 9, axis=1)[:, :10]
            best[share] = np.take_along_axis(all_scores, top, 1), np.take_along_axis(all_rows, top, 1)
    found = {f"mask-{share}": mask for share, mask in masks.items()}
    for share, (_, top) in best.items():
        found[f"pictures-{share}"], found[f"texts-{share}"] = top[:N_QUERIES], top[N_QUERIES:]
    np.savez(folder / "truth.npz", **found)
    return np.load(folder / "truth.npz")


def measure(folder, name, limit, n_queries):
    """What `compare` runs in a process of its own: FOLDER/rivals/NAME.json."""
    from threadpoolctl import threadpool_limits

    rows = np.load(folder / "features/features.npy", mmap_mode="r")
    known = dict(truth(folder))
    rival = RIVALS[name]()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        result = {"name": rival.name, "n": len(rows), "parameter": rival.parameter}
        result |= build(rival, rows, Path(scratch), limit)
        say(f"{rival.name}: {result}")
        threadpool_limits(1)
        turns = Turns(rows, n_queries)
        result |= {"exact_by_reading": turns.exact_by_reading(), "sweep": [], "filters": []}
        for kind in KINDS:
            queries = np.load(folder / f"{kind}.npy")
            sweep = swept(turns, rival, kind, queries, known[f"{kind}-1"])
            result["sweep"] += sweep
            setting = next((row["value"] for row in sweep if row["recall"] >= 0.98), sweep[-1]["value"])
            for share in FILTERS if rival.filters else ():
                only = rival.only(known[f"mask-{share}"])
                found = turns.run(rival, queries, setting, known[f"{kind}-{share}"], only)
                result["filters"].append({"kind": kind, "share": share, "value": setting, **found})
                say(f"  {kind}, {share:.1%} of the rows: {found}")
        (folder / "rivals" / f"{name}.json").write_text(json.dumps(result, indent=1))
        # Some leave threads behind that would use what goes when the process ends.
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(0)


def build(rival, rows, scratch, limit):
    """What building takes; ends the process, in whatever library it is, after `limit` seconds."""
    before, start, start_cpu = memory(), time.perf_counter(), time.process_time()
    signal.alarm(limit)
    rival.build(rows, scratch)
    signal.alarm(0)
    return {
        "build_s": time.perf_counter() - start,
        "build_cpu_s": time.process_time() - start_cpu,
        "memory_mib": (memory() - before) / 2**20,
        "disk_mib": sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file()) / 2**20,
    }


def memory():
    """Bytes of this process that no file can give back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


def swept(turns, rival, kind, queries, best):
    """Values of the parameter, up to the first that reaches the highest recall that is wanted."""
    sweep = []
    for value in rival.sweep:
        found = turns.run(rival, queries, value, best)
        sweep.append({"kind": kind, "value": value, **found})
        say(f"  {kind}, {rival.parameter} {value}: {found}")
        if found["recall"] >= RECALLS[-1]:
            break
    return sweep


class Turns:
    """Queries of a rival in turns with an exact scan of the same rows by numpy, which widens them to f32 before."""

    def __init__(self, rows, n_queries):
        self.singles = np.concatenate([rows[at : at + CHUNK].astype(np.float32) for at in range(0, len(rows), CHUNK)])
        self.path = rows.filename
        self.n_queries = n_queries

    def exact(self, query):
        scores = self.singles @ query
        best = np.argpartition(-scores, 10)[:10]
        return best[np.argsort(-scores[best])]

    def exact_by_reading(self):
        """The scan's time by that of reading the rows as f16, each by one thread."""
        words = np.load(self.path).view(np.uint64).reshape(-1)
        turns = [seconds(lambda: self.exact(self.singles[0])) / seconds(words.max) for _ in range(8)]
        return statistics.median(turns[1:])

    def run(self, rival, queries, value, best, only=None):
        """Recall, median time and its ratio to the scan's, for `value` of the rival's parameter."""
        queries, best = queries[: self.n_queries], best[: self.n_queries]
        for query in queries[-10:]:
            rival.search(query, value, only)
        took, scans, hits, wanted = [], [], 0, 0
        for turn, (query, right) in enumerate(zip(queries, best)):
            if turn % (len(queries) // 5) == 0:
                scans.append(seconds(lambda: self.exact(query)))
            start = time.perf_counter()
            found = rival.search(query, value, only)
            took.append(time.perf_counter() - start)
            right = right[right >= 0]
            hits += len(np.intersect1d(right, np.asarray(found)[:10].astype(np.int64)))
            wanted += len(right)
        median = statistics.median(took)
        return {"recall": hits / wanted, "ms": median * 1e3, "ratio": median / statistics.median(scans)}


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    folder, name, *numbers = sys.argv[1:]
    measure(Path(folder), name, *map(int, numbers))

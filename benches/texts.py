"""What new texts cost over HTTP, by the number of clients: this program against an earlier one and against ONNX Runtime.

    python3 -m venv VENV && VENV/bin/pip install numpy onnx onnxruntime==1.32.0
    VENV/bin/python tools/bench-model/make_model.py MODEL          # or any model folder with a text_model.onnx
    VENV/bin/python benches/texts.py MODEL target/release/clip-search [EARLIER_PROGRAM]
    VENV/bin/python benches/texts.py --known MODEL target/release/clip-search
    VENV/bin/python benches/texts.py --threads MODEL

Every text is asked for once, so that nothing is remembered. Programs take turns in short rounds on a collection of
27,958 images; between them ONNX Runtime alone encodes the same kind of texts, as the floor. Printed are medians over the
rounds, and medians of the ratios within rounds: on a machine that is shared the seconds alone mean little. With
--threads ONNX Runtime is run with one or two threads, with and without spinning, and as two sessions of one thread. With
--known one client asks for texts that the program remembers, so that searching is all that is left, beside /health, which
is all but that, and beside reading the vectors once, by numpy with all processors, which a search cannot be faster than.
"""

import argparse
import concurrent.futures
import csv
import hashlib
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

# Its library reports to its vendor otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

N_IMAGES = 27_958
WORDS = "lake mountain town old people bridge river church tower ship snow tree street light evening".split()


def new_text(rng: random.Random) -> str:
    """Three to six words that nobody has asked for."""
    return " ".join(rng.sample(WORDS, rng.randint(2, 5)) + [str(rng.randrange(10**4))])


def write_collection(folder: Path, width: int) -> None:
    (folder / "features").mkdir(parents=True)
    vectors = np.random.default_rng(42).normal(size=(N_IMAGES, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "features" / "features.npy", vectors.astype(np.float16))
    urls = [f"https://iiif.example.org/iiif/2/image_{i:05}" for i in range(N_IMAGES)]
    ids = [hashlib.blake2b(url.encode(), digest_size=20).hexdigest() for url in urls]
    with (folder / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("iiif_url", "localIdentifier"), *zip(urls, ids)])
    (folder / "features" / "imageIds.csv").write_text("\n".join(["image_id", *ids, ""]))


class Server:
    """A program that serves the collection."""

    def __init__(self, program: Path, data: Path, model: Path, text_cache: bool):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CLIP_")} | {"CLIP_LOG": "error"}
        arguments = ["serve", "--data-dir", data, "--model", model, "--host", "127.0.0.1", "--port", "0"]
        arguments += ["--text-cache", "off"] if text_cache else []
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline()
        self.address = urllib.parse.urlparse(line.split(" at ")[1].split()[0]).netloc

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def load(server: Server, n_clients: int, seconds: float, seed: int) -> tuple[float, list[float]]:
    """Answers a second, and the time of each, when so many ask one text after the other."""
    times, lock, end = [], threading.Lock(), time.perf_counter() + seconds

    def client(number: int) -> None:
        rng, own = random.Random(f"{seed} {number}"), []
        connection = http.client.HTTPConnection(server.address)
        while (start := time.perf_counter()) < end:
            connection.request("GET", "/query?limit=10&minScore=-1&str=" + urllib.parse.quote(new_text(rng)))
            response = connection.getresponse()
            body = response.read()
            if response.status != 200 or len(json.loads(body)) != 10:
                sys.exit(f"{response.status} {body[:200]}")
            own.append(time.perf_counter() - start)
        with lock:
            times.extend(own)

    start = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(n_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / (time.perf_counter() - start), sorted(times)


def session(model: Path, threads: int, spinning: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    return onnxruntime.InferenceSession(str(model / "onnx" / "text_model.onnx"), options, ["CPUExecutionProvider"])


def bare(sessions, model: Path, n: int, seconds: float) -> float:
    """Texts a second, `n` in a run, filled up to the longest: what the program cannot be faster than. Tokens count
    as the program's, though they are others."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    counts = []

    def work(one, seed: int) -> None:
        rng, count, end = random.Random(seed), 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            rows = [tokenizer.encode(new_text(rng)).ids for _ in range(n)]
            longest = max(map(len, rows))
            ids = np.array([row + [row[-1]] * (longest - len(row)) for row in rows], np.int64)
            one.run(["text_embeds"], {"input_ids": ids})
            count += n
        counts.append(count)

    start = time.perf_counter()
    threads = [threading.Thread(target=work, args=(one, seed)) for seed, one in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def median(values) -> float:
    return statistics.median(values)


def percentile(times: list[float], share: float) -> float:
    return 1000 * times[min(len(times) - 1, int(share * len(times)))]


def read_once(path: Path, pool: concurrent.futures.Executor) -> float:
    """Seconds in which all processors read the vectors."""
    numbers = np.load(path, mmap_mode="r").reshape(-1).view(np.uint64)
    parts = np.array_split(numbers, os.cpu_count())
    start = time.perf_counter()
    list(pool.map(np.bitwise_xor.reduce, parts))
    return time.perf_counter() - start


def known_texts(server: Server, features: Path, rounds: int, n: int = 1000) -> None:
    """Prints what a search for a text that is known takes."""
    rng = random.Random(7)
    search = ["/query?limit=10&minScore=-1&str=" + urllib.parse.quote(new_text(rng)) for _ in range(20)]
    connection = http.client.HTTPConnection(server.address)

    def ask(path: str) -> float:
        start = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            sys.exit(f"{response.status} at {path}")
        return time.perf_counter() - start

    for path in search:
        ask(path)
    print("| round | search, p50 | p99 | /health, p50 | vectors read once, p50 | (search - /health) / read |\n|" + " --- |" * 6)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for number in range(rounds):
            searches = sorted(ask(search[i % len(search)]) for i in range(n))
            healths = sorted(ask("/health") for _ in range(n))
            reads = sorted(read_once(features, pool) for _ in range(n // 5))
            one, other, floor = (percentile(times, 0.5) for times in (searches, healths, reads))
            print(
                f"| {number + 1} | {one:.2f} ms | {percentile(searches, 0.99):.2f} ms | {other:.2f} ms | {floor:.2f} ms"
                f" | {(one - other) / floor:.2f} |",
                flush=True,
            )


def compare_threads(model: Path, rounds: int, seconds: float) -> None:
    ways = {
        "1 thread": [(1, True)],
        "2 threads": [(2, True)],
        "2 threads, no spinning": [(2, False)],
        "2 sessions of 1 thread": [(1, True), (1, True)],
    }
    sessions = {way: [session(model, *one) for one in of] for way, of in ways.items()}
    print("| texts a run | " + " | ".join(ways) + " |\n|" + " --- |" * (len(ways) + 1))
    for n in (1, 4, 8, 16, 32):
        rates = {way: [] for way in ways}
        for _ in range(rounds):
            for way, of in sessions.items():
                rates[way].append(bare(of, model, n, seconds))
        print(f"| {n} | " + " | ".join(f"{median(rates[way]):.0f} /s" for way in ways) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("program", type=Path, nargs="?")
    parser.add_argument("earlier", type=Path, nargs="?")
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    given = parser.parse_args()
    if given.threads:
        compare_threads(given.model, given.rounds, given.seconds)
        return
    width = json.loads((given.model / "config.json").read_text())["projection_dim"]
    alone = [session(given.model, os.cpu_count(), False)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_collection(data, width)
        servers = {"program": Server(given.program.absolute(), data, given.model.absolute(), True)}
        if given.earlier:
            servers["earlier"] = Server(given.earlier.absolute(), data, given.model.absolute(), False)
        try:
            if given.known:
                known_texts(servers["program"], data / "features" / "features.npy", given.rounds)
                return
            head = "| clients | answers | earlier | ratio | ONNX Runtime alone, so many a run | ratio | p50 | p99 | p99 / p50 |"
            print(head + "\n|" + " --- |" * 9)
            seed = 0
            for n in given.clients:
                rates, floors, times = {name: [] for name in servers}, [], []
                for _ in range(given.rounds + 1):
                    for name, server in servers.items():
                        seed += 1
                        rate, of_round = load(server, n, given.seconds, seed)
                        rates[name].append(rate)
                        if name == "program":
                            times.append(of_round)
                    floors.append(bare(alone, given.model, n, given.seconds))
                # The first round warms up.
                rates, floors, times = {k: v[1:] for k, v in rates.items()}, floors[1:], times[1:]
                ours, earlier = rates["program"], rates.get("earlier", [float("nan")] * given.rounds)
                p50, p99 = (median([percentile(t, share) for t in times]) for share in (0.5, 0.99))
                print(
                    f"| {n} | {median(ours):.1f} /s | {median(earlier):.1f} /s"
                    f" | {median([a / b for a, b in zip(ours, earlier)]):.2f}"
                    f" | {median(floors):.1f} /s | {median([a / b for a, b in zip(ours, floors)]):.2f}"
                    f" | {p50:.0f} ms | {p99:.0f} ms | {p99 / p50:.1f} |",
                    flush=True,
                )
        finally:
            for server in servers.values():
                server.close()


if __name__ == "__main__":
    main()

"""Images a second of `clip-search build` on a folder, beside ONNX Runtime alone and Python programs, in turns.

    python model.py FOLDER
    python compare.py --program target/release/clip-search --model FOLDER [--images 200] [--rounds 2] [--cores 1 2]
        [--torch VENV/bin/python]

Every turn runs in a process of its own, held to so many cores. What is counted begins when the model is loaded; CPU
seconds are those of the process less those of one that loads the model and encodes nothing. The pictures are JPEGs of
640 x 480, as `/full/640,/` of a photograph brings them. `bare` encodes ready tensors in batches of 1, 8 and 32 in as many
sessions as there are cores, and in batches of 8 in one session on all of them; the best of these is what the others are
held against. `python` decodes and resizes with Pillow and encodes eight at a time, `torch` is transformers' CLIPModel.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

# Its library reports to its vendor otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

FILES = {"f32": "vision_model.onnx", "int8": "vision_model_quantized.onnx"}
PRECISIONS = {"f32": "f32", "int8": "quantized"}


def make_pictures(folder: Path, n: int) -> None:
    """Soft noise in colours: it costs a decoder what a photograph does."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(7)
    for k in range(n):
        coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8)).resize((640, 480), Image.BICUBIC)
        fine = random.normal(0, 12, (480, 640, 3))
        pixels = np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:04}.jpg", quality=85)


def session(model: Path, precision: str, n_threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = n_threads, 3
    return onnxruntime.InferenceSession(model / "onnx" / FILES[precision], options, providers=["CPUExecutionProvider"])


def counted(n_images: int, work) -> dict:
    """Images a second, and a second of CPU time."""
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return {"rate": n_images / (time.perf_counter() - started), "per_cpu": n_images / (time.process_time() - cpu)}


def bare(model: Path, precision: str, n_cores: int) -> dict:
    import numpy as np

    tensors = np.random.default_rng(3).normal(size=(32, 3, 224, 224)).astype(np.float32)

    def encode(one, batch: int, n: int) -> None:
        for _ in range(n // batch):
            one.run(["image_embeds"], {"pixel_values": tensors[:batch]})

    def apart(sessions, batch: int, n: int) -> None:
        threads = [threading.Thread(target=encode, args=(one, batch, n // len(sessions))) for one in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    whole = session(model, precision, n_cores)
    parts = [session(model, precision, 1) for _ in range(n_cores)] if n_cores > 1 else []
    found = {}
    for batch in (1, 8, 32):
        if not parts or batch == 8:
            found[f"{batch}"] = counted(32, lambda: encode(whole, batch, 32))
        if parts:
            n = max(32, batch * len(parts))
            found[f"{batch}, apart"] = counted(n, lambda: apart(parts, batch, n))
    best = max(found, key=lambda name: found[name]["rate"])
    return found[best] | {"note": f"batch {best}"}


def python(model: Path, precision: str, n_cores: int, pictures: list[Path]) -> dict:
    import numpy as np
    from PIL import Image

    from scaled_decoding import pixels

    settings = json.loads((model / "preprocessor_config.json").read_text())
    one = session(model, precision, n_cores)

    def work() -> None:
        for k in range(0, len(pictures), 8):
            batch = np.stack([pixels(Image.open(path), settings) for path in pictures[k : k + 8]])
            one.run(["image_embeds"], {"pixel_values": batch})

    return counted(len(pictures), work)


def torch(n_cores: int, pictures: list[Path]) -> dict:
    """The weights of transformers' own initialisation: they do not change the time."""
    import torch
    from PIL import Image
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.set_num_threads(n_cores)
    config = CLIPConfig(vision_config={"patch_size": 32}, projection_dim=512)
    model, processor = CLIPModel(config).eval(), CLIPImageProcessorPil()

    def work() -> None:
        with torch.inference_mode():
            for k in range(0, len(pictures), 8):
                images = [Image.open(path) for path in pictures[k : k + 8]]
                model.get_image_features(**processor(images=images, return_tensors="pt"))

    return counted(len(pictures), work)


def build(program: Path, model: Path, precision: str, n_cores: int, pictures: Path) -> dict:
    with tempfile.TemporaryDirectory() as data:
        command = [program.resolve(), "build", "--mode", "FOLDER", "--folder", pictures, "--data-dir", data]
        command += ["--model", model, "--model-precision", PRECISIONS[precision]]
        environment = os.environ | {"CLIP_LOG": "clip_search=info"}

        def run() -> tuple[str, float]:
            ended = subprocess.run(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            if ended.returncode != 0:
                sys.exit(ended.stderr[-2000:])
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return ended.stderr, used.ru_utime + used.ru_stime

        log, first = run()
        # Nothing is left to encode: what this takes is taken without a single image, too.
        _, both = run()
    lines = [line for line in log.splitlines() if "n_images=" in line]
    began, ended = (datetime.fromisoformat(line.split()[0]) for line in (lines[0], lines[-1]))
    n_images = int(re.search(r"n_images=(\d+)", lines[-1])[1])
    busy = re.search(r'model_busy="?([\d]+ %)', lines[-1])
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return {
        "rate": n_images / (ended - began).total_seconds(),
        "per_cpu": n_images / (first - (both - first)),
        "note": f"model busy {busy[1] if busy else '?'}, {peak_mib} MiB",
    }


def turn(name: str, options, precision: str, n_cores: int, folder: Path) -> dict:
    """One measurement in a process of its own."""
    interpreter = options.torch if name == "torch" else sys.executable
    command = [interpreter, __file__, "--turn", name, "--folder", folder, "--precision", precision, "--cores", n_cores]
    command += ["--program", options.program, "--model", options.model, "--images", options.images]
    ended = subprocess.run(
        ["taskset", "-c", f"0-{n_cores - 1}", *map(str, command)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(ended.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--torch")
    parser.add_argument("--precision", nargs="+", default=["f32", "int8"])
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        precision, n_cores = options.precision[0], options.cores[0]
        some = sorted(options.folder.glob("*.jpg"))[:32]
        work = {
            "bare": lambda: bare(options.model, precision, n_cores),
            "build": lambda: build(options.program, options.model, precision, n_cores, options.folder),
            "python": lambda: python(options.model, precision, n_cores, some),
            "torch": lambda: torch(n_cores, some),
        }
        print(json.dumps(work[options.turn]()))
        return
    print("| model | cores | what | images/s | of bare | images/CPU s | of bare | |\n|" + " --- |" * 8)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_pictures(folder, options.images)
        for n_cores in options.cores:
            for precision in options.precision:
                table(options, precision, n_cores, folder)


def table(options, precision: str, n_cores: int, folder: Path) -> None:
    names = ["bare", "build", "python"] + (["torch"] if options.torch and precision == "f32" else [])
    rounds = []
    for _ in range(options.rounds):
        rounds.append({name: turn(name, options, precision, n_cores, folder) for name in names})
        print(rounds[-1], file=sys.stderr, flush=True)
    middle = lambda values: statistics.median(list(values))
    for name in names:
        cells = [precision, n_cores, name]
        for figure in ("rate", "per_cpu"):
            cells.append(f"{middle(one[name][figure] for one in rounds):.2f}")
            cells.append(f"{middle(one[name][figure] / one['bare'][figure] for one in rounds):.2f}")
        cells.append(rounds[-1][name].get("note", ""))
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()

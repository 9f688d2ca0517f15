"""Draws the pictures of the training set once: pixels as one array, scenes as one line of JSON each.

Work is cut into shards, each with a seed of its own, so that an interrupted run goes on where it was.
"""

import argparse
import json
from dataclasses import asdict
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

from compose import draw, plan

# What the image tower sees, and the size that pictures are drawn at before.
PIXELS, DRAWN = 96, 120
SHARD = 2000


def shard(task: tuple[Path, int, int, bool]) -> None:
    folder, seed, number, held_out = task
    done = folder / f"{number:04}.npy"
    if done.exists():
        return
    rng = np.random.default_rng([seed, number])
    pixels = np.empty((SHARD, PIXELS, PIXELS, 3), np.uint8)
    lines = []
    for i in range(SHARD):
        scene = plan(rng, held_out)
        pixels[i] = draw(scene, DRAWN).resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)
        lines.append(json.dumps(asdict(scene)))
    (folder / f"{number:04}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    part = folder / f"{number:04}.part.npy"
    np.save(part, pixels)
    part.rename(done)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--shards", type=int, default=50, help="of 2,000 pictures each")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tasks = [(options.folder, options.seed, number, False) for number in range(options.shards)]
    with Pool(options.processes) as pool:
        for n, _ in enumerate(pool.imap_unordered(shard, tasks), 1):
            print(f"{n * SHARD} of {options.shards * SHARD} pictures", flush=True)


if __name__ == "__main__":
    main()

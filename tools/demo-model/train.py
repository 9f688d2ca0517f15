"""Trains the towers with the contrastive loss of CLIP (InfoNCE, learned temperature).

Beside it, a linear layer that training alone uses names the concepts on each picture: it speeds up
the image tower, which sees few pictures by the measure of large models. Most steps see the pictures
small, which costs a third of the time, and the last ones at their size. The learning rate is constant
and falls at the end, so a longer run goes on from a checkpoint of a shorter one.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from captions import caption
from compose import TECHNIQUES, Scene
from concepts import LANGUAGES, concepts
from model import MEAN, STD, ImageTower, TextTower
from scenes import SCENES
from tokenizer import CONTEXT_LENGTH


class Pictures:
    """What generate.py made so far; looks for more at times."""

    def __init__(self, folder: Path):
        self.folder, self.pixels, self.scenes = folder, {}, {}
        self.refresh()

    def refresh(self) -> None:
        for file in sorted(self.folder.glob("????.npy")):
            if file.stem not in self.pixels:
                self.pixels[file.stem] = np.load(file, mmap_mode="r")
                lines = file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
                self.scenes[file.stem] = [Scene(**json.loads(line)) for line in lines]

    def batch(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, list[Scene]]:
        names = sorted(self.pixels)
        chosen = [(names[rng.integers(len(names))], int(rng.integers(2000))) for _ in range(size)]
        return np.stack([self.pixels[name][i] for name, i in chosen]), [self.scenes[name][i] for name, i in chosen]


def tensor(pixels: np.ndarray, size: int, device: torch.device) -> torch.Tensor:
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).contiguous()
    if size != x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (MEAN, STD))
    return (x.float() / 255 - mean) / std


def augmented(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Each picture with a light, a tint, a place and a zoom of its own, every other one mirrored."""
    n = x.shape[0]
    drawn = lambda values: torch.from_numpy(values.astype(np.float32)).to(x.device)  # noqa: E731
    flip = drawn(rng.random(n)) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(-1), x)
    x = x * drawn(rng.normal(1, 0.1, (n, 1, 1, 1))) + drawn(rng.normal(0, 0.12, (n, 3, 1, 1)))
    zoom, turn = drawn(rng.uniform(0.85, 1.15, n)), drawn(rng.normal(0, 0.08, n))
    move = drawn(rng.uniform(-0.12, 0.12, (n, 2)))
    theta = torch.stack([torch.stack([zoom * turn.cos(), -turn.sin(), move[:, 0]], 1), torch.stack([turn.sin(), zoom * turn.cos(), move[:, 1]], 1)], 1)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def labels(scenes: list[Scene]) -> torch.Tensor:
    n, views = len(concepts()), list(SCENES)
    target = torch.zeros(len(scenes), n + len(views) + len(TECHNIQUES))
    for row, scene in enumerate(scenes):
        for index, _ in scene.objects:
            target[row, index] = 1
        if scene.view:
            target[row, n + views.index(scene.view)] = 1
        target[row, n + len(views) + TECHNIQUES.index(scene.technique)] = 1
    return target


def encode(tokenizer: Tokenizer, texts: list[str]) -> torch.Tensor:
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    end = tokenizer.get_vocab_size() - 1
    ids = [row if len(row) <= CONTEXT_LENGTH else [*row[: CONTEXT_LENGTH - 1], end] for row in ids]
    width = max(map(len, ids))
    return torch.tensor([row + [end] * (width - len(row)) for row in ids])


def texts(tower: TextTower, tokenizer: Tokenizer, captions: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Their directions and ids; texts of about the same length go through the tower together, so that it
    does not compute padding."""
    ids, end = encode(tokenizer, captions).to(tower.causal.device), tower.end
    lengths = (ids == end).int().argmax(dim=1) + 1
    order = lengths.argsort()
    parts = [tower(ids[part, : int(lengths[part].max())]) for part in order.chunk(4)]
    return F.normalize(torch.cat(parts)[order.argsort()], dim=-1), ids


def contrast(image: torch.Tensor, text: torch.Tensor, ids: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """InfoNCE both ways; equal texts in a batch are equally right."""
    logits = scale * image @ text.T
    same = (ids[:, None] == ids[None]).all(-1).float()
    target = same / same.sum(dim=1, keepdim=True)
    return -((target * logits.log_softmax(1)).sum(1).mean() + (target * logits.T.log_softmax(1)).sum(1).mean()) / 2


def modules_and_scale(vocabulary: int, context: int, device: torch.device) -> tuple[dict[str, torch.nn.Module], torch.nn.Parameter]:
    """Both towers and the layer that names things, and the logarithm of the temperature's inverse."""
    image, text = ImageTower().to(device, memory_format=torch.channels_last), TextTower(vocabulary, context).to(device)
    naming = torch.nn.Linear(image.project.in_features, len(concepts()) + len(SCENES) + len(TECHNIQUES)).to(device)
    torch.nn.init.constant_(naming.bias, -5.0)
    scale = torch.nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32, device=device))
    return {"image": image, "text": text, "naming": naming}, scale


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pictures", type=Path)
    arguments.add_argument("tokenizer", type=Path)
    arguments.add_argument("checkpoint", type=Path)
    arguments.add_argument("--steps", type=int, default=6250)
    arguments.add_argument("--decay", type=int, default=800, help="steps at the end in which the rate falls to nothing")
    arguments.add_argument("--full", type=int, default=950, help="steps at the end that see the pictures at their size")
    arguments.add_argument("--small", type=int, default=64, help="pixels a side before that")
    arguments.add_argument("--batch", type=int, default=256)
    arguments.add_argument("--rate", type=float, default=2e-3)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    modules, scale = modules_and_scale(tokenizer.get_vocab_size(), CONTEXT_LENGTH, device)
    image, text, naming = modules.values()
    parameters = [*image.parameters(), *text.parameters(), *naming.parameters(), scale]
    print(sum(p.numel() for p in image.parameters()), "+", sum(p.numel() for p in text.parameters()), "parameters", flush=True)
    matrices = [p for p in parameters if p.dim() > 1]
    rest = [p for p in parameters if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], betas=(0.9, 0.98), fused=True)
    first = begun = 0
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, weights_only=False, map_location=device)
        for name, module in modules.items():
            module.load_state_dict(saved[name])
        scale.data.copy_(saved["scale"])
        # A restored model (restore.py) has none: its moments start anew.
        if saved["optimizer"]:
            optimizer.load_state_dict(saved["optimizer"])
        first, begun = saved["step"], saved["begun"]
    pictures = Pictures(options.pictures)
    started, losses = time.monotonic(), []
    for step in range(first, options.steps):
        rng = np.random.default_rng([options.seed, step])
        rate = options.rate * min(1.0, (step + 1 - begun) / 200, (options.steps - step) / options.decay)
        for group in optimizer.param_groups:
            group["lr"] = rate
        pixels, scenes = pictures.batch(rng, options.batch)
        size = options.small if step < options.steps - options.full else pixels.shape[1]
        x = augmented(tensor(pixels, size, device), rng).contiguous(memory_format=torch.channels_last)
        features = image.features(x)
        seen = F.normalize(image.project(features), dim=-1)
        words = [caption(rng, scene, LANGUAGES[rng.integers(4)]) for scene in scenes]
        said, ids = texts(text, tokenizer, words)
        loss = contrast(seen, said, ids, scale.exp().clamp(max=100))
        named = F.binary_cross_entropy_with_logits(naming(features), labels(scenes).to(device), reduction="sum") / options.batch
        optimizer.zero_grad()
        (loss + 0.3 * named).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
        losses.append((loss.item(), named.item()))
        if (step + 1) % 50 == 0:
            pace = (step + 1 - first) * options.batch / (time.monotonic() - started)
            a, b = np.mean(losses[-50:], axis=0)
            print(f"step {step + 1}: contrast {a:.3f}, naming {b:.3f}, scale {scale.exp().item():.1f}, {pace:.0f} pictures/s", flush=True)
            pictures.refresh()
        if (step + 1) % 200 == 0 or step + 1 == options.steps:
            part = options.checkpoint.with_suffix(".part")
            torch.save({name: module.state_dict() for name, module in modules.items()} | {"scale": scale.data, "optimizer": optimizer.state_dict(), "step": step + 1, "begun": begun}, part)
            part.rename(options.checkpoint)


if __name__ == "__main__":
    main()

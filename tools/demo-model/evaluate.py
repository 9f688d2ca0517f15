"""Measures an exported model on pictures that training never saw: other seeds, and in half of them
grounds and skin tones that it never drew.

Prints recall at 1 and 5 in both directions for each language, beside chance, zero-shot
classification of views, things and techniques, and what the model costs: bytes, time, memory.
"""

import argparse
import os
import resource
import time
from pathlib import Path

# Its library reports to its vendor otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnxruntime
from PIL import Image
from tokenizers import Tokenizer

from captions import TECHNIQUES, VIEWS, caption
from compose import HELD_OUT_BACKGROUNDS, draw, plan
from concepts import LANGUAGES, concepts
from generate import DRAWN, PIXELS
from model import MEAN, STD
from tokenizer import CONTEXT_LENGTH

SEED = 77_000
NAMES = {"en": "English", "de": "German", "fr": "French", "it": "Italian"}


class Model:
    def __init__(self, folder: Path):
        session = lambda tower: onnxruntime.InferenceSession(str(next((folder / "onnx").glob(f"{tower}_model*.onnx"))))  # noqa: E731
        self.text_tower, self.image_tower = session("text"), session("vision")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def texts(self, texts: list[str]) -> np.ndarray:
        end = self.tokenizer.get_vocab_size() - 1
        # What is too long is cut, as the program does.
        ids = [e.ids if len(e.ids) <= CONTEXT_LENGTH else [*e.ids[: CONTEXT_LENGTH - 1], end] for e in self.tokenizer.encode_batch(texts)]
        return unit(np.stack([self.text_tower.run(None, {"input_ids": np.array([row])})[0][0] for row in ids]))

    def images(self, pictures: list[Image.Image]) -> np.ndarray:
        rows = []
        for picture in pictures:
            pixels = np.asarray(picture.resize((PIXELS, PIXELS), Image.Resampling.BICUBIC), np.float32) / 255
            pixels = ((pixels - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)[None]
            rows.append(self.image_tower.run(None, {"pixel_values": pixels})[0][0])
        return unit(np.stack(rows))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def recall(scores: np.ndarray, k: int) -> float:
    """How often the right one, on the diagonal, is among the best `k` of its row."""
    own = np.diag(scores)[:, None]
    return float(((scores > own).sum(axis=1) < k).mean())


def costs(folder: Path, seconds_image: float, seconds_text: float) -> str:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{size / 1e6:.2f} MB; {1 / seconds_image:.0f} images/s and {seconds_text * 1000:.2f} ms a text, one by one; at most {memory:.0f} MB of memory, the pictures included"


def accuracy(model: Model, images: np.ndarray, truth: list[str], prompts: dict[str, list[str]]) -> float:
    names = list(prompts)
    classes = unit(np.stack([model.texts(prompts[name]).mean(axis=0) for name in names]))
    return float(np.mean([names[i] == true for i, true in zip((images @ classes.T).argmax(axis=1), truth)]))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--pictures", type=int, default=1000)
    options = arguments.parse_args()
    model = Model(options.model)
    rng = np.random.default_rng(SEED)
    scenes = [plan(rng, held_out=True) for _ in range(options.pictures)]
    pictures = [draw(scene, DRAWN) for scene in scenes]
    started = time.perf_counter()
    images = model.images(pictures)
    seconds_image = (time.perf_counter() - started) / len(pictures)
    n = len(scenes)
    print(f"{n} pictures; chance: {1 / n:.3f} and {5 / n:.3f}\n")
    print("| language | text→image R@1 | R@5 | image→text R@1 | R@5 |\n| --- | --- | --- | --- | --- |")
    by_language = {}
    for language in LANGUAGES:
        texts = [caption(rng, scene, language, whole=True) for scene in scenes]
        started = time.perf_counter()
        rows = model.texts(texts)
        seconds_text = (time.perf_counter() - started) / len(texts)
        scores = rows @ images.T
        by_language[language] = scores
        figures = [recall(scores, 1), recall(scores, 5), recall(scores.T, 1), recall(scores.T, 5)]
        print(f"| {NAMES[language]} |", " | ".join(f"{figure:.3f}" for figure in figures), "|")
    print("\n| English text→image R@5 of | pictures | R@5 |\n| --- | --- | --- |")
    kinds = {
        "one object": lambda s: not s.view and len(s.objects) == 1,
        "two objects": lambda s: not s.view and len(s.objects) == 2,
        "three or four objects": lambda s: not s.view and len(s.objects) > 2,
        "a view": lambda s: bool(s.view) and not s.objects,
        "a view with an object": lambda s: bool(s.view) and bool(s.objects),
        "an unseen ground": lambda s: not s.view and s.background in HELD_OUT_BACKGROUNDS,
        **{name: lambda s, name=name: s.technique == name for name in TECHNIQUES},
    }
    ranks = (by_language["en"] > np.diag(by_language["en"])[:, None]).sum(axis=1)
    for name, holds in kinds.items():
        chosen = np.array([holds(scene) for scene in scenes])
        print(f"| {name} | {chosen.sum()} | {(ranks[chosen] < 5).mean():.3f} |")
    print("\n| zero-shot | classes | chance | English | German | French | Italian |\n| --- | --- | --- | --- | --- | --- | --- |")
    views = [i for i, scene in enumerate(scenes) if scene.view]
    tasks = {
        "view": (views, [scenes[i].view for i in views], VIEWS),
        "technique": (
            range(n),
            [scene.technique for scene in scenes],
            {name: {language: [t for t in by[language] if t != "{}"] for language in LANGUAGES} for name, by in TECHNIQUES.items()},
        ),
    }
    something = {"en": "something", "de": "etwas", "fr": "quelque chose", "it": "qualcosa"}
    for name, (rows, truth, prompts) in tasks.items():
        figures = []
        for language in LANGUAGES:
            worded = {key: [text.format(something[language]) for text in by[language]] for key, by in prompts.items()}
            figures.append(accuracy(model, images[list(rows)], truth, worded))
        print(f"| {name} | {len(prompts)} | {1 / len(prompts):.2f} |", " | ".join(f"{figure:.3f}" for figure in figures), "|")
    # Which of all things is the one on the picture?
    alone = [i for i, scene in enumerate(scenes) if not scene.view and len(scene.objects) == 1]
    truth = [scenes[i].objects[0][0] for i in alone]
    figures = []
    for language in LANGUAGES:
        names = model.texts([concept.names[language] for concept in concepts()])
        best = (-(images[alone] @ names.T)).argsort(axis=1)
        figures.append("{:.3f} / {:.3f}".format(*(np.mean([t in row[:k] for t, row in zip(truth, best)]) for k in (1, 5))))
    print(f"| thing, alone: first / among five | {len(concepts())} | {1 / len(concepts()):.4f} |", " | ".join(figures), "|")
    print("\n" + costs(options.model, seconds_image, seconds_text))


if __name__ == "__main__":
    main()

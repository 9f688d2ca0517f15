"""Grounds that only training pictures stand on: patterns of many kinds, so that the image tower learns to
look past whatever lies behind the things, and not only past the grounds that it knows.

Each function draws a square RGB picture of any size with a random generator.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import scenes
from scenes import Rng, clouds, mix, vary


def two_colours(rng: Rng) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Near each other as often as far from each other."""
    one = tuple(int(c) for c in rng.integers(20, 250, 3))
    other = tuple(int(c) for c in rng.integers(20, 250, 3))
    return one, mix(one, other, rng.uniform(0.15, 1.0))


def blend(share: np.ndarray, one, other) -> Image.Image:
    """`share`: (size, size), between 0 and 1."""
    share = share[..., None].astype(np.float32)
    return Image.fromarray((np.array(one, np.float32) * share + np.array(other, np.float32) * (1 - share)).clip(0, 255).astype(np.uint8))


def along(rng: Rng, size: int) -> np.ndarray:
    """How far each pixel lies in a random direction, in picture sides."""
    angle = rng.uniform(0, np.pi)
    x = np.linspace(0, 1, size, dtype=np.float32)
    return x[None, :] * np.cos(angle) + x[:, None] * np.sin(angle)


def stripes(rng: Rng, size: int) -> Image.Image:
    waves = np.sin(along(rng, size) * 2 * np.pi * rng.uniform(2, 14) + rng.uniform(0, 6))
    return blend(np.clip(waves * rng.choice([0.5, 3.0]) + 0.5, 0, 1), *two_colours(rng))


def plaid(rng: Rng, size: int) -> Image.Image:
    x = np.arange(size) / size
    lines = [np.sin(x * 2 * np.pi * rng.uniform(2, 9)) + 0.6 * np.sin(x * 2 * np.pi * rng.uniform(8, 20)) for _ in range(2)]
    return blend((lines[0][:, None] + lines[1][None, :]) / 6 + 0.5, *two_colours(rng))


def dots(rng: Rng, size: int) -> Image.Image:
    one, other = two_colours(rng)
    picture = Image.new("RGB", (size, size), one)
    pen, n, radius = ImageDraw.Draw(picture), int(rng.integers(4, 10)), rng.uniform(0.15, 0.4)
    for row in range(n + 1):
        for column in range(n + 1):
            x, y, r = (column + 0.5 * (row % 2)) * size / n, row * size / n, radius * size / n
            pen.ellipse([x - r, y - r, x + r, y + r], fill=other)
    return picture


def shards(rng: Rng, size: int) -> Image.Image:
    one, other = two_colours(rng)
    picture = Image.new("RGB", (size, size), one)
    pen, reach = ImageDraw.Draw(picture), rng.uniform(0.1, 0.4)
    for _ in range(int(rng.integers(10, 60))):
        middle = rng.random(2)
        corners = [tuple((middle + rng.uniform(-reach, reach, 2)) * size) for _ in range(3)]
        pen.polygon(corners, fill=vary(rng, mix(one, other, rng.random()), 30))
    return picture


def scribbles(rng: Rng, size: int) -> Image.Image:
    one, other = two_colours(rng)
    picture = Image.new("RGB", (size, size), one)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(6, 40))):
        steps = rng.normal(0, 0.12, (6, 2)).cumsum(axis=0) + rng.random(2)
        pen.line([tuple(p * size) for p in steps], fill=vary(rng, other, 30), width=max(1, int(size * rng.uniform(0.005, 0.03))))
    return picture


def grain(rng: Rng, size: int) -> Image.Image:
    """Coloured noise, from fine to coarse."""
    cells = int(rng.choice([4, 8, 16, 32, 64]))
    one, other = two_colours(rng)
    share = rng.random((cells, cells, 1)).astype(np.float32)
    values = np.array(one, np.float32) * share + np.array(other, np.float32) * (1 - share) + rng.normal(0, rng.uniform(0, 40), (cells, cells, 3))
    small = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return small.resize((size, size), [Image.Resampling.NEAREST, Image.Resampling.BICUBIC][rng.integers(2)])


def isles(rng: Rng, size: int) -> Image.Image:
    """Spots with firm edges, as on camouflage or a cow."""
    share = clouds(rng, size, int(rng.integers(3, 10)))
    return blend(np.clip((share - np.median(share)) * 25 + 0.5, 0, 1), *two_colours(rng))


def rings(rng: Rng, size: int) -> Image.Image:
    x = np.linspace(0, 1, size, dtype=np.float32)
    far = np.hypot(x[None, :] - rng.random(), x[:, None] - rng.random())
    return blend(np.sin(far * 2 * np.pi * rng.uniform(1, 10)) * 0.5 + 0.5, *two_colours(rng))


def rays(rng: Rng, size: int) -> Image.Image:
    x = np.linspace(0, 1, size, dtype=np.float32)
    angle = np.arctan2(x[:, None] - rng.uniform(0.2, 0.8), x[None, :] - rng.uniform(0.2, 0.8))
    return blend(np.clip(np.sin(angle * int(rng.integers(4, 16))) * 4 + 0.5, 0, 1), *two_colours(rng))


def leaves(rng: Rng, size: int) -> Image.Image:
    one, other = two_colours(rng)
    picture = Image.new("RGB", (size, size), one)
    for _ in range(int(rng.integers(15, 50))):
        leaf = Image.new("L", (size // 4, size // 4), 0)
        long, wide = size * rng.uniform(0.06, 0.12), size * rng.uniform(0.015, 0.05)
        ImageDraw.Draw(leaf).ellipse([size / 8 - long, size / 8 - wide, size / 8 + long, size / 8 + wide], fill=255)
        leaf = leaf.rotate(rng.uniform(0, 180))
        picture.paste(vary(rng, other, 35), (int(rng.uniform(-0.1, 0.95) * size), int(rng.uniform(-0.1, 0.95) * size)), leaf)
    return picture


def out_of_focus(rng: Rng, size: int) -> Image.Image:
    """A view behind the things, blurred until nothing on it can be named."""
    view = list(scenes.SCENES.values())[rng.integers(len(scenes.SCENES))]
    return view(rng, size).filter(ImageFilter.GaussianBlur(size * rng.uniform(0.05, 0.12)))


GROUNDS = {
    "stripes": stripes, "plaid": plaid, "dots": dots, "shards": shards, "scribbles": scribbles, "grain": grain, "isles": isles,
    "rings": rings, "rays": rays, "leaves": leaves, "out of focus": out_of_focus,
}  # fmt: skip

"""Composes pictures: what is on one (a `Scene`, to be told in words) and how it is drawn.

The same scene and seed give the same picture, at any size.
"""

import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

import scenes
from concepts import concepts
from grounds import GROUNDS
from scenes import Rng, clouds, gradient, mix, vary
from sprites import recoloured, sprite

TECHNIQUES = ["picture", "oil painting", "watercolour", "drawing", "engraving", "photograph", "black-and-white photograph", "sepia print"]
TECHNIQUE_WEIGHTS = [0.3, 0.15, 0.1, 0.08, 0.07, 0.12, 0.1, 0.08]
BACKGROUNDS = ["plain", "gradient", "paper", "clouds", "meadow", "boards", "checks", "wall"]
# Only in evaluation and in the demo collection.
HELD_OUT_BACKGROUNDS = ["blobs", "marble"]


@dataclass
class Scene:
    """`objects`: pairs of a concept's index and how often it is there."""

    view: str | None
    objects: list[tuple[int, int]]
    technique: str
    background: str
    is_framed: bool
    is_people: bool = False
    seed: int = 0
    variants: list[str] = field(default_factory=list)


def plan(rng: Rng, held_out: bool = False) -> Scene:
    """What a picture shows. With `held_out`, on grounds and with variants that training never sees."""
    everything = concepts()
    n = int(rng.choice([1, 2, 3, 4], p=[0.42, 0.33, 0.16, 0.09]))
    view = str(rng.choice(list(scenes.SCENES))) if rng.random() < 0.3 else None
    people = view is None and rng.random() < 0.03
    objects: list[tuple[int, int]] = []
    if people:
        persons = [i for i, concept in enumerate(everything) if concept.is_person]
        objects = [(int(i), 1) for i in rng.choice(persons, int(rng.integers(3, 6)), replace=False)]
    elif view in ("portrait", "map", "manuscript", "coin", "flower vase"):
        pass
    elif view is not None:
        objects = [(int(rng.integers(len(everything))), 1)] if rng.random() < 0.4 else []
    elif n == 1 and rng.random() < 0.2:
        objects = [(int(rng.integers(len(everything))), int(rng.integers(2, 5)))]
    else:
        objects = [(int(i), 1) for i in rng.choice(len(everything), n, replace=False)]
    if held_out:
        grounds = HELD_OUT_BACKGROUNDS if rng.random() < 0.5 else BACKGROUNDS
    else:
        grounds = list(GROUNDS) if rng.random() < 0.6 else BACKGROUNDS
    variants = []
    for i, count in objects:
        known = everything[i].variants
        if held_out and everything[i].held_out:
            known = everything[i].held_out
        variants += [str(rng.choice(known))] * count
    return Scene(
        view=view,
        objects=objects,
        technique=str(rng.choice(TECHNIQUES, p=TECHNIQUE_WEIGHTS)),
        background=str(rng.choice(grounds)),
        is_framed=view != "portrait" and bool(rng.random() < 0.12),
        is_people=people,
        seed=int(rng.integers(2**31)),
        variants=variants,
    )


def draw(scene: Scene, size: int) -> Image.Image:
    """The picture, RGB, `size` x `size`."""
    rng = np.random.default_rng(scene.seed)
    # The order of draws must not depend on the size.
    place, look, noise = rng.spawn(3)
    if scene.view:
        picture = scenes.SCENES[scene.view](look, size)
    else:
        picture = background(look, scene.background, size)
    put(place, picture, scene, size)
    if scene.is_framed:
        picture = scenes.framed(look, picture, look.uniform(0.04, 0.09))
    picture = rendered(noise, picture, scene.technique)
    return disturbed(noise, picture)


def background(rng: Rng, kind: str, size: int) -> Image.Image:
    if kind in GROUNDS:
        return GROUNDS[kind](rng, size)
    tint = tuple(int(c) for c in rng.integers(40, 250, 3))
    pale = mix(tint, (255, 255, 255), rng.uniform(0.2, 0.8))
    if kind == "plain":
        return Image.new("RGB", (size, size), [pale, (250, 250, 248), tint][rng.integers(3)])
    if kind == "gradient":
        other = tuple(int(c) for c in rng.integers(60, 250, 3))
        picture = gradient(size, pale, other)
        return picture.rotate(90) if rng.random() < 0.3 else picture
    if kind == "paper":
        return scenes.paper(rng, size)
    if kind == "clouds":
        other = np.array(rng.integers(30, 240, 3), np.float32)
        share = clouds(rng, size, int(rng.integers(2, 7)))[..., None]
        return Image.fromarray((np.array(pale, np.float32) * share + other * (1 - share)).astype(np.uint8))
    if kind == "meadow":
        picture = scenes.sky(rng, size)
        pen = ImageDraw.Draw(picture)
        base = rng.uniform(0.5, 0.8)
        scenes.ground(rng, size, pen, base)
        scenes.trees(rng, size, pen, base, int(rng.integers(0, 5)), 0.15)
        return picture
    if kind == "boards":
        picture = Image.new("RGB", (size, size))
        pen, n = ImageDraw.Draw(picture), int(rng.integers(4, 9))
        wood = [(150, 105, 65), (200, 165, 120), (95, 70, 55)][rng.integers(3)]
        for k in range(n):
            pen.rectangle([0, k * size / n, size, (k + 1) * size / n], fill=vary(rng, wood, 10), outline=mix(wood, (0, 0, 0), 0.4))
        return picture.rotate(90) if rng.random() < 0.5 else picture
    if kind == "checks":
        n, other = int(rng.integers(3, 9)), mix(pale, tint, 0.5)
        cells = (np.indices((n, n)).sum(axis=0) % 2).astype(np.uint8) * 255
        mask = Image.fromarray(cells).resize((size, size), Image.Resampling.NEAREST)
        return Image.composite(Image.new("RGB", (size, size), pale), Image.new("RGB", (size, size), other), mask)
    if kind == "wall":
        picture = Image.new("RGB", (size, size), mix(pale, (90, 90, 90), 0.4))
        pen, rows = ImageDraw.Draw(picture), int(rng.integers(6, 11))
        for k in range(rows):
            for j in range(-1, 5):
                x = (j + 0.5 * (k % 2)) * size / 4
                pen.rectangle([x + 1, k * size / rows + 1, x + size / 4 - 1, (k + 1) * size / rows - 1], fill=vary(rng, pale, 12))
        return picture
    if kind == "blobs":
        picture = gradient(size, mix(tint, (20, 20, 20), 0.5), tint)
        pen = ImageDraw.Draw(picture)
        for _ in range(22):
            x, y, r = rng.random() * size, rng.random() * size, size * rng.uniform(0.03, 0.12)
            pen.ellipse([x - r, y - r, x + r, y + r], fill=vary(rng, pale, 40))
        return picture.filter(ImageFilter.GaussianBlur(size / 40))
    veins = np.sin(clouds(rng, size, 4) * 22 + np.linspace(0, 6, size)[None, :])[..., None] * 0.5 + 0.5
    return Image.fromarray((np.array(pale, np.float32) * (0.65 + 0.35 * veins)).clip(0, 255).astype(np.uint8))


def put(rng: Rng, picture: Image.Image, scene: Scene, size: int) -> None:
    """Places the objects, none wholly behind another."""
    n = len(scene.variants)
    if n == 0:
        return
    if scene.view:
        spots = [(rng.uniform(0.25, 0.75), rng.uniform(0.62, 0.8), rng.uniform(0.28, 0.42))]
    elif scene.is_people:
        spots = [((k + 0.5) / n + rng.uniform(-0.04, 0.04), rng.uniform(0.5, 0.62), rng.uniform(0.32, 0.42)) for k in range(n)]
    elif n == 1:
        spots = [(rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.8))]
    elif n == 2 and rng.random() < 0.75:
        spots = [(x + rng.uniform(-0.04, 0.04), rng.uniform(0.4, 0.6), rng.uniform(0.32, 0.48)) for x in (0.27, 0.73)]
    elif n == 2:
        spots = [(rng.uniform(0.4, 0.6), y + rng.uniform(-0.03, 0.03), rng.uniform(0.32, 0.46)) for y in (0.27, 0.73)]
    else:
        corners = [(0.28, 0.28), (0.72, 0.28), (0.28, 0.72), (0.72, 0.72)]
        if n == 3 and rng.random() < 0.5:
            corners = [(0.5, 0.27), (0.26, 0.7), (0.74, 0.7)]
        order = rng.permutation(len(corners))[:n]
        spots = [(corners[k][0] + rng.uniform(-0.05, 0.05), corners[k][1] + rng.uniform(-0.05, 0.05), rng.uniform(0.3, 0.42)) for k in order]
    same_look = (rng.uniform(-0.06, 0.06), rng.uniform(0.6, 1.25), rng.uniform(0.75, 1.15))
    for variant, (x, y, scale) in zip(scene.variants, spots):
        thing = sprite(variant)
        look = same_look if len(scene.objects) == 1 else (rng.uniform(-0.06, 0.06), rng.uniform(0.6, 1.25), rng.uniform(0.75, 1.15))
        angle, flip, shade = rng.normal(0, 10), rng.random() < 0.5, rng.random() < 0.4
        w = max(4, int(scale * size))
        h = max(4, int(w * thing.height / thing.width))
        thing = recoloured(thing.resize((w, h), Image.Resampling.BICUBIC), *look)
        if flip:
            thing = ImageOps.mirror(thing)
        thing = thing.rotate(angle, Image.Resampling.BILINEAR, expand=True)
        corner = (int(x * size - thing.width / 2), int(y * size - thing.height / 2))
        if shade:
            shadow = thing.getchannel("A").point(lambda a: a // 3)
            picture.paste((20, 20, 25), (corner[0] + size // 40, corner[1] + size // 40), shadow)
        picture.paste(thing, corner, thing)
    if rng.random() < 0.1:
        # Something in front, as a twig or a post may be.
        pen = ImageDraw.Draw(picture)
        x, lean, w = rng.random(), rng.uniform(-0.3, 0.3), rng.uniform(0.02, 0.06)
        points = [(x, 0), (x + w, 0), (x + w + lean, 1), (x + lean, 1)]
        pen.polygon([(px * size, py * size) for px, py in points], fill=vary(rng, (90, 75, 60), 50))


def rendered(rng: Rng, picture: Image.Image, technique: str) -> Image.Image:
    """The picture as if made by `technique`."""
    size = picture.width
    array = lambda image: np.asarray(image, dtype=np.float32)  # noqa: E731
    image = lambda values: Image.fromarray(values.clip(0, 255).astype(np.uint8))  # noqa: E731
    if technique == "oil painting":
        strokes = picture.filter(ImageFilter.ModeFilter(max(3, size // 40 | 1)))
        weave = 5 * np.sin(np.arange(size) * 1.9 * 128 / size)
        return image((array(strokes) - 128) * 1.1 + 122 + (weave[:, None] + weave[None, :])[..., None])
    if technique == "watercolour":
        soft = array(picture.filter(ImageFilter.GaussianBlur(size / 110)))
        wash = (0.55 + 0.35 * clouds(rng, size, 5))[..., None]
        return image(252 - (252 - soft) * wash + rng.normal(0, 3, (size, size, 1)))
    if technique == "drawing":
        grey = ImageOps.grayscale(picture)
        soft = array(grey.filter(ImageFilter.GaussianBlur(size / 60)))
        lines = (array(grey) - soft) * 2.6
        tone = 225 + (array(grey) - 200) * 0.3
        values = tone + np.minimum(lines, 10) + rng.normal(0, 7, (size, size))
        return image(values[..., None] * np.array([1.0, 0.985, 0.94], np.float32))
    if technique == "engraving":
        grey = array(ImageOps.autocontrast(ImageOps.grayscale(picture), cutoff=2))
        rows = np.arange(size)
        period = size / 48
        hatch = 128 + 120 * np.sin(2 * np.pi * (rows[:, None] + rows[None, :] * 0.35) / period)
        values = np.where(grey * 0.8 + 40 > hatch, 238, 45).astype(np.float32)
        values = array(image(values * 0.5 + grey * 0.5).filter(ImageFilter.GaussianBlur(size / 300)))
        return image(values[..., None] * np.array([1.0, 0.97, 0.9], np.float32))
    if technique in ("photograph", "black-and-white photograph", "sepia print"):
        values = array(picture.filter(ImageFilter.GaussianBlur(size * rng.uniform(0, 0.008))))
        across = np.linspace(-1, 1, size, dtype=np.float32) ** 2
        values = values * (1.05 - rng.uniform(0.1, 0.3) * (across[:, None] + across[None, :]))[..., None]
        if technique == "photograph":
            return image(values + rng.normal(0, rng.uniform(3, 10), values.shape))
        grey = (values @ np.array([0.3, 0.59, 0.11], np.float32))[..., None] + rng.normal(0, rng.uniform(3, 9), (size, size, 1))
        if technique == "sepia print":
            return image(grey * np.array([0.98, 0.82, 0.6], np.float32) + np.array([28, 22, 12], np.float32))
        return image(np.repeat((grey - 128) * 1.1 + 128, 3, axis=-1))
    return picture


def disturbed(rng: Rng, picture: Image.Image) -> Image.Image:
    """Changes of light, and what JPEG does."""
    values = np.asarray(picture, dtype=np.float32)
    values = (values - 128) * rng.uniform(0.8, 1.15) + 128 + rng.uniform(-18, 18)
    values = values * rng.uniform(0.95, 1.05, 3).astype(np.float32)
    picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.35:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(35, 85)))
        picture = Image.open(file).convert("RGB")
    return picture

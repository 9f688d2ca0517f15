"""Draws the pictures of examples/pictures and writes examples/metadata.ttl.

Everything here is our own drawing; nothing is copied. The same seed gives the same pictures.
Usage: python tools/pictures/make_pictures.py  (needs Pillow)
"""

import math
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).resolve().parents[2] / "examples"
BASE = "http://127.0.0.1:8182/"
SIZE = (480, 360)

# file, title in English and German, creator, year, technique, subject words
WORKS = [
    ("mountain-lake", "A mountain lake", "Bergsee", "ida-bergmann", 1887, "oil on canvas"),
    ("mountain-lake-evening", "Mountain lake at evening", "Bergsee am Abend", "ida-bergmann", 1894, "oil on canvas"),
    ("ship-at-sea", "A ship at sea", "Schiff auf See", "carlo-riva", 1842, "oil on canvas"),
    ("two-ships", "Two ships", "Zwei Schiffe", "carlo-riva", 1848, "watercolour"),
    ("castle-on-a-hill", "A castle on a hill", "Burg auf einem Hügel", "carlo-riva", 1851, "engraving"),
    ("portrait", "Portrait of a man", "Bildnis eines Mannes", "emil-hartmann", 1803, "oil on canvas"),
    ("portrait-in-blue", "Portrait in blue", "Bildnis in Blau", "emil-hartmann", 1811, "oil on canvas"),
    ("forest", "A forest", "Wald", "ida-bergmann", 1890, "watercolour"),
    ("town-at-night", "A town at night", "Stadt bei Nacht", "lea-nachtigall", 1912, "woodcut"),
    ("still-life-with-apples", "Still life with apples", "Stillleben mit Äpfeln", "lea-nachtigall", 1909, "oil on canvas"),
    ("map", "Map of an island", "Karte einer Insel", "anonymous", 1760, "engraving"),
    ("coin", "A coin", "Münze", "anonymous", 1540, "silver"),
]
CREATORS = {
    "ida-bergmann": "Ida Bergmann",
    "carlo-riva": "Carlo Riva",
    "emil-hartmann": "Emil Hartmann",
    "lea-nachtigall": "Lea Nachtigall",
    "anonymous": "Anonymous",
}


def gradient(top, bottom):
    image = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(image)
    for y in range(SIZE[1]):
        t = y / (SIZE[1] - 1)
        draw.line([(0, y), (SIZE[0], y)], fill=tuple(round(a + (b - a) * t) for a, b in zip(top, bottom)))
    return image, draw


def mountains(draw, rng, colour, base, height):
    points, x = [(0, base)], 0
    while x < SIZE[0]:
        x += rng.randint(40, 90)
        points += [(x - 30, base - rng.randint(height // 2, height)), (x, base - rng.randint(0, height // 3))]
    draw.polygon(points + [(SIZE[0], base)], fill=colour)


def ship(draw, x, y, size):
    draw.polygon([(x, y), (x + 4 * size, y), (x + 3 * size, y + size), (x + size, y + size)], fill=(90, 50, 30))
    draw.line([(x + 2 * size, y), (x + 2 * size, y - 4 * size)], fill=(60, 40, 20), width=3)
    draw.polygon([(x + 2 * size + 3, y - 4 * size), (x + 2 * size + 3, y - 8), (x + 4 * size, y - 8)], fill=(245, 240, 225))
    draw.polygon([(x + 2 * size - 3, y - 3 * size), (x + 2 * size - 3, y - 8), (x + size // 2, y - 8)], fill=(235, 228, 210))


def waves(draw, rng, top):
    for _ in range(160):
        x, y = rng.randint(0, SIZE[0]), rng.randint(top, SIZE[1])
        draw.arc([x, y, x + 24, y + 10], 200, 340, fill=(200, 215, 230))


def lake(rng, evening):
    image, draw = gradient((240, 150, 90) if evening else (150, 200, 240), (250, 220, 180))
    mountains(draw, rng, (90, 70, 110) if evening else (110, 120, 140), 210, 150)
    mountains(draw, rng, (50, 60, 60) if evening else (60, 100, 70), 215, 60)
    draw.rectangle([0, 210, *SIZE], fill=(120, 80, 110) if evening else (70, 130, 180))
    waves(draw, rng, 225)
    return image


def sea(rng, ships):
    image, draw = gradient((190, 210, 230), (225, 225, 215))
    draw.rectangle([0, 220, *SIZE], fill=(40, 80, 120))
    waves(draw, rng, 230)
    for i in range(ships):
        ship(draw, 120 + 150 * i, 220 - 20 * i, 34 - 10 * i)
    return image


def castle(rng):
    image, draw = gradient((235, 225, 200), (250, 245, 230))
    draw.ellipse([-60, 200, 540, 560], fill=(150, 140, 110))
    for x, w, h in [(150, 40, 130), (195, 90, 90), (290, 40, 150)]:
        draw.rectangle([x, 230 - h, x + w, 240], fill=(120, 110, 100), outline=(70, 60, 50))
        for i in range(0, w, 12):
            draw.rectangle([x + i, 222 - h, x + i + 6, 230 - h], fill=(120, 110, 100))
    draw.pieslice([225, 190, 260, 270], 180, 360, fill=(60, 50, 40))
    return image


def portrait(rng, coat, background):
    image, draw = gradient(background, tuple(c // 2 for c in background))
    draw.ellipse([120, 250, 360, 520], fill=coat)
    draw.rectangle([215, 210, 265, 270], fill=(225, 180, 150))
    draw.ellipse([180, 80, 300, 240], fill=(235, 195, 165))
    draw.pieslice([172, 60, 308, 190], 180, 360, fill=(70, 45, 30))
    for x in (212, 256):
        draw.ellipse([x, 145, x + 14, 155], fill=(40, 30, 30))
    draw.arc([215, 175, 265, 215], 20, 160, fill=(150, 60, 60), width=4)
    for i in range(14):
        draw.rectangle([i, i, SIZE[0] - 1 - i, SIZE[1] - 1 - i], outline=(150 + 5 * i, 110 + 4 * i, 40))
    return image


def forest(rng):
    image, draw = gradient((190, 215, 190), (120, 150, 90))
    for _ in range(45):
        x, y, s = rng.randint(-20, SIZE[0]), rng.randint(150, 330), rng.randint(25, 60)
        draw.rectangle([x - 3, y, x + 3, y + s // 2], fill=(90, 60, 40))
        draw.polygon([(x - s // 2, y), (x + s // 2, y), (x, y - 2 * s)], fill=(30 + rng.randint(0, 40), 80 + rng.randint(0, 50), 40))
    return image


def town(rng):
    image, draw = gradient((10, 15, 45), (40, 40, 80))
    draw.ellipse([370, 40, 420, 90], fill=(240, 235, 200))
    x = 0
    while x < SIZE[0]:
        w, h = rng.randint(30, 60), rng.randint(70, 190)
        draw.rectangle([x, 330 - h, x + w, 360], fill=(15, 15, 25))
        for wx in range(x + 6, x + w - 8, 14):
            for wy in range(340 - h, 340, 20):
                if rng.random() < 0.5:
                    draw.rectangle([wx, wy, wx + 6, wy + 9], fill=(250, 210, 90))
        x += w + 2
    return image


def apples(rng):
    image, draw = gradient((70, 55, 45), (110, 80, 60))
    draw.rectangle([0, 240, *SIZE], fill=(150, 110, 70))
    draw.chord([110, 190, 370, 320], 0, 180, fill=(210, 210, 220))
    for x, y, c in [(150, 190, (190, 40, 40)), (215, 175, (200, 60, 50)), (280, 192, (170, 190, 60)), (390, 255, (190, 45, 45))]:
        draw.ellipse([x, y, x + 66, y + 66], fill=c)
        draw.line([(x + 33, y + 8), (x + 39, y - 8)], fill=(80, 50, 30), width=4)
    return image


def island_map(rng):
    image, draw = gradient((230, 215, 175), (215, 195, 150))
    points = [(240 + (110 + rng.randint(-25, 25)) * math.cos(a / 20 * math.tau) * 1.3, 180 + (85 + rng.randint(-20, 20)) * math.sin(a / 20 * math.tau)) for a in range(20)]
    draw.polygon(points, fill=(200, 185, 130), outline=(90, 70, 40))
    for i in range(0, SIZE[0], 60):
        draw.line([(i, 0), (i, SIZE[1])], fill=(190, 170, 130))
    for i in range(0, SIZE[1], 60):
        draw.line([(0, i), (SIZE[0], i)], fill=(190, 170, 130))
    for a in range(0, 360, 45):
        draw.line([(410, 290), (410 + 45 * math.cos(math.radians(a)), 290 + 45 * math.sin(math.radians(a)))], fill=(130, 50, 40), width=2)
    return image


def coin(rng):
    image, draw = gradient((245, 245, 245), (225, 225, 225))
    draw.ellipse([110, 50, 370, 310], fill=(170, 170, 175), outline=(110, 110, 115), width=8)
    draw.ellipse([135, 75, 345, 285], outline=(130, 130, 135), width=3)
    draw.ellipse([205, 120, 275, 205], fill=(140, 140, 148))
    draw.pieslice([180, 190, 300, 300], 180, 360, fill=(140, 140, 148))
    return image


DRAW = {
    "mountain-lake": lambda r: lake(r, False),
    "mountain-lake-evening": lambda r: lake(r, True),
    "ship-at-sea": lambda r: sea(r, 1),
    "two-ships": lambda r: sea(r, 2),
    "castle-on-a-hill": castle,
    "portrait": lambda r: portrait(r, (60, 45, 40), (120, 90, 70)),
    "portrait-in-blue": lambda r: portrait(r, (40, 60, 130), (90, 110, 150)),
    "forest": forest,
    "town-at-night": town,
    "still-life-with-apples": apples,
    "map": island_map,
    "coin": coin,
}


def main():
    (ROOT / "pictures").mkdir(parents=True, exist_ok=True)
    out = [
        "# Metadata of examples/pictures, in Dublin Core terms. Written by tools/pictures/make_pictures.py.",
        "@prefix dct:  <http://purl.org/dc/terms/> .",
        "@prefix foaf: <http://xmlns.com/foaf/0.1/> .",
        "@prefix xsd:  <http://www.w3.org/2001/XMLSchema#> .",
        "@prefix work: <http://example.org/work/> .",
        "@prefix person: <http://example.org/person/> .",
        "",
    ]
    for name, english, german, creator, year, technique in WORKS:
        picture = DRAW[name](random.Random(name)).filter(ImageFilter.GaussianBlur(0.6))
        picture.save(ROOT / "pictures" / f"{name}.jpg", quality=80)
        out += [
            f"work:{name}",
            f'    dct:title "{english}"@en , "{german}"@de ;',
            f"    dct:creator person:{creator} ;",
            f'    dct:created "{year}"^^xsd:gYear ;',
            f'    dct:medium "{technique}" ;',
            f"    dct:hasFormat <{BASE}{name}.jpg> .",
            "",
        ]
    for key, name in CREATORS.items():
        out.append(f'person:{key} foaf:name "{name}" .')
    (ROOT / "metadata.ttl").write_text("\n".join(out) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
